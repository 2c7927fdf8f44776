"""How do past windows differ from the one ahead: by season, growth and the arrivals before them?"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.arrays import Floats, Ints
from features.calendar import Calendar
from models.season import MONTHS, no_season, season_of

EPOCH = date(1970, 1, 1)
# Wins are proportional to recent arrivals to this power: its prior mean and sd.
ELASTICITY, ELASTICITY_SD = 0.5, 0.25
GROWTH_SD = 0.1  # of the log, per year
MARKET_CV = 0.2  # prior coefficient of variation of a window's wins around the expected ones


@dataclass(frozen=True)
class ArrivalTrend:
    """How a past window differs from the one ahead.

    Its wins are proportional to the recent arrivals to the power `elasticity`, grow by `growth` a year (in
    logs), and the window k months earlier has `season[k]` times the wins of this one, (12,).
    `covariance` (2, 2): posterior covariance of `elasticity` and `growth`.
    """

    elasticity: float
    growth: float
    season: Floats
    covariance: Floats

    def relative_to_now(self, lately: Floats, days_before: Ints) -> Floats:
        """Expected wins of past windows (n,) relative to the one ahead."""
        months_before = months_of_year(days_before)
        grown = np.exp(-self.growth * days_before / 365.25)
        return np.asarray(lately**self.elasticity * grown * self.season[months_before])

    def log_variance(self, level: float, years: float) -> float:
        """Variance of the log of expected wins so many years later, at `level` times the arrivals."""
        step = np.array([np.log(level), years])
        return float(step @ self.covariance @ step)


def fit_arrival_trend(
    days_before: Ints, wins: Floats, lately: Floats, grown: Floats, season: Floats, overlap: float
) -> ArrivalTrend:
    """Fit to windows (n,) that ended so many days before the one ahead.

    `wins` their wins, `lately` the arrivals before them relative to the usual, `grown` their expected wins
    relative to the one ahead by the number of customers, `season` (12,) the prior season, `overlap` the
    number of windows that contain one day, by which their information is divided. Least squares of the logs
    with the prior; the rest of the season is learned from the residuals.
    """
    prior_mean = np.array([ELASTICITY, 0.0])
    prior_precision = np.diag(np.array([ELASTICITY_SD, GROWTH_SD]) ** -2.0)
    if not len(wins):
        return ArrivalTrend(
            ELASTICITY, 0.0, season / season[0], np.diag(np.array([ELASTICITY_SD, GROWTH_SD]) ** 2)
        )
    months_before = months_of_year(days_before)
    precision = 1 / (1 / (wins + 0.5) + MARKET_CV**2) / max(overlap, 1.0)
    x = np.column_stack([np.log(lately), -days_before / 365.25])
    y = np.log((wins + 0.5) / (wins.mean() + 0.5)) - np.log(season[months_before] * grown)
    x, y = x - np.average(x, axis=0, weights=precision), y - np.average(y, weights=precision)
    covariance: Floats = np.linalg.inv((precision * x.T) @ x + prior_precision)
    follows, growth = (covariance @ ((precision * x.T) @ y + prior_precision @ prior_mean)).tolist()
    expected = ArrivalTrend(follows, growth, season, covariance).relative_to_now(lately, days_before) * grown
    season = season * season_of(months_before, wins, expected * wins.sum() / expected.sum())
    return ArrivalTrend(follows, growth, season / season[0], covariance)


def months_back(end: int, count: int) -> list[int]:
    """The same day of each of the `count` months before a day; their last day where they lack it."""
    day = EPOCH + timedelta(days=end)
    out = []
    for back in range(1, count + 1):
        year, month = divmod(day.year * MONTHS + day.month - 1 - back, MONTHS)
        last = monthrange(year, month + 1)[1]
        out.append((date(year, month + 1, min(day.day, last)) - EPOCH).days)
    return out


def months_of_year(days: Ints) -> Ints:
    """How many months earlier in the year windows (n,) are that ended so many days ago, 0 to 11."""
    return np.asarray(np.rint(days * MONTHS / 365.25).astype(np.int64) % MONTHS)


def season_of_arrivals(arrivals: Ints, first_day: int, calendar: Calendar) -> Floats:
    """Arrivals per working day by month of the year (12,), without growth."""
    days = np.arange(first_day, first_day + len(arrivals))
    month = (days.astype("datetime64[D]").astype("datetime64[M]")).astype(np.int64)
    number = month - month[0]
    count = np.bincount(number, arrivals)[1:-1]
    working = np.bincount(number, np.asarray(calendar.is_working, float)[days])[1:-1]
    known = (count > 0) & (working > 0)
    if known.sum() <= MONTHS:
        return no_season()
    count, working, at = count[known], working[known], np.flatnonzero(known)
    of_year = (month[0] + 1 + at) % MONTHS
    # Growth and season are fitted together, with a small penalty on the season for short records.
    design = np.column_stack([np.ones(len(at)), at / MONTHS, np.eye(MONTHS)[of_year]])
    ridge = np.diag(np.r_[0.0, 0.0, np.full(MONTHS, 0.1)])
    level, growth = np.linalg.solve(design.T @ design + ridge, design.T @ np.log(count / working))[:2]
    return season_of(of_year, count.astype(float), np.exp(level + growth * at / MONTHS) * working)
