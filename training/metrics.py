"""How good are predicted probabilities, by themselves and compared with other predictions?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaincc

from features.arrays import Floats, Ints
from models.logistic import bounded_logit, fit_logistic
from models.statistics import DRAWS, Interval, clustered_means, means_of

FLOOR = 1e-6  # probabilities are clipped to [FLOOR, 1 - FLOOR], for all methods alike
BINS = 15  # of equal weight, of a reliability curve
MIN_SPREAD = 0.1  # sd of the log-odds of predictions whose slope says something
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


@dataclass(frozen=True)
class CalibrationLuck:
    """Mean and sd of the calibration error of probabilities that are right: what luck alone gives."""

    mean: float
    sd: float

    def p_value(self, error: float) -> float:
        """The chance of an error as large by luck; NaN without any rows.

        The error is a sum of absolute values of normals; the gamma distribution with its mean and sd stands
        for it (as for sums of squares: Satterthwaite 1946, "An approximate distribution of estimates of
        variance components").
        """
        if not np.isfinite(error) or not np.isfinite(self.mean):
            return np.nan
        if self.sd <= 0.0:
            return 1.0 if error <= self.mean else 0.0
        return float(gammaincc((self.mean / self.sd) ** 2, error * self.mean / self.sd**2))


def calibration_luck(
    chance: Floats, cluster: Ints, weight: Floats | None = None, bins: int = BINS
) -> CalibrationLuck:
    """The calibration error of probabilities (n,) that are right, without random draws.

    A deal's rows share one lot: it is won within as much of its rows' chances as the lot is below. The sums
    of outcomes in bins a and b then have the covariance sum_ij w_i w_j (min(p_i, p_j) - p_i p_j) over the
    rows i in a and j in b of a deal. Taken as normal with these covariances, a bin's distance from what is
    expected is sqrt(2 / pi) sd in the mean, and two distances have the covariance 2 / pi sd_a sd_b
    (sqrt(1 - r^2) + r arcsin r - 1), r their correlation (Leone, Nelson & Nottingham 1961, "The folded normal
    distribution").

    >>> round(calibration_luck(np.full(400, 0.5), np.arange(400), bins=1).mean, 4)
    0.0199
    """
    if not len(chance):
        return CalibrationLuck(np.nan, np.nan)
    weight = np.ones(len(chance)) if weight is None else weight
    covariance = _covariance_of_bins(chance, cluster, weight, bins) / weight.sum() ** 2
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    product = np.outer(sd, sd)
    r = np.clip(covariance / np.maximum(product, 1e-300), -1.0, 1.0)
    folded = 2.0 / np.pi * product * (np.sqrt(1.0 - r**2) + r * np.arcsin(r) - 1.0)
    return CalibrationLuck(
        float(np.sqrt(2.0 / np.pi) * sd.sum()), float(np.sqrt(np.maximum(folded.sum(), 0.0)))
    )


def _covariance_of_bins(chance: Floats, cluster: Ints, weight: Floats, bins: int) -> Floats:
    """Covariances (bins, bins) of the weighted sums of outcomes in each bin, if the chances are right."""
    order = np.argsort(chance, kind="stable")
    bin_of = np.empty(len(order), np.int64)
    bin_of[order] = _bins(weight[order], bins)
    deals, deal = np.unique(cluster, return_inverse=True)
    by_deal = np.lexsort((chance, deal))  # the rows of a deal together, its chances ascending
    deal, bin_of, p, w = deal[by_deal], bin_of[by_deal], chance[by_deal], weight[by_deal]
    last = np.flatnonzero(np.diff(deal, append=len(deals)))
    smaller = np.empty(
        (bins, bins)
    )  # sums of w_i w_j p_i over the rows j of bin b that come after row i in a
    for one in range(bins):
        weight_there = np.where(bin_of == one, w, 0.0)
        so_far = np.cumsum(weight_there)
        smaller[:, one] = np.bincount(bin_of, w * p * (so_far[last][deal] - so_far), bins)
    expected = np.bincount(deal * bins + bin_of, w * p, len(deals) * bins).reshape(len(deals), bins)
    itself = np.diag(np.bincount(bin_of, w**2 * p, bins))
    out: Floats = smaller + smaller.T + itself - expected.T @ expected
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
    """The mean calibration error that the same chances have by luck alone if they are exactly right."""
    return calibration_luck(chance, cluster, weight, bins).mean


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
