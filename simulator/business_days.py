"""What kind of day is it: working day or holiday, season, rush before a month's or quarter's end?"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays
import numpy as np
from numpy.typing import NDArray

YEARS = 12
"""Length of the calendar: long enough for close dates set and people hired after the last day."""

DAY = np.dtype(
    [
        ("day", "i4"),  # days since the world's first day
        ("workday", "i4"),
        ("month", "i4"),
        ("month_end", "i4"),  # last working day of this month, as a day
        ("left_month", "i4"),  # working days left in the month, today included
        ("left_quarter", "i4"),
        ("season", "f8"),  # factor on leads
        ("rush", "f8"),  # factor on closing
        ("turnover", "f8"),  # factor on the chance that a seller leaves
        ("growth", "f8"),  # factor on everything since the first day
    ],
    align=True,
)

LEAD_SEASON = (0.88, 1.0, 1.12, 0.88, 0.92, 1.05, 1.02, 0.80, 1.15, 1.03, 1.08, 0.95)
CLOSE_SEASON = (0.90, 1.0, 1.30, 0.82, 0.92, 1.05, 0.97, 0.82, 1.25, 0.95, 1.0, 1.10)
"""By calendar month, where the fiscal year begins in April: closing follows the fiscal year."""
FISCAL_START_MONTH = 4
"""April, as in most Japanese companies."""
GROWTH_PER_YEAR = 0.05


def is_workday(day: date, closed: holidays.HolidayBase) -> bool:
    """Neither weekend nor Japanese holiday, nor the usual closures over New Year and Obon."""
    new_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    obon = day.month == 8 and 13 <= day.day <= 15
    return not (day.weekday() >= 5 or day in closed or new_year or obon)


def fiscal_month(months: NDArray[Any], fiscal_start_month: int) -> NDArray[Any]:
    """The months (1 to 12) that stand where these stand in a fiscal year that begins in April.

    >>> fiscal_month(np.array([2, 3]), 3)  # the end and the beginning of a year that begins in March
    array([3, 4])
    """
    return (months - 1 - fiscal_start_month + FISCAL_START_MONTH) % 12 + 1


@lru_cache(maxsize=16)
def calendar(start: date, days: int, fiscal_start_month: int = FISCAL_START_MONTH) -> NDArray[np.void]:
    """One DAY per day from `start`, at least `days` and three years more, shape (n,). Read only."""
    length = max(int(YEARS * 365.25), days + 1096)
    # Whole months, so that the working days left in a month are known on each day.
    first = start.replace(day=1)
    dates = [first + timedelta(days=k) for k in range((start - first).days + length + 100)]
    closed = holidays.country_holidays("JP", years=range(first.year, dates[-1].year + 1))
    offset = (start - first).days
    work = np.array([is_workday(d, closed) for d in dates])
    table = np.zeros(len(dates), DAY)
    months = np.array([d.year * 12 + d.month - 1 for d in dates])
    # A fiscal year from April has its quarters' ends in the same months as the calendar's.
    quarters = (months - fiscal_start_month + FISCAL_START_MONTH) // 3
    fiscal = fiscal_month(months % 12 + 1, fiscal_start_month)
    table["day"] = np.arange(len(dates)) - offset
    table["workday"] = work
    table["month"] = months % 12 + 1
    table["left_month"] = _left(work, months)
    table["left_quarter"] = _left(work, quarters)
    for month in np.unique(months):
        inside = np.flatnonzero((months == month) & work)
        table["month_end"][months == month] = (inside[-1] if inside.size else 0) - offset
    table["season"] = np.asarray(LEAD_SEASON)[months % 12]
    table["rush"] = np.asarray(CLOSE_SEASON)[fiscal - 1] * _rush(table["left_month"], table["left_quarter"])
    fiscal_turn = np.isin(fiscal, (3, 9)) & (table["left_month"] <= 3)
    table["turnover"] = np.where(fiscal_turn, 8.0, 0.7)
    table["growth"] = (1.0 + GROWTH_PER_YEAR) ** (table["day"] / 365.25)
    table = table[offset : offset + length]
    table.flags.writeable = False
    return table


def _left(work: NDArray[np.bool_], group: NDArray[Any]) -> NDArray[np.int64]:
    """Working days from each day to the end of its group, the day itself included, shape (n,)."""
    after = np.cumsum(work[::-1])[::-1]
    last = np.append(np.flatnonzero(np.diff(group)), len(group) - 1)
    end = last[np.searchsorted(last, np.arange(len(group)))]
    return np.asarray(after - after[end] + work[end])


def _rush(left_month: NDArray[Any], left_quarter: NDArray[Any]) -> NDArray[np.float64]:
    """Factor by which closing becomes more likely towards the end of the month and the quarter."""
    quarter = np.where(left_quarter <= 3, 3.2, np.where(left_quarter <= 8, 2.1, 1.0))
    month = np.where(left_month <= 3, 1.8, 1.0)
    return 0.72 * np.maximum(quarter, month)
