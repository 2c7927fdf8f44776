"""How closely did each KPI go with revenue in past periods? A correlation, which says nothing of causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from features.arrays import Floats
from features.kpis import Count, Kpi, KpiEvents, Shape

_LEAST = 20  # people and periods with both, for a correlation to be told
_REVENUE = Count("deals.won", total="amount")


def correlations(
    kpis: Sequence[Kpi], events: KpiEvents, periods: Sequence[tuple[int, int]]
) -> Mapping[str, float]:
    """Spearman's rank correlation of each KPI with revenue, over people and past periods [first, end).

    Of people who won something in any of them. KPIs that are states, not events, are left out.
    """
    people = len(events.people) + 1
    revenue = _by_person_and_period(_REVENUE, events, periods, people)
    sells = revenue.sum(0) > 0
    found = {}
    for kpi in kpis:
        if kpi.shape in (Shape.CHURN, Shape.LEVEL, Shape.REPEAT, Shape.LIFETIME):
            continue
        values = _values(kpi, events, periods, people)[:, sells].ravel()
        both = np.isfinite(values)
        if both.sum() >= _LEAST and values[both].std() > 0:
            found[kpi.id] = _spearman(values[both], revenue[:, sells].ravel()[both])
    return found


def _values(kpi: Kpi, events: KpiEvents, periods: Sequence[tuple[int, int]], people: int) -> Floats:
    """The KPI by period and person; NaN where a share has no denominator."""
    if kpi.shape is Shape.COHORT:
        counted = events.counted(kpi.count)
        assert counted.reached is not None  # noqa: S101 - a cohort's count has a `reached` step
        met = np.where(counted.reached > 0, 1.0, 0.0)
        out = np.full((len(periods), people), np.nan)
        for row, (first, end) in enumerate(periods):
            low, high = np.searchsorted(counted.at, [first, end])
            total = np.bincount(counted.person[low:high], minlength=people)
            reached = np.bincount(counted.person[low:high], met[low:high], people)
            out[row] = np.where(total > 0, reached / np.maximum(total, 1), np.nan)
        return out
    top = _by_person_and_period(kpi.count, events, periods, people)
    if kpi.per is None:
        return top
    bottom = _by_person_and_period(kpi.per, events, periods, people)
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)


def _by_person_and_period(
    count: Count, events: KpiEvents, periods: Sequence[tuple[int, int]], people: int
) -> Floats:
    counted = events.counted(count)
    return np.array([counted.by_person(first, end, people) for first, end in periods])


def _spearman(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation; 0 where one of them does not vary.

    >>> _spearman(np.array([1.0, 2.0, 4.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    a, b = (pd.Series(values).rank().to_numpy() for values in (first, second))
    spread = a.std() * b.std()
    return float(round(((a - a.mean()) * (b - b.mean())).mean() / spread, 12)) if spread > 0 else 0.0
