"""How good are predicted probabilities, by themselves and compared with other predictions?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.arrays import Floats, Ints
from models.logistic import bounded_logit, fit_logistic
from models.statistics import DRAWS, Interval, clustered_means, means_of

FLOOR = 1e-6  # probabilities are clipped to [FLOOR, 1 - FLOOR], for all methods alike
BINS = 15  # of equal weight, of a reliability curve
MIN_SPREAD = 0.1  # sd of the log-odds of predictions whose slope says something
LUCK_DRAWS = 200
_AT_ONCE = 2_000_000  # numbers drawn per block
_SINGULAR = 1e12  # condition number beyond which a regression says nothing


def log_losses(chance: Floats, outcome: Floats) -> Floats:
    """-log of the predicted probability of the outcome, (n,); probabilities are clipped at 1e-6 and 1 - 1e-6.

    >>> log_losses(np.array([0.5, 0.25]), np.array([1.0, 0.0])).round(4)
    array([0.6931, 0.2877])
    """
    p = np.clip(chance, FLOOR, 1.0 - FLOOR)
    out: Floats = -(outcome * np.log(p) + (1.0 - outcome) * np.log1p(-p))
    return out


def brier_scores(chance: Floats, outcome: Floats) -> Floats:
    """(probability - outcome)^2, (n,). Brier (1950). An outcome in between counts as its mean over 1 and 0.

    >>> brier_scores(np.array([0.5, 0.25, 0.5]), np.array([1.0, 0.0, 0.5]))
    array([0.25  , 0.0625, 0.25  ])
    """
    out: Floats = outcome * (1.0 - chance) ** 2 + (1.0 - outcome) * chance**2
    return out


def reliability(chance: Floats, outcome: Floats, weight: Floats | None = None, bins: int = BINS) -> Floats:
    """Mean probability, share of positive outcomes and weight (b, 3) in bins of equal weight, ascending.

    >>> reliability(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]), bins=2).round(3).tolist()
    [[0.15, 0.0, 2.0], [0.85, 1.0, 2.0]]
    """
    weight = np.ones(len(chance)) if weight is None else weight
    order = np.argsort(chance, kind="stable")
    bin_of = _bins(weight[order], bins)
    mass = np.bincount(bin_of, weight[order], bins)
    predicted = np.bincount(bin_of, (weight * chance)[order], bins)
    actual = np.bincount(bin_of, (weight * outcome)[order], bins)
    filled = mass > 0
    out: Floats = np.stack(
        [predicted[filled] / mass[filled], actual[filled] / mass[filled], mass[filled]], axis=1
    )
    return out


def _bins(weight: Floats, bins: int) -> Ints:
    """The bin (n,) of each row, in ascending order of chance, so that all bins weigh alike."""
    middle = np.cumsum(weight) - 0.5 * weight
    out: Ints = np.minimum((middle / max(weight.sum(), 1e-12) * bins).astype(np.int64), bins - 1)
    return out


def calibration_error(
    chance: Floats, outcome: Floats, weight: Floats | None = None, bins: int = BINS
) -> float:
    """Mean over bins of equal weight of |mean probability - share of positive outcomes|.

    >>> round(calibration_error(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]), bins=2), 6)
    0.15
    """
    table = reliability(chance, outcome, weight, bins)
    return float(np.average(np.abs(table[:, 0] - table[:, 1]), weights=table[:, 2])) if len(table) else np.nan


def calibration_errors_by_luck(
    chance: Floats,
    cluster: Ints,
    rng: np.random.Generator,
    weight: Floats | None = None,
    bins: int = BINS,
    draws: int = LUCK_DRAWS,
) -> Floats:
    """Calibration errors (draws,) of probabilities (n,) that are right: what luck alone gives at this size.

    Outcomes are drawn from the probabilities themselves. Rows of a cluster (deal) share one draw: a deal is
    won or not, however many rows it has. With 30 deals the error of right probabilities is about .1.
    """
    if not len(chance):
        return np.zeros(0)
    weight = np.ones(len(chance)) if weight is None else weight
    order = np.argsort(chance, kind="stable")
    p, w = chance[order], weight[order]
    deals, number = np.unique(cluster[order], return_inverse=True)
    bin_of = _bins(w, bins)
    start = np.flatnonzero(np.diff(bin_of, prepend=-1))
    expected = np.add.reduceat(w * p, start)
    out = np.empty(draws)
    step = max(int(_AT_ONCE // len(p)), 1)
    for first in range(0, draws, step):
        lot = rng.random((min(step, draws - first), len(deals)))
        won = np.where(lot[:, number] < p, w, 0.0)
        gaps = np.abs(np.add.reduceat(won, start, axis=1) - expected)
        out[first : first + len(lot)] = gaps.sum(axis=1) / w.sum()
    return out


@dataclass(frozen=True)
class CalibrationFit:
    """Intercept and slope of outcomes on predicted log-odds, with standard errors; NaN = undefined."""

    intercept: float
    slope: float
    intercept_se: float
    slope_se: float


def calibration_fit(
    chance: Floats, outcome: Floats, cluster: Ints, weight: Floats | None = None
) -> CalibrationFit:
    """`calibration_slope` with standard errors that count each cluster (deal) once.

    Liang & Zeger (1986), "Longitudinal data analysis using generalized linear models".
    """
    intercept, slope = calibration_slope(chance, outcome, weight)
    clusters, number = np.unique(cluster, return_inverse=True)
    if not np.isfinite(slope) or len(clusters) < 2:
        return CalibrationFit(intercept, slope, np.nan, np.nan)
    weight = np.ones(len(chance)) if weight is None else weight
    design = np.stack([np.ones(len(chance)), bounded_logit(np.clip(chance, FLOOR, 1 - FLOOR))], axis=1)
    fitted = expit(design @ np.array([intercept, slope]))
    bread = (design * (weight * fitted * (1.0 - fitted))[:, None]).T @ design
    scores = design * (weight * (outcome - fitted))[:, None]
    of_cluster = np.stack([np.bincount(number, scores[:, k], len(clusters)) for k in (0, 1)], axis=1)
    if not np.linalg.cond(bread) < _SINGULAR:
        return CalibrationFit(intercept, slope, np.nan, np.nan)
    inverse = np.linalg.inv(bread)
    variance = inverse @ (of_cluster.T @ of_cluster) @ inverse * len(clusters) / (len(clusters) - 1)
    errors = np.sqrt(np.maximum(np.diag(variance), 0.0))
    return CalibrationFit(intercept, slope, float(errors[0]), float(errors[1]))


def calibration_slope(chance: Floats, outcome: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of outcomes on predicted log-odds; 0 and 1 are ideal.

    Cox (1958). A slope below 1 means that the probabilities are too extreme.
    """
    if len(outcome) < 10 or outcome.min() == outcome.max() or not np.isfinite(chance).all():
        return np.nan, np.nan
    weight = np.ones(len(chance)) if weight is None else weight
    design = np.stack([np.ones(len(chance)), bounded_logit(np.clip(chance, FLOOR, 1 - FLOOR))], axis=1)
    start = fit_logistic(design, outcome, weight, np.full(2, 1e-9), np.array([0.0, 1.0])).coefficients
    intercept, slope = _to_the_last_digit(start, design, outcome, weight)
    return float(intercept), float(slope)


def _to_the_last_digit(start: Floats, design: Floats, outcome: Floats, weight: Floats) -> Floats:
    """The coefficients (2,) without any penalty, so that whoever fits them gets the same; else the start.

    Where outcomes are separated by the predictions, there is no maximum to go to.
    """
    found = start
    for _ in range(20):
        fitted = expit(design @ found)
        information = (design * (weight * fitted * (1.0 - fitted))[:, None]).T @ design
        if not np.linalg.cond(information) < _SINGULAR:
            return start
        step = np.linalg.solve(information, design.T @ (weight * (outcome - fitted)))
        found = found + step
        if np.abs(step).max() <= 1e-13 * (1.0 + np.abs(found).max()):
            return found
    return found if np.abs(step).max() < 1e-10 * (1.0 + np.abs(found).max()) else start


def slope_intervals(
    chance: Floats, outcome: Floats, cluster: Ints, origin: Ints | None = None, weight: Floats | None = None
) -> tuple[Interval, Interval]:
    """Intercept and slope of `calibration_slope`, with the 95 % intervals of `clustered_means`.

    Each row moves them by its part of the score times the inverse information (Liang & Zeger 1986); these
    parts are summed over rows that share luck, as the values of a mean are. Undefined (NaN) where the
    predictions hardly vary (`varies`).
    """
    undefined = Interval(np.nan, np.nan, np.nan)
    weight = np.ones(len(chance)) if weight is None else weight
    if not varies(chance, weight):
        return undefined, undefined
    intercept, slope = calibration_slope(chance, outcome, weight)
    if not np.isfinite(slope):
        return undefined, undefined
    design = np.stack([np.ones(len(chance)), bounded_logit(np.clip(chance, FLOOR, 1 - FLOOR))], axis=1)
    fitted = expit(design @ np.array([intercept, slope]))
    information = (design * (weight * fitted * (1.0 - fitted))[:, None]).T @ design
    if not np.linalg.cond(information) < _SINGULAR:
        return Interval(intercept, np.nan, np.nan), Interval(slope, np.nan, np.nan)
    moved = (design * (outcome - fitted)[:, None]) @ np.linalg.inv(information)
    found = clustered_means(np.array([intercept, slope]) + weight.sum() * moved, weight, cluster, origin)
    return found[0], found[1]


def varies(chance: Floats, weight: Floats) -> bool:
    """Whether predictions differ enough for a slope to say something: their log-odds' sd is at least 0.1.

    >>> varies(np.array([0.20, 0.21]), np.ones(2)), varies(np.array([0.2, 0.4]), np.ones(2))
    (False, True)
    """
    if not len(chance):
        return False
    log_odds = bounded_logit(np.clip(chance, FLOOR, 1 - FLOOR))
    mean = np.average(log_odds, weights=weight)
    return bool(np.average((log_odds - mean) ** 2, weights=weight) >= MIN_SPREAD**2)


def calibration_noise(chance: Floats, cluster: Ints, weight: Floats | None = None, bins: int = BINS) -> float:
    """The mean calibration error that the same chances have by luck alone if they are exactly right.

    A deal's rows share one lot: it is won within as much of its rows' chances as the lot is below. In each
    bin the sum of outcomes then has the variance sum_ij w_i w_j (min(p_i, p_j) - p_i p_j) over the rows i, j
    of a deal, and its mean distance from what is expected is sqrt(2 variance / pi), that of a normal.

    >>> round(calibration_noise(np.full(400, 0.5), np.arange(400), bins=1), 4)
    0.0199
    """
    if not len(chance):
        return np.nan
    weight = np.ones(len(chance)) if weight is None else weight
    order = np.argsort(chance, kind="stable")
    p, w = chance[order], weight[order]
    bin_of = _bins(w, bins)
    _, deal = np.unique(cluster[order], return_inverse=True)
    # The rows of a deal in a bin, each with what the larger chances of the same deal weigh beyond it.
    group = deal * bins + bin_of
    by_group = np.argsort(group, kind="stable")
    group, p, w, bin_of = group[by_group], p[by_group], w[by_group], bin_of[by_group]
    last = np.flatnonzero(np.append(np.diff(group) != 0, True))
    number = np.cumsum(np.append(0, np.diff(group) != 0))
    cumulative = np.cumsum(w)
    beyond = cumulative[last][number] - cumulative
    both = w * p * (w + 2.0 * beyond)
    expected = np.bincount(number, w * p)
    variance = np.bincount(bin_of, both, bins) - np.bincount(bin_of[last], expected**2, bins)
    return float(np.sqrt(2.0 / np.pi * np.maximum(variance, 0.0)).sum() / w.sum())


def auc(chance: Floats, outcome: Floats, weight: Floats | None = None) -> float:
    """Probability that a positive outcome was predicted with a higher chance than a negative one; ties half.

    Rows (n,) are drawn in proportion to their weights.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0, 1, 1]))
    0.875
    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0, 1, 1]), np.array([1.0, 3, 1, 1]))
    0.8125

    An outcome between 0 and 1 counts in part on either side:

    >>> auc(np.array([0.1, 0.4, 0.9]), np.array([0.0, 0.5, 1.0]))
    0.9444444444444444
    """
    weight = np.ones(len(chance)) if weight is None else weight
    _, level = np.unique(chance, return_inverse=True)
    levels = int(level.max()) + 1 if len(level) else 0
    positive = np.bincount(level, weight * outcome, levels)
    negative = np.bincount(level, weight * (1.0 - outcome), levels)
    pairs = float(positive.sum()) * float(negative.sum())
    if pairs == 0:
        return np.nan
    below = np.cumsum(negative) - 0.5 * negative
    return float(positive @ below / pairs)


class Difference(Interval):
    """The mean difference in loss of two methods on the same rows, with its 95% interval."""

    @property
    def better(self) -> bool:
        """Whether the first method is significantly better: the whole interval is below 0."""
        return self.hi < 0.0


def paired_difference(
    losses: Floats,
    other_losses: Floats,
    cluster: Ints,
    rng: np.random.Generator,
    weight: Floats | None = None,
    draws: int = DRAWS,
    expanded: bool = False,
    origin: Ints | None = None,
) -> Difference:
    """Mean of losses - other_losses over rows (n,), with a bootstrap interval that draws clusters (deals).

    `expanded`: the interval is widened for few clusters; see `means_of`. With `origin` (n,), the period that
    each row was asked in, the interval is that of `clustered_means`, without random draws.
    """
    weight = np.ones(len(losses)) if weight is None else weight
    if origin is not None:
        (mean,) = clustered_means((losses - other_losses)[:, None], weight, cluster, origin)
        return Difference(mean.mean, mean.lo, mean.hi)
    mean = means_of((losses - other_losses)[:, None], weight, cluster, rng, draws, expanded)[0]
    return Difference(mean.mean, mean.lo, mean.hi)


def summary(chance: Floats, outcome: Floats, weight: Floats | None = None) -> dict[str, float]:
    """The usual scores of one method on one set of rows."""
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
        "auc": auc(chance, outcome, weight),
    }
