"""Do the intervals of a model's chances agree with what happened later? By outcomes, which are 0 or 1.

A single outcome says nothing about a chance, so later deals of similar chance are put in bins of about 50.
If the intervals are right, the share won of a bin is a draw around a true mean chance that lies between the
mean ends of the bin's intervals as often as the level says. How many deals of the bin are then won follows
exactly: the chance is taken as logit-normal with these ends as its quantiles, the number won as binomial
given the chance. The bin is covered if the number lies in the central interval of this distribution at the
same level; a number that the bound falls on counts in part (Czado et al. 2009). So the luck of the draw is
counted neither against the interval nor in its favour.

The hidden parts of deals even out within a bin. An interval of single deals' chances that is right
therefore covers at least as many bins as its level says; fewer prove it too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtri
from scipy.stats import binom

from features.arrays import Floats, Ints
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.model import WinModel
from training.snapshots import Fold

BIN_DEALS = 50
FEWEST_BINS = 4
SEED = 20  # of the question drawn for each deal
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


@dataclass(frozen=True)
class Coverage:
    """The share of `bins` of later deals covered at each level, and the mean width of single intervals."""

    bins: int
    deals: int
    covered: dict[float, float]
    width: dict[float, float]


def coverage_of(model: WinModel, fold: Fold, chance: Floats) -> Coverage | None:
    """Coverage, on a fold's later deals, of the intervals of chances (m,) of its questions, of all horizons.

    `model` was fitted on the fold's training side; the standard errors are its own. One question per deal is
    used, drawn at random but the same at every call, since questions about one deal share its outcome.
    """
    valid = fold.valid
    asked = np.random.default_rng(SEED).permutation(len(valid.row))
    asked = asked[np.unique(valid.question_deal[asked], return_index=True)[1]]
    row = valid.row[asked]
    x = np.zeros((len(row), int(model.used.max(initial=-1)) + 1))
    x[:, model.used] = valid.x[row]  # a fold's rows have the used features only
    sd = model.contributions(x, valid.at[row], valid.horizon[asked]).sd if len(row) else np.zeros(0)
    return coverage_by_outcomes(chance[asked], sd, valid.won[asked], valid.question_deal[asked])


def coverage_by_outcomes(chance: Floats, sd: Floats, won: Floats, deal: Ints) -> Coverage | None:
    """Coverage of the intervals of chances (n,) with standard errors (n,), from outcomes (n,).

    Of each deal the first question is used. None = too few deals.
    """
    first = np.unique(deal, return_index=True)[1]
    order = first[np.argsort(chance[first], kind="stable")]
    count = len(order) // BIN_DEALS
    if count < FEWEST_BINS:
        return None
    bins = np.array_split(order, count)
    covered, width = {}, {}
    for level, (lo, hi) in zip(LEVELS, chance_intervals(chance[order], sd[order], LEVELS), strict=True):
        position = np.split(np.arange(len(order)), np.cumsum([len(part) for part in bins])[:-1])
        shares = [
            held_share(int(won[part].sum()), len(part), float(lo[at].mean()), float(hi[at].mean()), level)
            for part, at in zip(bins, position, strict=True)
        ]
        covered[level], width[level] = float(np.mean(shares)), float((hi - lo).mean())
    return Coverage(count, len(order), covered, width)


def held_share(wins: int, deals: int, lo: float, hi: float, level: float) -> float:
    """How far `wins` of `deals` lie within what an interval [lo, hi] of their mean chance at `level` allows.

    1 inside, 0 outside, between where the bound falls within the probability of this number.

    >>> held_share(25, 50, 0.4, 0.6, 0.8), held_share(50, 50, 0.4, 0.6, 0.8)
    (1.0, 0.0)
    """
    ends = logit(np.clip([lo, hi], 1e-6, 1.0 - 1e-6))
    centre, spread = ends.mean(), (ends[1] - ends[0]) / (2.0 * ndtri(0.5 + level / 2.0))
    chances, weights = expit(centre + spread * _NODES), _WEIGHTS / _WEIGHTS.sum()
    below = float(weights @ binom.cdf(wins - 1, deals, chances))
    upto = float(weights @ binom.cdf(wins, deals, chances))
    inside = min(upto, 0.5 + level / 2.0) - max(below, 0.5 - level / 2.0)
    return float(np.clip(inside / max(upto - below, 1e-12), 0.0, 1.0))
