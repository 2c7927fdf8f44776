"""Between which ends does a deal's true chance lie? From the chance that is shown and its standard error.

A model sees what was recorded. What it does not see (a rival, a budget, a promise) makes true chances of
deals that look alike differ, most near 0 and some high. So the true chance is taken as Beta distributed
around the shown one, p, with variance p (1 - p) x share, where `share` is the part of an outcome's variance
that is already settled but hidden:

    share = p (1 - p) x (HIDDEN + ESTIMATION x sd^2)

So little is hidden where a chance is near 0 or 1, as it is for most deals near a period's end: what is far
from being won by then is far for all to see. `sd` is the standard error of the log-odds, large for small
organisations, so theirs are wider. Both factors and `REACH` are stated priors, set on simulated worlds of
2,000 deals (1 to 5, 341 to 346) and of 500 (1 to 4; `benchmarks/interval_coverage.py`), for chances in the
end and by a period's end, early and late stages, high and low chances alike. Outcomes alone cannot tell
them: a deal happens once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import betaincinv

from features.arrays import Floats
from features.kernel_cache import compiled

LEVELS = (0.5, 0.8, 0.95)
HIDDEN, ESTIMATION = 1.2, 0.1
LARGEST_SHARE = 0.6
# Mass of the Beta distribution that held so many of the true chances.
REACH = {0.0: 0.0, 0.5: 0.55, 0.8: 0.79, 0.95: 0.95, 1.0: 1.0}
_SPLITS = np.linspace(0.0, 1.0, 21)  # of the mass outside, the share below
_EDGE = 1e-6
_SMALLEST = 1e-3  # shape of a Beta distribution


def hidden_share(chance: Floats, sd: Floats) -> Floats:
    """The share (n,) of an outcome's variance that is settled but not seen by the model.

    >>> hidden_share(np.array([0.5]), np.array([0.0])).tolist()
    [0.3]
    """
    share = chance * (1.0 - chance) * (HIDDEN + ESTIMATION * np.asarray(sd) ** 2)
    out: Floats = np.minimum(share, LARGEST_SHARE)
    return out


def chance_interval(chance: Floats, sd: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends (n,), (n,) of the interval that contains the true chance with probability `level`.

    The shortest one that contains `chance` (n,), strictly between 0 and 1; a higher level contains a lower.
    """
    inner = [step for step in LEVELS if step < level]
    return chance_intervals(chance, sd, [*inner, level])[-1]


def chance_intervals(
    chance: Floats, sd: Floats, levels: Sequence[float] = LEVELS
) -> list[tuple[Floats, Floats]]:
    """The intervals at ascending levels, each of which contains those before it; see `chance_interval`."""
    shown = np.asarray(chance, np.float64)
    within = np.clip(shown, _EDGE, 1.0 - _EDGE)
    scale = 1.0 / hidden_share(within, sd) - 1.0
    shapes = [np.maximum(part * scale, _SMALLEST)[:, None] for part in (within, 1.0 - within)]
    low, high = betaincinv(*shapes, _shares(tuple(levels)))
    lo, hi = np.empty((2, len(levels), len(shown)))
    _shortest(low, high, within, shown, lo, hi)
    return list(zip(lo, hi, strict=True))


@lru_cache(16)
def _shares(levels: tuple[float, ...]) -> Floats:
    """The shares of the mass below both ends of each interval that is tried: (2, levels, 1, splits)."""
    mass = np.interp(levels, list(REACH), list(REACH.values()))[:, None]
    below = (1.0 - mass) * _SPLITS
    return np.stack([below, np.minimum(below + mass, 1.0)])[:, :, None]


@compiled
def _shortest(low: Floats, high: Floats, within: Floats, shown: Floats, lo: Floats, hi: Floats) -> None:
    """Fill the ends (levels, n) from those tried (levels, n, splits): the shortest around `within` (n,)."""
    for row in range(len(within)):
        chance, lowest, highest = within[row], within[row], within[row]
        for level in range(len(low)):
            best, least = 0, np.inf
            for split in range(low.shape[2]):
                below, above = low[level, row, split], high[level, row, split]
                missing = max(below - chance, 0.0) + max(chance - above, 0.0)
                length = 1.0 + missing if missing > 0.0 else above - below
                if length < least:
                    best, least = split, length
            lowest, highest = min(lowest, low[level, row, best]), max(highest, high[level, row, best])
            # A chance that is 0 or 1 as a fact (the period is over) lies outside by the edge.
            lo[level, row] = min(min(max(lowest, _EDGE), 1.0 - _EDGE), shown[row])
            hi[level, row] = max(min(max(highest, _EDGE), 1.0 - _EDGE), shown[row])
