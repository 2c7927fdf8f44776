"""What does a step of a scope's KPI bring the goal that it serves: its own, or the one of all?

A person with a target of his own serves that one. Who has none (and sells nothing: inside sales who hand
leads over) serves the widest goal, which one person alone hardly moves: then the step is that of all of the
team who sell in the same way. What they begin today mostly pays after the period, so it is told as the
revenue that comes in the end, by how often and for how much such leads were won.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY
from features.arrays import Ints
from features.kpis import Count, Kpi, Shape
from models.forecast.goal_effect import Goal
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import Simulation
from models.forecast.undecided import RankedBy
from models.kpi_sets.effects import KpiEffects, Movement
from models.kpis.smart import PERSON

_YEAR = 365 * DAY
_LEAST_WINS = 10  # wins after such an event, for what it brings in the end to be told


@dataclass(frozen=True, kw_only=True)
class StepEffect:
    """What a step brings the goal of `goal_scope`: points of attainment, revenue, share of what is missing.

    `strength` as the goal is ranked, in points or percent of the target; `percent`: the revenue in percent of
    the target. `together`: all who sell in the same way take the step; `later`: most of it comes after the
    period, and it is no part of its forecast.
    """

    attainment_pp: float | None
    revenue: float
    gap_share: float | None
    strength: float
    percent: float
    ranked_by: RankedBy
    goal_scope: str
    together: bool = False
    later: bool = False

    def size_and_measure(self, least: float) -> tuple[float, RankedBy]:
        """The size that is told and in which measure: as the goal is ranked, else the one that is enough."""
        if self.strength < least <= self.percent:
            return self.percent, "revenue"
        return self.strength, self.ranked_by


@dataclass(frozen=True)
class GoalSteps:
    """The effects of KPIs on the goals of a period; `targets` of revenue by scope, `widest` the widest seen.

    `style` of each person, (people + 1,), "" = unknown.
    """

    effects: KpiEffects
    targets: Mapping[str, float]
    widest: str
    style: NDArray[np.object_]

    @property
    def organisation(self) -> ScopeTree:
        """Who is in which scope."""
        return self.effects.drive.simulation.organisation

    def goal_of(self, scope: str) -> tuple[str, float] | None:
        """The scope and target of the goal that a scope's KPIs serve: its own, else the widest."""
        for name in (scope, self.widest):
            if name in self.targets and self.organisation.has(name):
                return name, self.targets[name]
        return None

    def before(self, goal: tuple[str, float]) -> Goal:
        """The goal as things go."""
        return self.effects.drive.goal({}, self.organisation.members(goal[0]), goal[1])

    def of_scope(self, kpi: Kpi, scope: str, movement: Movement) -> StepEffect | None:
        """What one scope's step brings; None where nothing is estimated, or there is no goal."""
        return self.of_scopes(kpi, {scope: movement}).get(scope)

    def of_scopes(self, kpi: Kpi, movements: Mapping[str, Movement]) -> dict[str, StepEffect]:
        """What each scope's step brings. People with goals of their own share one set of scenarios."""
        if not self.effects.is_estimated(kpi):
            return {}
        found: dict[str, StepEffect] = {}
        alone: dict[str, int] = {}
        for scope, movement in movements.items():
            goal = self.goal_of(scope)
            if goal is None:
                continue
            if goal[0] == scope and scope.startswith(PERSON):
                alone[scope] = int(self.organisation.members(scope)[0])
            elif (effect := self._of_group(kpi, scope, goal, movement)) is not None:
                found[scope] = effect
        shared = (
            self.effects.each_moved(kpi, {alone[one]: movements[one] for one in alone}) if alone else None
        )
        if shared is not None:
            for scope in alone:
                found[scope] = self._effect((scope, self.targets[scope]), shared)
        return found

    def _of_group(
        self, kpi: Kpi, scope: str, goal: tuple[str, float], movement: Movement
    ) -> StepEffect | None:
        people, together = self._acting(scope, goal[0])
        if self.effects.lever_of(kpi) is not None:
            if self._hand_over(people):
                return self._in_the_end(kpi, goal, movement.more * (len(people) if together else 1), together)
            times = movement.times
            members = self.organisation.members(goal[0])
            after = None if times is None else self.effects.all_moved(kpi, times, people, members)
        else:
            after = self.effects.each_moved(kpi, self._spread(kpi, movement, people, together))
        return None if after is None else self._effect(goal, after, together)

    def _effect(self, goal: tuple[str, float], after: Simulation, together: bool = False) -> StepEffect:
        before, people = self.before(goal), self.organisation.members(goal[0])
        effect = before.effect_of(Goal.of(after, people, goal[1]))
        points, revenue = effect["attainment_pp"], effect["revenue"] or 0.0
        return StepEffect(
            attainment_pp=points,
            revenue=revenue,
            gap_share=effect["gap_share"],
            strength=before.strength(points, revenue),
            percent=100 * revenue / goal[1] if goal[1] else 0.0,
            ranked_by=before.ranked_by,
            goal_scope=goal[0],
            together=together,
        )

    def _in_the_end(
        self, kpi: Kpi, goal: tuple[str, float], more: float, together: bool
    ) -> StepEffect | None:
        """What so many more leads at a step bring in the end, if they are won as often as the past ones."""
        if kpi.shape is not Shape.COUNT:
            return None
        moment = self.effects.prospects.remaining.moment
        days, amount = self.effects.prospects.kpi_events.wins_after(kpi.count, moment - 2 * _YEAR, moment)
        won = np.isfinite(days)
        if won.sum() < _LEAST_WINS or not goal[1]:
            return None
        # Of those that are old enough for nine of ten wins to have come.
        old = int(np.quantile(days[won], 0.9)) * DAY
        days, amount = self.effects.prospects.kpi_events.wins_after(
            kpi.count, moment - 2 * _YEAR, moment - old
        )
        if np.isfinite(days).sum() < _LEAST_WINS:
            return None
        revenue = more * float(amount.sum()) / len(amount)
        percent = 100 * revenue / goal[1]
        return StepEffect(
            attainment_pp=None,
            revenue=revenue,
            gap_share=None,
            strength=percent,
            percent=percent,
            ranked_by="revenue",
            goal_scope=goal[0],
            together=together,
            later=True,
        )

    def _acting(self, scope: str, goal_scope: str) -> tuple[Ints, bool]:
        """Who takes the step (numbers), and whether others do beside the scope's own."""
        people = self.organisation.members(scope)
        if not scope.startswith(PERSON) or goal_scope == scope:
            return people, False
        team = self.organisation.team_of[people[0]] if people[0] < len(self.organisation.people) else -1
        if team < 0:
            return people, False
        remaining = self.effects.prospects.remaining
        today = int(remaining.calendar.day_of(np.array([remaining.moment]))[0])
        there = (remaining.since[:-1] <= today) & (remaining.until[:-1] > today)
        same = (self.organisation.team_of == team) & (self.style[:-1] == self.style[people[0]]) & there
        peers = np.union1d(np.flatnonzero(same), people)
        return peers, len(peers) > 1

    def _hand_over(self, people: Ints) -> bool:
        """Whether people handed more leads over in the past year than they won deals themselves."""
        events, moment = self.effects.prospects.kpi_events, self.effects.prospects.remaining.moment
        number = len(self.organisation.people) + 1
        handed, won = (
            events.counted(Count(of)).by_person(moment - _YEAR, moment, number)[people].sum()
            for of in ("leads.handed", "deals.won")
        )
        return bool(handed > won)

    def _spread(self, kpi: Kpi, movement: Movement, people: Ints, together: bool) -> dict[int, Movement]:
        """A group's further actions over its people, as their deals need them; a person's for each peer."""
        if together:
            return dict.fromkeys(people.tolist(), movement)
        needed = np.array([len(self.effects.deals_for(kpi, np.array([one]))) for one in people], float)
        share = needed / max(needed.sum(), 1.0)
        return {
            int(person): Movement(movement.more * part, 0.0, 0.0, 0.0)
            for person, part in zip(people, share, strict=True)
            if part > 0
        }
