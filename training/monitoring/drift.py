"""Do deals look other than those learned from? Population stability, judged by how it moved before.

The folk rule (alarm above .2) takes no account of how many deals were looked at, nor of a business that
always moves. Here the stability index of the time in service is held against those of earlier stretches as
long, each against the rest: an alarm says that it moved more than it used to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, t

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARE = 0.05  # of the alarms, how many may be false on average (Benjamini & Hochberg 1995)
MIN_MOVE = 0.1  # an index below this is no move worth a word
MIN_STRETCHES = 4
_BINS = 10
_FLOOR = 1e-3  # share that an empty bin counts as


@dataclass(frozen=True)
class Drift:
    """How far one column moved: its index, the chance of as large a one in quiet times, and the alarm."""

    index: float
    p_value: float
    alarm: bool


def stability(before: Floats, since: Floats, category: bool = False) -> float:
    """Population stability index of values (n,) and (m,): sum (q - p) log(q / p) over bins; 0 = alike.

    Bins are tenths of `before`, or levels of a category; unknown values are a bin of their own.

    >>> x = np.arange(100.0)
    >>> stability(x, x) == 0.0, stability(x, x + 50.0) > 1.0
    (True, True)
    """
    if not len(before) or not len(since):
        return 0.0
    known = before[~np.isnan(before)]
    edges = (
        np.unique(known) if category else np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    )
    p, q = (_shares(values, edges, category) for values in (before, since))
    return float(((q - p) * np.log(q / p)).sum())


def _shares(values: Floats, edges: Floats, category: bool) -> Floats:
    unknown = np.isnan(values)
    place = np.searchsorted(edges, values[~unknown], side="left" if category else "right")
    if category:
        other = ~np.isin(values[~unknown], edges)
        place = np.where(other, len(edges), place)
    counts = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
    shares = np.append(counts, unknown.sum()) / len(values)
    floored = np.maximum(shares, _FLOOR)
    return np.asarray(floored / floored.sum(), np.float64)


def drifts(
    before: Floats, week_before: Ints, since: Floats, weeks: int, categories: frozenset[int] = frozenset()
) -> list[Drift]:
    """Drift of each column of x before (n, k) and since (m, k), alarms at 5 % false among them.

    The time before is cut into stretches of `weeks`; logs of their indices, each against the rest, are taken
    as normal, so the p-value is a t-distribution's (Student). Fewer than four stretches raise no alarm.
    """
    stretch = (int(week_before.max(initial=0)) - week_before) // max(weeks, 1)
    whole = stretch < (int(week_before.max(initial=-1)) + 1) // max(weeks, 1)
    numbers = np.unique(stretch[whole])
    found = [
        _drift(before[:, k], stretch, numbers, since[:, k], k in categories) for k in range(since.shape[1])
    ]
    alarms = false_discovery_control([p for _, p in found]) <= SHARE
    return [
        Drift(index, p, bool(alarm) and index >= MIN_MOVE)
        for (index, p), alarm in zip(found, alarms, strict=True)
    ]


def _drift(
    before: Floats, stretch: Ints, numbers: Ints, since: Floats, category: bool
) -> tuple[float, float]:
    index = stability(before, since, category)
    if len(numbers) < MIN_STRETCHES or not len(since):
        return index, 1.0
    quiet = np.array([stability(before[stretch != one], before[stretch == one], category) for one in numbers])
    logs = np.log(quiet + 1e-4)
    spread = max(float(logs.std(ddof=1)), 0.1) * np.sqrt(1.0 + 1.0 / len(logs))
    return index, float(t.sf((np.log(index + 1e-4) - logs.mean()) / spread, len(logs) - 1))
