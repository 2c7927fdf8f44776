"""How are rows sent by REST stored? Validated and loaded as an import is."""

from __future__ import annotations

from typing import Any

from crm.i18n import Language
from crm.importing.source import Source
from crm.instants import as_of_instant, iso
from service.serving_state import ServingState, model_fields


class Tables:
    """The canonical tables of the store, for writing."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def push(self, table: str, rows: Source, lang: Language) -> dict[str, Any]:
        """Stores rows of a canonical table; answers know them after the next refresh."""
        from crm.importing import push_rows

        zone, info = self._serving.zone(), self._serving.model_info()
        result = push_rows(self._serving.store, table, rows, zone)
        counts = result.total
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
                for error in result.errors
            ],
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None if info is None else model_fields(info),
            "warnings": [{"code": "notice", "message": text.to(lang)} for text in result.notices],
        }
