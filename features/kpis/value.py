"""What is the value of a KPI in a period, for some people, by what was known at the moment?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from crm.instants import DAY, NEVER
from crm.kpi_units import MONEY
from features.arrays import Flags
from features.kpis.count import CountedEvents, KpiEvents
from features.kpis.definition import Kpi, Shape

YEAR = 365 * DAY
MONTH = YEAR // 12


def value_of(
    kpi: Kpi, happenings: KpiEvents, first: int, end: int, moment: int, members: Flags
) -> float | None:
    """The KPI in [first, end) as known at `moment`; None where it cannot be measured.

    `members` (people + 1,) marks the people. A period without events counts 0, unless such an event has never
    been recorded by anybody. A share or mean with denominator 0 is None.
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
    """(numerator, denominator) of `value_of`; no denominator for counts and amounts."""
    money = kpi.unit == MONEY
    counted = happenings.counted(kpi.count, money)
    measured = counted if kpi.per is None else happenings.counted(kpi.per, money)
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


def _cohort_progress(cohort: CountedEvents, first: int, end: int, members: Flags) -> tuple[float, float]:
    """(those that have reached the step, all created in [first, end))."""
    assert cohort.reached is not None  # noqa: S101 - a cohort's count has a `reached` step
    lo, hi = np.searchsorted(cohort.at, [first, end])
    selected = members[cohort.person[lo:hi]]
    return float((cohort.reached[lo:hi][selected] != NEVER).sum()), float(selected.sum())


def _lost(running: CountedEvents, first: int, until: int, members: Flags) -> tuple[float, float]:
    """(customers active at `first` and not at `until`, customers active at `first`)."""
    began = running.active_keys(first, members)
    gone = np.setdiff1d(began, running.active_keys(until, members)) if until > first else began[:0]
    return float(len(gone)), float(len(began))


def _lifetime(
    monthly: CountedEvents, customers: CountedEvents, until: int, members: Flags
) -> tuple[float, float]:
    """(monthly amount of a customer, monthly churn rate), by the year before `until`.

    Exponential survival: the churn rate is customers lost per active customer-month, the maximum
    likelihood estimate under right-censoring.
    """
    ends = until - MONTH * np.arange(13)
    active_by_month = [customers.active_keys(int(at), members) for at in ends]
    lost = sum(len(np.setdiff1d(then, now)) for now, then in pairwise(active_by_month))
    months = sum(len(then) for then in active_by_month[1:])
    now = customers.active(until, members)
    if not now or not months:
        return 0.0, 0.0
    return monthly.active(until, members) / now, lost / months
