"""What became of rows that were sent? They go into the store as an import's do."""

from __future__ import annotations

from typing import Any

from crm.i18n import Language
from crm.importing.source import Source
from crm.instants import as_of_instant, iso
from service import messages
from service.serving_state import ServingState


class Tables:
    """The canonical tables of the store, as far as they are written to by REST."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def push(self, table: str, rows: Source, lang: Language) -> dict[str, Any]:
        """Rows of a canonical table into the store; what became of them. Answers follow within a moment."""
        from crm.importing import push_rows

        zone, info = self._serving.settings.zone, self._serving.model_info()
        result = push_rows(self._serving.store, table, rows, zone)
        counts = result.total
        return {
            "table": table,
            "read": counts.read,
            "imported": counts.imported,
            "unchanged": counts.unchanged,
            "quarantined": result.quarantined,
            "errors": [
                {"line": f.line, "column": f.column, "value": f.value, "reason": f.reason.to(lang)}
                for f in result.errors
            ],
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None if info is None else messages.model_of(info),
            "warnings": [{"code": "notice", "message": text.to(lang)} for text in result.notices],
        }
