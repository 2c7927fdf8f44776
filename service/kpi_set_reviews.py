"""What became of the accepted sets of KPIs of a period: what to drop, keep, change, put in place?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm.i18n import Language, Text
from crm.instants import DAY
from crm.store import StoredKpiSet
from models.kpi_sets.candidates import Candidate
from models.kpi_sets.proposal import ProposedKpi, chosen
from models.kpi_sets.review import ReviewedKpi, reviewed
from models.kpis.smart import PERSON
from service.kpi_check import KpiContext
from service.kpi_set_candidates import SetCandidates
from service.kpi_set_rows import (
    as_it_stands,
    contents_of,
    held_in,
    key_of,
    proposed_row,
    review_row,
    version_fields,
)
from service.padding import padded_by_scope
from service.serving_state import AnswerContext, ModelState, ServingState
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning

_TOLD_LEFT = (
    0.5  # of a period, for what a step brings in it to be compared with what it was to bring in a whole
)
_QUARTER_DAYS = 92  # after which a set is due for review


@dataclass(frozen=True)
class KpiSetReviews:
    """The reviews of accepted sets; `has_moved`: whether the data have moved away from the model's."""

    serving: ServingState
    candidates: SetCandidates
    has_moved: Callable[[ModelState], bool]

    def review(
        self,
        period: str,
        scope: str,
        as_of: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """What became of the accepted sets of a period: what to drop, keep, change, put in place."""
        scope = sight.scope(scope)
        context = self.serving.context(as_of, period, sight)
        asked, zone = context.forecast.period, context.zone
        is_over = asked.end(zone) <= context.moment
        later = context if not is_over else self.serving.context(as_of, None, sight)
        inside = {scope, *self.candidates.people(context, scope), *_below(context, scope)}
        stored = [one for one in self.serving.store.kpi_sets(key_of(asked)) if one.scope in inside]
        known, names = self.candidates.goals.kpi_context(context), context.forecast.names
        finder = replace(self.candidates.finder(later, sight), held=held_in(stored))
        now = self.candidates.found(later, finder, [one.scope for one in stored])
        told = _left_of(later) >= _TOLD_LEFT
        accepted = [
            as_it_stands(context, known, one, row, now[one.scope], told)
            for one in stored
            for row in contents_of(one)["kpis"]
            if known.kpi(row["kpi"]) is not None
        ]
        found = reviewed(accepted, is_over, padded_by_scope(context))
        rows = []
        for one in stored:
            own = [review for review in found if review.accepted.scope == one.scope]
            fresh = self._to_put_in_place(later, now[one.scope], own)
            rows.append(
                {
                    "scope": one.scope,
                    "name": names.scope(one.scope, lang),
                    **version_fields(one, self.serving.zone()),
                    "kpis": [review_row(review, _unit(known, review), lang) for review in own],
                    "put_in_place": [proposed_row(kpi, lang) for kpi in fresh],
                }
            )
        due = self._due(context, stored, is_over)
        warnings = [] if stored else [("no_kpi_set", _NO_SET)]
        return {
            "period": asked.name,
            "scope": scope,
            "name": names.scope(scope, lang),
            "is_over": is_over,
            "due": bool(due),
            "why_due": [text.to(lang) for text in due],
            "sets": rows,
            **self.serving.metadata(context.state, context.moment, lang, warnings),
        }

    def _to_put_in_place(
        self, context: AnswerContext, candidates: Sequence[Candidate], reviews: Sequence[ReviewedKpi]
    ) -> list[ProposedKpi]:
        """What to take in the place of what is to be dropped, for a person."""
        kept = [one.accepted.kpi for one in reviews if one.verdict != "drop"]
        dropped = {one.accepted.kpi for one in reviews} - set(kept)
        left = [one for one in candidates if one.kpi.id not in dropped and one.kpi.controllable]
        return [
            self.candidates.proposed(context, one, False)
            for one, was in chosen(left, kept)
            if not was and one.scope.startswith(PERSON)
        ]

    def _due(self, context: AnswerContext, stored: Sequence[StoredKpiSet], is_over: bool) -> list[Text]:
        """Why a review is due; nothing where it is not."""
        if not stored:
            return []
        due = []
        if is_over:
            due.append(_OVER)
        elif context.moment - min(one.accepted_at for one in stored) > _QUARTER_DAYS * DAY:
            due.append(_QUARTER)
        if open_deals_warning(context.state, context.moment):
            due.append(_PROCESS)
        if self.has_moved(context.state):
            due.append(_MARKET)
        return due


def _below(context: AnswerContext, scope: str) -> list[str]:
    """All scopes below one."""
    organisation = context.forecast.organisation
    found, row = [], [scope]
    while row:
        row = [child for one in row for child in organisation.children(one)]
        found += row
    return found


def _unit(known: KpiContext, review: ReviewedKpi) -> Text:
    kpi = known.kpi(review.accepted.kpi)
    assert kpi is not None  # noqa: S101 - what is not known is not reviewed
    return kpi.unit


def _left_of(context: AnswerContext) -> float:
    """Which share of the period is still to come."""
    period, zone = context.forecast.period, context.zone
    start, end = period.start(zone), period.end(zone)
    return min(max((end - context.moment) / (end - start), 0.0), 1.0)


_NO_SET = Text(
    "この期間に設定されたKPIセットはありません。`sancho kpi-set propose` で提案を確認できます。",
    "no set of KPIs was accepted for this period; `sancho kpi-set propose` shows a proposal.",
)
_OVER = Text("期間が終わりました。", "The period is over.")
_QUARTER = Text("設定から四半期が過ぎました。", "A quarter has passed since they were accepted.")
_MARKET = Text(
    "商談の傾向が、モデルの学習時から変わっています（モデルの監視で再学習が必要と判定）。",
    "Deals have moved away from what the model learned (its monitoring asks for a retraining).",
)
_PROCESS = Text(
    "営業プロセスが変わりました（モデルが知らないステージがあります）。",
    "The process has changed: there are stages that the model does not know.",
)
