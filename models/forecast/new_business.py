"""How many deals not yet created will be won in the period, by whom, and for what amounts?

Learned directly from past periods at the same point: how many deals were created after it and won before the
end, per lead or deal created in the eight weeks before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER, local_datetime
from crm.periods import Period, previous
from features.arrays import Floats, Ints
from features.calendar import Calendar
from models.customers import customers_at, with_customers
from models.forecast.arrival_trend import (
    MARKET_CV,
    ArrivalTrend,
    fit_arrival_trend,
    months_back,
    season_of_arrivals,
)
from models.forecast.new_business_rates import POOL, NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.staffing import Staffing, paces
from models.season import MONTHS, fit_season, month_of, no_season

RECENT_DAYS = 56  # recent arrivals predict new business
RECENT_WORKING_DAYS = 40  # working days of a usual such window, to correct for holidays
MONTH_WORKING_DAYS = 21
YEARS_KEPT = 4
_MAX_WINDOWS = 16
_HALF_LIFE_DAYS = 365.0
# Priors, as coefficients of variation, and the number of windows (or expected wins) that they weigh.
_TEAM_CV, _PERSON_CV, _PRIOR_WINDOWS = 0.15, 0.3, 4.0
_PRIOR_ARRIVALS = 10.0  # arrivals added to both sides of the ratio now/then, to stabilise it
_MIN_EARLY_CUSTOMERS = (
    0.25  # customers at the start relative to now, for contracts to count as recorded throughout
)
_PRIOR_WINS = 0.2  # wins added to those of past windows, so that the rate is never 0


@dataclass(frozen=True, kw_only=True)
class NewBusiness:
    """Past wins by day of creation and of winning, daily arrivals, and the calendar.

    Days count from 1970-01-01 in the organisation's time zone.
    """

    created_day: Ints
    won_day: Ints
    amount: Floats
    owner: Ints  # position in `owners`, -1 = none
    owners: tuple[str, ...]
    first_day: int
    until_day: int  # exclusive: all days before it are complete
    arrivals: Ints  # arrivals on each day from first_day on
    counts_leads: bool
    customers: Ints  # accounts under contract at the beginning of each day from first_day on
    customer_share: float  # share of wins that are with customers
    arrival_season: Floats  # arrivals per working day by month of the year (12,), mean 1
    closing_season: Floats  # the same for the rate at which open deals are won
    calendar: Calendar

    @classmethod
    def fit(cls, log: EventLog, as_of: int, calendar: Calendar | None = None) -> NewBusiness:
        """Fit to a log as of `as_of` (it must contain nothing later); by default with Japan's calendar."""
        deals = log["deals"]
        created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
        until = _day(as_of, log)
        keep_from = until - int(YEARS_KEPT * 365.25)
        won = (deals["outcome"] == "won").to_numpy() & (closed != NEVER) & (closed < as_of)
        born = _days(created, log)
        closed_won = won
        if log.money is not None:  # what no rate converts is in no sum, of the future neither
            won = won & ~log.money.lack_rate(deals["deal_id"])
        won = won & (born >= keep_from)
        owners = deals["owner_id"].astype("category")
        leads = _days(micros(log["leads"]["created_at"]), log)
        first = max(int(born.min()), keep_from) if len(born) else until
        # Leads are an earlier indicator than deals, where they were recorded throughout.
        use_leads = len(leads) > 0 and len(leads) >= len(born) / 2 and int(leads.min()) <= first + 31
        arrival_days = leads if use_leads else born
        arrival_days = arrival_days[(arrival_days >= first) & (arrival_days < until)]
        calendar = calendar or Calendar(log.zone)
        arrivals = np.bincount(arrival_days - first, minlength=max(until - first, 1)).astype(np.int64)
        working = np.asarray(calendar.is_working, float)
        customers, customer_share = _customers(log, first, until, won)
        ended = np.where(closed == NEVER, as_of, np.minimum(closed, as_of))
        first_created = int(created.min()) if len(created) else as_of
        closing_season = fit_season(calendar, working, created, ended, closed_won, first_created, as_of)
        return cls(
            created_day=born[won],
            won_day=_days(closed[won], log),
            amount=deals["amount"].to_numpy(float)[won],
            owner=owners.cat.codes.to_numpy()[won].astype(np.int64),
            owners=tuple(str(name) for name in owners.cat.categories),
            first_day=first,
            until_day=until,
            arrivals=arrivals,
            counts_leads=bool(use_leads),
            customers=customers,
            customer_share=customer_share,
            arrival_season=season_of_arrivals(arrivals, first, calendar),
            closing_season=closing_season,
            calendar=calendar,
        )

    def rates(
        self,
        log: EventLog,
        organisation: ScopeTree,
        moment: int,
        period: Period,
        dates: Sequence[date] = (),
        staffing: Staffing | None = None,
    ) -> NewBusinessRates:
        """Expected wins from `moment` on, in `period`; `log` as of the moment: people, recent arrivals.

        `dates`: days within the period for which the share of new revenue won by their end is returned.
        `staffing`: who is away, and that the new are not yet as fast as the others; what these bring less,
        the others bring more: it is the market's.
        """
        start, end = _ordinal(period.first), _ordinal(period.last) + 1
        now = _day(moment + DAY // 2, log)  # more than half a day left counts as a whole day
        ahead, begun = self._working(max(now, 0), end), self._working(now, max(start, now))
        people = len(organisation.people) + 1
        ends = [_ordinal(day) + 1 for day in dates]
        if ahead <= 0 or not len(self.created_day):
            return NewBusinessRates(
                np.zeros(people), 0.0, 0.0, 0.0, np.zeros(0), np.ones(people), np.ones(len(ends))
            )
        windows = self._windows(period, ahead, begun)
        company, market_cv = self._company(windows, log, moment, period, ahead, begun)
        share, team_cv, person_cv = self._shares(windows, log, organisation, now, end, staffing)
        pool, scale = self._amounts(windows, organisation)
        market_sd, team_sd = (float(np.sqrt(np.log1p(cv**2))) for cv in (market_cv, team_cv))
        by_date = self._by_date(windows, end, ahead, ends)
        return NewBusinessRates(company * share, market_sd, team_sd, person_cv, pool, scale, by_date)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {name: value.tolist() for name, value in state.items() if isinstance(value, np.ndarray)}
        plain["amount"] = [None if np.isnan(value) else value for value in self.amount.tolist()]
        return {**state, "owners": list(self.owners), "calendar": self.calendar.settings(), **plain}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> NewBusiness:
        """The model `to_json` described."""
        amount = np.array([np.nan if value is None else value for value in state["amount"]], float)
        return cls(
            created_day=np.asarray(state["created_day"], np.int64),
            won_day=np.asarray(state["won_day"], np.int64),
            amount=amount,
            owner=np.asarray(state["owner"], np.int64),
            owners=tuple(state["owners"]),
            first_day=int(state["first_day"]),
            until_day=int(state["until_day"]),
            arrivals=np.asarray(state["arrivals"], np.int64),
            counts_leads=bool(state["counts_leads"]),
            customers=np.asarray(state["customers"], np.int64),
            customer_share=float(state["customer_share"]),
            arrival_season=np.asarray(state["arrival_season"], float),
            closing_season=np.asarray(state["closing_season"], float),
            calendar=Calendar.of(state["calendar"]),
        )

    @cached_property
    def _working_days_before(self) -> Ints:
        """Working days before each day."""
        return np.concatenate([[0], np.cumsum(self.calendar.is_working, dtype=np.int64)])

    def _working(self, first: int, end: int) -> int:
        """Working days in [first, end)."""
        return int(self._working_days_before[end] - self._working_days_before[first])

    def _days_back(self, end: int, count: int) -> int:
        """The last day with `count` working days from it to `end`."""
        left = self._working_days_before[end] - count
        return int(np.searchsorted(self._working_days_before, left, side="right")) - 1 if count else end

    def _windows(self, period: Period, ahead: int, begun: int) -> PastWindows:
        """Past periods at the same point; where there are few, also ends of months, then any days."""
        length = max(period.days, 1)
        weight_by_end: dict[int, float] = {}
        for number in range(1, min(_MAX_WINDOWS, 366 * YEARS_KEPT // length + 1) + 1):
            weight_by_end.setdefault(_ordinal(previous(period, number).last) + 1, 1.0)
        usable = self._usable(weight_by_end, ahead)
        if len(usable) < 4:
            day = date.fromordinal(self.until_day + date(1970, 1, 1).toordinal()).replace(day=1)
            for _ in range(24):
                weight_by_end.setdefault(_ordinal(day), 0.5)
                day = (day - timedelta(days=1)).replace(day=1)
            usable = self._usable(weight_by_end, ahead)
        if len(usable) < 4:
            for back in range(8):
                weight_by_end.setdefault(self.until_day - back * max(length // 3, 1), 0.25)
            usable = self._usable(weight_by_end, ahead)
        ends = np.array(sorted(usable, reverse=True), np.int64)
        age = (self.until_day - ends) / _HALF_LIFE_DAYS
        weight = np.array([weight_by_end[int(end)] for end in ends]) * 0.5**age
        if not len(ends):  # history shorter than the time ahead: all of it is one window
            first, until = np.array([self.first_day], np.int64), np.array([self.until_day], np.int64)
            return PastWindows(first, first, until, np.ones(1))
        return self._windows_ending(ends, weight, ahead, begun)

    def _windows_ending(self, ends: Ints, weight: Floats, ahead: int, begun: int) -> PastWindows:
        """Windows of as many working days as lie ahead, with these ends (n,)."""
        starts = np.array([self._days_back(int(end), ahead) for end in ends], np.int64)
        counted = np.array([self._days_back(int(end), ahead - begun) for end in ends], np.int64)
        return PastWindows(starts, counted, ends, weight)

    def _usable(self, ends: Mapping[int, float], ahead: int) -> list[int]:
        return [
            end for end in ends if end <= self.until_day and self._days_back(end, ahead) >= self.first_day
        ]

    def _wins_inside(self, windows: PastWindows, number: int) -> NDArray[np.bool_]:
        created = self.created_day >= windows.start[number]
        inside = (
            created & (self.won_day >= windows.counted_from[number]) & (self.won_day < windows.end[number])
        )
        return np.asarray(inside, np.bool_)

    def _company(
        self, windows: PastWindows, log: EventLog, moment: int, period: Period, ahead: int, begun: int
    ) -> tuple[float, float]:
        """(expected wins, coefficient of variation of the market around it)."""
        wins = np.array([self._wins_inside(windows, k).sum() for k in range(len(windows.end))], float)
        recent_arrivals = float(self._recent_arrivals(log, _day(moment + DAY // 2, log)))
        # A window at the start of the log has no earlier arrivals: the usual ones are assumed.
        full = windows.start - self.first_day >= RECENT_DAYS
        usual_arrivals = recent_arrivals
        if full.any():
            usual_arrivals = float(
                np.average(self._arrivals_before(windows)[full], weights=windows.weight[full])
            )
        end = _ordinal(period.last) + 1
        customers = int(customers_at(log, np.array([moment]))[0])
        trend = self._arrival_trend(period, ahead, begun, usual_arrivals, customers)
        relative = trend.relative_to_now(self._recent_ratio(windows, usual_arrivals), end - windows.end)
        relative *= self._customer_growth(windows, customers)
        level = (recent_arrivals + _PRIOR_ARRIVALS) / (usual_arrivals + _PRIOR_ARRIVALS)
        rate = float((windows.weight @ wins + _PRIOR_WINS) / (windows.weight @ relative))
        expected = rate * relative
        weights = windows.weight / windows.weight.max()
        excess = weights @ ((wins - expected) ** 2 - wins)
        total_weight = weights.sum()
        cv2 = (excess + _PRIOR_WINDOWS * (MARKET_CV * rate) ** 2) / (
            weights @ expected**2 + _PRIOR_WINDOWS * rate**2 + 1e-12
        )
        cv2 = float(np.clip(cv2, 0.02**2, 1.0))
        # Add the uncertainty of the rate itself and of its trend.
        age = float(np.average(end - windows.end, weights=windows.weight)) / 365.25
        cv2 += trend.log_variance(level, age)
        cv2 = cv2 * (1 + 1 / max(total_weight, 1.0)) + 1 / (wins.sum() + 1)
        length_ratio = 1.0
        if len(windows.end) == 1 and windows.start[0] == self.first_day:
            covered = max(self._working(self.first_day, self.until_day), 1)
            length_ratio = max(ahead - begun, 1) / covered
        return rate * level**trend.elasticity * length_ratio, float(np.sqrt(min(cv2, 4.0)))

    def _arrival_trend(
        self, period: Period, ahead: int, begun: int, usual: float, customers: int
    ) -> ArrivalTrend:
        """The arrival trend, fitted to windows that ended a whole number of months before."""
        end = _ordinal(period.last) + 1
        year_windows = self._windows_ending(
            np.array([end, *months_back(end, MONTHS - 1)]), np.ones(MONTHS), ahead, begun
        )
        usable = self._usable(dict.fromkeys(months_back(end, MONTHS * YEARS_KEPT), 1.0), ahead)
        ends = np.array(usable, np.int64)
        month_windows = self._windows_ending(ends, np.ones(len(ends)), ahead, begun)
        wins = np.array([self._wins_inside(month_windows, k).sum() for k in range(len(ends))], float)
        grown, overlap = self._customer_growth(month_windows, customers), ahead / MONTH_WORKING_DAYS
        return fit_arrival_trend(
            end - ends,
            wins,
            self._recent_ratio(month_windows, usual),
            grown,
            self._season(year_windows),
            overlap,
        )

    def _customer_growth(self, windows: PastWindows, customers: int) -> Floats:
        """Expected wins of each window relative to the one ahead, by the number of customers."""
        if not self.customer_share or not customers:
            return np.ones(len(windows.start))
        there = self.customers[np.clip(windows.start - self.first_day, 0, len(self.customers) - 1)]
        return np.asarray(self.customer_share * there / customers + 1 - self.customer_share)

    def _season(self, stretches: PastWindows) -> Floats:
        """Expected wins of each of twelve windows by the months in it, relative to their mean (12,).

        Arrivals on each of its working days are won a number of working days later, at the rate of that
        month.
        """
        working = np.asarray(self.calendar.is_working, bool)
        month = month_of(self.calendar)
        lag = self._working_days_before[self.won_day] - self._working_days_before[self.created_day]
        wins_by_window = np.zeros(MONTHS)
        for k in range(MONTHS):
            days = np.arange(stretches.start[k], stretches.end[k])
            days = days[working[days]]
            if not len(days):
                return no_season()
            lag_share = np.bincount(np.minimum(lag, len(days)), minlength=len(days) + 1)[: len(days)] + 1e-9
            winnable = np.convolve(self.arrival_season[month[days]], lag_share)[: len(days)]
            wins_by_window[k] = (winnable * self.closing_season[month[days]])[
                days >= stretches.counted_from[k]
            ].sum()
        return wins_by_window / wins_by_window.mean() if wins_by_window.min() > 0 else no_season()

    def _recent_ratio(self, windows: PastWindows, usual: float) -> Floats:
        """Arrivals before each window relative to the usual, 1 = as usual."""
        full = windows.start - self.first_day >= RECENT_DAYS
        return (np.where(full, self._arrivals_before(windows), usual) + _PRIOR_ARRIVALS) / (
            usual + _PRIOR_ARRIVALS
        )

    def _arrivals_before(self, windows: PastWindows) -> Floats:
        return np.array([self._arrivals_before_day(int(start)) for start in windows.start], float)

    def _arrivals_before_day(self, day: int) -> float:
        """Arrivals in the eight weeks before a day, per usual number of working days."""
        first = max(day - RECENT_DAYS, self.first_day)
        came = int(self.arrivals[first - self.first_day : max(day - self.first_day, 0)].sum())
        return came * self._usual_per_working_day(first, day)

    def _recent_arrivals(self, log: EventLog, now: int) -> float:
        """The same for the eight weeks before now, from the log as of the moment."""
        table = "leads" if self.counts_leads else "deals"
        days = _days(micros(log[table]["created_at"]), log)
        came = int(((days >= now - RECENT_DAYS) & (days < now)).sum())
        return came * self._usual_per_working_day(now - RECENT_DAYS, now)

    def _usual_per_working_day(self, first: int, end: int) -> float:
        """Usual working days of eight weeks divided by those in [first, end)."""
        return RECENT_WORKING_DAYS / max(self._working(first, max(end, first)), 1)

    def _shares(
        self,
        windows: PastWindows,
        log: EventLog,
        organisation: ScopeTree,
        now: int,
        end: int,
        staffing: Staffing | None,
    ) -> tuple[Floats, float, float]:
        """(share of the company's wins (people + 1,), coefficients of variation of teams and of people)."""
        number_of = organisation.person(pd.Index(self.owners, dtype=object))
        person = np.append(number_of, organisation.nobody)[self.owner]
        people = len(organisation.people) + 1
        wins = np.array(
            [
                np.bincount(person[self._wins_inside(windows, k)], minlength=people)
                for k in range(len(windows.end))
            ],
            float,
        )
        since, until = employment_days(log, organisation)
        length = np.maximum(windows.end - windows.start, 1)[:, None]
        overlap = np.minimum(windows.end[:, None], until) - np.maximum(windows.start[:, None], since)
        present_share = np.clip(overlap / length, 0.0, 1.0)
        present_share = np.maximum(present_share, (wins > 0) * 0.25)
        pace = np.ones(people)
        if staffing is not None:
            middle = (windows.start + windows.end) // 2
            teams = np.append(organisation.team_of, -1) + 1
            past, pace = paces(middle, wins, present_share, since, teams, (now + end) // 2)
            present_share = present_share * past
            pace = pace * (1.0 - staffing.away)
        wins_of, exposure = windows.weight @ wins, windows.weight @ present_share
        company = wins_of.sum() / max(exposure.sum(), 1e-9)
        team = np.append(organisation.team_of, -1) + 1
        team_wins, team_exposure = np.bincount(team, wins_of), np.bincount(team, exposure)
        prior_exposure = 2 / max(company, 0.02)  # the pooled rate weighs like two wins
        team_rate = (team_wins + prior_exposure * company) / (team_exposure + prior_exposure)
        team_rate[0] = company if team_exposure[0] == 0 else team_wins[0] / team_exposure[0]
        rate = (wins_of + prior_exposure * team_rate[team]) / (exposure + prior_exposure)
        present = (since <= now) & (until > now)
        present[-1] = True
        rate[-1] = wins_of[-1] / max(
            exposure[-1], 1e-9
        )  # the share of deals without an owner stays as it was
        rate = np.where(present, rate, 0.0) if staffing is None else np.where(present, rate * pace, 0.0)
        share = rate / rate.sum() if rate.sum() > 0 else np.where(np.arange(people) == people - 1, 1.0, 0.0)
        return share, *variation_beyond_chance(wins, wins_of, team, windows.weight)

    def _amounts(self, windows: PastWindows, organisation: ScopeTree) -> tuple[Floats, Floats]:
        """(equally likely amounts of the company (POOL,), each person's factor (people + 1,))."""
        inside = np.any([self._wins_inside(windows, k) for k in range(len(windows.end))], axis=0)
        known = self.amount > 0
        use = inside & known if (inside & known).sum() >= 100 else known
        people = len(organisation.people) + 1
        if not use.any():
            return np.zeros(1), np.ones(people)
        values = self.amount[use]
        pool = np.quantile(values, (np.arange(POOL) + 0.5) / POOL)
        pool *= values.mean() / pool.mean()
        number_of = organisation.person(pd.Index(self.owners, dtype=object))
        person = np.append(number_of, organisation.nobody)[self.owner[use]]
        logs = np.log(values) - np.log(values).mean()
        count, total = np.bincount(person, minlength=people), np.bincount(person, logs, minlength=people)
        noise, between = logs.var() + 1e-9, _PERSON_CV**2
        team = np.append(organisation.team_of, -1) + 1
        team_count, team_total = np.bincount(team, count), np.bincount(team, total)
        team_mean = team_total / (team_count + noise / between)
        mean = (total + noise / between * team_mean[team]) / (count + noise / between)
        scale = np.exp(mean)
        return pool, scale * (count.sum() / max(count @ scale, 1e-9))

    def _by_date(self, windows: PastWindows, end: int, ahead: int, ends: list[int]) -> Floats:
        """Share of new wins that past windows had at the same number of working days before their end."""
        left = [min(max(self._working(day, end), 0), ahead) for day in ends]
        won_by_then = np.zeros(len(ends))
        won_in_all = 0.0
        for k in range(len(windows.end)):
            days = self.won_day[self._wins_inside(windows, k)]
            until = np.array([self._days_back(int(windows.end[k]), count) for count in left])
            won_by_then += windows.weight[k] * np.searchsorted(np.sort(days), until)
            won_in_all += windows.weight[k] * len(days)
        if won_in_all == 0:
            return np.array([1 - count / max(ahead, 1) for count in left])
        return won_by_then / won_in_all


@dataclass(frozen=True)
class PastWindows:
    """Past windows like the one ahead: deals created from `start`, won in [counted_from, end)."""

    start: Ints
    counted_from: Ints
    end: Ints
    weight: Floats


def variation_beyond_chance(wins: Floats, got: Floats, team: Ints, weight: Floats) -> tuple[float, float]:
    """Coefficients of variation of a team's and a person's counts beyond chance, given the parent's count.

    `wins` (windows, people + 1), `got` their weighted sum, `team` (people + 1,) with 0 = none. Moments of
    gamma-Poisson counts, the prior weighing like `_PRIOR_WINDOWS` windows.
    """
    weights = weight / weight.max()
    team_counts = np.array([np.bincount(team, row, minlength=team.max() + 1) for row in wins])[:, 1:]
    team_share = team_counts.sum(0) / max(team_counts.sum(), 1e-9)
    expected = team_counts.sum(1)[:, None] * team_share
    team_cv = _beyond_chance(team_counts, expected, expected * (1 - team_share), weights, _TEAM_CV)
    team_count = np.array([np.bincount(team, row, minlength=team.max() + 1)[team] for row in wins])
    person_share = got / np.maximum(np.bincount(team, got)[team], 1e-9)
    expected_of_person = team_count * person_share
    return team_cv, _beyond_chance(
        wins, expected_of_person, expected_of_person * (1 - person_share), weights, _PERSON_CV
    )


def _beyond_chance(
    counts: Floats, expected: Floats, chance_variance: Floats, weights: Floats, prior: float
) -> float:
    excess = float((weights[:, None] * ((counts - expected) ** 2 - chance_variance)).sum())
    scale = float((weights[:, None] * expected**2).sum())
    typical = scale / max(weights.sum(), 1e-9)
    cv2 = (excess + _PRIOR_WINDOWS * prior**2 * typical) / max(scale + _PRIOR_WINDOWS * typical, 1e-9)
    return float(np.sqrt(np.clip(cv2, 0.02**2, 1.0))) if scale > 0 else prior


def employment_days(log: EventLog, organisation: ScopeTree) -> tuple[Ints, Ints]:
    """First day and day after the last of each person (people + 1,), by the people table, else always."""
    people = len(organisation.people) + 1
    since, until = np.full(people, -(1 << 30)), np.full(people, 1 << 30)
    table = log["people"]
    at = organisation.person(pd.Index(table["person_id"], dtype=object))
    for column, out, late in (("active_from", since, 0), ("active_to", until, 1)):
        dated = table[column].notna().to_numpy()
        out[at[dated]] = table[column].to_numpy("datetime64[D]")[dated].astype(np.int64) + late
    return since, until


def _customers(log: EventLog, first: int, until: int, won: NDArray[np.bool_]) -> tuple[Ints, float]:
    """(customers at the beginning of each day of [first, until], share of the wins made with them).

    Zeros where too few customers at the start show that contracts were not recorded throughout.
    """
    days = np.arange(first, until + 1).astype("datetime64[D]")
    starts = micros(pd.Series(pd.DatetimeIndex(days).tz_localize(log.zone)))
    count = customers_at(log, starts)
    if count[0] < _MIN_EARLY_CUSTOMERS * count[-1] or not won.any():
        return np.zeros(len(days), np.int64), 0.0
    return count, float(with_customers(log)[won].mean())


def _ordinal(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _day(at: int, log: EventLog) -> int:
    return _ordinal(local_datetime(at, log.zone).date())


def _days(at: Ints, log: EventLog) -> Ints:
    """Local calendar days of instants, as days since 1970; NEVER stays far in the past."""
    local = (
        pd.DatetimeIndex(at.view("datetime64[us]")).tz_localize("UTC").tz_convert(log.zone).tz_localize(None)
    )
    return np.asarray(local.to_numpy("datetime64[D]").astype(np.int64), np.int64)
