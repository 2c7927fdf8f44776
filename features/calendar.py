"""Which day, quarter and fiscal year does an instant belong to, and how many working days lie between two?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.i18n import Text
from crm.organisation import Organisation
from features.arrays import Floats, Ints

FIRST_YEAR, LAST_YEAR = 1970, 2099  # day 0 is 1970-01-01
RUSH_DAYS = 10
"""The last calendar days of a quarter, in which more deals are closed than usual."""


@dataclass(frozen=True)
class Calendar:
    """An organisation's days: its time zone, first fiscal month, and the country of its public holidays.

    In Japan offices are also closed from 29 December to 3 January. Days are numbered from 1970-01-01 of
    the zone's own calendar; tables reach from 1970 to 2099, and days outside count as the nearest day inside.
    """

    zone: ZoneInfo
    fiscal_start_month: int = 4
    country: str = "JP"

    def __post_init__(self) -> None:
        if not 1 <= self.fiscal_start_month <= 12:
            raise SanchoError(
                Text(
                    "年度の開始月 {month} は使えません。1〜12で指定してください。",
                    "fiscal_start_month: expected 1 to 12, got {month}.",
                ).format(month=self.fiscal_start_month),
                "bad_setting",
            )

    def settings(self) -> dict[str, str | int]:
        """The settings that a model stores to rebuild this calendar: `Calendar.of(settings)`."""
        return {
            "zone": str(self.zone),
            "fiscal_start_month": self.fiscal_start_month,
            "country": self.country,
        }

    @classmethod
    def of(cls, settings: Mapping[str, str | int]) -> Calendar:
        """The calendar that has these settings."""
        return cls(
            ZoneInfo(str(settings["zone"])), int(settings["fiscal_start_month"]), str(settings["country"])
        )

    @classmethod
    def of_organisation(cls, organisation: Organisation) -> Calendar:
        """The calendar by which an organisation says it works."""
        return cls(organisation.zone, organisation.fiscal_start_month, organisation.country)

    @cached_property
    def day_start(self) -> Ints:
        """First instant of each day, int64 microseconds, and the end of the last day."""
        return _day_starts(self.zone)

    @cached_property
    def is_working(self) -> NDArray[np.bool_]:
        """Whether each day is a working day."""
        return _working(self.country)

    @cached_property
    def quarter_end(self) -> Ints:
        """For each day, the number of the last day of its fiscal quarter."""
        return _period_end(self.fiscal_start_month, 3)

    @cached_property
    def fiscal_end(self) -> Ints:
        """For each day, the number of the last day of its fiscal year."""
        return _period_end(self.fiscal_start_month, 12)

    @cached_property
    def month_end(self) -> Ints:
        """For each day, the number of the last day of its month."""
        return _period_end(self.fiscal_start_month, 1)

    @cached_property
    def months_ended(self) -> Ints:
        """For each day, the number of months of the tables that have ended."""
        return _ended(self.month_end)

    @cached_property
    def quarters_ended(self) -> Ints:
        """For each day, the number of fiscal quarters of the tables that have ended."""
        return _ended(self.quarter_end)

    @cached_property
    def _working_before(self) -> Floats:
        return _running(self.is_working)

    @cached_property
    def _rush_before(self) -> Floats:
        rush = self.quarter_end - np.arange(len(self.quarter_end)) < RUSH_DAYS
        return _running(self.is_working & rush)

    def day_of(self, moments: Ints) -> Ints:
        """Number of the local day that holds each instant."""
        days = np.searchsorted(self.day_start, moments, side="right") - 1
        return np.clip(days, 0, len(self.is_working) - 1).astype(np.int64)

    def start_of(self, days: Ints) -> Ints:
        """First instant of each day, by number."""
        starts: Ints = self.day_start[np.clip(days, 0, len(self.day_start) - 1)]
        return starts

    def working_days(self, start: Ints, end: Ints) -> Floats:
        """Working days from one instant to another; a day partly inside counts in part.

        >>> calendar = Calendar(ZoneInfo("Asia/Tokyo"))
        >>> friday, tuesday = calendar.start_of(np.array([20413, 20417]))  # 2025-11-24 is a holiday
        >>> float(calendar.working_days(friday, tuesday))
        1.0
        """
        return self.count_until(self._working_before, end) - self.count_until(self._working_before, start)

    def rush_days(self, start: Ints, end: Ints) -> Floats:
        """The working days between two instants that fall in the last ten days of a quarter."""
        return self.count_until(self._rush_before, end) - self.count_until(self._rush_before, start)

    def count_until(self, before: Floats, moments: Ints) -> Floats:
        """A running count, given `before` each day and after the last one, interpolated at each instant."""
        day = self.day_of(moments)
        share = (moments - self.day_start[day]) / (self.day_start[day + 1] - self.day_start[day])
        count: Floats = before[day] + np.clip(share, 0.0, 1.0) * (before[day + 1] - before[day])
        return count


def _days() -> NDArray[np.datetime64]:
    return np.arange(f"{FIRST_YEAR}-01-01", f"{LAST_YEAR + 1}-01-01", dtype="datetime64[D]")


@cache
def _day_starts(zone: ZoneInfo) -> Ints:
    import pandas as pd

    days = pd.DatetimeIndex(
        np.append(_days(), np.datetime64(f"{LAST_YEAR + 1}-01-01")).astype("datetime64[us]")
    )
    localised = days.tz_localize(zone, ambiguous=np.ones(len(days), bool), nonexistent="shift_forward")
    starts = localised.tz_convert(None).to_numpy("datetime64[us]").astype(np.int64)
    return _frozen(starts)


@cache
def _working(country: str) -> NDArray[np.bool_]:
    import holidays

    days = _days()
    try:
        closed = holidays.country_holidays(country, years=range(FIRST_YEAR, LAST_YEAR + 1))
    except NotImplementedError:
        raise SanchoError(
            Text(
                "国コード「{country}」の祝日がわかりません。JP のような2文字の国コードを指定してください。",
                "country: no holidays are known for {country!r}; give a two-letter code such as JP.",
            ).format(country=country),
            "bad_setting",
        ) from None
    working: NDArray[np.bool_] = np.is_busday(days, holidays=np.array(sorted(closed), "datetime64[D]"))
    if country == "JP":
        month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
        day = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
        working &= ~((month == 12) & (day >= 29) | (month == 1) & (day <= 3))
    return _frozen(working)


@cache
def _period_end(fiscal_start_month: int, months: int) -> Ints:
    month = _days().astype("datetime64[M]").astype(np.int64)
    into = (month - (fiscal_start_month - 1)) % months
    after = (month - into + months).astype("datetime64[M]").astype("datetime64[D]")
    return _frozen(after.astype(np.int64) - 1)


def _ended(period_end: Ints) -> Ints:
    return _frozen(np.concatenate([[0], np.cumsum(np.diff(period_end) > 0)]))


def _running(days: NDArray[np.bool_]) -> Floats:
    return np.concatenate([[0.0], np.cumsum(days, dtype=np.float64)])


def _frozen(array: NDArray) -> NDArray:  # type: ignore[type-arg]
    array.setflags(write=False)
    return array
