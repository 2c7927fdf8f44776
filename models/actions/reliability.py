"""How far can an effect be believed, when those who acted may have known what no record shows?

What recorded reasons explain is the measure of what unrecorded ones may: where adjusting takes more off one
action's difference than off the others', the deals it was done on were chosen, and what they were chosen by
is seldom all on record. As much is taken off the effect once more, and its interval widened by half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.arrays import Floats
from models.statistics import Z80

Reliability = Literal["high", "medium", "low"]

# Of the move by recorded reasons: taken off for unrecorded ones, and their spread; and a spread there always
# is.
UNRECORDED, UNRECORDED_SD, ALWAYS_SD = 1.0, 0.5, 0.003
_LARGE_SHARE = 0.5  # of the effect: an allowance larger than this leaves little that can be believed


@dataclass(frozen=True)
class BiasAdjusted:
    """Effects (n,) after the allowance, with 80 % intervals, all in win rate."""

    effect: Floats
    low: Floats
    high: Floats


def bias_adjusted(effect: Floats, variance: Floats, chosen: Floats) -> BiasAdjusted:
    """Effects (n,) as far as they can be believed; `selection_bias` (n,): what recorded choice explained of them."""
    middle = effect - UNRECORDED * chosen
    sd = np.sqrt(variance + (UNRECORDED_SD * chosen) ** 2 + ALWAYS_SD**2)
    return BiasAdjusted(middle, middle - Z80 * sd, middle + Z80 * sd)


def e_value(chance: float, effect: float) -> float:
    """How strongly, as a risk ratio, an unrecorded reason must go with both action and win to explain it all.

    1 = nothing needed. VanderWeele & Ding 2017; `chance` of winning without the action.
    """
    ratio = (chance + max(effect, 0.0)) / max(chance, 1e-6)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def reliability_of(effect: float, low: float, chosen: float, bound: float) -> Reliability:
    """In words: by the interval, what choosing may explain, and the E-value `bound` of the interval's end."""
    if low <= 0 or chosen > _LARGE_SHARE * max(effect, 1e-9):
        return "low"
    return "high" if bound >= 1.5 and chosen < _LARGE_SHARE / 2 * effect else "medium"
