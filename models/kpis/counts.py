"""How many events of a count are still expected in the period, and for which people?

Gamma-Poisson counts on working days: the company's level is an exponentially weighted mean, with the
half-life that forecast best in the past, times the month's season; people share it by their recent counts,
shrunk towards their team, for the days they are present. The variation of the company, a team and a person is
estimated from past windows of the same length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.kernel_cache import compiled
from features.kpis import CountedEvents
from models.forecast.new_business import employment_days, variation_beyond_chance
from models.forecast.organisation import ScopeTree
from models.season import MONTHS, month_of, no_season, season_of

Draws = NDArray[np.float32]

SCENARIOS = 1 << 12
SEED = 20_260_402
HALF_LIVES = (20.0, 40.0, 80.0, 160.0)  # working days after which an event has half the weight in the level
_YEARS_KEPT = 4
_MIN_DAYS = 20  # working days before the first past window
_WINDOWS, _WINDOW_HALF_LIFE = 24, 250.0  # past windows; working days after which a window has half the weight
_MARKET_CV, _PRIOR_WINDOWS = 0.15, 4.0  # prior of the company's variation, and its weight
_UNKNOWN_CV = 0.5  # of a level without past windows
_SHARE_DAYS = 120  # working days that people's shares are estimated from
_POOLED_EVENTS = 4.0  # events that the team's rate weighs in a person's rate


@dataclass(frozen=True)
class RemainingPeriod:
    """The remaining part of a period as of a moment, and the people present in it.

    `start`, `end` instants. `since`, `until` (people + 1,) first day and day after the last of each person,
    `style` their selling style ("" = unknown).
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
        """Working days of the remaining period; a partial day counts in part."""
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
        """Number of the current working day."""
        return int(self.working_days_before[self.calendar.day_of(np.array([self.moment]))[0]])

    @cached_property
    def working_day_span(self) -> tuple[int, int]:
        """(first working day of the remaining period, day after its last), by number."""
        first, last = self.calendar.day_of(np.array([self.start, self.end - 1]))
        return int(self.working_days_before[first]), int(self.working_days_before[last + 1])

    def presence_share(self, first: Ints, end: Ints) -> Floats:
        """Share of the working days [first, end) (n,) that each person is present, (n, people + 1)."""
        low = self.working_days_before[np.clip(self.since, 0, len(self.working_days_before) - 1)]
        high = self.working_days_before[np.clip(self.until, 0, len(self.working_days_before) - 1)]
        both = np.minimum(end[:, None], high) - np.maximum(first[:, None], low)
        return np.asarray(np.clip(both / np.maximum(end - first, 1)[:, None], 0.0, 1.0))

    def is_same(self, other: RemainingPeriod) -> bool:
        """Whether the same is drawn for both."""
        arrays = ("since", "until", "style")
        mine, theirs = self.organisation, other.organisation
        return (
            (self.moment, self.start, self.end) == (other.moment, other.start, other.end)
            and self.calendar.settings() == other.calendar.settings()
            and mine.is_same(theirs)
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
        )

    def rng(self, name: str) -> np.random.Generator:
        """A random generator that is the same for the same name."""
        return np.random.default_rng([SEED, crc32(name.encode())])


@dataclass(frozen=True)
class CountForecast:
    """The forecast of a count: `mean` (people + 1,) events, coefficients of variation around it.

    An event has a mean weight of `weight`, with a standard deviation of `weight_sd`.
    """

    mean: Floats
    cvs: tuple[float, float, float]  # company, team, person
    weight: float
    weight_sd: float

    def is_same(self, other: CountForecast) -> bool:
        """Whether the same is drawn from both."""
        mine, theirs = (self.cvs, self.weight, self.weight_sd), (other.cvs, other.weight, other.weight_sd)
        return mine == theirs and np.array_equal(self.mean, other.mean)

    def draw(self, remaining: RemainingPeriod, name: str) -> Draws:
        """Weight by person and scenario, (people + 1, S).

        Teams and people vary around their shares of the company's total, which does not change with them.
        """
        out = np.zeros((len(self.mean), SCENARIOS), np.float32)
        with_events = np.flatnonzero(self.mean > 0)
        if not len(with_events):
            return out
        rng, teams = remaining.rng(name), len(remaining.organisation.teams)
        company, of_team, of_person = self.cvs
        team_factor = _lognormal(rng, of_team, teams + 1)
        team_factor[teams] = 1.0
        team = np.append(remaining.organisation.team_of, -1)
        share = self.mean[with_events, None] * team_factor[np.where(team < 0, teams, team)[with_events]]
        share *= _lognormal(rng, of_person, len(with_events))
        share *= self.mean.sum() / share.sum(0) * _lognormal(rng, company, 1)
        count = rng.poisson(share)
        if self.weight_sd > 0:
            noise = np.sqrt(count) * self.weight_sd * rng.standard_normal(count.shape)
            out[with_events] = np.maximum(count * self.weight + noise, 0.0)
        else:
            out[with_events] = count * self.weight
        return out


def forecast_count(counted_events: CountedEvents, remaining: RemainingPeriod) -> CountForecast:
    """The forecast of a count (as known at the moment) in the remaining period."""
    number = len(remaining.organisation.people) + 1
    counted = len(counted_events.weight) > 0
    weight = float(counted_events.weight.mean()) if counted else 1.0
    spread = float(counted_events.weight.std()) if counted else 0.0
    first_day = max(remaining.today - _YEARS_KEPT * 250, 0)
    day = remaining.working_days_before[remaining.calendar.day_of(counted_events.at)]
    in_record = (day >= first_day) & (day < remaining.today)
    if not in_record.any() or remaining.working_days <= 0:
        return CountForecast(np.zeros(number), (0.0, 0.0, 0.0), weight, spread)
    first = int(day[in_record].min())
    daily = np.bincount(day[in_record] - first, minlength=remaining.today - first).astype(float)
    season = _season(daily, remaining.month[first : remaining.today])[remaining.month]
    low, high = remaining.working_day_span
    # A partial day counts in part.
    exposure = season[low:high] * (remaining.working_days / max(high - low, 1))
    gap, length = low - remaining.today, max(round(remaining.working_days), 1)
    level, company_cv = _level(daily, season[first : remaining.today], gap, length)
    rate = _rates(day[in_record] - first, counted_events.person[in_record], first, remaining)
    present = (remaining.working_days_before[np.clip(remaining.since, 0, None)] <= remaining.today) & (
        remaining.working_days_before[np.clip(remaining.until, 0, len(remaining.working_days_before) - 1)]
        > remaining.today
    )
    present_rate = float(rate[present].sum())
    rate = (
        rate * (level / present_rate)
        if present_rate > 0
        else np.where(np.arange(number) == number - 1, level, 0.0)
    )
    mean = rate * _exposure_by_person(remaining, exposure)
    team = np.append(remaining.organisation.team_of, -1) + 1
    cvs = _people_cvs(
        day[in_record] - first, counted_events.person[in_record], remaining.today - first, length, team
    )
    return CountForecast(mean, (company_cv, *cvs), weight, spread)


def _season(daily: Floats, month: Ints) -> Floats:
    """The season of each month (12,), by whole months' counts relative to the year around them."""
    starts = np.flatnonzero(np.diff(month, prepend=-1, append=-1))
    low, high = starts[1:-2], starts[2:-1]  # whole months
    if len(low) < MONTHS + 6:
        return no_season()
    passed = np.concatenate([[0.0], np.cumsum(daily)])
    counts, days = passed[high] - passed[low], (high - low).astype(float)
    around = np.array([slice(max(at - 6, 0), at + 7) for at in range(len(low))])
    expected = days * np.array([counts[part].sum() / days[part].sum() for part in around])
    return season_of(month[low], counts, expected)


def _level(daily: Floats, season: Floats, gap: int, length: int) -> tuple[float, float]:
    """(events per working day without season, the company's variation).

    Past windows of `length` working days that began `gap` after their moment are forecast with each
    half-life; the one with the smallest error in square roots is used.
    """
    plain = daily / season
    levels = np.array([_smoothed(plain, half) for half in HALF_LIVES])
    step = max(length, 5)
    window_starts = np.arange(len(daily) - gap - length, _MIN_DAYS - 1, -step)[:_WINDOWS]
    if not len(window_starts):
        return float(plain.mean()), _UNKNOWN_CV
    passed, worth = (np.concatenate([[0.0], np.cumsum(values)]) for values in (daily, season))
    low, high = window_starts + gap, window_starts + gap + length
    counts = passed[high] - passed[low]
    expected = levels[:, window_starts - 1] * (worth[high] - worth[low])
    weights = 0.5 ** ((len(daily) - high) / _WINDOW_HALF_LIFE)
    error = (weights * (np.sqrt(counts + 0.375) - np.sqrt(expected + 0.375)) ** 2).sum(1)
    best = int(error.argmin())
    excess = float((weights * ((counts - expected[best]) ** 2 - expected[best])).sum())
    usual = float((weights * expected[best]).sum() / weights.sum())
    cv2 = (excess + _PRIOR_WINDOWS * (_MARKET_CV * usual) ** 2) / max(
        float((weights * expected[best] ** 2).sum()) + _PRIOR_WINDOWS * usual**2, 1e-9
    )
    return float(levels[best, -1]), float(np.sqrt(np.clip(cv2, 0.01**2, 1.0)))


def _smoothed(daily: Floats, half_life: float) -> Floats:
    """Exponentially weighted mean up to each day, (n,)."""
    smoothed: Floats = _weighted_means(np.ascontiguousarray(daily, np.float64), 0.5 ** (1 / half_life))
    return smoothed


@compiled
def _weighted_means(values: Any, keep: Any) -> Any:
    """The mean up to each value, in which one counts `keep` times what the next one does."""
    means, total, weight = np.empty(len(values)), 0.0, 0.0
    for at in range(len(values)):
        total = values[at] + keep * total
        weight = 1.0 + keep * weight
        means[at] = total / weight
    return means


def _rates(day: Ints, person: Ints, first: int, remaining: RemainingPeriod) -> Floats:
    """Events per working day of each person while present, shrunk towards the team and the company."""
    number, end = len(remaining.organisation.people) + 1, remaining.today - first
    begun = max(end - _SHARE_DAYS, 0)
    events_of = np.bincount(person[day >= begun], minlength=number).astype(float)
    exposure_of = remaining.presence_share(np.array([begun + first]), np.array([end + first]))[0] * max(
        end - begun, 1
    )
    exposure_of = np.maximum(exposure_of, (events_of > 0) * 1.0)
    owned = np.arange(number) < number - 1
    company = events_of[owned].sum() / max(exposure_of[owned].sum(), 1e-9)
    if company <= 0:
        return np.asarray(events_of / np.maximum(exposure_of, 1.0))
    team = np.append(remaining.organisation.team_of, -1) + 1
    prior_exposure = _POOLED_EVENTS / company
    team_got, team_could = (
        np.bincount(team[owned], events_of[owned]),
        np.bincount(team[owned], exposure_of[owned]),
    )
    of_team = (team_got + prior_exposure * company) / (team_could + prior_exposure)
    rate = (events_of + prior_exposure * of_team[np.minimum(team, len(of_team) - 1)]) / (
        exposure_of + prior_exposure
    )
    # People of a team without such events get no share of other teams' rates.
    rate[owned & (team_got[np.minimum(team, len(of_team) - 1)] == 0)] = 0.0
    rate[-1] = events_of[-1] / max(end - begun, 1)
    return np.asarray(rate)


def _exposure_by_person(remaining: RemainingPeriod, exposure: Floats) -> Floats:
    """The exposure of the days ahead on which each person is present, (people + 1,)."""
    low, _ = remaining.working_day_span
    days = low + np.arange(len(exposure))
    return np.asarray(exposure @ (remaining.presence_share(days, days + 1) > 0.5))


def _people_cvs(day: Ints, person: Ints, days: int, length: int, team: Ints) -> tuple[float, float]:
    """Variation of a team and of a person around its share, by past windows of that length."""
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
