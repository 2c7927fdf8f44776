"""What is the smallest change of levers that brings the goal's probability to what is asked?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.arrays import Ints
from models.levers.effect import LeverModel

_STEPS = 12  # halvings of how far to go
_MAX_DISTANCE = 1e3


@dataclass(frozen=True)
class Plan:
    """`shares` by lever of the way to the top quartile, and the probability reached.

    `before`: with nothing moved. `maximum`: with all chosen levers all the way, the most that can be had.
    `effects` by lever: the probability with that lever alone all the way.
    """

    shares: Mapping[str, float]
    before: float
    reached: float
    maximum: float
    effects: Mapping[str, float]

    def attains(self, requested: float) -> bool:
        """Whether what was asked can be had."""
        return max(self.maximum, self.before) >= requested


def smallest_plan(
    lever_model: LeverModel, levers: Sequence[str], people: Ints, target: float, requested: float
) -> Plan:
    """The change of least squares, each lever measured by the share of its way, that attains as wanted.

    Near the start the goal gains most per square of change where levers move by their effects' proportions:
    each goes that far, none further than its whole way. Where all of it is not enough, all of it is given.
    """
    chosen = [name for name in levers if name in lever_model.levels]
    before = lever_model.probability({}, people, target)
    effects = {name: lever_model.probability({name: 1.0}, people, target) for name in chosen}
    most = lever_model.probability(dict.fromkeys(chosen, 1.0), people, target)
    if before >= requested:
        return Plan(dict.fromkeys(chosen, 0.0), before, before, most, effects)
    if most < requested:
        return Plan(dict.fromkeys(chosen, 1.0), before, most, most, effects)

    gain = {name: max(effects[name] - before, 0.0) for name in chosen}
    best = max(gain.values())
    if best == 0.0:  # only together do they show
        gain, best = dict.fromkeys(chosen, 1.0), 1.0

    def going(far: float) -> dict[str, float]:
        return {name: min(far * gain[name] / best, 1.0) for name in chosen}

    low, high, reached = 0.0, 1.0, lever_model.probability(going(1.0), people, target)
    while reached < requested and high < _MAX_DISTANCE:
        low, high = high, high * 2
        reached = lever_model.probability(going(high), people, target)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        found = lever_model.probability(going(middle), people, target)
        if found >= requested:
            high, reached = middle, found
        else:
            low = middle
    return Plan(going(high), before, reached, most, effects)
