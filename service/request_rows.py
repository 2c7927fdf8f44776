"""Which rows does a request's body hold? NDJSON, a JSON list or CSV, read as the importer reads files."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from typing import IO

import pyarrow as pa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.parts import cut
from crm.importing.read import read_bytes
from crm.importing.source import Reading, Source, UnreadableError
from crm.schema import TABLES

MAX_BYTES = 1 << 30  # of a body
WHOLE = 64 << 20  # bytes up to which a body is read as a whole; a larger one is read part by part
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


def refuse_types(content_type: str) -> None:
    """Raises for a body that is declared as nothing that can be read."""
    _declared(content_type)


def request_parts(file: IO[bytes], size: int, table: str, content_type: str) -> Iterator[Source]:
    """The rows of a body of so many bytes: all at once, or of a large one part by part, each with its lines.

    Each part is read as a body of its own: how numbers are written is decided by its columns.
    """
    if size <= WHOLE:
        yield request_rows(table, file.read(), content_type)
        return
    kind, charset = _declared(content_type)
    if charset == "utf-16" or (kind == "ndjson" and file.read(1) == b"["):
        raise SanchoError(_NOT_IN_PARTS.format(n=WHOLE >> 20), "too_large")
    file.seek(0)
    try:
        for part in cut(file, kind):
            source = request_rows(table, part.data, content_type)
            yield source if part.lines_before <= 0 else _further_down(source, part.lines_before)
    except UnreadableError as error:
        raise _unreadable(error, kind) from None


def _further_down(source: Source, lines: int) -> Source:
    """The same rows with so many lines before them."""
    errors = [replace(error, line=(error.line or 0) + lines) for error in source.errors]
    lines_of = source.lines_of
    return replace(source, errors=errors, lines_of=lambda rows: lines_of(rows) + lines)


def request_rows(table: str, body: bytes, content_type: str) -> Source:
    """The rows with their line numbers; an unreadable line is an error of that line, not of the body.

    Raises for a body of which nothing can be read.
    """
    refuse_unknown(table)
    kind, charset = _declared(content_type)
    if not body.strip():
        return Source("", pa.table({}), lambda rows: rows + 1)
    try:
        source = read_bytes(body, kind, "", how=Reading(encoding=charset))[0]
    except UnreadableError as error:
        raise _unreadable(error, kind) from None
    if kind == "ndjson" and source.errors and not source.columns.num_rows:
        first = source.errors[0]
        raise SanchoError(
            Text("{line}行目：{reason}", "line {line}: {reason}").format(
                line=first.line, reason=first.reason
            ),
            "bad_json",
        )
    return source


_NOT_IN_PARTS = Text(
    "{n}MBを超える本文は、CSV か NDJSON（1行に1オブジェクト、UTF-8 または CP932）で送ってください。",
    "a body of more than {n} MB must be CSV or NDJSON (an object a line) in UTF-8 or CP932.",
)


def _unreadable(error: UnreadableError, kind: str) -> SanchoError:
    return SanchoError(
        Text(
            "リクエスト本文を読めません（{error}）。{hint}", "the body cannot be read ({error}). {hint}"
        ).format(error=str(error), hint=error.hint),
        "bad_json" if kind == "ndjson" else "bad_csv",
    )


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
