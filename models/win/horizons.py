"""Which model inputs depend on the horizon, and never decrease with it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.horizon import HORIZON_FEATURES, HORIZON_MONOTONE, horizon_columns, period_ends
from models.season import no_season
from models.win.business_time import BusinessClock, uniform_pace

RAMP_EDGES = (0.0, 2.0, 7.0, 14.0, 28.0, 56.0, 91.0, 182.0)
CLOSE_REACH_DAYS = 60.0
ALMOST = 0.999  # of "ever": the largest finite horizon


def ramps(horizon_days: Floats, ever_days: float) -> Floats:
    """Columns (n, r), each rising from 0 to 1 between two horizons (in log days), the last one for "ever".

    Any sum of them with weights of at least 0 never decreases with the horizon.

    >>> ramps(np.array([0.0, 7.0, 1000.0]), 1000.0)[:, [0, 1, -1]]
    array([[0., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.]])
    """
    edges = ramp_edges(ever_days)
    log = np.log1p(horizon_days)[:, None]
    parts = np.clip((log - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    return np.concatenate([parts, (horizon_days >= ever_days)[:, None]], axis=1)


def ramp_edges(ever_days: float) -> Floats:
    """Between which log days the ramps rise: one edge more than ramps, less the one for "ever"."""
    edges = np.log1p([*(edge for edge in RAMP_EDGES if edge < ever_days / 2.0)])
    return np.append(edges, np.log1p(ever_days * ALMOST))


def close_columns(days_to_close: Floats, horizon_days: Floats) -> Floats:
    """Whether the horizon reaches the expected close date: columns (n, 3), non-decreasing in the horizon.

    Days past it (60 on either side, scaled to 0 to 1), whether it is reached, and by a month; 0 if unknown.
    """
    past = np.nan_to_num(horizon_days - days_to_close, nan=-np.inf)
    reach = CLOSE_REACH_DAYS
    return np.stack(
        [np.clip((past + reach) / (2.0 * reach), 0.0, 1.0), past >= 0.0, past >= reach / 2.0], axis=1
    ).astype(np.float64)


@dataclass(frozen=True)
class HorizonTerms:
    """The base models' inputs of horizons (n,); none decreases with the horizon.

    `days` of the calendar, `clock` business days (`BusinessClock`; "ever" stays ever), and `ends`
    (n, 3): which periods end within. Business days replace counts of working and
    rush days.
    """

    days: Floats
    clock: Floats
    ends: Floats


@dataclass(frozen=True)
class HorizonWindows:
    """The calendar columns of a window from a moment to a horizon that never decrease with the horizon.

    Windows are capped at the longest cycle. `pace` and `season` are those of business time.
    """

    calendar: Calendar
    longest_days: float
    pace: Floats = field(default_factory=uniform_pace)
    season: Floats = field(default_factory=no_season)

    def terms(self, moments: Ints, horizon_days: Floats, ever_days: float) -> HorizonTerms:
        """The terms of moments (n,) and horizons in days (n,)."""
        clock = np.minimum(self._clock.days(moments, horizon_days), ever_days * ALMOST)
        clock = np.where(horizon_days >= ever_days, ever_days, clock)
        return HorizonTerms(
            horizon_days, clock, period_ends(self.calendar, moments, self._capped(horizon_days))
        )

    @property
    def business_days(self) -> Floats:
        """Business days before each day of the calendar's tables, and after the last."""
        return self._clock.before

    @cached_property
    def _clock(self) -> BusinessClock:
        return BusinessClock(self.calendar, self.pace, self.season)

    def __call__(self, moments: Ints, horizon_days: Floats) -> Floats:
        """Columns (n, c) of moments (n,) and horizons in days (n,)."""
        return horizon_columns(self.calendar, moments, self._capped(horizon_days))[:, WINDOW_COLUMNS]

    def _capped(self, horizon_days: Floats) -> Floats:
        return np.clip(horizon_days, 1e-6, self.longest_days)


# The models have their own columns for the horizon itself and "ever".
WINDOW_NAMES = tuple(
    name
    for name, sign in zip(HORIZON_FEATURES, HORIZON_MONOTONE, strict=True)
    if sign > 0 and name not in ("log_horizon", "horizon_ever")
)
WINDOW_COLUMNS = [HORIZON_FEATURES.index(name) for name in WINDOW_NAMES]
