"""How high is a KPI in a period, for some people, by what was known at the moment?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import Flags
from features.kpis.count import CountedEvents, KpiEvents
from features.kpis.definition import Kpi, Shape

YEAR = 365 * DAY
MONTH = YEAR // 12


def value_of(
    kpi: Kpi, happenings: KpiEvents, first: int, end: int, moment: int, members: Flags
) -> float | None:
    """The KPI in [first, end) as known at `moment`; None where there is nothing to measure it by.

    `members` (people + 1,) marks whose. A period without occurrences counts 0, unless no such thing has ever
    been recorded by anybody: then nobody records it here. A share or mean of nothing is None.
    """
    parts = parts_of(kpi, happenings, first, end, moment, members)
    if parts is None:
        return None
    top, bottom = parts
    if bottom is None:
        return top
    return top / bottom if bottom > 0 else None


def parts_of(
    kpi: Kpi, happenings: KpiEvents, first: int, end: int, moment: int, members: Flags
) -> tuple[float, float | None] | None:
    """(numerator, denominator) of `value_of`; no denominator for what is only counted."""
    counted = happenings.counted(kpi.count)
    measured = counted if kpi.per is None else happenings.counted(kpi.per)
    if not (counted.ever_recorded and measured.ever_recorded):
        return None
    until = min(end, moment)
    match kpi.shape:
        case Shape.COUNT | Shape.AMOUNT:
            return counted.total_between(first, end, members), None
        case Shape.COHORT:
            return _cohort_progress(counted, first, end, members)
        case Shape.CHURN:
            return _lost(counted, first, until, members)
        case Shape.LEVEL:
            return counted.active(until, members), measured.active(until, members)
        case Shape.REPEAT:
            return happenings.repeat_value(kpi.count, until, moment, members)
        case Shape.LIFETIME:
            return _lifetime(counted, measured, until, members)
    return counted.total_between(first, end, members), measured.total_between(first, end, members)


def _cohort_progress(came: CountedEvents, first: int, end: int, members: Flags) -> tuple[float, float]:
    """(those that have reached what was asked, all that came in [first, end))."""
    assert came.reached is not None  # noqa: S101 - a cohort's count says what is to be reached
    lo, hi = np.searchsorted(came.at, [first, end])
    mine = members[came.person[lo:hi]]
    return float((came.reached[lo:hi][mine] != NEVER).sum()), float(mine.sum())


def _lost(running: CountedEvents, first: int, until: int, members: Flags) -> tuple[float, float]:
    """(customers that ran at `first` and do not at `until`, customers that ran at `first`)."""
    began = running.active_keys(first, members)
    gone = np.setdiff1d(began, running.active_keys(until, members)) if until > first else began[:0]
    return float(len(gone)), float(len(began))


def _lifetime(
    monthly: CountedEvents, customers: CountedEvents, until: int, members: Flags
) -> tuple[float, float]:
    """(monthly amount of a customer, share of customers lost in a month), by the year before `until`.

    Exponential survival: the share lost is customers lost per month that a customer ran, its maximum
    likelihood estimate under right-censoring.
    """
    ends = until - MONTH * np.arange(13)
    kept = [customers.active_keys(int(at), members) for at in ends]
    lost = sum(len(np.setdiff1d(then, now)) for now, then in pairwise(kept))
    months = sum(len(then) for then in kept[1:])
    now = customers.active(until, members)
    if not now or not months:
        return 0.0, 0.0
    return monthly.active(until, members) / now, lost / months
