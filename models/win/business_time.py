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
DAY_SD = 0.3  # of the log rate of one month's days of a kind, beyond counting
END_SD = 0.4  # of the log rate that all last days of one month or quarter share
# What is usual of log rates, as sd: closed days, a month's last ones, a quarter's, and what sets a quarter's
# last five and three days apart from those before; then each kind beside its neighbours.
GROUP_SD = (2.0, 0.5, 0.5, 0.5, 0.5)
KIND_SD = 0.25
FEW_WINS = 15.0  # at which effects are believed half as large (in variance): few wins may be one afternoon's


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
        return self.calendar.count_until(self.before, end) - self.calendar.count_until(self.before, moments)

    @cached_property
    def before(self) -> Floats:
        """Business days before each day of the calendar's tables, and after the last."""
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
    their age, so that a pipeline that only fills up is no rush: a Poisson regression whose effects of groups
    of kinds and of each kind are normal around 0, by `GROUP_SD` and `KIND_SD`, so that few wins lend each
    other strength within a rush and none is invented. A kind counts no more than its number of months,
    `DAY_SD` and (last days together) `END_SD` allow: a single month's end is no habit.
    """
    low, high = calendar.day_of(np.array([first, last]))
    inside = np.zeros(len(calendar.is_working), bool)
    inside[low : high + 1] = True
    kind = day_kinds(calendar)
    cell = np.where(inside, kind, -1)
    seen, expected = wins_and_expected(calendar, np.ones(len(kind)), created, ended, won, cell, KINDS)
    months = np.array(
        [len(np.unique(calendar.month_end[inside & (kind == number)])) for number in range(KINDS)]
    )
    expected = np.maximum(expected, 1e-9)
    # What one end has of its own is shared by its kinds: so many times as much for each of them.
    ends = np.array([0, 0, *[MONTH_DAYS] * MONTH_DAYS, *[len(QUARTER_EDGES)] * len(QUARTER_EDGES)])
    wins = 1.0 / (1.0 / expected + (DAY_SD**2 + ends * END_SD**2) / np.maximum(months, 1))
    pace = _pooled_rates(seen / expected, wins)
    days = np.bincount(kind[inside], minlength=KINDS).astype(np.float64)
    out: Floats = pace * (days.sum() / (pace @ days))
    return out


def _pooled_rates(ratio: Floats, wins: Floats) -> Floats:
    """Rates (KINDS,) from wins by those expected, each counting as so many expected wins."""
    from sklearn.linear_model import PoissonRegressor  # here: only trainings need it, and it is slow to load

    kind = np.arange(KINDS)
    quarter = kind - 2 - MONTH_DAYS  # position in QUARTER_EDGES
    groups = np.stack(
        [
            kind == 0,
            (kind >= 2) & (quarter < 0),
            quarter >= 0,
            (quarter >= 0) & (quarter < 5),
            (quarter >= 0) & (quarter < 3),
        ],
        axis=1,
    )
    # Standardised by the sd of its effect, each column has the same penalty.
    believed = np.sqrt(ratio @ wins / (ratio @ wins + FEW_WINS))
    design = believed * np.concatenate([groups * np.array(GROUP_SD), np.eye(KINDS)[:, 2:] * KIND_SD], axis=1)
    regression = PoissonRegressor(alpha=1.0 / wins.sum(), solver="newton-cholesky", tol=1e-8)
    out: Floats = regression.fit(design, ratio, sample_weight=wins).predict(design)
    return out
