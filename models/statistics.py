"""How much of a difference is chance? Shrinkage towards a common mean, intervals by resampling clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from features.arrays import Floats, Ints

Z80, Z90 = float(ndtri(0.9)), float(ndtri(0.95))  # half the width of an 80 % and a 90 % interval, in sd

DRAWS = 1000
_AT_ONCE = 8_000_000  # numbers drawn per block


def variance_beyond_chance(effect: Floats, noise: Floats) -> float:
    """Variance of effects (k > 1,) beyond their own `noise`, variances (k,); below 0 where there is none.

    (sum w (effect - mean)^2 - (k - 1)) / (sum w - sum w^2 / sum w), w = 1 / noise, mean weighted by w.
    DerSimonian & Laird (1986), "Meta-analysis in clinical trials".

    >>> variance_beyond_chance(np.array([0.0, 2.0]), np.ones(2))
    1.0
    """
    weight = 1 / noise
    mean = float(np.average(effect, weights=weight))
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    return (float(weight @ (effect - mean) ** 2) - (len(effect) - 1)) / max(scale, 1e-9)


def never_certain(share: float, draws: int) -> float:
    """The probability of what happened in a share of `draws` scenarios: half a scenario from 0 and 1 or more.

    >>> never_certain(0.0, 1_000), never_certain(0.25, 1_000), never_certain(1.0, 1_000)
    (0.0005, 0.25, 0.9995)
    """
    margin = 0.5 / max(draws, 1)
    return min(max(share, margin), 1.0 - margin)


def pooled_with_prior(variance: float, seen: float, prior: float, weight: float) -> float:
    """A variance estimated from `seen` independent values, pooled with a prior that weighs `weight` values.

    >>> pooled_with_prior(2.0, 10.0, 1.0, 10.0)
    1.5
    """
    return (seen * variance + weight * prior) / (seen + weight)


def shrunk(effect: Floats, noise: Floats) -> Floats:
    """Effects (k,) with variances `noise` (k,), each shrunk to the common mean by the share of chance.

    The empirical-Bayes mean of a random-effects model. Where nothing differs beyond chance, all are equal:

    >>> shrunk(np.array([0.9, 1.1]), np.ones(2))
    array([1., 1.])
    """
    if len(effect) < 2:
        return effect
    between = max(variance_beyond_chance(effect, noise), 0.0)
    middle = float(np.average(effect, weights=1 / (noise + between)))
    return np.asarray(middle + (effect - middle) * between / (between + noise))


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval; NaN where it is undefined."""

    mean: float
    lo: float
    hi: float

    def to_json(self) -> dict[str, float | None]:
        """Plain values; NaN becomes null."""
        return {name: value if np.isfinite(value) else None for name, value in vars(self).items()}

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.lo:+.4f}, {self.hi:+.4f}]"


def resampled_sums(values: Floats, cluster: Ints, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Column sums of rows (n, k) in each of `draws` bootstrap samples of whole clusters (n,): (draws, k).

    As many clusters are drawn, with replacement, as there are. Field & Welsh (2007), "Bootstrapping clustered
    data".

    >>> sums = resampled_sums(np.ones((4, 1)), np.array([7, 7, 9, 9]), np.random.default_rng(0), 3)
    >>> sums.ravel().tolist()
    [4.0, 4.0, 4.0]
    """
    _, number = np.unique(cluster, return_inverse=True)
    count = int(number.max()) + 1 if len(number) else 0
    total = np.zeros((count, values.shape[1]))
    np.add.at(total, number, values)
    if not count:
        return np.zeros((draws, values.shape[1]))
    out = np.empty((draws, values.shape[1]))
    step = max(_AT_ONCE // count, 1)
    for first in range(0, draws, step):
        size = min(step, draws - first)
        times = rng.multinomial(count, np.full(count, 1.0 / count), size=size)
        out[first : first + size] = times @ total
    return out


def interval_of(
    values: Floats,
    cluster: Ints,
    rng: np.random.Generator,
    figure: Callable[[Floats], Floats],
    draws: int = DRAWS,
) -> Interval:
    """A statistic of column sums (n, k), such as a ratio, with its 95 % percentile interval.

    `figure` maps sums (d, k) to statistics (d,).
    """
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    point = float(figure(values.sum(axis=0)[None, :])[0])
    drawn = figure(resampled_sums(values, cluster, rng, draws))
    drawn = drawn[np.isfinite(drawn)]
    if len(np.unique(cluster)) < 2 or len(drawn) < draws / 2:
        return Interval(point, np.nan, np.nan)
    lo, hi = np.quantile(drawn, [0.025, 0.975])
    return Interval(point, float(lo), float(hi))


def means_of(
    values: Floats,
    weight: Floats,
    cluster: Ints,
    rng: np.random.Generator,
    draws: int = DRAWS,
    expanded: bool = False,
) -> list[Interval]:
    """The weighted mean of each column (n, k) with its 95 % interval, all from the same samples.

    `expanded`: percentiles further out make up for what a bootstrap of few clusters lacks in width.
    Hesterberg (2015), "What teachers should know about the bootstrap".
    """
    if not len(values):
        return [Interval(np.nan, np.nan, np.nan)] * values.shape[1]
    columns = np.concatenate([values * weight[:, None], weight[:, None]], axis=1)
    sums = resampled_sums(columns, cluster, rng, draws)
    means = sums[:, :-1] / sums[:, -1:]
    whole = columns.sum(axis=0)
    ends = np.full((2, values.shape[1]), np.nan)
    count = len(np.unique(cluster))
    if count > 1:
        tail = 0.025
        if expanded:
            tail = float(ndtr(-np.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.975)))
        ends = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return [
        Interval(float(whole[k] / whole[-1]), float(ends[0, k]), float(ends[1, k]))
        for k in range(values.shape[1])
    ]


def clustered_means(
    values: Floats, weight: Floats, cluster: Ints, origin: Ints | None = None
) -> list[Interval]:
    """The weighted mean of each column (n, k) with its 95 % interval, for rows that share luck in two ways.

    Rows of a `cluster` (deal) share its fate, rows of an `origin` (the period they were asked in) the market
    of that time. Variance = between clusters + between origins - between their crossings (Cameron, Gelbach &
    Miller 2011, "Robust inference with multiway clustering"), the second less the third never below 0; the
    interval is that of Student's t with Satterthwaite's degrees of freedom. No random numbers: whoever has
    the rows gets the same interval. Undefined (NaN) with one cluster; with one origin only clusters count.

    >>> one, = clustered_means(np.array([[0.0], [2.0], [4.0]]), np.ones(3), np.arange(3))
    >>> round(one.mean, 3), round(one.hi, 3)
    (2.0, 6.968)
    """
    found = clustered_spread(values, weight, cluster, origin)
    reach = np.where(found.sd > 0, stdtrit(np.maximum(found.freedom, 1.0), 0.975), 0.0) * found.sd
    return [
        Interval(float(one), float(one - half), float(one + half))
        for one, half in zip(found.mean, reach, strict=True)
    ]


@dataclass(frozen=True)
class Spread:
    """Means (k,), their standard errors and the degrees of freedom of Student's t; NaN where undefined."""

    mean: Floats
    sd: Floats
    freedom: Floats

    @property
    def p_values(self) -> Floats:
        """Two-sided p-values (k,) of the means being 0; 1 where a mean is 0, NaN where undefined."""
        known = np.isfinite(self.sd)
        t = np.where(self.mean == 0.0, 0.0, np.abs(self.mean) / np.maximum(self.sd, 1e-300))
        out: Floats = np.where(known, 2.0 * stdtr(np.maximum(self.freedom, 1.0), -t), np.nan)
        return out


def clustered_spread(values: Floats, weight: Floats, cluster: Ints, origin: Ints | None = None) -> Spread:
    """The weighted mean of each column (n, k), how uncertain it is, and by how many degrees of freedom.

    See `clustered_means`.
    """
    undefined = np.full(values.shape[1], np.nan)
    if not len(values):
        return Spread(undefined, undefined, undefined)
    total = max(float(weight.sum()), 1e-300)
    mean: Floats = weight @ values / total
    share = (values - mean) * (weight / total)[:, None]
    _, deal = np.unique(cluster, return_inverse=True)
    deals = int(deal.max()) + 1
    if deals < 2:
        return Spread(mean, undefined, undefined)
    by_deal = _between(share, deal)
    by_origin, origins = np.zeros(values.shape[1]), 2
    if origin is not None:
        _, when = np.unique(origin, return_inverse=True)
        origins = int(when.max()) + 1
        if origins > 1:
            _, crossing = np.unique(deal * origins + when, return_inverse=True)
            by_origin = np.maximum(_between(share, when) - _between(share, crossing), 0.0)
    variance = by_deal + by_origin
    freedom = variance**2 / np.maximum(by_deal**2 / (deals - 1) + by_origin**2 / max(origins - 1, 1), 1e-300)
    return Spread(mean, np.sqrt(variance), freedom)


def _between(share: Floats, number: Ints) -> Floats:
    """Variance (k,) of column sums by groups (n,) of rows (n, k), with the correction for few groups."""
    groups = int(number.max()) + 1
    sums = np.stack([np.bincount(number, column, groups) for column in share.T], axis=1)
    out: Floats = (sums**2).sum(axis=0) * (groups / max(groups - 1, 1))
    return out


def share_of_gap_closed(
    worst: Floats, ours: Floats, best: Floats, cluster: Ints, rng: np.random.Generator
) -> Interval:
    """Share of the way from `worst` to `best` (mean scores, lower is better) that `ours` goes, rows (n,).

    1 = as good as the best, 0 = no better than the worst.

    >>> rng = np.random.default_rng(0)
    >>> share = share_of_gap_closed(np.full(4, 3.0), np.full(4, 1.5), np.ones(4), np.arange(4), rng)
    >>> share.mean, share.lo
    (0.75, 0.75)
    """
    return interval_of(
        np.stack([worst, ours, best], axis=1),
        cluster,
        rng,
        lambda s: (s[:, 0] - s[:, 1]) / (s[:, 0] - s[:, 2]),
    )
