"""Which KPIs should a person have, which were accepted, and did they do what they were to?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.importing import push_rows, remove_rows
from crm.instants import DAY, iso, last_known_day
from crm.periods import Period
from crm.store import StoredKpiSet
from crm.versions import joined_key
from features.kpis import Kpi
from features.kpis.definition import STYLES
from models.kpi_sets.candidates import Candidate, CandidateFinder
from models.kpi_sets.effects import Movement
from models.kpi_sets.proposal import ProposedKpi, chosen, proposed
from models.kpi_sets.reasons import reason_of
from models.kpi_sets.review import AcceptedKpi, ReviewedKpi, reviewed
from models.kpi_sets.steps import StepEffect
from models.kpis.smart import MIN_KPIS, PERSON, KpiProposal, check_kpi, check_person
from service import messages
from service.callers import Caller
from service.goals import Goals
from service.kpi_check import KpiContext, finding_rows
from service.kpi_steps import candidate_finder
from service.serving_state import AnswerContext, ServingState
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning

if TYPE_CHECKING:
    from service.schemas.kpi_sets import AcceptRequest, ProposeRequest

_GOAL = "revenue"
_KIND = "committed"  # of the targets that an accepted set becomes
_QUARTER_DAYS = 92  # after which a set is due for review


class KpiSets:
    """Candidates, proposed and accepted sets of KPIs, and their review."""

    def __init__(self, serving: ServingState, goals: Goals) -> None:
        self._serving, self._goals = serving, goals

    def candidates(
        self, period: str, scope: str, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """Every KPI for a scope: what a feasible step brings, and what speaks for and against it."""
        context = self._serving.context(as_of, period, sight)
        finder = self._finder(context, sight)
        rows = [_candidate_row(one, lang) for one in finder.candidates([scope])[scope]]
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
        finder = self._finder(context, sight)
        scopes = self._people(context, scope)
        period, names = context.forecast.period, context.forecast.names
        before = {one.scope: one for one in self._latest(period, scopes)}
        found = finder.candidates(scopes, controllable=True)
        sets, warnings = [], []
        for one in scopes:
            had = before.get(one)
            ids = [] if had is None else [row["kpi"] for row in _contents(had)["kpis"]]
            kpis = [self._proposed(context, candidate, kept) for candidate, kept in chosen(found[one], ids)]
            if len(kpis) < MIN_KPIS:
                warnings.append(("few_kpis", _FEW.format(who=names.label(one), n=len(kpis))))
            sets.append(
                {
                    "scope": one,
                    "name": names.scope(one, lang),
                    "style": _style(finder, one),
                    "before": None if had is None else {"period": had.period, "version": had.version},
                    "kpis": [_proposed_row(kpi, lang) for kpi in kpis],
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
            "foreseen": _foreseen(context, scope),
        }
        before = self._serving.store.kpi_set_versions(scope, _key(asked))
        self._store_targets(scope, asked, values, before[:1], caller)
        self._serving.store.add_kpi_set(
            StoredKpiSet(
                scope=scope,
                period=_key(asked),
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
        versions = self._serving.store.kpi_set_versions(scope, _key(asked))
        current = None
        if versions:
            findings = self._findings(context, scope, versions[0], sight)
            kpis = [
                _accepted_row(known, row, lang) | {"smart": finding_rows(check, lang)}
                for row, check in zip(_contents(versions[0])["kpis"], findings[0], strict=True)
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
                    "kpis": [_accepted_row(known, row, lang) for row in _contents(one)["kpis"]],
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
        padded: Mapping[tuple[str, str], Text] | None = None,
    ) -> dict[str, Any]:
        """What became of the accepted sets of a period: what to drop, keep, change, put in place."""
        scope = sight.scope(scope)
        context = self._serving.context(as_of, period, sight)
        asked, zone = context.forecast.period, context.zone
        is_over = asked.end(zone) <= context.moment
        later = context if not is_over else self._serving.context(as_of, None, sight)
        inside = {scope, *self._people(context, scope), *self._below(context, scope)}
        stored = [one for one in self._serving.store.kpi_sets(_key(asked)) if one.scope in inside]
        known, names = self._goals.kpi_context(context), context.forecast.names
        finder = self._finder(later, sight)
        now = finder.candidates([one.scope for one in stored])
        accepted = [
            _as_it_stands(context, known, one, row, now[one.scope])
            for one in stored
            for row in _contents(one)["kpis"]
            if known.kpi(row["kpi"]) is not None
        ]
        found = reviewed(accepted, is_over, padded or {})
        rows = []
        for one in stored:
            own = [review for review in found if review.accepted.scope == one.scope]
            fresh = self._to_put_in_place(later, now[one.scope], own)
            rows.append(
                {
                    "scope": one.scope,
                    "name": names.scope(one.scope, lang),
                    **self._version_fields(one),
                    "kpis": [_review_row(review, lang) for review in own],
                    "put_in_place": [_proposed_row(kpi, lang) for kpi in fresh],
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

    def _finder(self, context: AnswerContext, sight: Sight) -> CandidateFinder:
        return candidate_finder(context, self._goals.kpi_context(context), sight.widest)

    def _people(self, context: AnswerContext, scope: str) -> list[str]:
        """The people of a scope who sell now, as scopes; a person himself whatever he does."""
        organisation = context.forecast.organisation
        members = organisation.members(scope)
        if scope.startswith(PERSON):
            return [scope]
        remaining = self._goals.kpi_context(context).prospects.remaining
        today = int(remaining.calendar.day_of(np.array([remaining.moment]))[0])
        there = (remaining.since <= today) & (remaining.until > today) & np.isin(remaining.style, STYLES)
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
                    **_effect_fields(effect),
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
        store, zone = self._serving.store, self._serving.zone()
        row = {"scope": scope, "period": period.name, "kind": _KIND, "set_by": caller.person_id}
        rows = [{**row, "metric": kpi, "value": value} for kpi, value in values.items()]
        result = push_rows(store, "targets", rows, zone, source="kpi-set")
        if result.errors:
            raise SanchoError(result.errors[0].reason, "bad_request")
        gone = [
            joined_key((old["kpi"], scope, _contents(one)["period"]))
            for one in before
            for old in _contents(one)["kpis"]
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
        for row in _contents(stored)["kpis"]:
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
        due += [_PROCESS for _ in open_deals_warning(context.state, context.moment)[:1]]
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


def _key(period: Period) -> str:
    """A period as sets are stored by it, however it was written."""
    return f"{period.first}..{period.last}"


def _contents(stored: StoredKpiSet) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(stored.contents)
    return found


def _foreseen(context: AnswerContext, scope: str) -> dict[str, float]:
    """The revenue of a scope as it is foreseen now."""
    total = context.forecast.simulation.total(context.forecast.organisation.members(scope))
    return {"mean": float(total.mean()), "sd": float(total.std())}


def _style(finder: CandidateFinder, scope: str) -> str | None:
    members = finder.steps.organisation.members(scope)
    return str(finder.steps.style[members[0]]) or None


def _effect_fields(effect: StepEffect | None) -> dict[str, Any]:
    if effect is None:
        names = ("attainment_pp", "revenue", "gap_share", "strength", "ranked_by", "goal_scope")
        return {**dict.fromkeys(names), "together": False, "later": False}
    return {
        "attainment_pp": effect.attainment_pp,
        "revenue": effect.revenue,
        "gap_share": effect.gap_share,
        "strength": effect.strength,
        "ranked_by": effect.ranked_by,
        "goal_scope": effect.goal_scope,
        "together": effect.together,
        "later": effect.later,
    }


def _kpi_fields(kpi: Kpi, lang: Language) -> dict[str, Any]:
    return {"kpi": kpi.id, "label": kpi.label.to(lang), "unit": kpi.unit.to(lang)}


def _candidate_row(one: Candidate, lang: Language) -> dict[str, Any]:
    return {
        **_kpi_fields(one.kpi, lang),
        "meaning": one.kpi.meaning.to(lang),
        "style": list(one.kpi.styles),
        "step": one.nature.step,
        "in_hand": one.in_hand,
        "completeness": one.completeness,
        "days_to_revenue": one.days_to_revenue,
        "so_far": one.so_far,
        "expected": one.expected,
        "value": one.value,
        "probability": one.probability,
        "evidence": one.evidence,
        "source": one.source,
        **_effect_fields(one.effect),
        "correlation": one.correlation,
        "padding": one.nature.padding.value,
        "padding_why": one.nature.why.to(lang),
        "proposable": one.is_proposable,
        "reason": reason_of(one).to(lang),
    }


def _proposed_row(one: ProposedKpi, lang: Language) -> dict[str, Any]:
    candidate = one.candidate
    return {
        **_kpi_fields(candidate.kpi, lang),
        "step": candidate.nature.step,
        "so_far": candidate.so_far,
        "expected": candidate.expected,
        "value": candidate.value,
        "per_week": one.per_week,
        "usual_per_week": one.usual_per_week,
        "probability": candidate.probability,
        "evidence": candidate.evidence,
        "source": candidate.source,
        **_effect_fields(candidate.effect),
        "padding": candidate.nature.padding.value,
        "kept": one.kept,
        "sentence": one.sentence.to(lang),
        "reason": reason_of(candidate).to(lang),
    }


def _accepted_row(known: KpiContext, row: Mapping[str, Any], lang: Language) -> dict[str, Any]:
    kpi = known.kpi(row["kpi"])
    named = {"kpi": row["kpi"], "label": row["kpi"], "unit": ""} if kpi is None else _kpi_fields(kpi, lang)
    kept = ("value", "expected", "so_far", "probability", "attainment_pp", "revenue", "gap_share")
    return {**named, **{name: row[name] for name in kept}}


def _as_it_stands(
    context: AnswerContext,
    known: KpiContext,
    stored: StoredKpiSet,
    row: Mapping[str, Any],
    now: Sequence[Candidate],
) -> AcceptedKpi:
    """An accepted KPI with what is known of it now."""
    kpi = known.kpi(row["kpi"])
    assert kpi is not None  # noqa: S101 - the caller leaves out what is not known
    forecast = known.prospects.of(kpi, stored.scope)
    members = context.forecast.organisation.members(stored.scope)
    candidate = next((one for one in now if one.kpi.id == kpi.id), None)
    effect = None if candidate is None else candidate.effect
    foreseen = _contents(stored)["foreseen"]
    is_own = row["goal_scope"] == stored.scope and not row["later"] and not row["together"]
    return AcceptedKpi(
        scope=stored.scope,
        kpi=kpi.id,
        label=kpi.label,
        value=row["value"],
        lower_is_better=kpi.lower_is_better,
        expected=row["expected"],
        revenue=row["revenue"] if is_own else None,
        strength=row["strength"],
        foreseen=(foreseen["mean"], foreseen["sd"]),
        now=forecast.value,
        revenue_now=float(context.forecast.simulation.closed[members].sum()),
        strength_now=None if effect is None else effect.strength,
        probability=forecast.probability(row["value"], kpi.lower_is_better),
        value_now=None if candidate is None else candidate.value,
    )


def _review_row(one: ReviewedKpi, lang: Language) -> dict[str, Any]:
    accepted = one.accepted
    return {
        "kpi": accepted.kpi,
        "label": accepted.label.to(lang),
        "value": accepted.value,
        "now": accepted.now,
        "reached": one.reached,
        "probability": accepted.probability,
        "revenue_promised": accepted.revenue,
        "came": one.came.came,
        "share_of_promised": one.came.share,
        "share_interval": None if one.came.low is None else [one.came.low, one.came.high],
        "people": one.came.people,
        "strength_then": accepted.strength,
        "strength_now": accepted.strength_now,
        "lost_relation": one.has_lost_relation,
        "padded": None if one.padded is None else one.padded.to(lang),
        "verdict": one.verdict,
        "value_now": accepted.value_now if one.verdict == "change" else None,
        "sentence": one.sentence.to(lang),
    }


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
_PROCESS = Text(
    "営業プロセスが変わりました（モデルが知らないステージがあります）。",
    "The process has changed: there are stages that the model does not know.",
)
