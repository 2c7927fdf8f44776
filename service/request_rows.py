"""Which rows does a request's body hold? NDJSON, a JSON list or CSV, read as the importer reads files."""

from __future__ import annotations

import codecs
from email.message import Message

import pyarrow as pa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.read import read_bytes
from crm.importing.source import Reading, Source, UnreadableError
from crm.schema import TABLES

MAX_BYTES = 64 << 20
_FORMATS = {
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "ndjson",
    "text/csv": "csv",
}
# Character sets that a Content-Type may declare, and how to read each; None = recognised from the bytes.
_CHARSETS = {
    "utf-8": None, "ascii": None, "utf-16": "utf-16", "cp932": "cp932", "shift_jis": "cp932",
    "euc_jp": "euc_jp", "cp1252": "cp1252", "iso8859-1": "cp1252",
}  # fmt: skip


def refuse_unknown(table: str) -> None:
    """Raises for a table that does not exist."""
    if table not in TABLES:
        raise SanchoError(
            Text(
                "表「{table}」はありません。{names} のいずれかを指定してください。",
                "table {table!r} does not exist; use one of {names}.",
            ).format(table=table, names=", ".join(TABLES)),
            "unknown_table",
        )


def request_rows(table: str, body: bytes, content_type: str) -> Source:
    """The rows with their line numbers; an unreadable line is an error of that line, not of the body.

    Raises for a body of which nothing can be read.
    """
    refuse_unknown(table)
    if len(body) > MAX_BYTES:
        raise SanchoError(
            Text(
                "リクエスト本文は64MBまでです。分けて送ってください。",
                "a body can have up to 64 MB; send it in parts.",
            ),
            "too_large",
        )
    kind, charset = _declared(content_type)
    if not body.strip():
        return Source("", pa.table({}), lambda rows: rows + 1)
    try:
        source = read_bytes(body, kind, "", how=Reading(encoding=charset))[0]
    except UnreadableError as error:
        raise SanchoError(
            Text(
                "リクエスト本文を読めません（{error}）。{hint}", "the body cannot be read ({error}). {hint}"
            ).format(error=str(error), hint=error.hint),
            "bad_json" if kind == "ndjson" else "bad_csv",
        ) from None
    if kind == "ndjson" and source.errors and not source.columns.num_rows:
        first = source.errors[0]
        raise SanchoError(
            Text("{line}行目：{reason}", "line {line}: {reason}").format(
                line=first.line, reason=first.reason
            ),
            "bad_json",
        )
    return source


def _declared(content_type: str) -> tuple[str, str | None]:
    """The format and the character set that a Content-Type declares."""
    header = Message()
    header["Content-Type"] = content_type
    kind = _FORMATS.get(header.get_content_type())
    if kind is None or not content_type:
        raise SanchoError(
            Text(
                "Content-Type は application/x-ndjson または text/csv にしてください。",
                "send application/x-ndjson or text/csv as Content-Type.",
            ),
            "unsupported_media_type",
        )
    name = header.get_content_charset("utf-8")
    try:
        return kind, _CHARSETS[codecs.lookup(name).name]
    except (LookupError, ValueError):
        raise SanchoError(
            Text(
                "文字コード「{name}」は受け取れません。UTF-8 または CP932（Shift_JIS）で送ってください。",
                "charset {name!r} is not supported; send UTF-8 or CP932 (Shift_JIS).",
            ).format(name=name),
            "unsupported_media_type",
        ) from None
