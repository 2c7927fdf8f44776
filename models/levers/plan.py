"""What is the smallest change of levers that brings the target's probability to the requested level?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.arrays import Ints
from models.levers.effect import LeverModel

_STEPS = 12  # bisection steps
_MAX_DISTANCE = 1e3


@dataclass(frozen=True)
class Plan:
    """`shares` by lever of the way to the top quartile, and the probability reached.

    `before`: without changes. `maximum`: with all chosen levers all the way, the largest attainable.
    `effects` by lever: the probability with that lever alone all the way.
    """

    shares: Mapping[str, float]
    before: float
    reached: float
    maximum: float
    effects: Mapping[str, float]

    def attains(self, requested: float) -> bool:
        """Whether the requested probability is attainable."""
        return max(self.maximum, self.before) >= requested


def smallest_plan(
    lever_model: LeverModel, levers: Sequence[str], people: Ints, target: float, requested: float
) -> Plan:
    """The change with the least sum of squared shares of the way that attains the requested probability.

    To first order the probability gains most per squared share if shares are proportional to effects: each
    lever goes that far, at most all the way. If all levers all the way do not suffice, that is returned.
    """
    chosen = [name for name in levers if name in lever_model.levels]
    before = lever_model.probability({}, people, target)
    effects = {name: lever_model.probability({name: 1.0}, people, target) for name in chosen}
    maximum = lever_model.probability(dict.fromkeys(chosen, 1.0), people, target)
    if before >= requested:
        return Plan(dict.fromkeys(chosen, 0.0), before, before, maximum, effects)
    if maximum < requested:
        return Plan(dict.fromkeys(chosen, 1.0), before, maximum, maximum, effects)

    gain = {name: max(effects[name] - before, 0.0) for name in chosen}
    best = max(gain.values())
    if best == 0.0:  # they have an effect only together
        gain, best = dict.fromkeys(chosen, 1.0), 1.0

    def shares_at(distance: float) -> dict[str, float]:
        return {name: min(distance * gain[name] / best, 1.0) for name in chosen}

    low, high, reached = 0.0, 1.0, lever_model.probability(shares_at(1.0), people, target)
    while reached < requested and high < _MAX_DISTANCE:
        low, high = high, high * 2
        reached = lever_model.probability(shares_at(high), people, target)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        probability = lever_model.probability(shares_at(middle), people, target)
        if probability >= requested:
            high, reached = middle, probability
        else:
            low = middle
    return Plan(shares_at(high), before, reached, maximum, effects)
