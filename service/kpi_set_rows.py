"""Which rows do answers about sets of KPIs have? Candidates, proposals, accepted sets and reviews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from crm.i18n import Language, Text
from crm.periods import Period
from crm.store import StoredKpiSet
from features.kpis import Kpi
from models.kpi_sets.candidates import Candidate
from models.kpi_sets.proposal import ProposedKpi
from models.kpi_sets.reasons import reason_of
from models.kpi_sets.review import AcceptedKpi, ReviewedKpi
from models.kpi_sets.steps import StepEffect
from service.kpi_check import KpiContext
from service.model_state import AnswerContext


def key_of(period: Period) -> str:
    """A period as sets are stored by it, however it was written."""
    return f"{period.first}..{period.last}"


def contents_of(stored: StoredKpiSet) -> dict[str, Any]:
    """What a version of a set holds."""
    found: dict[str, Any] = orjson.loads(stored.contents)
    return found


def held_in(sets: Iterable[StoredKpiSet]) -> frozenset[tuple[str, str]]:
    """The KPIs that scopes have by some sets, as (scope, KPI)."""
    return frozenset((one.scope, row["kpi"]) for one in sets for row in contents_of(one)["kpis"])


def forecast_values(context: AnswerContext, scope: str) -> dict[str, float]:
    """The revenue of a scope as it is foreseen now."""
    total = context.forecast.simulation.total(context.forecast.organisation.members(scope))
    return {"mean": float(total.mean()), "sd": float(total.std())}


def effect_fields(effect: StepEffect | None) -> dict[str, Any]:
    """What a step brings; null where nothing is estimated."""
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


def kpi_fields(kpi: Kpi, lang: Language) -> dict[str, Any]:
    """What a KPI is called, and its unit."""
    return {"kpi": kpi.id, "label": kpi.label.to(lang), "unit": kpi.unit.to(lang)}


def candidate_row(one: Candidate, lang: Language) -> dict[str, Any]:
    """A candidate, in the reader's language."""
    return {
        **kpi_fields(one.kpi, lang),
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
        **effect_fields(one.effect),
        "correlation": one.correlation,
        "padding": one.nature.padding.value,
        "padding_why": one.nature.why.to(lang),
        "proposable": one.is_proposable,
        "reason": reason_of(one).to(lang),
    }


def proposed_row(one: ProposedKpi, lang: Language) -> dict[str, Any]:
    """A KPI of a proposed set."""
    candidate = one.candidate
    return {
        **kpi_fields(candidate.kpi, lang),
        "step": candidate.nature.step,
        "so_far": candidate.so_far,
        "expected": candidate.expected,
        "value": candidate.value,
        "per_week": one.per_week,
        "usual_per_week": one.usual_per_week,
        "probability": candidate.probability,
        "evidence": candidate.evidence,
        "source": candidate.source,
        **effect_fields(candidate.effect),
        "padding": candidate.nature.padding.value,
        "kept": one.kept,
        "from_plan": candidate.from_plan,
        "sentence": one.sentence.to(lang),
        "reason": reason_of(candidate).to(lang),
    }


def accepted_row(known: KpiContext, row: Mapping[str, Any], lang: Language) -> dict[str, Any]:
    """A KPI of an accepted set, as it was accepted."""
    kpi = known.kpi(row["kpi"])
    named = {"kpi": row["kpi"], "label": row["kpi"], "unit": ""} if kpi is None else kpi_fields(kpi, lang)
    kept = ("value", "expected", "so_far", "probability", "attainment_pp", "revenue", "gap_share")
    return {**named, **{name: row[name] for name in kept}}


def as_it_stands(
    context: AnswerContext,
    known: KpiContext,
    stored: StoredKpiSet,
    row: Mapping[str, Any],
    now: Sequence[Candidate],
    relation_told: bool,
) -> AcceptedKpi:
    """An accepted KPI with what is known of it now; `now`: the candidates of its scope."""
    kpi = known.kpi(row["kpi"])
    assert kpi is not None  # noqa: S101 - the caller leaves out what is not known
    forecast = known.prospects.of(kpi, stored.scope)
    members = context.forecast.organisation.members(stored.scope)
    candidate = next((one for one in now if one.kpi.id == kpi.id), None)
    effect = None if candidate is None else candidate.effect
    foreseen = contents_of(stored)["foreseen"]
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
        relation_told=relation_told,
    )


def review_row(one: ReviewedKpi, unit: Text, lang: Language) -> dict[str, Any]:
    """What became of an accepted KPI, counted in a unit."""
    accepted = one.accepted
    return {
        "kpi": accepted.kpi,
        "label": accepted.label.to(lang),
        "unit": unit.to(lang),
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
