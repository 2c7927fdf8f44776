"""How fast does a company's time run? A day counts by how often deals are won on such days."""

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
POOLING_WINS = 10.0  # wins that a kind of day needs before it weighs as much as all working days together


@dataclass(frozen=True)
class BusinessClock:
    """What a day of each kind counts for, `pace` (KINDS,); over the days learned from it averages to 1.

    Deals are not won at the same rate all year: hardly on closed days, twice as often in the last days of a
    quarter, and in some months more than in others (`season` (12,), a factor). On this clock they are, so
    that "five days before the quarter's end" and "five days in May" are told apart by their length.
    """

    calendar: Calendar
    pace: Floats
    season: Floats = field(default_factory=no_season)

    def days(self, moments: Ints, horizon_days: Floats) -> Floats:
        """Length (n,) on this clock of windows from moments (n,) over calendar days (n,), cut at `EVER_DAYS`.

        It never falls as the horizon grows.
        """
        end = moments + (np.minimum(horizon_days, EVER_DAYS) * DAY).astype(np.int64)
        return self.calendar.count_until(self._run, end) - self.calendar.count_until(self._run, moments)

    @cached_property
    def _run(self) -> Floats:
        months = self.season[month_of(self.calendar)]
        return np.concatenate([[0.0], np.cumsum(self.pace[day_kinds(self.calendar)] * months)])


def uniform_pace() -> Floats:
    """The clock of the calendar: each day counts for one."""
    return np.ones(KINDS)


def day_kinds(calendar: Calendar) -> Ints:
    """The kind of each day of the calendar's tables: 0 closed, 1 ordinary, then by what is left."""
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
    """The pace (KINDS,) at which deals were won at instants `won_at` (n,) between two instants.

    wins / expected wins of each kind of day, as if `POOLING_WINS` more wins had come on it at the rate of all working
    (or all closed) days, and those rates drawn towards one another alike: a gamma-Poisson mean. Few wins
    leave the clock of the calendar.
    """
    kind = day_kinds(calendar)
    low, high = calendar.day_of(np.array([first, last]))
    days = np.bincount(kind[low : high + 1], minlength=KINDS).astype(np.float64)
    won = np.bincount(kind[calendar.day_of(won_at)], minlength=KINDS).astype(np.float64)
    expected = days * won.sum() / days.sum()
    opened = np.arange(KINDS) > 0
    pace = np.empty(KINDS)
    for mine in (opened, ~opened):
        usual = (won[mine].sum() + POOLING_WINS) / (expected[mine].sum() + POOLING_WINS)
        pace[mine] = (won[mine] + POOLING_WINS * usual) / (expected[mine] + POOLING_WINS)
    out: Floats = pace * (days.sum() / (pace @ days))
    return out
