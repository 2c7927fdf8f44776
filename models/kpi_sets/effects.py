"""What does reaching a value of a KPI bring the goal, where the effect is estimated and not mere correlation?

A KPI that measures a lever, or counts leads at a step of their way: the joint simulation with the lever
raised by the ratio of the value to the expected one. A KPI that counts an action: the action on so many more
of the open deals on which it is recommended, by its effect there. Of any other KPI nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import expit, logit

from features.arrays import Floats, Ints
from features.kpis import Kpi, Shape
from features.kpis.of_actions import action_of
from models.actions import CandidateAction
from models.forecast.goal_effect import Goal
from models.forecast.simulate import Simulation
from models.kpis import KpiForecast, KpiForecasts
from models.levers import LeverModel

# KPIs that measure the level of a lever.
LEVER_OF_KPI: Mapping[str, str] = MappingProxyType(
    {
        "leads": "leads",
        "appointments": "appointment_rate",
        "proposals": "proposals",
        "win_rate": "win_rate",
    }
)
# KPIs of leads after their appointment: what follows is multiplied as by more appointments.
AFTER_APPOINTMENT = ("meetings", "qualified", "handovers", "meeting_rate", "qualification_rate")
_OF_LEADS = ("leads", "appointment_rate")
_LEAST_CHANCE = 1e-9


@dataclass(frozen=True)
class Movement:
    """How far a KPI is to move: from `expected` to `value` by the period's end, of which `so_far` is done."""

    value: float
    expected: float
    mean: float
    so_far: float

    @classmethod
    def to(cls, value: float, kpi: Kpi, forecast: KpiForecast) -> Movement | None:
        """The movement to a value; None where the KPI is not forecast."""
        if forecast.draws is None or not len(forecast.draws):
            return None
        so_far = (forecast.value or 0.0) if kpi.adds_up else 0.0
        return cls(value, float(np.median(forecast.draws)), float(forecast.draws.mean()), so_far)

    @property
    def times(self) -> float | None:
        """What is still to come as a multiple of what is expected to come; None where nothing is expected."""
        ahead = self.expected - self.so_far
        return max(self.value - self.so_far, 0.0) / ahead if ahead > 0 else None

    @property
    def more(self) -> float:
        """How many more events than come on average."""
        return max(self.value - self.mean, 0.0)


@dataclass(frozen=True)
class KpiEffects:
    """What moves the scenarios of a period: levers, and the actions that are recommended on open deals."""

    prospects: KpiForecasts
    drive: LeverModel
    actions: Mapping[str, CandidateAction]

    def lever_of(self, kpi: Kpi) -> str | None:
        """The lever that a KPI measures, or moves like; None: none whose level is known."""
        name = LEVER_OF_KPI.get(kpi.id) or ("appointment_rate" if kpi.id in AFTER_APPOINTMENT else None)
        return name if name in self.drive.levels and kpi.shape is not Shape.MEAN else None

    def action_of(self, kpi: Kpi) -> str | None:
        """The action with an estimated effect that a KPI counts."""
        action = action_of(kpi)
        return action if action in self.actions else None

    def is_estimated(self, kpi: Kpi) -> bool:
        """Whether a KPI's effect on revenue is estimated at all."""
        return self.lever_of(kpi) is not None or self.action_of(kpi) is not None

    def deals_for(self, kpi: Kpi, people: Ints) -> Ints:
        """Rows of the open deals that a KPI is about: the action is recommended, or the step lies ahead."""
        own = np.isin(self.drive.simulation.pipeline.person, people)
        if (action := self.action_of(kpi)) is not None:
            return np.flatnonzero(own & self.actions[action].recommended)
        lever = self.lever_of(kpi)
        if lever == "proposals":
            return np.flatnonzero(own & ~self.drive.deals.proposed)
        return np.flatnonzero(own & self.drive.deals.proposed) if lever == "win_rate" else np.zeros(0, int)

    def each_moved(self, kpi: Kpi, movements: Mapping[int, Movement]) -> Simulation | None:
        """The scenarios in which each of some people (by number) moves a KPI; None: nothing is estimated.

        What a person brings depends on nobody else's movement.
        """
        lever, action = self.lever_of(kpi), self.action_of(kpi)
        if lever is not None:
            step = self._steps(lever, movements)
            if lever not in _OF_LEADS:
                return self.drive.with_steps({lever: step}, np.arange(len(step)))
            ratio = self.drive.level_ratio(lever, step)
            wins = self.drive.new_wins
            own = self.drive.levels[lever].weight > 0
            factor = (
                1 - wins.of_appointments + _lead_factor(lever, ratio, wins.of_appointments, wins.of_leads)
            )
            rows = np.ones(len(self.drive.simulation.pipeline.person))
            return self.drive.with_ratios(rows, np.where(own, factor, 1.0), np.ones(len(step)))
        if action is not None:
            return self.drive.with_ratios(
                self._deal_ratio(action, {person: one.more for person, one in movements.items()}),
                *(np.ones(len(self.drive.simulation.new_rate)) for _ in range(2)),
            )
        return None

    def all_moved(self, kpi: Kpi, times: float, people: Ints, goal_people: Ints) -> Simulation | None:
        """The scenarios in which some people together move a lever's KPI, for the goal of others, too.

        People who sell nothing themselves hand their leads over: then the goal's new business follows.
        """
        lever = self.lever_of(kpi)
        if lever is None:
            return None
        movement = Movement(times, 1.0, 1.0, 0.0)
        step = self._steps(lever, dict.fromkeys(people.tolist(), movement))
        sells = self.drive.simulation.new.mean[people].sum() > 0
        return self.drive.with_steps({lever: step}, people if sells else goal_people)

    def _steps(self, lever: str, movements: Mapping[int, Movement]) -> Floats:
        """The change of the lever's level on its own scale, (people + 1,)."""
        level = self.drive.levels[lever]
        step = np.zeros(len(level.y))
        for person, movement in movements.items():
            now, times = level.y[person], movement.times
            if np.isnan(now) or times is None:
                continue
            if level.lever.is_share:
                step[person] = logit(np.clip(expit(now) * times, 1e-6, 1 - 1e-6)) - now
            else:
                step[person] = np.log(max(times, 1e-6))
        return step

    def _deal_ratio(self, action: str, more: Mapping[int, float]) -> Floats:
        """Factors (n,) on the open deals' chances: each recommended one gets the same share of the action."""
        candidate, person = self.actions[action], self.drive.simulation.pipeline.person
        ever = self.drive.deals.ever
        uplift = np.minimum(candidate.effect, 1 - ever) / np.maximum(ever, _LEAST_CHANCE)
        ratio = np.ones(len(person))
        for number, count in more.items():
            rows = np.flatnonzero((person == number) & candidate.recommended)
            if len(rows):
                ratio[rows] += min(count / len(rows), 1.0) * uplift[rows]
        return ratio


def _lead_factor(lever: str, ratio: Floats, of_appointments: float, of_leads: float) -> Floats:
    """What new wins after a lead become, with that lever of theirs times `ratio` (people + 1,)."""
    if lever == "leads":
        return np.asarray(of_appointments - of_leads + of_leads * ratio)
    return np.asarray(of_appointments * ratio)


def goal_after(simulation: Simulation | None, people: Ints, before: Goal) -> Goal | None:
    """A goal in other scenarios; None without any."""
    return None if simulation is None else Goal.of(simulation, people, before.target)


def by_action(candidates: Sequence[CandidateAction]) -> dict[str, CandidateAction]:
    """Candidates by the name of their action."""
    return {one.action: one for one in candidates}
