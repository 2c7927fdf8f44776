"""What can a goal be, how is it shared out, how even were targets? Behind calls and commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import as_of_instant, iso
from features.kpis import KPIS, custom_kpis
from models.forecast.what_if import unknown_people
from service.goal_levels import REVENUE, AskedPart, levels_answer
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight
from service.tables import Tables
from service.target_evenness import evenness_answer
from service.target_sharing import rows_to_write, share_answer

if TYPE_CHECKING:
    from service.schemas.targets import ShareRequest

_NOT_WRITTEN = Text(
    "目標を登録できませんでした。{reason}",
    "the targets were not stored: {reason}",
)


class Targets:
    """The levels of a goal, targets shared out, and how even those of past quarters were."""

    def __init__(self, serving: ServingState, tables: Tables) -> None:
        self._serving = serving
        self._tables = tables
        self._kpis = (*KPIS, *custom_kpis(serving.settings.kpi))

    def levels(
        self,
        period: str,
        scope: str,
        as_of: str | None,
        lang: Language,
        *,
        kpi: str = REVENUE,
        where: Sequence[str] = (),
        asked: tuple[float | None, float | None] = (None, None),
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """What is likely, safe, bold, and what was last year; `asked`: about an amount, or growth, too."""
        part = AskedPart.of(self._kpis, kpi, where)
        context = self._serving.context(as_of, period, sight)
        return {
            **levels_answer(context, scope, part, asked, lang),
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def share(
        self,
        request: ShareRequest,
        scope: str,
        lang: Language,
        *,
        sight: Sight = EVERYTHING,
        set_by: str | None = None,
    ) -> dict[str, Any]:
        """A target shared out to the scopes below; stored only where the request says so."""
        unseen = [one.person_id for one in request.away if not sight.sees_person(one.person_id)]
        if unseen:
            raise unknown_people(unseen)
        context = self._serving.context(request.as_of, request.period, sight)
        answer = share_answer(context, request, scope, lang)
        metadata = self._serving.metadata(context.state, context.moment, lang)
        if not request.write:
            return {**answer, **metadata}
        now = iso(as_of_instant(None, context.zone), context.zone)
        rows = rows_to_write(context, answer, request.kind, set_by, now)
        stored = self._tables.store("targets", rows, lang, sight)
        if stored["quarantined"]:
            reason = stored["errors"][0]["reason"] if stored["errors"] else ""
            raise SanchoError(_NOT_WRITTEN.format(reason=reason), "not_stored")
        return {
            **answer,
            "written": {name: stored[name] for name in ("imported", "unchanged", "quarantined")},
            **metadata,
        }

    def evenness(
        self, scope: str, quarters: int, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """How uneven chances were under the targets of the last quarters."""
        context = self._serving.context(as_of, None, sight)
        return {
            **evenness_answer(self._serving, context, scope, quarters, lang),
            **self._serving.metadata(context.state, context.moment, lang),
        }
