"""How good are probabilities, against what then happened and against other probabilities?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.logistic import bounded_logit, fit_logistic
from models.statistics import DRAWS, Interval, means_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOOR = 1e-6  # a probability of 0 or 1 is taken as this far from it, for every method alike


def log_losses(chance: Floats, outcome: Floats) -> Floats:
    """-log of the probability given to what happened, (n,); probabilities are kept 1e-6 off 0 and 1.

    >>> log_losses(np.array([0.5, 0.25]), np.array([1.0, 0.0])).round(4)
    array([0.6931, 0.2877])
    """
    p = np.clip(chance, FLOOR, 1.0 - FLOOR)
    out: Floats = -(outcome * np.log(p) + (1.0 - outcome) * np.log1p(-p))
    return out


def brier_scores(chance: Floats, outcome: Floats) -> Floats:
    """(probability - outcome)^2, (n,). Brier (1950).

    >>> brier_scores(np.array([0.5, 0.25]), np.array([1.0, 0.0]))
    array([0.25  , 0.0625])
    """
    out: Floats = (chance - outcome) ** 2
    return out


def reliability(chance: Floats, outcome: Floats, weight: Floats | None = None, bins: int = 15) -> Floats:
    """Mean probability, share that happened and weight (b, 3) in bins of equal mass, ascending.

    >>> reliability(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]), bins=2).round(3).tolist()
    [[0.15, 0.0, 2.0], [0.85, 1.0, 2.0]]
    """
    weight = np.ones(len(chance)) if weight is None else weight
    order = np.argsort(chance, kind="stable")
    reached = np.cumsum(weight[order]) - 0.5 * weight[order]
    bin_of = np.minimum((reached / max(weight.sum(), 1e-12) * bins).astype(np.int64), bins - 1)
    mass = np.bincount(bin_of, weight[order], bins)
    promised = np.bincount(bin_of, (weight * chance)[order], bins)
    happened = np.bincount(bin_of, (weight * outcome)[order], bins)
    there = mass > 0
    out: Floats = np.stack(
        [promised[there] / mass[there], happened[there] / mass[there], mass[there]], axis=1
    )
    return out


def calibration_error(chance: Floats, outcome: Floats, weight: Floats | None = None, bins: int = 15) -> float:
    """Mean over bins of equal mass of |mean probability - share that happened|, weighted by mass.

    >>> round(calibration_error(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]), bins=2), 6)
    0.15
    """
    table = reliability(chance, outcome, weight, bins)
    return float(np.average(np.abs(table[:, 0] - table[:, 1]), weights=table[:, 2])) if len(table) else np.nan


def calibration_slope(chance: Floats, outcome: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Intercept and slope of a regression of what happened on the log-odds promised; 0 and 1 are right.

    Cox (1958). A slope below 1: the probabilities are too far apart.
    """
    if len(outcome) < 10 or outcome.min() == outcome.max():
        return np.nan, np.nan
    weight = np.ones(len(chance)) if weight is None else weight
    design = np.stack([np.ones(len(chance)), bounded_logit(np.clip(chance, FLOOR, 1 - FLOOR))], axis=1)
    found = fit_logistic(design, outcome, weight, np.full(2, 1e-9), np.array([0.0, 1.0])).coefficients
    return float(found[0]), float(found[1])


def auc(chance: Floats, outcome: Floats) -> float:
    """Chance that one that happened was given more than one that did not; ties count half.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0, 1, 1]))
    0.875
    """
    from scipy.stats import rankdata

    happened = outcome > 0.5
    pairs = float(happened.sum()) * float((~happened).sum())
    if pairs == 0:
        return np.nan
    ranks = rankdata(chance)
    return float((ranks[happened].sum() - happened.sum() * (happened.sum() + 1) / 2) / pairs)


class Difference(Interval):
    """A mean difference between two methods on the same rows, ours minus theirs, with its 95 % interval."""

    @property
    def better(self) -> bool:
        """Whether ours is better beyond doubt: the whole interval below 0."""
        return self.hi < 0.0


def paired_difference(
    ours: Floats,
    theirs: Floats,
    cluster: Ints,
    rng: np.random.Generator,
    weight: Floats | None = None,
    draws: int = DRAWS,
) -> Difference:
    """Mean of ours - theirs over rows (n,); its interval by a bootstrap that draws whole clusters (deals)."""
    weight = np.ones(len(ours)) if weight is None else weight
    found = means_of((ours - theirs)[:, None], weight, cluster, rng, draws)[0]
    return Difference(found.mean, found.lo, found.hi)


def summary(chance: Floats, outcome: Floats, weight: Floats | None = None) -> dict[str, float]:
    """The usual figures of one method on one set of rows."""
    weight = np.ones(len(chance)) if weight is None else weight
    intercept, slope = calibration_slope(chance, outcome, weight)
    return {
        "rows": float(len(chance)),
        "rate": float(np.average(outcome, weights=weight)),
        "mean": float(np.average(chance, weights=weight)),
        "log_loss": float(np.average(log_losses(chance, outcome), weights=weight)),
        "brier": float(np.average(brier_scores(chance, outcome), weights=weight)),
        "calibration_error": calibration_error(chance, outcome, weight),
        "slope": slope,
        "intercept": intercept,
        "auc": auc(chance, outcome),
    }
