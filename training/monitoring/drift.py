"""Do deals differ from those of the training? Population stability, compared with its usual variation.

The rule of thumb (alarm above .2) depends neither on the number of deals nor on how much a business usually
changes. Here the stability index of the time in service is compared with the indices of earlier intervals of
the same length, each compared with the rest: an alarm means that the change is larger than usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, t

from features.arrays import Floats, Ints

SHARE = 0.05  # false discovery rate of the alarms (Benjamini & Hochberg 1995)
MIN_INDEX = 0.1  # an index below this raises no alarm
MIN_INTERVALS = 4
_BINS = 10
_FLOOR = 1e-3  # share that an empty bin counts as


@dataclass(frozen=True)
class Drift:
    """The drift of one column: its stability index, the p-value under the usual variation, and the alarm."""

    index: float
    p_value: float
    alarm: bool


def stability(before: Floats, since: Floats, category: bool = False) -> float:
    """Population stability index of values (n,) and (m,): sum (q - p) log(q / p) over bins; 0 = equal.

    Bins are tenths of `before`, or levels of a category; unknown values are a separate bin.

    >>> x = np.arange(100.0)
    >>> stability(x, x) == 0.0, stability(x, x + 50.0) > 1.0
    (True, True)
    """
    if not len(before) or not len(since):
        return 0.0
    known = before[~np.isnan(before)]
    cuts = known if category or not len(known) else np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])
    edges = np.unique(cuts)
    p, q = (_shares(values, edges, category) for values in (before, since))
    return float(((q - p) * np.log(q / p)).sum())


def _shares(values: Floats, edges: Floats, category: bool) -> Floats:
    unknown = np.isnan(values)
    bin_of = np.searchsorted(edges, values[~unknown], side="left" if category else "right")
    if category:
        other = ~np.isin(values[~unknown], edges)
        bin_of = np.where(other, len(edges), bin_of)
    counts = np.bincount(bin_of, minlength=len(edges) + 1).astype(np.float64)
    shares = np.append(counts, unknown.sum()) / len(values)
    floored = np.maximum(shares, _FLOOR)
    return np.asarray(floored / floored.sum(), np.float64)


def drifts(
    before: Floats, week_before: Ints, since: Floats, weeks: int, categories: frozenset[int] = frozenset()
) -> list[Drift]:
    """Drift of each column from x before (n, k) to since (m, k); false discovery rate of the alarms 5%.

    The time before is divided into intervals of `weeks`; the logs of their indices, each compared with the
    rest, are assumed to be normal, so the p-value is that of a t-distribution. With fewer than four intervals
    there is no alarm.
    """
    interval = (int(week_before.max(initial=0)) - week_before) // max(weeks, 1)
    whole = interval < (int(week_before.max(initial=-1)) + 1) // max(weeks, 1)
    numbers = np.unique(interval[whole])
    indices = [
        _drift(before[:, k], interval, numbers, since[:, k], k in categories) for k in range(since.shape[1])
    ]
    alarms = false_discovery_control([p for _, p in indices]) <= SHARE
    return [
        Drift(index, p, bool(alarm) and index >= MIN_INDEX)
        for (index, p), alarm in zip(indices, alarms, strict=True)
    ]


def _drift(
    before: Floats, interval: Ints, numbers: Ints, since: Floats, category: bool
) -> tuple[float, float]:
    index = stability(before, since, category)
    if len(numbers) < MIN_INTERVALS or not len(since):
        return index, 1.0
    usual = np.array([stability(before[interval != at], before[interval == at], category) for at in numbers])
    logs = np.log(usual + 1e-4)
    spread = max(float(logs.std(ddof=1)), 0.1) * np.sqrt(1.0 + 1.0 / len(logs))
    return index, float(t.sf((np.log(index + 1e-4) - logs.mean()) / spread, len(logs) - 1))
