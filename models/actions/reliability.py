"""How reliable is an effect when actions may be chosen for reasons that are not recorded?

Selection by recorded reasons indicates selection by unrecorded ones: where adjusting removes more from one
action's difference than from the others', its deals were selected, and seldom by recorded reasons alone. The
same amount is subtracted from the effect once more, and its interval is widened by half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.arrays import Floats
from models.statistics import Z80

Reliability = Literal["high", "medium", "low"]

# As multiples of the selection by recorded reasons: allowance for unrecorded ones, and its sd; and a minimal
# sd.
UNRECORDED, UNRECORDED_SD, ALWAYS_SD = 1.0, 0.5, 0.003
# sd of one deal's effect around the mean of its kind, for a win probability of 0.5; chosen on simulated
# organisations (seeds 41 to 44).
DEAL_SD = 0.05
_LARGE_SHARE = 0.5  # of the effect: with a larger allowance the effect is not reliable


@dataclass(frozen=True)
class BiasAdjusted:
    """Effects (n,) after the allowance for selection, with 80 % intervals, all in win rate."""

    effect: Floats
    low: Floats
    high: Floats


def bias_adjusted(effect: Floats, variance: Floats, selection_bias: Floats) -> BiasAdjusted:
    """Effects (n,) less the allowance; `selection_bias` (n,): the part that recorded selection explained."""
    middle = effect - UNRECORDED * selection_bias
    sd = np.sqrt(variance + (UNRECORDED_SD * selection_bias) ** 2 + ALWAYS_SD**2)
    return BiasAdjusted(middle, middle - Z80 * sd, middle + Z80 * sd)


def e_value(chance: float, effect: float) -> float:
    """The E-value: the risk ratio of an unrecorded reason with action and win that would explain the effect.

    1 = none needed. VanderWeele & Ding 2017; `chance` of winning without the action.
    """
    ratio = (chance + max(effect, 0.0)) / max(chance, 1e-6)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def reliability_of(effect: float, low: float, selection_bias: float, bound: float) -> Reliability:
    """The reliability by the interval, the selection bias, and the E-value `bound` of the interval's end."""
    if low <= 0 or selection_bias > _LARGE_SHARE * max(effect, 1e-9):
        return "low"
    return "high" if bound >= 1.5 and selection_bias < _LARGE_SHARE / 2 * effect else "medium"
