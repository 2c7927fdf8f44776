"""What would be a likely, a safe, a bold goal? Read from the draws of a period's revenue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from features.arrays import Floats


@dataclass(frozen=True)
class Level:
    """A level of a goal: the amount that is reached with a probability, and how it is called."""

    level: str
    label: Text
    confidence: float
    value: float


LIKELY, SAFE, BOLD = "likely", "safe", "bold"
_LEVELS = (
    (SAFE, Text("堅い", "safe"), 0.9),
    (SAFE, Text("堅い", "safe"), 0.8),
    (LIKELY, Text("五分五分", "likely"), 0.5),
    (BOLD, Text("挑戦的", "bold"), 0.3),
)


def levels_of(total: Floats) -> list[Level]:
    """The levels of a goal from draws of its revenue (S,), the safest first.

    >>> [(level.confidence, level.value) for level in levels_of(np.arange(101.0))]
    [(0.9, 10.0), (0.8, 20.0), (0.5, 50.0), (0.3, 70.0)]
    """
    values = np.quantile(total, [1.0 - confidence for _, _, confidence in _LEVELS]).tolist()
    return [
        Level(level, label, confidence, round(value, 6))
        for (level, label, confidence), value in zip(_LEVELS, values, strict=True)
    ]


def value_of_chance(total: Floats, chance: float) -> float:
    """The amount that draws (S,) reach with a probability.

    >>> value_of_chance(np.arange(101.0), 0.75)
    25.0
    """
    return round(float(np.quantile(total, 1.0 - chance)), 6)


def growth_on(value: float, before: float | None) -> float | None:
    """Growth on what was before, as a fraction; None where that is not known or was nothing.

    >>> growth_on(110.0, 100.0), growth_on(110.0, 0.0)
    (0.1, None)
    """
    return None if not before else round(value / before - 1.0, 6)
