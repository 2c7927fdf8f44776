"""How much does each day count in business time? By how often deals are won on such days."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from features.calendar import Calendar
from features.horizon import EVER_DAYS
from models.season import month_of, no_season, wins_and_expected

# Kinds of day: closed, ordinary, the last four working days of a month, the last ten of a quarter.
MONTH_DAYS = 4
QUARTER_EDGES = (0, 1, 2, 3, 5, 7)  # working days left in the quarter at which a kind begins
QUARTER_DAYS = 10
KINDS = 2 + MONTH_DAYS + len(QUARTER_EDGES)
POOLING_WINS = 10.0  # number of wins that the overall rate weighs in the rate of a kind of day
DAY_SD = 0.3  # of the log rate of one month's days of a kind, beyond counting


@dataclass(frozen=True)
class BusinessClock:
    """The weight of a day of each kind, `pace` (KINDS,), with mean 1 over the training days.

    The rate of wins varies: low on closed days, double in the last days of a quarter, and by month (`season`
    (12,), a factor). In business time the rate is constant, so that five days before a quarter's end are
    longer than five days in May.
    """

    calendar: Calendar
    pace: Floats
    season: Floats = field(default_factory=no_season)

    def days(self, moments: Ints, horizon_days: Floats) -> Floats:
        """Business days (n,) in windows from moments (n,) over calendar days (n,), capped at `EVER_DAYS`.

        The result never decreases with the horizon.
        """
        end = moments + (np.minimum(horizon_days, EVER_DAYS) * DAY).astype(np.int64)
        return self.calendar.count_until(self._cumulative, end) - self.calendar.count_until(
            self._cumulative, moments
        )

    @cached_property
    def _cumulative(self) -> Floats:
        months = self.season[month_of(self.calendar)]
        return np.concatenate([[0.0], np.cumsum(self.pace[day_kinds(self.calendar)] * months)])


def uniform_pace() -> Floats:
    """Calendar time: each day counts 1."""
    return np.ones(KINDS)


def day_kinds(calendar: Calendar) -> Ints:
    """The kind of each day of the calendar's tables: 0 closed, 1 ordinary, then by working days left."""
    working = calendar.is_working
    opened = np.concatenate([[0], np.cumsum(working)])
    after = opened[np.arange(len(working)) + 1]
    left_in_month = opened[calendar.month_end + 1] - after
    quarter_end = np.minimum(calendar.quarter_end, len(working) - 1)  # the last may outlast the tables
    left_in_quarter = opened[quarter_end + 1] - after
    kind = np.where(left_in_month < MONTH_DAYS, 2 + left_in_month, 1)
    rush = 1 + MONTH_DAYS + np.searchsorted(QUARTER_EDGES, left_in_quarter, side="right")
    kind = np.where(left_in_quarter < QUARTER_DAYS, rush, kind)
    return np.where(working, kind, 0).astype(np.int64)


def fit_pace(calendar: Calendar, created: Ints, ended: Ints, won: Flags, first: int, last: int) -> Floats:
    """The pace (KINDS,) of the wins between two instants, of deals (d,) created, ended and perhaps won.

    Wins on each kind of day against what the deals open on such days would have brought at the usual rate of
    their age, so that a pipeline that only fills up is no rush. A kind's ratio is pooled with `POOLING_WINS`
    wins at that of all working (or all closed) days, whose ratios are pooled with 1 alike. It counts no more
    than its number of months and `DAY_SD` allow: a single month's end is no habit.
    """
    low, high = calendar.day_of(np.array([first, last]))
    inside = np.zeros(len(calendar.is_working), bool)
    inside[low : high + 1] = True
    kind = day_kinds(calendar)
    cell = np.where(inside, kind, -1)
    seen, expected = wins_and_expected(calendar, np.ones(len(kind)), created, ended, won, cell, KINDS)
    ratio = (seen + 0.5) / (expected + 0.5)
    months = np.array(
        [len(np.unique(calendar.month_end[inside & (kind == number)])) for number in range(KINDS)]
    )
    wins = 1.0 / (1.0 / np.maximum(expected, 1e-12) + DAY_SD**2 / np.maximum(months, 1))
    opened = np.arange(KINDS) > 0
    pace = np.empty(KINDS)
    for kinds in (opened, ~opened):
        pooled = (seen[kinds].sum() + POOLING_WINS) / (expected[kinds].sum() + POOLING_WINS)
        pace[kinds] = (wins * ratio + POOLING_WINS * pooled)[kinds] / (wins + POOLING_WINS)[kinds]
    days = np.bincount(kind[inside], minlength=KINDS).astype(np.float64)
    out: Floats = pace * (days.sum() / (pace @ days))
    return out
