"""How much does each day count in business time? By how often deals are won on such days."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from crm.instants import DAY
from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.horizon import EVER_DAYS
from models.season import month_of, no_season

# Kinds of day: closed, ordinary, the last four working days of a month, the last ten of a quarter.
MONTH_DAYS = 4
QUARTER_EDGES = (0, 1, 2, 3, 5, 7)  # working days left in the quarter at which a kind begins
QUARTER_DAYS = 10
KINDS = 2 + MONTH_DAYS + len(QUARTER_EDGES)
POOLING_WINS = 10.0  # number of wins that the overall rate weighs in the rate of a kind of day


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
    left_in_quarter = opened[calendar.quarter_end + 1] - after
    kind = np.where(left_in_month < MONTH_DAYS, 2 + left_in_month, 1)
    rush = 1 + MONTH_DAYS + np.searchsorted(QUARTER_EDGES, left_in_quarter, side="right")
    kind = np.where(left_in_quarter < QUARTER_DAYS, rush, kind)
    return np.where(working, kind, 0).astype(np.int64)


def fit_pace(calendar: Calendar, won_at: Ints, first: int, last: int) -> Floats:
    """The pace (KINDS,) fitted to wins at instants `won_at` (n,) between two instants.

    wins / expected wins of each kind of day, pooled with `POOLING_WINS` wins at the rate of all working
    (or all closed) days, whose rates are pooled with the overall rate alike: a gamma-Poisson mean. With few
    wins the result is close to calendar time.
    """
    kind = day_kinds(calendar)
    low, high = calendar.day_of(np.array([first, last]))
    days = np.bincount(kind[low : high + 1], minlength=KINDS).astype(np.float64)
    won = np.bincount(kind[calendar.day_of(won_at)], minlength=KINDS).astype(np.float64)
    expected = days * won.sum() / days.sum()
    opened = np.arange(KINDS) > 0
    pace = np.empty(KINDS)
    for kinds in (opened, ~opened):
        pooled_ratio = (won[kinds].sum() + POOLING_WINS) / (expected[kinds].sum() + POOLING_WINS)
        pace[kinds] = (won[kinds] + POOLING_WINS * pooled_ratio) / (expected[kinds] + POOLING_WINS)
    out: Floats = pace * (days.sum() / (pace @ days))
    return out
