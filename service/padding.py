"""Whose KPI rises while what should follow does not? Told as a question, to managers and to the person."""

from __future__ import annotations

from typing import Any

from crm.i18n import Language, Text
from crm.instants import iso
from features.kpis.followed import MONTH_END_DAYS, STAND_DAYS, TOUCH_DAYS
from models.padding import ALLOWED, KINDS, PaddedKpi, Padding, padding_in
from service.language import number_text
from service.serving_state import AnswerContext, ServingState
from service.sight import EVERYTHING, Sight

_SHOWN = 50  # rows to look at
_RAREST = 1_000_000  # a chance smaller than one in this is said as this
_DAYS = {"new_deals": TOUCH_DAYS, "stage_moves": STAND_DAYS, "due_deals": MONTH_END_DAYS}
_TOO_EARLY = Text(
    "比べられる記録がまだ足りません。期間が始まって間もないか、それ以前の記録が少ないためです。",
    "there is too little to compare yet: the period has hardly begun, or little was recorded before it.",
)


class PaddingQuestions:
    """What to ask whom about KPIs that rise without what should follow."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def padding(
        self, period: str, scope: str, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """The questions about a scope's people in a period, the least usual first.

        All people of the company are compared together, whoever asks about whom: a person's figures are as
        unusual in the answer about himself as in that about the company.
        """
        context = self._serving.context(as_of, period, sight)
        names, organisation = context.forecast.names, context.forecast.organisation
        padding = padding_of(context)
        members = set(organisation.members(scope).tolist())
        rows = [self._row(one, context, lang) for one in padding.found if one.person in members]
        return {
            "period": context.forecast.period.name,
            "scope": scope,
            "name": names.scope(scope, lang),
            "false_alarms": ALLOWED,
            "compared": padding.compared,
            "questions": [names.with_scope(row, lang) for row in rows],
            **self._serving.metadata(
                context.state, context.moment, lang, [] if padding.compared else [("too_little", _TOO_EARLY)]
            ),
        }

    def _row(self, one: PaddedKpi, context: AnswerContext, lang: Language) -> dict[str, Any]:
        kind, question = KINDS[one.kind], _question(one)
        return {
            "scope": f"person:{context.forecast.organisation.people[one.person]}",
            "kind": one.kind,
            "label": kind.label.to(lang),
            "kpis": list(kind.kpis),
            **{name: getattr(one, name) for name in _NUMBERS},
            "one_in": min(round(1 / max(one.chance, 1 / _RAREST)), _RAREST),
            "question": question.to(lang),
            "to_look_at": [
                {
                    "at": iso(row.at, context.zone),
                    "deal_id": row.deal_id,
                    "activity_id": row.activity_id,
                }
                for row in one.empty[:_SHOWN]
            ],
            "more": max(len(one.empty) - _SHOWN, 0),
        }


_NUMBERS = ("rows", "usual_rows", "settled", "followed", "usual_followed")


def padded_by_scope(context: AnswerContext) -> dict[tuple[str, str], Text]:
    """The question about each KPI that looks padded in a person's hands, by (scope, KPI)."""
    people = context.forecast.organisation.people
    return {
        (f"person:{people[one.person]}", kpi): _question(one)
        for one in reversed(padding_of(context).found)  # the least usual is told where there are several
        for kpi in KINDS[one.kind].kpis
    }


def _question(one: PaddedKpi) -> Text:
    said = {name: number_text(getattr(one, name), 0) for name in _NUMBERS}
    return KINDS[one.kind].question.format(**said, days=_DAYS.get(one.kind, ""))


def padding_of(context: AnswerContext) -> Padding:
    """What is unusual in a period, of all people and kinds of the company."""

    def compute() -> Padding:
        known, period, zone = context.state.known_at(context.moment), context.forecast.period, context.zone
        until = min(context.moment, period.end(zone))
        return padding_in(known, context.forecast.organisation.people, period.start(zone), until)

    return context.state.caches.padding.get((context.moment, context.forecast.period.name), compute)
