"""Which rows are in a request's body? NDJSON, a JSON list, or CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text
from sancho.crm.schema import TABLES

_MOST_BYTES = 64 << 20


def pushed_rows(table: str, body: bytes, content_type: str) -> list[dict[str, Any]]:
    """Rows as mappings; a body that cannot be read is refused whole, single bad rows are the quarantine's."""
    if table not in TABLES:
        raise SanchoError(
            Text(
                "表「{table}」はありません。{names} のいずれかです。",
                "no table {table!r}; it is one of {names}.",
            ).format(table=table, names=", ".join(TABLES)),
            "unknown_table",
        )
    if len(body) > _MOST_BYTES:
        raise SanchoError(
            Text(
                "本文は64MBまでです。分けて送ってください。", "a body can have up to 64 MB; send it in parts."
            ),
            "too_large",
        )
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("application/x-ndjson", "application/jsonl", "application/json"):
        return _json_rows(body)
    if kind == "text/csv":
        return _csv_rows(body)
    raise SanchoError(
        Text(
            "Content-Type は application/x-ndjson または text/csv にしてください。",
            "send application/x-ndjson or text/csv as Content-Type.",
        ),
        "unsupported_media_type",
    )


def _json_rows(body: bytes) -> list[dict[str, Any]]:
    rows: list[Any] = []
    number = 0
    try:
        if body.lstrip()[:1] == b"[":
            rows = orjson.loads(body)
        else:
            for line in body.splitlines():
                number += 1
                if line.strip():
                    rows.append(orjson.loads(line))
    except orjson.JSONDecodeError as fault:
        raise SanchoError(
            Text(
                "{n}行目をJSONとして読めません（{fault}）。", "line {n} cannot be read as JSON ({fault})."
            ).format(n=max(number, 1), fault=fault),
            "bad_json",
        ) from None
    if not all(isinstance(row, dict) for row in rows):
        raise SanchoError(
            Text("1行に1つのJSONオブジェクトを書いてください。", "write one JSON object per line."),
            "bad_json",
        )
    return rows


def _csv_rows(body: bytes) -> list[dict[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SanchoError(
            Text("CSVはUTF-8で送ってください。", "send CSV in UTF-8."), "bad_encoding"
        ) from None
    rows = list(csv.DictReader(io.StringIO(text), restkey="?"))
    return [{name: value or None for name, value in row.items() if name != "?"} for row in rows]
