"""What of a row depends on how far ahead one looks, and never falls as one looks further?"""

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
ALMOST = 0.999  # of "ever": as far as any horizon short of it reaches


def ramps(horizon_days: Floats, ever_days: float) -> Floats:
    """Columns (n, r), each rising from 0 to 1 between two horizons (in log days), the last one for "ever".

    Any sum of them with weights of at least 0 never falls as the horizon grows.

    >>> ramps(np.array([0.0, 7.0, 1000.0]), 1000.0)[:, [0, 1, -1]]
    array([[0., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.]])
    """
    edges = np.log1p([*(edge for edge in RAMP_EDGES if edge < ever_days / 2.0)])
    last = np.log1p(ever_days * ALMOST)
    edges = np.append(edges, last)
    log = np.log1p(horizon_days)[:, None]
    parts = np.clip((log - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    return np.concatenate([parts, (horizon_days >= ever_days)[:, None]], axis=1)


def close_columns(days_to_close: Floats, horizon_days: Floats) -> Floats:
    """Does the horizon reach the expected close date: columns (n, 3) that never fall with the horizon.

    Days past it (60 on either side, 0 to 1), whether it is reached, whether by a month; all 0 when unknown.
    """
    past = np.nan_to_num(horizon_days - days_to_close, nan=-np.inf)
    reach = CLOSE_REACH_DAYS
    return np.stack(
        [np.clip((past + reach) / (2.0 * reach), 0.0, 1.0), past >= 0.0, past >= reach / 2.0], axis=1
    ).astype(np.float64)


@dataclass(frozen=True)
class HorizonTerms:
    """Horizons (n,) as the members see them; nothing of it falls as a horizon grows.

    `days` of the calendar, `clock` days of the company's own time (`BusinessClock`; "ever" stays ever), and `ends`
    (n, 3): which periods end within. How long a window is, rush included, the clock says better than counts
    of days.
    """

    days: Floats
    clock: Floats
    ends: Floats


@dataclass(frozen=True)
class HorizonWindows:
    """The calendar of a window from a moment to a horizon: only what never falls with the horizon.

    Windows longer than the longest cycle count as that long. `pace` and `season` are those of the company's
    clock.
    """

    calendar: Calendar
    longest_days: float
    pace: Floats = field(default_factory=uniform_pace)
    season: Floats = field(default_factory=no_season)

    def terms(self, moments: Ints, horizon_days: Floats, ever_days: float) -> HorizonTerms:
        """Looking ahead from moments (n,) over horizons in days (n,)."""
        clock = np.minimum(self._clock.days(moments, horizon_days), ever_days * ALMOST)
        clock = np.where(horizon_days >= ever_days, ever_days, clock)
        return HorizonTerms(
            horizon_days, clock, period_ends(self.calendar, moments, self._capped(horizon_days))
        )

    @cached_property
    def _clock(self) -> BusinessClock:
        return BusinessClock(self.calendar, self.pace, self.season)

    def __call__(self, moments: Ints, horizon_days: Floats) -> Floats:
        """Columns (n, c) of moments (n,) and horizons in days (n,)."""
        return horizon_columns(self.calendar, moments, self._capped(horizon_days))[:, WINDOW_COLUMNS]

    def _capped(self, horizon_days: Floats) -> Floats:
        return np.clip(horizon_days, 1e-6, self.longest_days)


# The horizon itself and "ever" are columns of the models' own.
WINDOW_NAMES = tuple(
    name
    for name, sign in zip(HORIZON_FEATURES, HORIZON_MONOTONE, strict=True)
    if sign > 0 and name not in ("log_horizon", "horizon_ever")
)
WINDOW_COLUMNS = [HORIZON_FEATURES.index(name) for name in WINDOW_NAMES]
