"""How good is the forecast distribution of an amount? CRPS, pinball loss, coverage, PIT."""

from __future__ import annotations

import numpy as np

from features.arrays import Floats

LEVELS = (0.5, 0.8, 0.9)
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
PIT_BINS = 10


def crps(draws: Floats, actual: float) -> float:
    """Continuous ranked probability score of draws (s,), in the unit of the amount; lower is better.

    E|X - y| - E|X - X'| / 2, the second mean over pairs of different draws, so that the score is unbiased.
    Gneiting & Raftery (2007); Ferro (2014), "Fair scores for ensemble forecasts".

    >>> crps(np.array([0.0, 2.0]), 1.0)
    0.0
    >>> crps(np.array([3.0, 3.0]), 1.0)
    2.0
    """
    ordered = np.sort(draws)
    count = len(ordered)
    distance = float(np.abs(ordered - actual).mean())
    if count < 2:
        return distance
    half_spread = float((2.0 * np.arange(1, count + 1) - count - 1.0) @ ordered) / (count * (count - 1.0))
    return distance - half_spread


def pinball(quantiles: Floats, levels: Floats, actual: float) -> Floats:
    """Loss (q,) of quantiles (q,) at levels (q,): level x shortfall, or (1 - level) x excess.

    >>> pinball(np.array([10.0, 10.0]), np.array([0.1, 0.9]), 12.0).round(2).tolist()
    [0.2, 1.8]
    """
    shortfall = actual - quantiles
    out: Floats = np.where(shortfall >= 0, levels * shortfall, (levels - 1.0) * shortfall)
    return out


def covered(draws: Floats, actual: float, levels: tuple[float, ...] = LEVELS) -> Floats:
    """Whether the central interval of each level (l,) contains the actual: 1, 0, ends included."""
    side = (1.0 - np.asarray(levels)) / 2.0
    lo, hi = np.quantile(draws, side), np.quantile(draws, 1.0 - side)
    # A certain amount equals the actual except for rounding.
    slack = 1e-9 * max(abs(actual), 1.0)
    return ((lo - slack <= actual) & (actual <= hi + slack)).astype(np.float64)


def pit(draws: Floats, actual: float, u: float) -> float:
    """The probability integral transform: the share of draws below the actual; uniform if calibrated.

    Ties are split at random by `u` (uniform): Czado, Gneiting & Held (2009).

    >>> pit(np.array([1.0, 2.0, 3.0, 4.0]), 2.5, 0.3)
    0.5
    >>> pit(np.zeros(4), 0.0, 0.3)
    0.3
    """
    slack = 1e-9 * max(abs(actual), 1.0)
    below = float((draws < actual - slack).mean())
    equal = float((np.abs(draws - actual) <= slack).mean())
    return below + u * equal


def share_reaching(draws: Floats, target: float) -> float:
    """The share of draws that reach the target."""
    return float((draws >= target).mean())
