"""How often will something that is counted still happen in the period, and to whom?

Gamma-Poisson counts on working days: the company's level follows the latest days as fast as served best in
the past, times the month's season; people share it by what they did lately, leaning on their team, for the
days they are here. How far the company, a team and a person stray from that is learned from past stretches of
the same length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from crm.eventlog import EventLog
from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.kpis import CountedEvents
from models.forecast.new_business import employment_days, variation_beyond_chance
from models.forecast.organisation import ScopeTree
from models.season import MONTHS, month_of, no_season, season_of

Draws = NDArray[np.float32]

SCENARIOS = 1 << 12
SEED = 20_260_402
HALF_LIVES = (20.0, 40.0, 80.0, 160.0)  # working days after which what happened counts half for the level
_YEARS_KEPT = 4
_MIN_DAYS = 20  # working days before the first look back
_WINDOWS, _WINDOW_HALF_LIFE = 24, 250.0  # stretches looked back at; working days after which one counts half
_MARKET_CV, _PRIOR_WINDOWS = 0.15, 4.0  # believed of the company beforehand, and what that weighs
_UNKNOWN_CV = 0.5  # of a level nobody could look back at
_SHARE_DAYS = 120  # working days by which people's shares go
_POOLED_EVENTS = 4.0  # happenings that the team's rate weighs like in a person's


@dataclass(frozen=True)
class RemainingPeriod:
    """The stretch of a period that is still to come, as seen at a moment, and who is there in it.

    `start`, `end` instants. `since`, `until` (people + 1,) first day and day after the last of each person,
    `style` how each sells ("" = not known).
    """

    calendar: Calendar
    organisation: ScopeTree
    moment: int
    start: int
    end: int
    since: Ints
    until: Ints
    style: NDArray[np.object_]

    @classmethod
    def of(
        cls, log: EventLog, calendar: Calendar, organisation: ScopeTree, moment: int, start: int, end: int
    ) -> RemainingPeriod:
        """From `start` (not before the moment) to `end`, by the people of a log."""
        since, until = employment_days(log, organisation)
        begin = max(start, moment)
        style = np.full(len(since), "", object)
        who = organisation.person(pd.Index(log["people"]["person_id"], dtype=object))
        style[who] = log["people"]["style"].astype(object).fillna("").to_numpy()
        return cls(calendar, organisation, moment, begin, max(end, begin), since, until, style)

    @cached_property
    def working_days(self) -> float:
        """Working days of the stretch; a day partly over counts in part."""
        return float(self.calendar.working_days(np.array([self.start]), np.array([self.end]))[0])

    @cached_property
    def working_days_before(self) -> Ints:
        """Working days before each day of the calendar."""
        return np.concatenate([[0], np.cumsum(self.calendar.is_working, dtype=np.int64)])

    @cached_property
    def month(self) -> Ints:
        """Month of the year, 0 to 11, of each working day."""
        return month_of(self.calendar)[self.calendar.is_working]

    @cached_property
    def today(self) -> int:
        """Number of the working day that is not over yet."""
        return int(self.working_days_before[self.calendar.day_of(np.array([self.moment]))[0]])

    @cached_property
    def working_day_span(self) -> tuple[int, int]:
        """(first working day of the stretch, day after its last), by number."""
        first, last = self.calendar.day_of(np.array([self.start, self.end - 1]))
        return int(self.working_days_before[first]), int(self.working_days_before[last + 1])

    def presence_share(self, first: Ints, end: Ints) -> Floats:
        """Share of the working days [first, end) (n,) that each person is there, (n, people + 1)."""
        low = self.working_days_before[np.clip(self.since, 0, len(self.working_days_before) - 1)]
        high = self.working_days_before[np.clip(self.until, 0, len(self.working_days_before) - 1)]
        both = np.minimum(end[:, None], high) - np.maximum(first[:, None], low)
        return np.asarray(np.clip(both / np.maximum(end - first, 1)[:, None], 0.0, 1.0))

    def rng(self, name: str) -> np.random.Generator:
        """Random numbers, the same for the same name."""
        return np.random.default_rng([SEED, crc32(name.encode())])


@dataclass(frozen=True)
class CountForecast:
    """What to expect of a count: `mean` (people + 1,) occurrences, coefficients of variation around it.

    An occurrence weighs `weight` on average, with a standard deviation of `weight_sd`.
    """

    mean: Floats
    cvs: tuple[float, float, float]  # company, team, person
    weight: float
    weight_sd: float

    def draw(self, ahead: RemainingPeriod, name: str) -> Draws:
        """Weight by person and scenario, (people + 1, S).

        Teams and people stray from their shares of the company, not the company with them.
        """
        out = np.zeros((len(self.mean), SCENARIOS), np.float32)
        busy = np.flatnonzero(self.mean > 0)
        if not len(busy):
            return out
        rng, teams = ahead.rng(name), len(ahead.organisation.teams)
        company, of_team, of_person = self.cvs
        local = _lognormal(rng, of_team, teams + 1)
        local[teams] = 1.0
        team = np.append(ahead.organisation.team_of, -1)
        share = self.mean[busy, None] * local[np.where(team < 0, teams, team)[busy]]
        share *= _lognormal(rng, of_person, len(busy))
        share *= self.mean.sum() / share.sum(0) * _lognormal(rng, company, 1)
        count = rng.poisson(share)
        if self.weight_sd > 0:
            noise = np.sqrt(count) * self.weight_sd * rng.standard_normal(count.shape)
            out[busy] = np.maximum(count * self.weight + noise, 0.0)
        else:
            out[busy] = count * self.weight
        return out


def forecast_count(tally: CountedEvents, ahead: RemainingPeriod) -> CountForecast:
    """What to expect of a tally (as known at the moment) in the stretch ahead."""
    number = len(ahead.organisation.people) + 1
    plain = tally.weight.std() == 0
    weight = float(tally.weight.mean()) if len(tally.weight) else 1.0
    spread = 0.0 if plain else float(tally.weight.std())
    begun = max(ahead.today - _YEARS_KEPT * 250, 0)
    day = ahead.working_days_before[ahead.calendar.day_of(tally.at)]
    known = (day >= begun) & (day < ahead.today)
    if not known.any() or ahead.working_days <= 0:
        return CountForecast(np.zeros(number), (0.0, 0.0, 0.0), weight, spread)
    first = int(day[known].min())
    daily = np.bincount(day[known] - first, minlength=ahead.today - first).astype(float)
    season = _season(daily, ahead.month[first : ahead.today])[ahead.month]
    low, high = ahead.working_day_span
    # A day partly over counts in part.
    exposure = season[low:high] * (ahead.working_days / max(high - low, 1))
    gap, length = low - ahead.today, max(round(ahead.working_days), 1)
    level, company_cv = _level(daily, season[first : ahead.today], gap, length)
    rate = _rates(day[known] - first, tally.person[known], first, ahead)
    present = (ahead.working_days_before[np.clip(ahead.since, 0, None)] <= ahead.today) & (
        ahead.working_days_before[np.clip(ahead.until, 0, len(ahead.working_days_before) - 1)] > ahead.today
    )
    now = float(rate[present].sum())
    rate = rate * (level / now) if now > 0 else np.where(np.arange(number) == number - 1, level, 0.0)
    mean = rate * _exposure_by_person(ahead, exposure)
    team = np.append(ahead.organisation.team_of, -1) + 1
    cvs = _people_cvs(day[known] - first, tally.person[known], ahead.today - first, length, team)
    return CountForecast(mean, (company_cv, *cvs), weight, spread)


def _season(daily: Floats, month: Ints) -> Floats:
    """The season of each month (12,), by what its whole months had against the year around them."""
    starts = np.flatnonzero(np.diff(month, prepend=-1, append=-1))
    low, high = starts[1:-2], starts[2:-1]  # whole months
    if len(low) < MONTHS + 6:
        return no_season()
    passed = np.concatenate([[0.0], np.cumsum(daily)])
    seen, days = passed[high] - passed[low], (high - low).astype(float)
    around = np.array([slice(max(at - 6, 0), at + 7) for at in range(len(low))])
    due = days * np.array([seen[part].sum() / days[part].sum() for part in around])
    return season_of(month[low], seen, due)


def _level(daily: Floats, season: Floats, gap: int, length: int) -> tuple[float, float]:
    """(occurrences per working day of no season, the company's variation).

    Past stretches of `length` working days that began `gap` after their moment are forecast by each
    half-life; that with the smallest error in square roots is taken.
    """
    plain = daily / season
    levels = np.array([_smoothed(plain, half) for half in HALF_LIVES])
    step = max(length, 5)
    looks = np.arange(len(daily) - gap - length, _MIN_DAYS - 1, -step)[:_WINDOWS]
    if not len(looks):
        return float(plain.mean()), _UNKNOWN_CV
    passed, worth = (np.concatenate([[0.0], np.cumsum(values)]) for values in (daily, season))
    low, high = looks + gap, looks + gap + length
    seen = passed[high] - passed[low]
    due = levels[:, looks - 1] * (worth[high] - worth[low])
    held = 0.5 ** ((len(daily) - high) / _WINDOW_HALF_LIFE)
    error = (held * (np.sqrt(seen + 0.375) - np.sqrt(due + 0.375)) ** 2).sum(1)
    best = int(error.argmin())
    excess = float((held * ((seen - due[best]) ** 2 - due[best])).sum())
    usual = float((held * due[best]).sum() / held.sum())
    cv2 = (excess + _PRIOR_WINDOWS * (_MARKET_CV * usual) ** 2) / max(
        float((held * due[best] ** 2).sum()) + _PRIOR_WINDOWS * usual**2, 1e-9
    )
    return float(levels[best, -1]), float(np.sqrt(np.clip(cv2, 0.01**2, 1.0)))


def _smoothed(daily: Floats, half_life: float) -> Floats:
    """Exponentially weighted mean up to each day, (n,)."""
    keep = 0.5 ** (1 / half_life)
    total, weight = (lfilter([1.0], [1.0, -keep], values) for values in (daily, np.ones(len(daily))))
    return np.asarray(total / weight)


def _rates(day: Ints, person: Ints, first: int, ahead: RemainingPeriod) -> Floats:
    """Occurrences per working day of each person while there, leaning on the team and the company."""
    number, end = len(ahead.organisation.people) + 1, ahead.today - first
    begun = max(end - _SHARE_DAYS, 0)
    got = np.bincount(person[day >= begun], minlength=number).astype(float)
    could = ahead.presence_share(np.array([begun + first]), np.array([end + first]))[0] * max(end - begun, 1)
    could = np.maximum(could, (got > 0) * 1.0)
    owned = np.arange(number) < number - 1
    company = got[owned].sum() / max(could[owned].sum(), 1e-9)
    if company <= 0:
        return np.asarray(got / np.maximum(could, 1.0))
    team = np.append(ahead.organisation.team_of, -1) + 1
    few = _POOLED_EVENTS / company
    team_got, team_could = np.bincount(team[owned], got[owned]), np.bincount(team[owned], could[owned])
    of_team = (team_got + few * company) / (team_could + few)
    rate = (got + few * of_team[np.minimum(team, len(of_team) - 1)]) / (could + few)
    # Those whose team never does it are not lent a share of what others do.
    rate[owned & (team_got[np.minimum(team, len(of_team) - 1)] == 0)] = 0.0
    rate[-1] = got[-1] / max(end - begun, 1)
    return np.asarray(rate)


def _exposure_by_person(ahead: RemainingPeriod, exposure: Floats) -> Floats:
    """The exposure of the days ahead that each person is there, (people + 1,)."""
    low, _ = ahead.working_day_span
    days = low + np.arange(len(exposure))
    return np.asarray(exposure @ (ahead.presence_share(days, days + 1) > 0.5))


def _people_cvs(day: Ints, person: Ints, days: int, length: int, team: Ints) -> tuple[float, float]:
    """Variation of a team and of a person around its share, by past stretches of that length."""
    number, step = len(team), max(length, 5)
    ends = np.arange(days, step - 1, -step)[:_WINDOWS]
    if not len(ends):
        return _MARKET_CV, _MARKET_CV * 2
    which = (days - 1 - day) // step
    counts = np.zeros((len(ends), number))
    use = which < len(ends)
    np.add.at(counts, (which[use], person[use]), 1.0)
    weight = 0.5 ** ((days - ends) / _WINDOW_HALF_LIFE)
    return variation_beyond_chance(counts, weight @ counts, team, weight)


def _lognormal(rng: np.random.Generator, cv: float, count: int) -> Floats:
    sd = np.sqrt(np.log1p(cv**2))
    return np.asarray(np.exp(sd * rng.standard_normal((count, SCENARIOS)) - sd**2 / 2))
