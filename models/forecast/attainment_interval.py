"""Between which ends does the true probability of the target lie? From the probability that is shown.

Part of what decides a period is settled already but in no record: the mood of the market, how far customers
have really come. Whoever knew it would name a probability nearer to 0 or 1. With revenue taken as normal and
`SETTLED` the settled share of its variance, the shown probability Phi(z) belongs to true ones

    Phi((z + sqrt(SETTLED) Z) / sqrt(1 - SETTLED)),  Z ~ N(0, 1),

whose mean it is (the distribution of Vasicek, 2002, of a portfolio's losses). So the interval is narrow where
little is open, late in the period or far from the target, and wide where the target is near.

`SETTLED` is a stated prior, set on simulated worlds whose true probability is known (1 to 5, 11 to 13 and 321
to 324 of `benchmarks/interval_coverage.py`): one share served the company, teams and people, early and late.
"""

from __future__ import annotations

from scipy.special import ndtr, ndtri

from models.win.chance_interval import LEVELS

SETTLED = 0.32
_EDGE = 1e-9


def attainment_intervals(probability: float | None) -> dict[str, list[float]] | None:
    """Intervals of the true probability of the target by level in percent; None without a probability.

    Each contains the shown probability, strictly between 0 and 1, and the intervals of lower levels.

    >>> [round(end, 2) for end in attainment_intervals(0.5)["80"]]
    [0.19, 0.81]
    >>> attainment_intervals(None) is None
    True
    """
    if probability is None:
        return None
    out = {}
    for level in LEVELS:
        out[f"{100 * level:.0f}"] = list(settled_ends(probability, level))
    return out


def settled_ends(probability: float, level: float, settled: float = SETTLED) -> tuple[float, float]:
    """The ends between which the central `level` of the true probabilities lies, and the shown one with them.

    >>> [round(end, 9) for end in settled_ends(0.3, 0.8, settled=0.0)]
    [0.3, 0.3]
    """
    shown = float(ndtri(min(max(probability, _EDGE), 1.0 - _EDGE)))
    reach = float(ndtri(0.5 + level / 2.0)) * settled**0.5
    left = (1.0 - settled) ** 0.5
    lo, hi = float(ndtr((shown - reach) / left)), float(ndtr((shown + reach) / left))
    return min(max(lo, _EDGE), probability), max(min(hi, 1.0 - _EDGE), probability)
