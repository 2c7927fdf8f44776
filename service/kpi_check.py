"""Are proposed KPIs SMART? Facts from the data about each, and the findings in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from crm.i18n import Language, Text
from crm.periods import Period
from crm.schema import TABLES
from features.kpis import Kpi, Shape
from models.forecast.goal_effect import Goal
from models.forecast.undecided import RankedBy
from models.kpi_sets.effects import LEVER_OF_KPI, Movement
from models.kpi_sets.reasons import effect_text
from models.kpi_sets.steps import GoalSteps
from models.kpis import KpiForecast, KpiForecasts
from models.kpis.smart import (
    MIN_EFFECT_PP,
    PERSON,
    KpiFacts,
    KpiProposal,
    SmartFinding,
    check_kpi,
    check_person,
)
from models.levers import LeverModel
from service.sight import EVERYTHING, Sight

_FAIR, _HARD = 0.6, 0.3  # probabilities of reaching the values that are suggested
_SEGMENTED = ("deals", "activities", "leads", "accounts")


class StrongestLever(NamedTuple):
    """The lever with the largest effect on the widest goal, and how strong that is, by what measure."""

    label: Text
    strength: float
    by: RankedBy


@dataclass(frozen=True)
class KpiContext:
    """What the KPIs of a period are checked against: forecasts, levers, revenue targets by scope.

    `of_actions`: KPIs that count actions, which are no part of the list of all KPIs.
    """

    prospects: KpiForecasts
    drive: LeverModel
    targets: Mapping[str, float]
    kpis: Mapping[str, Kpi]
    of_actions: Mapping[str, Kpi] = field(default_factory=dict)

    def kpi(self, name: str) -> Kpi | None:
        """A KPI by its id."""
        return self.kpis.get(name) or self.of_actions.get(name)

    def facts(
        self,
        proposal: KpiProposal,
        strongest: StrongestLever | None,
        sight: Sight = EVERYTHING,
        steps: GoalSteps | None = None,
    ) -> KpiFacts:
        """The facts about a proposal; a scope that is not seen is not known.

        With `steps`, effects of actions and of leads that are handed over are known, too.
        """
        stronger = None if strongest is None else (strongest.label, strongest.strength)
        kpi = self.kpi(proposal.kpi)
        scope_known = sight.sees_scope(proposal.scope) and self.drive.simulation.organisation.has(
            proposal.scope
        )
        unknown_columns = [column for column in proposal.segment if not self._has_column(column)]
        if kpi is None:
            label = Text(proposal.kpi, proposal.kpi)
            return KpiFacts(
                False,
                scope_known,
                label,
                Text("", ""),
                unknown_columns,
                None,
                None,
                False,
                None,
                None,
                None,
                stronger,
            )
        tally = self.prospects.kpi_events.counted(kpi.per or kpi.count)
        kpi_forecast = self.prospects.of(kpi, proposal.scope) if scope_known else KpiForecast(None, None)
        probability = None
        if proposal.value is not None:
            probability = kpi_forecast.probability(proposal.value, kpi.lower_is_better)
        reachable = None
        if kpi_forecast.draws is not None:
            at = [_FAIR, _HARD] if kpi.lower_is_better else [1 - _FAIR, 1 - _HARD]
            fair, hard = np.quantile(kpi_forecast.draws, at).tolist()
            reachable = (fair, hard)
        effect: float | None = None
        goal_by: RankedBy = "revenue"
        told: Text | None = None
        if scope_known and steps is not None and _is_by_steps(kpi, proposal, steps):
            effect, goal_by, told = _step_effect(kpi, proposal, kpi_forecast, steps)
        elif scope_known:
            effect, goal_by = self._goal_effect(kpi, proposal, kpi_forecast, sight.widest)
        return KpiFacts(
            True,
            scope_known,
            kpi.label,
            kpi.unit,
            unknown_columns,
            tally.completeness if tally.ever_recorded else None,
            tally.least_complete,
            kpi.controllable,
            probability,
            reachable,
            effect,
            stronger,
            goal_by,
            "attainment" if strongest is None else strongest.by,
            told,
        )

    def _has_column(self, column: str) -> bool:
        known = self.prospects.kpi_events.known
        return any(column in TABLES[name].by_name or column in known[name] for name in _SEGMENTED)

    def _goal_effect(
        self, kpi: Kpi, proposal: KpiProposal, kpi_forecast: KpiForecast, widest: str
    ) -> tuple[float | None, RankedBy]:
        """What reaching the KPI adds to the goal of its scope, else of the widest, and by what it is told.

        A KPI that measures a lever: the lever is raised by the ratio of the value to the expected one. A KPI
        of won deals: the goal is compared in those simulated scenarios in which the KPI is reached.
        """
        goal_scope = proposal.scope if proposal.scope in self.targets else widest
        target = self.targets.get(goal_scope)
        if (
            target is None
            or proposal.value is None
            or kpi_forecast.draws is None
            or not self.drive.simulation.organisation.has(goal_scope)
        ):
            return None, "revenue"
        people = self.drive.simulation.organisation.members(goal_scope)
        before = self.drive.goal({}, people, target)
        lever = LEVER_OF_KPI.get(kpi.id)
        if lever in self.drive.levels and kpi.shape is not Shape.MEAN:
            so_far = (kpi_forecast.value or 0.0) if kpi.adds_up else 0.0
            expected = float(np.median(kpi_forecast.draws)) - so_far
            if expected <= 0:
                return None, before.ranked_by
            multiplier = max(proposal.value - so_far, 0.0) / expected
            members = self.drive.simulation.organisation.members(proposal.scope)
            after = Goal.of(self.drive.with_level_times(str(lever), multiplier, members), people, target)
            points, revenue = 100 * (after.chance - before.chance), after.revenue - before.revenue
            return before.strength(points, revenue), before.ranked_by
        if kpi.count.of != "deals.won":
            return None, before.ranked_by
        total = self.drive.simulation.total(people)[: len(kpi_forecast.draws)]
        met = (
            kpi_forecast.draws <= proposal.value
            if kpi.lower_is_better
            else kpi_forecast.draws >= proposal.value
        )
        if len(met) != len(total) or met.sum() < 20:
            return None, before.ranked_by
        points = 100 * (float((total[met] >= target).mean()) - before.chance)
        return before.strength(points, float(total[met].mean()) - before.revenue), before.ranked_by


def _is_by_steps(kpi: Kpi, proposal: KpiProposal, steps: GoalSteps) -> bool:
    """Whether what a KPI brings is that of a step: of a person's, and of any that counts an action."""
    person = proposal.scope.startswith(PERSON)
    return steps.effects.is_estimated(kpi) and (person or kpi.id not in LEVER_OF_KPI)


def _step_effect(
    kpi: Kpi, proposal: KpiProposal, kpi_forecast: KpiForecast, steps: GoalSteps
) -> tuple[float | None, RankedBy, Text | None]:
    """(the effect on the goal, by what it is told, the sentence where it is not of that scope's own goal)."""
    movement = None if proposal.value is None else Movement.to(proposal.value, kpi, kpi_forecast)
    found = None if movement is None else steps.of_scope(kpi, proposal.scope, movement)
    if found is None:
        return None, "revenue", None
    size, by = found.size_and_measure(MIN_EFFECT_PP)
    return size, by, effect_text(found, MIN_EFFECT_PP) if found.together or found.later else None


def check_rows(
    proposals: Sequence[KpiProposal],
    facts: Sequence[KpiFacts],
    today: date,
    lang: Language,
) -> dict[str, Any]:
    """Findings of each proposal, and of each person's proposals together."""
    rows = [
        {
            "kpi": proposal.kpi,
            "label": fact.label.to(lang),
            "scope": proposal.scope,
            "value": proposal.value,
            "period": proposal.period,
            "probability": fact.probability,
            "smart": finding_rows(check_kpi(proposal, fact, today), lang),
        }
        for proposal, fact in zip(proposals, facts, strict=True)
    ]
    by_person: dict[str, list[tuple[KpiProposal, KpiFacts]]] = {}
    for proposal, fact in zip(proposals, facts, strict=True):
        if proposal.scope.startswith("person:"):
            by_person.setdefault(proposal.scope, []).append((proposal, fact))
    people = [
        {"scope": scope, "findings": finding_rows(check_person(proposed), lang)}
        for scope, proposed in by_person.items()
    ]
    return {"proposals": rows, "people": people}


def proposal_of_target(kpi: str, scope: str, value: float, period: Period) -> KpiProposal:
    """A target on record, as if somebody proposed it."""
    return KpiProposal(kpi, scope, value, None, {}, period.name, period.last, None)


def finding_rows(findings: Mapping[str, SmartFinding], lang: Language) -> dict[str, Any]:
    """Findings as fields of an answer, by criterion."""
    return {
        name: {
            "ok": finding.ok,
            "why": finding.why.to(lang),
            "suggestion": None if finding.better is None else finding.better.to(lang),
        }
        for name, finding in findings.items()
    }
