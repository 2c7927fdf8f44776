"""Which KPIs should a person have, which were accepted, and did they do what they were to?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day
from crm.periods import Period
from crm.store import StoredKpiSet
from crm.versions import joined_key
from features.kpis.definition import STYLES
from models.kpi_sets.candidates import Candidate, CandidateFinder
from models.kpi_sets.effects import Movement
from models.kpi_sets.proposal import ProposedKpi, chosen, proposed
from models.kpi_sets.review import ReviewedKpi, reviewed
from models.kpis.smart import MIN_KPIS, PERSON, KpiProposal, check_kpi, check_person
from service import messages
from service.callers import Caller
from service.goals import Goals
from service.kpi_check import KpiContext, finding_rows
from service.kpi_set_rows import (
    accepted_row,
    as_it_stands,
    candidate_row,
    contents_of,
    effect_fields,
    forecast_values,
    held_in,
    key_of,
    proposed_row,
    review_row,
)
from service.kpi_steps import candidate_finder
from service.padding import padded_by_scope
from service.serving_state import AnswerContext, ModelState, ServingState
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning

if TYPE_CHECKING:
    from service.schemas.kpi_sets import AcceptRequest, ProposeRequest

_GOAL = "revenue"
_KIND = "committed"  # of the targets that an accepted set becomes
_TOLD_LEFT = (
    0.5  # of a period, for what a step brings in it to be compared with what it was to bring in a whole
)
_QUARTER_DAYS = 92  # after which a set is due for review


class KpiSets:
    """Candidates, proposed and accepted sets of KPIs, and their review."""

    def __init__(
        self,
        serving: ServingState,
        goals: Goals,
        has_moved: Callable[[ModelState], bool] = lambda _: False,
    ) -> None:
        """`has_moved`: whether the data have moved away from what the model learned."""
        self._serving, self._goals, self._has_moved = serving, goals, has_moved

    def candidates(
        self, period: str, scope: str, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """Every KPI for a scope: what a feasible step brings, and what speaks for and against it."""
        context = self._serving.context(as_of, period, sight)
        finder = self._finder(context, sight)
        rows = [candidate_row(one, lang) for one in self._found(context, finder, [scope])[scope]]
        goal = finder.steps.goal_of(scope)
        warnings = [] if goal is not None else [self._no_target(context, scope)]
        return {
            "period": context.forecast.period.name,
            "scope": scope,
            "name": context.forecast.names.scope(scope, lang),
            "ranked_by": None if goal is None else finder.steps.before(goal).ranked_by,
            "candidates": rows,
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def propose(self, request: ProposeRequest, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Three to five KPIs for each person of a scope; nothing is stored."""
        scope = sight.scope(request.scope)
        context = self._serving.context(request.as_of, request.period, sight)
        scopes = self._people(context, scope)
        period, names = context.forecast.period, context.forecast.names
        before = {one.scope: one for one in self._latest(period, scopes)}
        finder = replace(self._finder(context, sight, planned=True), held=held_in(before.values()))
        found = self._found(context, finder, scopes, controllable=True)
        sets, warnings = [], []
        for one in scopes:
            had = before.get(one)
            ids = [] if had is None else [row["kpi"] for row in contents_of(had)["kpis"]]
            kpis = [self._proposed(context, candidate, kept) for candidate, kept in chosen(found[one], ids)]
            if len(kpis) < MIN_KPIS:
                warnings.append(("few_kpis", _FEW.format(who=names.label(one), n=len(kpis))))
            sets.append(
                {
                    "scope": one,
                    "name": names.scope(one, lang),
                    "style": _style(finder, one),
                    "before": None if had is None else {"period": had.period, "version": had.version},
                    "kpis": [proposed_row(kpi, lang) for kpi in kpis],
                }
            )
        return {
            "period": period.name,
            "scope": scope,
            "name": names.scope(scope, lang),
            "sets": sets,
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def accept(
        self,
        scope: str,
        period: str,
        request: AcceptRequest,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Stores a set for a scope, proposed or one's own, and its values as targets."""
        scope = sight.scope(scope)
        context = self._serving.context(None, period, sight)
        context.forecast.organisation.members(scope)
        known, asked = self._goals.kpi_context(context), context.forecast.period
        values = self._checked(known, {one.kpi: one.value for one in request.kpis}, len(request.kpis))
        now = time.time_ns() // 1000
        contents = {
            "period": asked.name,
            "kpis": self._as_accepted(context, scope, values, sight),
            "foreseen": forecast_values(context, scope),
        }
        before = self._serving.store.kpi_set_versions(scope, key_of(asked))
        self._store_targets(scope, asked, values, before[:1], caller)
        self._serving.store.add_kpi_set(
            StoredKpiSet(
                scope=scope,
                period=key_of(asked),
                version=0,
                contents=orjson.dumps(contents).decode(),
                accepted_at=now,
                accepted_by=caller.person_id or caller.name,
                reason=request.reason,
            )
        )
        self._serving.wake()
        return self.show(scope, period, lang, sight)

    def show(self, scope: str, period: str, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """The set that a scope has for a period, with its versions; none where nobody accepted one."""
        scope = sight.scope(scope)
        context = self._serving.context(None, period, sight)
        context.forecast.organisation.members(scope)
        known, asked = self._goals.kpi_context(context), context.forecast.period
        versions = self._serving.store.kpi_set_versions(scope, key_of(asked))
        current = None
        if versions:
            findings = self._findings(context, scope, versions[0], sight)
            kpis = [
                accepted_row(known, row, lang) | {"smart": finding_rows(check, lang)}
                for row, check in zip(contents_of(versions[0])["kpis"], findings[0], strict=True)
            ]
            current = {
                **self._version_fields(versions[0]),
                "kpis": kpis,
                "findings": finding_rows(findings[1], lang),
            }
        return {
            "period": asked.name,
            "scope": scope,
            "name": context.forecast.names.scope(scope, lang),
            "current": current,
            "versions": [
                {
                    **self._version_fields(one),
                    "kpis": [accepted_row(known, row, lang) for row in contents_of(one)["kpis"]],
                }
                for one in versions
            ],
            **self._serving.metadata(context.state, context.moment, lang),
        }

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
        context = self._serving.context(as_of, period, sight)
        asked, zone = context.forecast.period, context.zone
        is_over = asked.end(zone) <= context.moment
        later = context if not is_over else self._serving.context(as_of, None, sight)
        inside = {scope, *self._people(context, scope), *self._below(context, scope)}
        stored = [one for one in self._serving.store.kpi_sets(key_of(asked)) if one.scope in inside]
        known, names = self._goals.kpi_context(context), context.forecast.names
        finder = replace(self._finder(later, sight), held=held_in(stored))
        now = self._found(later, finder, [one.scope for one in stored])
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
                    **self._version_fields(one),
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
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def _finder(self, context: AnswerContext, sight: Sight, planned: bool = False) -> CandidateFinder:
        return candidate_finder(context, self._goals.kpi_context(context), sight.widest, planned)

    @staticmethod
    def _found(
        context: AnswerContext, finder: CandidateFinder, scopes: Sequence[str], controllable: bool = False
    ) -> Mapping[str, list[Candidate]]:
        """The candidates of scopes, found once for all who ask the same."""
        asked = (context.key, finder.steps.widest, bool(finder.asked), finder.held, controllable, *scopes)
        found = context.state.caches.kpi_candidates
        return found.get(asked, lambda: finder.candidates(scopes, controllable))

    def _people(self, context: AnswerContext, scope: str) -> list[str]:
        """The people of a scope who sell now, as scopes; a person himself whatever he does."""
        organisation = context.forecast.organisation
        members = organisation.members(scope)
        if scope.startswith(PERSON):
            return [scope]
        remaining = self._goals.kpi_context(context).prospects.remaining
        today = int(remaining.calendar.day_of(np.array([remaining.moment]))[0])
        there = (
            (remaining.since <= today) & (remaining.until > today) & np.isin(remaining.style, ("", *STYLES))
        )
        return [
            f"{PERSON}{organisation.people[person]}"
            for person in members.tolist()
            if person < len(organisation.people) and there[person]
        ]

    def _below(self, context: AnswerContext, scope: str) -> list[str]:
        """All scopes below one."""
        organisation = context.forecast.organisation
        found, row = [], [scope]
        while row:
            row = [child for one in row for child in organisation.children(one)]
            found += row
        return found

    def _latest(self, period: Period, scopes: Sequence[str]) -> list[StoredKpiSet]:
        """The newest set of each scope for the period or an earlier one."""
        found: dict[str, StoredKpiSet] = {}
        wanted, last = set(scopes), period.last.isoformat()
        for one in self._serving.store.kpi_sets():
            if one.scope in wanted and one.period.partition("..")[2] <= last:
                before = found.get(one.scope)
                if before is None or before.period.partition("..")[2] < one.period.partition("..")[2]:
                    found[one.scope] = one
        return list(found.values())

    def _proposed(self, context: AnswerContext, candidate: Candidate, kept: bool) -> ProposedKpi:
        names, ids = context.forecast.names, context.forecast.simulation.pipeline.deal_ids
        days = self._goals.kpi_context(context).prospects.remaining.working_days

        def named(row: int) -> Text:
            return names.deal_label(str(ids[row]))

        return proposed(candidate, kept, context.forecast.period.last, days, named)

    def _checked(self, known: KpiContext, values: Mapping[str, float], count: int) -> dict[str, float]:
        """The values of a set to be stored; an error for what cannot stand in one."""
        unknown = sorted(kpi for kpi in values if known.kpi(kpi) is None)
        if unknown:
            raise SanchoError(_UNKNOWN_KPI.format(kpi=unknown[0]), "unknown_kpi")
        if _GOAL in values:
            raise SanchoError(_NO_GOAL_IN_SET, "bad_request")
        if len(values) < count:
            raise SanchoError(_TWICE, "bad_request")
        return dict(values)

    def _as_accepted(
        self, context: AnswerContext, scope: str, values: Mapping[str, float], sight: Sight
    ) -> list[dict[str, Any]]:
        """What each KPI of a set is to bring, as it is foreseen when it is accepted."""
        finder, known = self._finder(context, sight), self._goals.kpi_context(context)
        rows = []
        for name, value in values.items():
            kpi = known.kpi(name)
            assert kpi is not None  # noqa: S101 - checked before
            forecast = known.prospects.of(kpi, scope)
            movement = Movement.to(value, kpi, forecast)
            effect = None if movement is None else finder.steps.of_scope(kpi, scope, movement)
            rows.append(
                {
                    "kpi": name,
                    "value": value,
                    "expected": None if movement is None else movement.expected,
                    "so_far": forecast.value,
                    "probability": forecast.probability(value, kpi.lower_is_better),
                    **effect_fields(effect),
                }
            )
        return rows

    def _store_targets(
        self,
        scope: str,
        period: Period,
        values: Mapping[str, float],
        before: Sequence[StoredKpiSet],
        caller: Caller,
    ) -> None:
        """The values as targets, in the place of those of the version before."""
        from crm.importing import push_rows, remove_rows  # takes long to load, and questions do without

        store, zone = self._serving.store, self._serving.zone()
        row = {"scope": scope, "period": period.name, "kind": _KIND, "set_by": caller.person_id}
        rows = [{**row, "metric": kpi, "value": value} for kpi, value in values.items()]
        result = push_rows(store, "targets", rows, zone, source="kpi-set")
        if result.errors:
            raise SanchoError(result.errors[0].reason, "bad_request")
        gone = [
            joined_key((old["kpi"], scope, contents_of(one)["period"]))
            for one in before
            for old in contents_of(one)["kpis"]
            if old["kpi"] not in values
        ]
        if gone:
            remove_rows(store, "targets", gone, zone, source="kpi-set")

    def _findings(
        self, context: AnswerContext, scope: str, stored: StoredKpiSet, sight: Sight
    ) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
        """What the SMART check says of each KPI of a set, and of all of them together."""
        known, period = self._goals.kpi_context(context), context.forecast.period
        steps = self._finder(context, sight).steps
        today = last_known_day(context.moment, context.zone)
        pairs = []
        for row in contents_of(stored)["kpis"]:
            proposal = KpiProposal(row["kpi"], scope, row["value"], None, {}, period.name, period.last, None)
            pairs.append((proposal, known.facts(proposal, None, sight, steps)))
        return [check_kpi(one, fact, today) for one, fact in pairs], check_person(pairs)

    def _to_put_in_place(
        self, context: AnswerContext, candidates: Sequence[Candidate], reviews: Sequence[ReviewedKpi]
    ) -> list[ProposedKpi]:
        """What to take in the place of what is to be dropped, for a person."""
        kept = [one.accepted.kpi for one in reviews if one.verdict != "drop"]
        dropped = {one.accepted.kpi for one in reviews} - set(kept)
        left = [one for one in candidates if one.kpi.id not in dropped and one.kpi.controllable]
        return [
            self._proposed(context, one, False)
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
        if self._has_moved(context.state):
            due.append(_MARKET)
        return due

    def _version_fields(self, one: StoredKpiSet) -> dict[str, Any]:
        return {
            "version": one.version,
            "accepted_at": iso(one.accepted_at, self._serving.zone()),
            "accepted_by": one.accepted_by,
            "reason": one.reason,
        }

    @staticmethod
    def _no_target(context: AnswerContext, scope: str) -> tuple[str, Text]:
        forecast = context.forecast
        return "no_target", messages.no_target(forecast.names.label(scope), forecast.period)


def _left_of(context: AnswerContext) -> float:
    """Which share of the period is still to come."""
    period, zone = context.forecast.period, context.zone
    start, end = period.start(zone), period.end(zone)
    return min(max((end - context.moment) / (end - start), 0.0), 1.0)


def _unit(known: KpiContext, review: ReviewedKpi) -> Text:
    kpi = known.kpi(review.accepted.kpi)
    assert kpi is not None  # noqa: S101 - what is not known is not reviewed
    return kpi.unit


def _style(finder: CandidateFinder, scope: str) -> str | None:
    members = finder.steps.organisation.members(scope)
    return str(finder.steps.style[members[0]]) or None


_FEW = Text(
    "{who}：効果を推計でき、本人が動かせるKPIは{n}個です。不足分はご自身で選んで追加してください。",
    "{who}: {n} KPIs are in their own hands and have an estimated effect; add your own for the rest.",
)
_UNKNOWN_KPI = Text(
    "「{kpi}」というKPIはありません。`sancho kpi-set candidates` に表示される名前を使ってください。",
    "there is no KPI {kpi!r}; use a name that `sancho kpi-set candidates` shows.",
)
_NO_GOAL_IN_SET = Text(
    "受注額（revenue）は目標そのもので、KPIではありません。目標は targets に登録してください。",
    "revenue is the goal itself and no KPI that leads to it; store it as a target.",
)
_TWICE = Text("同じKPIが2回指定されています。", "a KPI is named twice.")
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
