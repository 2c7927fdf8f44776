"""What target does a scope get as all targets rise together?

A curve gives a target for a common level `u` that rises for everybody at once: the revenue that is missed
with probability `u` (equal chances), or a share of a growing whole (even, history, pipeline).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.arrays import Floats


class Curve(Protocol):
    """A target that never falls as the common level rises from -1 on, without an upper bound on the level."""

    def at(self, level: float) -> float:
        """The target at a common level."""

    def ease(self, target: float) -> float:
        """How easily a target is reached, compared with the others' on curves of the same kind."""


@dataclass(frozen=True)
class Quantiles:
    """Targets that are missed with the same probability: quantiles of draws, `ordered` ascending (S,).

    Below level 0 a target is a part of the least draw, above level 1 a multiple of the greatest: what all
    draws reach, or none does, is still shared in proportion.

    >>> earned = Quantiles.of(np.array([30.0, 10.0, 20.0]))
    >>> [earned.at(level) for level in (-0.5, 0.0, 0.25, 1.0, 2.0)]
    [5.0, 10.0, 15.0, 30.0, 60.0]
    """

    ordered: Floats

    @classmethod
    def of(cls, draws: Floats) -> Quantiles:
        """Of draws in any order."""
        return cls(np.sort(np.asarray(draws, float)))

    def at(self, level: float) -> float:
        """The quantile at a level."""
        ordered = self.ordered
        if level <= 0.0:
            return float(ordered[0]) * max(1.0 + level, 0.0)
        if level >= 1.0:
            return float(ordered[-1]) * level
        place = level * (len(ordered) - 1)
        below = int(place)
        part = place - below
        low, high = float(ordered[below]), float(ordered[below + 1])
        return low + part * (high - low)

    def ease(self, target: float) -> float:
        """The probability of reaching a target.

        >>> Quantiles.of(np.array([30.0, 10.0, 20.0, 40.0])).ease(20.0)
        0.75
        """
        return 1.0 - float(np.searchsorted(self.ordered, target)) / len(self.ordered)


@dataclass(frozen=True)
class Proportion:
    """Targets in proportion to a weight.

    >>> Proportion(3.0).at(2.0)
    6.0
    """

    weight: float

    def at(self, level: float) -> float:
        """The weight times the level."""
        return self.weight * max(level, 0.0)

    def ease(self, target: float) -> float:
        """How far a target stands below its proportion: what rounding adds goes to the furthest first."""
        return self.weight / target if target > 0 else np.inf
