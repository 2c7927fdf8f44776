"""In which months of the year do deals close faster than expected from their number and age?"""

from __future__ import annotations

import numpy as np

from features.arrays import Flags, Floats, Ints
from features.calendar import Calendar
from models.statistics import pooled_with_prior

MONTHS = 12
AGE_EDGES = (*range(0, 182, 7), 182, 273, 365)  # days since creation at which a band of ages begins
# Prior sd of months' log rates, and the number of months each prior weighs: between the months of a year, and
# of one month from year to year.
SEASON_SD, SEASON_MONTHS = 0.1, 6.0
MARKET_SD, MARKET_MONTHS = 0.15, 12.0


def no_season() -> Floats:
    """A factor of 1 for every month."""
    return np.ones(MONTHS)


def fit_season(
    calendar: Calendar, day_length: Floats, created: Ints, ended: Ints, won: Flags, first: int, last: int
) -> Floats:
    """The season factor of each month of the year (12,), mean 1.

    Wins of each whole month between two instants against what the open deals would have brought at the usual
    rate of their age, days counted by `day_length` (days of the calendar,): indirect standardisation, so that
    neither growth nor a young pipeline looks like a season. `created`, `ended` (deals,) are instants, `won`
    whether the end was a win.
    """
    month, cell = _whole_months(calendar, first, last)
    return season_of(month, *wins_and_expected(calendar, day_length, created, ended, won, cell, len(month)))


def season_of(month: Ints, seen: Floats, expected: Floats) -> Floats:
    """The season factor of each month of the year (12,), from whole months' counts (n,) and expected counts.

    With y the log of a month's ratio, y = season + market + noise, the noise of variance 1 / seen. A month's
    season is the mean of its years, shrunk towards 0 by its variation from year to year (a random-effects
    mean: DerSimonian & Laird 1986, both variances pooled with their priors). Months without two years have
    a factor of 1.
    """
    years = np.bincount(month[expected > 0], minlength=MONTHS)
    use = (expected > 0) & (years[month] > 1)
    if not use.any():
        return no_season()
    month, seen, expected = month[use], seen[use], expected[use]
    y, noise = np.log((seen + 0.5) / (expected + 0.5)), 1.0 / (seen + 0.5)
    y -= np.average(y, weights=1.0 / (noise + MARKET_SD**2))
    market = _market_variance(month, y, noise)
    weight = np.bincount(month, 1.0 / (noise + market), MONTHS)
    known = weight > 0
    mean = np.bincount(month, y / (noise + market), MONTHS)[known] / weight[known]
    between = max(float((mean**2 - 1.0 / weight[known]).mean()), 0.0)
    season = pooled_with_prior(between, float(known.sum()), SEASON_SD**2, SEASON_MONTHS)
    out: Floats = no_season()
    out[known] = np.exp(mean * season / (season + 1.0 / weight[known]))
    out /= out.mean()
    return out


def month_of(calendar: Calendar) -> Ints:
    """The month of the year, 0 to 11, of each day of the calendar's tables."""
    days = np.arange(len(calendar.is_working)).astype("datetime64[D]")
    return np.asarray(days.astype("datetime64[M]").astype(np.int64) % MONTHS)


def _market_variance(month: Ints, y: Floats, noise: Floats) -> float:
    """How much one month (n,) of the year differs from year to year beyond noise, in log rate y (n,)."""
    weight = 1.0 / (noise + MARKET_SD**2)
    years = np.bincount(month, minlength=MONTHS)
    mean = np.bincount(month, weight * y, MONTHS) / np.maximum(np.bincount(month, weight, MONTHS), 1e-12)
    excess = (y - mean[month]) ** 2 * (years / np.maximum(years - 1, 1))[month] - noise
    degrees = float((years - 1)[years > 1].sum())
    beyond_noise = max(float(excess.mean()), 0.0)
    return pooled_with_prior(beyond_noise, degrees, MARKET_SD**2, MARKET_MONTHS)


def _whole_months(calendar: Calendar, first: int, last: int) -> tuple[Ints, Ints]:
    """Month of the year of each whole month inside, and for each day its number among them (-1 = outside)."""
    low, high = calendar.day_of(np.array([first, last]))
    starts = np.flatnonzero(np.diff(calendar.month_end, prepend=-1))
    starts = starts[starts >= low + (calendar.day_start[low] < first)]
    starts = starts[calendar.month_end[starts] < high]
    cell = np.full(len(calendar.is_working), -1, np.int64)
    for number, start in enumerate(starts.tolist()):
        cell[start : calendar.month_end[start] + 1] = number
    return month_of(calendar)[starts], cell


def wins_and_expected(
    calendar: Calendar, day_length: Floats, created: Ints, ended: Ints, won: Flags, cell: Ints, cells: int
) -> tuple[Floats, Floats]:
    """Wins in each cell of days (c,), and those expected of the deals open then: by age, at the rates of all.

    `cell` (days of the calendar,) numbers the cells, -1 for days in none.
    """
    created_day, ended_day = calendar.day_of(created), calendar.day_of(ended)
    inside, count = cell >= 0, len(cell)
    wins, exposure = np.zeros((len(AGE_EDGES), cells)), np.zeros((len(AGE_EDGES), cells))
    for band, (low, high) in enumerate(zip(AGE_EDGES, (*AGE_EDGES[1:], count), strict=True)):
        start, end = created_day + low, np.minimum(created_day + high, ended_day + 1)
        in_band = start < end
        entering = np.bincount(np.minimum(start[in_band], count), minlength=count + 1)
        leaving = np.bincount(np.minimum(end[in_band], count), minlength=count + 1)
        open_deals = np.cumsum(entering - leaving)[:count]
        exposure[band] = np.bincount(cell[inside], (open_deals * day_length)[inside], cells)
        won_in_band = (
            won & (ended_day - created_day >= low) & (ended_day - created_day < high) & inside[ended_day]
        )
        wins[band] = np.bincount(cell[ended_day[won_in_band]], minlength=cells)
    rate = wins.sum(axis=1) / np.maximum(exposure.sum(axis=1), 1e-12)
    return wins.sum(axis=0), rate @ exposure
