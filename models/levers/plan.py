"""What is the smallest change of levers that brings the target's probability to the requested level?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.arrays import Ints
from models.forecast.goal_effect import Goal
from models.levers.effect import LeverModel

_STEPS = 12  # bisection steps
_MAX_DISTANCE = 1e3


@dataclass(frozen=True)
class Plan:
    """`shares` by lever of the way to the top quartile, and the goal reached with them.

    `before`: the goal without changes. `maximum`: with all chosen levers all the way, the most attainable.
    `alone` by lever: the goal with that lever alone all the way.
    """

    shares: Mapping[str, float]
    before: Goal
    reached: Goal
    maximum: Goal
    alone: Mapping[str, Goal]

    def attains(self, requested: float) -> bool:
        """Whether the requested probability is attainable."""
        return max(self.maximum.chance, self.before.chance) >= requested


def smallest_plan(
    lever_model: LeverModel, levers: Sequence[str], people: Ints, target: float, requested: float
) -> Plan:
    """The change with the least sum of squared shares of the way that attains the requested probability.

    To first order the probability gains most per squared share if shares are proportional to effects: each
    lever goes that far, at most all the way. Where the probability is settled, effects are those on revenue.
    If all levers all the way do not suffice, that is returned.
    """
    chosen = [name for name in levers if name in lever_model.levels]
    before = lever_model.goal({}, people, target)
    alone = {name: lever_model.goal({name: 1.0}, people, target) for name in chosen}
    maximum = lever_model.goal(dict.fromkeys(chosen, 1.0), people, target)
    if before.chance >= requested:
        return Plan(dict.fromkeys(chosen, 0.0), before, before, maximum, alone)
    if maximum.chance < requested:
        return Plan(dict.fromkeys(chosen, 1.0), before, maximum, maximum, alone)

    gain = _gains(before, alone)
    best = max(gain.values())
    if best == 0.0:  # they have an effect only together
        gain, best = dict.fromkeys(chosen, 1.0), 1.0

    def shares_at(distance: float) -> dict[str, float]:
        return {name: min(distance * gain[name] / best, 1.0) for name in chosen}

    low, high, reached = 0.0, 1.0, lever_model.goal(shares_at(1.0), people, target)
    while reached.chance < requested and high < _MAX_DISTANCE:
        low, high = high, high * 2
        reached = lever_model.goal(shares_at(high), people, target)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        goal = lever_model.goal(shares_at(middle), people, target)
        if goal.chance >= requested:
            high, reached = middle, goal
        else:
            low = middle
    return Plan(shares_at(high), before, reached, maximum, alone)


def plan_at(lever_model: LeverModel, shares: Mapping[str, float], people: Ints, target: float) -> Plan:
    """The change that takes each lever so far of the way, whatever probability it attains."""
    chosen = {name: share for name, share in shares.items() if name in lever_model.levels}
    return Plan(
        chosen,
        lever_model.goal({}, people, target),
        lever_model.goal(chosen, people, target),
        lever_model.goal(dict.fromkeys(chosen, 1.0), people, target),
        {name: lever_model.goal({name: 1.0}, people, target) for name in chosen},
    )


def _gains(before: Goal, alone: Mapping[str, Goal]) -> dict[str, float]:
    """What each lever alone adds, by what effects on this goal are ranked."""
    if before.ranked_by == "revenue":
        return {name: max(goal.revenue - before.revenue, 0.0) for name, goal in alone.items()}
    return {name: max(goal.chance - before.chance, 0.0) for name, goal in alone.items()}
