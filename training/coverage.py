"""Do the intervals of a model's chances agree with what happened later? By outcomes, which are 0 or 1.

A single outcome says nothing about a chance, so later deals of similar chance are put in bins of about 50.
If the intervals are right, the mean true chance of a bin lies between the mean ends of its intervals as often
as the level says, and the number won is binomial around it. The bin is covered if the number won is neither
smaller than the lower end allows nor larger than the upper end allows, each with the half of (1 - level) as
the chance to be wrong, from the exact binomial distribution; a number that the bound falls on counts in part
(Czado et al. 2009). Where luck is all there is (an interval of no width) this covers exactly as often as the
level says, and likewise where luck plays no part; between the two, more often.

The hidden parts of deals also even out within a bin. So an interval of single deals' chances that is right
covers at least as many bins as its level says; fewer prove it too narrow, or the chances wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from features.arrays import Floats, Ints
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.model import WinModel
from training.outcomes_by_chance import one_question_each
from training.snapshots import Fold

BIN_DEALS = 50
FEWEST_BINS = 4


@dataclass(frozen=True)
class Coverage:
    """The share of `bins` of later deals covered at each level, and the mean width of single intervals."""

    bins: int
    deals: int
    covered: dict[float, float]
    width: dict[float, float]

    def to_json(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        levels = [
            {"level": level, "covered": covered, "width": self.width[level]}
            for level, covered in self.covered.items()
        ]
        return {"bins": self.bins, "deals": self.deals, "levels": levels}


def coverage_of(model: WinModel, fold: Fold, chance: Floats) -> Coverage | None:
    """Coverage, on a fold's later deals, of the intervals of chances (m,) of its questions, of all horizons.

    `model` was fitted on the fold's training side; the standard errors are its own. One question per deal is
    used, drawn at random but the same at every call, since questions about one deal share its outcome.
    """
    valid = fold.valid
    asked = one_question_each(valid.question_deal)
    row = valid.row[asked]
    x = np.zeros((len(row), int(model.used.max(initial=-1)) + 1))
    x[:, model.used] = valid.x[row]  # a fold's rows have the used features only
    sd = model.log_odds_sd(x, valid.at[row], valid.horizon[asked]) if len(row) else np.zeros(0)
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
    """How far `wins` of `deals` lie within what chances between `lo` and `hi` allow at `level`.

    1 inside, 0 outside, between where a bound falls within the probability of this number.

    >>> held_share(25, 50, 0.4, 0.6, 0.8), held_share(50, 50, 0.4, 0.6, 0.8)
    (1.0, 0.0)
    """
    outside = (1.0 - level) / 2.0
    not_too_few = (binom.cdf(wins, deals, lo) - outside) / max(binom.pmf(wins, deals, lo), 1e-300)
    not_too_many = (1.0 - outside - binom.cdf(wins - 1, deals, hi)) / max(binom.pmf(wins, deals, hi), 1e-300)
    both = float(np.clip(not_too_few, 0.0, 1.0) + np.clip(not_too_many, 0.0, 1.0))
    return max(both - 1.0, 0.0)
