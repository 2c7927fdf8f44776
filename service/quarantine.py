"""Which rows wait to be put right? Those of the quarantine: counted, listed, written as CSV, and mended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import as_of_instant, iso
from crm.schema import TABLES
from service import cursors
from service.serving_state import ServingState, model_fields

UNKNOWN = "unknown"  # the name of rows whose table is not known
_LIST = "quarantine"
_NO_TABLE = Text(
    "隔離された行に「{table}」の表はありません。GET /v1/quarantine で確認してください。",
    "no row of a table {table!r} is in the quarantine; see GET /v1/quarantine.",
)
_NO_ROW = Text(
    "この行は、もう隔離されていません。ページを開き直してください。",
    "this row is in the quarantine no more; open the page again.",
)


class Quarantine:
    """The rows that imports could not use."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._counted = 0
        self._revision: tuple[int, int] | None = None

    @property
    def known_count(self) -> int:
        """How many rows waited when somebody last counted: for a badge that waits for nothing."""
        return self._counted

    def count(self) -> int:
        """How many rows wait to be put right."""
        self._counted = sum(self._serving.store.quarantine_sizes().values())
        return self._counted

    def count_if_changed(self) -> None:
        """Counts again where anything was imported since."""
        revision = self._serving.store.imports_stored()
        if revision != self._revision:
            self.count()
            self._revision = revision

    def listed(self, limit: int, cursor: str | None, lang: Language) -> dict[str, Any]:
        """A page of rows, each with its errors, and how many rows of each table there are."""
        store, zone, info = self._serving.store, self._serving.zone(), self._serving.model_info()
        after = (0, -1) if cursor is None else cursors.read(cursor, _LIST, int, int)
        found = rows_of(store.quarantine_page(limit + 1, after).to_dict("records"), lang)
        following = None
        if len(found) > limit:
            found = found[:limit]
            following = cursors.written(_LIST, _numbers(found[-1]["row_id"]))
        sizes = store.quarantine_sizes()
        return {
            "rows": found,
            "tables": [
                {"table": table or UNKNOWN, "label": label_of(table, lang), "rows": count}
                for table, count in sizes.items()
            ],
            "total": sum(sizes.values()),
            "next_cursor": following,
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None if info is None else model_fields(info),
            "warnings": [],
        }

    def csv(self, table: str) -> bytes:
        """The waiting rows of a table as CSV, which an import takes back once they are put right."""
        from crm.importing.quarantine import quarantine_csv

        errors = self._serving.store.quarantine("" if table == UNKNOWN else table)
        if errors.empty:
            raise SanchoError(_NO_TABLE.format(table=table), "unknown_table")
        return quarantine_csv(errors, table)

    def mended(self, row_id: str, values: Mapping[str, str]) -> tuple[str, bytes]:
        """The table of a waiting row, and the row with other values as a CSV that an import takes."""
        from crm.importing.columns import QUARANTINE_ID
        from crm.importing.quarantine import csv_of

        import_id, row = _numbers(row_id)
        found = self._serving.store.quarantine_page(1, (import_id, row - 1)).to_dict("records")
        if not found or (found[0]["import_id"], found[0]["row"]) != (import_id, row) or not found[0]["raw"]:
            raise SanchoError(_NO_ROW, "unknown_row")
        raw: dict[str, str] = orjson.loads(str(found[0]["raw"]))
        table = str(found[0]["table_name"])
        mended = {
            **raw,
            **{name: text for name, text in values.items() if name in raw or name in _names(table)},
        }
        return table, csv_of(table, [{QUARANTINE_ID: row_id, **mended}])


def rows_of(errors: list[dict[Any, Any]], lang: Language) -> list[dict[str, Any]]:
    """Rows of the quarantine with their errors, from a list of errors in the order of rows."""
    rows: dict[str, dict[str, Any]] = {}
    for error in errors:
        row_id = f"{error['import_id']}:{error['row']}"
        row = rows.setdefault(
            row_id,
            {
                "row_id": row_id,
                "table": str(error["table_name"]) or UNKNOWN,
                "label": label_of(str(error["table_name"]), lang),
                "file": str(error["file"]),
                "line": None
                if error["line"] != error["line"] or error["line"] is None
                else int(error["line"]),
                "values": orjson.loads(str(error["raw"])) if error["raw"] else None,
                "errors": [],
            },
        )
        column = str(error["column_name"])
        row["errors"].append(
            {
                "column": column,
                "label": _column_label(str(error["table_name"]), column, lang),
                "value": str(error["value"]),
                "code": str(error["code"]),
                "reason": str(error[f"reason_{lang}"]),
            }
        )
    return list(rows.values())


def label_of(table: str, lang: Language) -> str:
    """The name of a table for readers."""
    return TABLES[table].label.to(lang) if table in TABLES else Text("不明な表", "Unknown table").to(lang)


def _column_label(table: str, column: str, lang: Language) -> str:
    known = table in TABLES and column in TABLES[table].by_name
    return TABLES[table][column].label.to(lang) if known else column


def _names(table: str) -> tuple[str, ...]:
    return tuple(TABLES[table].names) if table in TABLES else ()


def _numbers(row_id: str) -> tuple[int, int]:
    """The import and the row that a row's id names."""
    one, _, other = row_id.partition(":")
    if not (one.isdecimal() and other.isdecimal()):
        raise SanchoError(_NO_ROW, "unknown_row")
    return int(one), int(other)
