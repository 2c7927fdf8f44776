"""Which KPIs could a person or team be given, what would a feasible step of each bring, and who could pad it?

A feasible step is one that is reached with a probability of about a third as things go: nobody is asked for
what never happens, and each step can be compared with any other. Ranked by what the step brings the goal
where that is estimated; what only goes along with revenue comes after, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from crm.instants import DAY
from features.arrays import Ints
from features.kpis import Kpi, Shape
from features.kpis.definition import STYLES
from models.kpi_sets.effects import KpiEffects, Movement
from models.kpi_sets.nature import Nature, nature_of
from models.kpi_sets.steps import GoalSteps, StepEffect
from models.kpis import KpiForecast
from models.kpis.smart import MAX_CHANCE, MIN_CHANCE, MIN_COMPLETE, MIN_EFFECT_PP, PERSON

STEP_CHANCE = 0.35  # probability with which a feasible step is reached as things go
_LEAST_CHANCE = MIN_CHANCE + 0.005  # a step that is a whole number may be reached less often, down to this
_YEAR = 365 * DAY
_GOALS = ("revenue",)  # the goal itself is no KPI that leads to it
_SMALL = 0.05  # an effect below it reads as none
Evidence = Literal["lever", "action", "correlation", "none"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A KPI for a scope.

    `in_hand`: within the scope's own control, and done or recorded by it. `completeness`: share of the rows
    behind it with all needed columns. `days_to_revenue`: median days from its event to the win. `value`: a
    feasible step, `expected` the median as things go, `probability` that of the value. `evidence`: by what
    its effect is estimated, with `source` the lever or action; without an estimate there is no `effect`, and
    `correlation` is all there is. `deals`: rows of the open deals that it is about. `from_plan`: the value is
    what the plan for the goal asks.
    """

    kpi: Kpi
    scope: str
    in_hand: bool
    completeness: float | None
    least_complete: str | None
    days_to_revenue: float | None
    so_far: float | None
    expected: float | None
    value: float | None
    probability: float | None
    evidence: Evidence
    source: str | None
    effect: StepEffect | None
    has_goal: bool
    correlation: float | None
    nature: Nature
    from_plan: bool
    deals: Ints = field(compare=False)

    @property
    def size(self) -> float:
        """The effect on the goal as it is ranked, in points or percent of the target; 0 without one."""
        return 0.0 if self.effect is None else self.effect.strength

    @property
    def moves_goal(self) -> bool:
        """Whether a step moves the goal by what a KPI of its scope must."""
        return self.effect is not None and self.effect.size_and_measure(MIN_EFFECT_PP)[0] >= MIN_EFFECT_PP

    @property
    def is_sound(self) -> bool:
        """Whether it may stand in a set whatever it moves: one's own, recorded, and reachable."""
        return (
            self.in_hand
            and self.completeness is not None
            and self.completeness >= MIN_COMPLETE
            and self.probability is not None
            and self.probability >= MIN_CHANCE
        )

    @property
    def is_proposable(self) -> bool:
        """Whether it may be proposed: it is sound, and it moves the goal."""
        return self.is_sound and self.moves_goal

    @property
    def order(self) -> tuple[int, float, int, str]:
        """By what it stands in the ranking: less comes first; ties to a tenth by how easily it is padded."""
        if self.effect is not None and self.size >= _SMALL:
            return (0 if self.in_hand else 1), -round(self.size, 1), self.nature.padding.order, self.kpi.id
        estimated = self.effect is not None
        size = 0.0 if estimated else abs(self.correlation or 0.0)
        return (2 if estimated else 3), -round(size, 1), self.nature.padding.order, self.kpi.id


@dataclass(frozen=True)
class CandidateFinder:
    """What candidates are found from: steps towards the goals, KPIs, and what went along with revenue.

    `days_to_revenue` and `correlation` by KPI, where known. `asked`: what a plan asks, by scope and KPI; it
    is taken where it is a feasible step. `held`: the KPIs that a scope has already; one that leaves no
    feasible step has its usual level as value.
    """

    steps: GoalSteps
    kpis: Mapping[str, Kpi]
    correlation: Mapping[str, float]
    days_to_revenue: Mapping[str, float]
    asked: Mapping[tuple[str, str], float] = field(default_factory=dict)
    held: frozenset[tuple[str, str]] = frozenset()

    def candidates(self, scopes: Sequence[str], controllable: bool = False) -> dict[str, list[Candidate]]:
        """The candidates of each scope, ranked; only those within one's control where asked for."""
        found: dict[str, list[Candidate]] = {scope: [] for scope in scopes}
        for kpi in self.kpis.values():
            if kpi.id in _GOALS or (controllable and not kpi.controllable):
                continue
            asked = [scope for scope in scopes if self._is_for(kpi, scope)]
            for candidate in self._of_kpi(kpi, asked):
                found[candidate.scope].append(candidate)
        return {scope: sorted(some, key=lambda one: one.order) for scope, some in found.items()}

    def _is_for(self, kpi: Kpi, scope: str) -> bool:
        """Whether a KPI is for how a person sells; groups have all."""
        if not scope.startswith(PERSON):
            return True
        style = str(self.steps.style[self.steps.organisation.members(scope)[0]])
        return style not in STYLES or style in kpi.styles

    def _of_kpi(self, kpi: Kpi, scopes: Sequence[str]) -> list[Candidate]:
        prospects = self.steps.effects.prospects
        forecasts = {scope: prospects.of(kpi, scope) for scope in scopes}
        values = {scope: self._value(kpi, scope, one) for scope, one in forecasts.items()}
        movements = {}
        for scope, value in values.items():
            movement = None if value is None else Movement.to(value, kpi, forecasts[scope])
            if movement is not None:
                movements[scope] = movement
        effects = self.steps.of_scopes(kpi, movements)
        does = self._who_does(kpi)
        return [
            self._candidate(kpi, scope, forecasts[scope], values[scope], effects.get(scope), does)
            for scope in scopes
        ]

    def _value(self, kpi: Kpi, scope: str, forecast: KpiForecast) -> float | None:
        """What the plan asks, where that is a feasible step, else the feasible step, else what is usual."""
        asked = self.asked.get((scope, kpi.id))
        if asked is not None and kpi.shape is Shape.COUNT:
            value = float(np.ceil(asked))
            if _is_feasible(forecast.probability(value, kpi.lower_is_better)):
                return value
        value_found = feasible_value(kpi, forecast)
        is_held = (scope, kpi.id) in self.held
        return usual_value(kpi, forecast) if value_found is None and is_held else value_found

    def _candidate(
        self,
        kpi: Kpi,
        scope: str,
        forecast: KpiForecast,
        value: float | None,
        effect: StepEffect | None,
        does: Ints,
    ) -> Candidate:
        effects, members = self.steps.effects, self.steps.organisation.members(scope)
        counted = effects.prospects.kpi_events.counted(kpi.per or kpi.count)
        lever, action = effects.lever_of(kpi), effects.action_of(kpi)
        correlation = self.correlation.get(kpi.id)
        evidence: Evidence = "correlation" if correlation is not None else "none"
        if effect is not None:
            evidence = "lever" if lever is not None else "action"
        return Candidate(
            kpi=kpi,
            scope=scope,
            in_hand=kpi.controllable and bool(does[members].any()),
            completeness=counted.completeness if counted.ever_recorded else None,
            least_complete=counted.least_complete,
            days_to_revenue=self.days_to_revenue.get(kpi.id),
            so_far=forecast.value,
            expected=None if forecast.draws is None else float(np.median(forecast.draws)),
            value=value,
            probability=None if value is None else forecast.probability(value, kpi.lower_is_better),
            evidence=evidence,
            source=(lever or action) if effect is not None else None,
            effect=effect,
            has_goal=self.steps.goal_of(scope) is not None,
            correlation=correlation,
            nature=nature_of(kpi),
            from_plan=bool(value is not None and value == np.ceil(self.asked.get((scope, kpi.id), -1.0))),
            deals=effects.deals_for(kpi, members),
        )

    def _who_does(self, kpi: Kpi) -> Ints:
        """How often each person did or recorded such a thing in the past year, (people + 1,)."""
        prospects = self.steps.effects.prospects
        counted, moment = prospects.kpi_events.counted(kpi.per or kpi.count), prospects.remaining.moment
        low, high = np.searchsorted(counted.at, [moment - _YEAR, moment])
        return np.bincount(counted.person[low:high], minlength=len(self.steps.organisation.people) + 1)


def feasible_value(kpi: Kpi, forecast: KpiForecast) -> float | None:
    """A value that is reached with a probability of about STEP_CHANCE as things go; None: there is none.

    Counts are whole numbers: the largest that is still reached with 30 %, and less often than not.
    """
    draws = forecast.draws
    if draws is None or not len(draws):
        return None
    low = kpi.lower_is_better
    at = float(np.quantile(draws, STEP_CHANCE if low else 1 - STEP_CHANCE))
    if kpi.shape is Shape.COUNT:
        tried = (np.floor(at) + np.array([2.0, 1.0, 0.0])).tolist()
    else:
        tried = [round(at, 3) if kpi.is_share else float(f"{at:.3g}")]
    for value in tried:
        if value > 0 and _is_feasible(forecast.probability(value, low)):
            return float(value)
    return None


def usual_value(kpi: Kpi, forecast: KpiForecast) -> float | None:
    """The level that is reached about as often as not as things go; None where that is (nearly) certain."""
    draws = forecast.draws
    if draws is None or not len(draws):
        return None
    middle = float(np.median(draws))
    value = float(np.floor(middle)) if kpi.shape is Shape.COUNT else float(f"{middle:.3g}")
    chance = forecast.probability(value, kpi.lower_is_better)
    return value if value > 0 and chance is not None and _LEAST_CHANCE <= chance <= MAX_CHANCE else None


def _is_feasible(chance: float | None) -> bool:
    """Whether a value is reached often enough to be asked for, and less often than not."""
    return chance is not None and _LEAST_CHANCE <= chance < 0.5


def medians_to_revenue(kpis: Sequence[Kpi], effects: KpiEffects) -> dict[str, float]:
    """Median days from each KPI's event to the win of its deal, of the past two years' events."""
    events, moment = effects.prospects.kpi_events, effects.prospects.remaining.moment
    found = {}
    for kpi in kpis:
        days = events.wins_after(kpi.count, moment - 2 * _YEAR, moment)[0]
        if np.isfinite(days).any():
            found[kpi.id] = float(np.nanmedian(days))
    return found
