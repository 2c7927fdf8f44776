"""How do past stretches differ from the one ahead: by season, growth and how much had come in before them?"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.arrays import Floats, Ints
from features.calendar import Calendar
from models.season import MONTHS, no_season, season_of

EPOCH = date(1970, 1, 1)
# Wins go with what came in lately to this power: believed beforehand (mean, spread), then learned.
ELASTICITY, ELASTICITY_SD = 0.5, 0.25
GROWTH_SD = 0.1  # of the log, a year
MARKET_CV = 0.2  # of a stretch's wins around what is due, believed beforehand


@dataclass(frozen=True)
class ArrivalTrend:
    """How a past stretch differs from the one ahead.

    Its wins go with the power `elasticity` of what came in just before it, grow by `growth` a year (in logs),
    and the stretch k months earlier brings `season[k]` of what this one does, (12,).
    `covariance` (2, 2): covariance of `elasticity` and `growth`, as far as they are known.
    """

    elasticity: float
    growth: float
    season: Floats
    covariance: Floats

    def relative_to_now(self, lately: Floats, days_before: Ints) -> Floats:
        """What past stretches (n,) were due to bring against the one ahead, had as much come in lately."""
        back = months_of_year(days_before)
        grown = np.exp(-self.growth * days_before / 365.25)
        return np.asarray(lately**self.elasticity * grown * self.season[back])

    def log_variance(self, level: float, years: float) -> float:
        """Variance of the log of what is due so many years later, `level` times as much having come in."""
        step = np.array([np.log(level), years])
        return float(step @ self.covariance @ step)


def fit_arrival_trend(
    days_before: Ints, wins: Floats, lately: Floats, grown: Floats, season: Floats, overlap: float
) -> ArrivalTrend:
    """Learn from stretches (n,) that ended so many days before the one ahead.

    `wins` they had, `lately` what had come in before them against the usual, `grown` what they were due to
    bring against it by how many customers there were, `season` (12,) what is known of it beforehand,
    `overlap` how many of them one day is counted in: together they say so much less. Least squares of the
    logs, leaning on what is believed; what that season misses is learned from the rest.
    """
    believed = np.array([ELASTICITY, 0.0])
    before = np.diag(np.array([ELASTICITY_SD, GROWTH_SD]) ** -2.0)
    if not len(wins):
        return ArrivalTrend(
            ELASTICITY, 0.0, season / season[0], np.diag(np.array([ELASTICITY_SD, GROWTH_SD]) ** 2)
        )
    back = months_of_year(days_before)
    known = 1 / (1 / (wins + 0.5) + MARKET_CV**2) / max(overlap, 1.0)
    x = np.column_stack([np.log(lately), -days_before / 365.25])
    y = np.log((wins + 0.5) / (wins.mean() + 0.5)) - np.log(season[back] * grown)
    x, y = x - np.average(x, axis=0, weights=known), y - np.average(y, weights=known)
    spread: Floats = np.linalg.inv((known * x.T) @ x + before)
    follows, growth = (spread @ ((known * x.T) @ y + before @ believed)).tolist()
    due = ArrivalTrend(follows, growth, season, spread).relative_to_now(lately, days_before) * grown
    season = season * season_of(back, wins, due * wins.sum() / due.sum())
    return ArrivalTrend(follows, growth, season / season[0], spread)


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
    """How many months earlier in the year stretches (n,) are that ended so many days ago, 0 to 11."""
    return np.asarray(np.rint(days * MONTHS / 365.25).astype(np.int64) % MONTHS)


def season_of_arrivals(arrivals: Ints, first_day: int, calendar: Calendar) -> Floats:
    """What the working days of each month of the year bring in (12,), growth set aside."""
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
    # Growth and season together, the season drawn a little to none so that a short record has both.
    design = np.column_stack([np.ones(len(at)), at / MONTHS, np.eye(MONTHS)[of_year]])
    ridge = np.diag(np.r_[0.0, 0.0, np.full(MONTHS, 0.1)])
    level, growth = np.linalg.solve(design.T @ design + ridge, design.T @ np.log(count / working))[:2]
    return season_of(of_year, count.astype(float), np.exp(level + growth * at / MONTHS) * working)
