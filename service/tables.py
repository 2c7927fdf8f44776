"""How are rows sent by REST stored? Validated and loaded as an import is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import as_of_instant, iso
from crm.schema import TABLES
from crm.versions import joined_key
from service.serving_state import ServingState, model_fields
from service.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    from crm.importing.rows import Rows
    from crm.importing.source import Source


class Tables:
    """The canonical tables of the store, for writing."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def push(
        self, table: str, rows: Iterable[Source | Rows], lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """Stores rows of a canonical table; answers know them after the next refresh."""
        from crm.importing import push_parts
        from service.seen_rows import check_table, permit_of

        check_table(table, sight)
        zone = self._serving.zone()
        result = push_parts(self._serving.store, table, rows, zone, permit=permit_of(sight))
        self._serving.wake()
        counts, notices = result.total, result.notices
        if len(result.errors) > _ERRORS_TOLD:
            notices = [*notices, _MORE_ERRORS.format(n=len(result.errors), told=_ERRORS_TOLD)]
        return {
            "table": table,
            "read": counts.read,
            "imported": counts.imported,
            "unchanged": counts.unchanged,
            "quarantined": result.quarantined,
            "errors": [
                {
                    "line": error.line,
                    "column": error.column,
                    "value": error.value,
                    "reason": error.reason.to(lang),
                }
                for error in result.errors[:_ERRORS_TOLD]
            ],
            **self._metadata(notices, lang),
        }

    def store(self, table: str, rows: Rows, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Stores rows that the service made itself, by the same rules: all of them, or none."""
        return self.push(table, [rows], lang, sight)

    def remove(self, table: str, row_id: str, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Takes a row out of a table from now on; earlier moments still know it."""
        from crm.importing import remove_rows
        from service.seen_rows import check_table, permit_of

        check_table(table, sight)
        keys = TABLES[table].key
        if table == "deal_events":
            raise SanchoError(_EVENTS, "bad_request")
        parts = row_id.split(",") if len(keys) > 1 else [row_id]
        removed = 0
        if len(parts) == len(keys):
            key = joined_key(tuple(parts))
            store, zone, permit = self._serving.store, self._serving.zone(), permit_of(sight)
            removed = remove_rows(store, table, [key], zone, permit=permit)
            self._serving.wake()
        if not removed:
            raise SanchoError(
                _NO_ROW.format(table=TABLES[table].label, id=row_id, key=",".join(keys)), "unknown_row"
            )
        return {"table": table, "id": row_id, "removed": removed, **self._metadata([], lang)}

    def _metadata(self, notices: Sequence[Text], lang: Language) -> dict[str, Any]:
        zone, info = self._serving.zone(), self._serving.model_info()
        return {
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None if info is None else model_fields(info),
            "warnings": [{"code": "notice", "message": text.to(lang)} for text in notices],
        }


_ERRORS_TOLD = 1_000  # of one push; all are in the quarantine
_MORE_ERRORS = Text(
    "エラーは{n:,}件あります。errors は最初の{told:,}件で、エラー行はすべて隔離されています。",
    "there are {n:,} errors, of which errors has the first {told:,}; all are in the quarantine.",
)
_NO_ROW = Text(
    "{table}に「{id}」（{key}）の行はありません。IDを確認してください。",
    "no row {id!r} ({key}) of {table}; check the id.",
)
_EVENTS = Text(
    "変更履歴を取り消すには、同じ行に deleted_at を付けて PUT /v1/tables/deal_events に送ってください。",
    "to take back an event, send the same row with deleted_at to PUT /v1/tables/deal_events.",
)
