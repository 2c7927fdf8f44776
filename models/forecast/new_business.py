"""How many deals not yet created will still be won in the period, by whom, and what will they bring?

Learned directly from past periods at the same point: how many deals were created after it and won before the
end, per lead or deal that came in during the eight weeks before it.
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

from crm.eventlog import EventLog, micros
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
from models.season import MONTHS, fit_season, month_of, no_season

RECENT_DAYS = 56  # what came in lately says how busy the coming weeks will be
RECENT_WORKING_DAYS = 40  # of an ordinary such stretch: holidays in it do not make it a quiet one
MONTH_WORKING_DAYS = 21
YEARS_KEPT = 4
_MAX_WINDOWS = 16
_HALF_LIFE_DAYS = 365.0
# Beliefs before data, as coefficients of variation, and how many windows (or expected wins) they weigh.
_TEAM_CV, _PERSON_CV, _PRIOR_WINDOWS = 0.15, 0.3, 4.0
_PRIOR_ARRIVALS = 10.0  # leads added to both sides of "now against then", so that few of them do not swing it
_MIN_EARLY_CUSTOMERS = (
    0.25  # customers at the beginning against now, for contracts to have been kept all along
)
_PRIOR_WINS = 0.2  # wins added to what past windows held: never seen is not impossible


@dataclass(frozen=True, kw_only=True)
class NewBusiness:
    """Past wins by day of creation and of winning, what came in each day, and the working days between.

    Days count from 1970-01-01 in the organisation's time zone.
    """

    created_day: Ints
    won_day: Ints
    amount: Floats
    owner: Ints  # position in `owners`, -1 = nobody
    owners: tuple[str, ...]
    first_day: int
    until_day: int  # exclusive: days fully known
    arrivals: Ints  # what came in on each day from first_day on
    counts_leads: bool
    customers: Ints  # accounts under contract at the beginning of each day from first_day on
    customer_share: float  # share of wins that were made with them
    arrival_season: (
        Floats  # what the working days of each month of the year bring in (12,); the year averages to 1
    )
    closing_season: Floats  # the same for the pace at which open deals are won
    calendar: Calendar

    @classmethod
    def fit(cls, log: EventLog, as_of: int, calendar: Calendar | None = None) -> NewBusiness:
        """Learn from a log as of `as_of` (nothing later may be in it); by default, by Japan's calendar."""
        deals = log["deals"]
        created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
        until = _day(as_of, log)
        kept_from = until - int(YEARS_KEPT * 365.25)
        won = (deals["outcome"] == "won").to_numpy() & (closed != NEVER) & (closed < as_of)
        born = _days(created, log)
        closed_won = won
        won = won & (born >= kept_from)
        owners = deals["owner_id"].astype("category")
        leads = _days(micros(log["leads"]["created_at"]), log)
        first = max(int(born.min()), kept_from) if len(born) else until
        # Leads announce deals earlier than deals do, where they were recorded all along.
        use_leads = len(leads) > 0 and len(leads) >= len(born) / 2 and int(leads.min()) <= first + 31
        came = leads if use_leads else born
        came = came[(came >= first) & (came < until)]
        calendar = calendar or Calendar(log.zone)
        arrivals = np.bincount(came - first, minlength=max(until - first, 1)).astype(np.int64)
        working = np.asarray(calendar.is_working, float)
        customers, theirs = _customers(log, first, until, won)
        ended = np.where(closed == NEVER, as_of, np.minimum(closed, as_of))
        begun = int(created.min()) if len(created) else as_of
        closing = fit_season(calendar, working, created, ended, closed_won, begun, as_of)
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
            customer_share=theirs,
            arrival_season=season_of_arrivals(arrivals, first, calendar),
            closing_season=closing,
            calendar=calendar,
        )

    def rates(
        self,
        log: EventLog,
        organisation: ScopeTree,
        moment: int,
        period: Period,
        dates: Sequence[date] = (),
    ) -> NewBusinessRates:
        """What to expect from `moment` on, in `period`; `log` as of the moment says who is here and how busy.

        `dates`: ends of days within the period for which the share of new revenue won by then is wanted.
        """
        start, end = _ordinal(period.first), _ordinal(period.last) + 1
        now = _day(moment + DAY // 2, log)  # more than half a day left counts as a day
        ahead, begun = self._working(max(now, 0), end), self._working(now, max(start, now))
        people = len(organisation.people) + 1
        ends = [_ordinal(day) + 1 for day in dates]
        if ahead <= 0 or not len(self.created_day):
            return NewBusinessRates(
                np.zeros(people), 0.0, 0.0, 0.0, np.zeros(0), np.ones(people), np.ones(len(ends))
            )
        windows = self._windows(period, ahead, begun)
        company, market_cv = self._company(windows, log, moment, period, ahead, begun)
        share, team_cv, person_cv = self._shares(windows, log, organisation, now)
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
            customer_share=float(state["theirs"]),
            arrival_season=np.asarray(state["coming_in"], float),
            closing_season=np.asarray(state["closing"], float),
            calendar=Calendar.of(state["calendar"]),
        )

    @cached_property
    def _working_days_before(self) -> Ints:
        """Working days before each day."""
        return np.concatenate([[0], np.cumsum(self.calendar.is_working, dtype=np.int64)])

    def _working(self, first: int, end: int) -> int:
        """Working days in [first, end)."""
        return int(self._working_days_before[end] - self._working_days_before[first])

    def _back(self, end: int, count: int) -> int:
        """The last day from which `count` working days remain before `end`."""
        left = self._working_days_before[end] - count
        return int(np.searchsorted(self._working_days_before, left, side="right")) - 1 if count else end

    def _windows(self, period: Period, ahead: int, begun: int) -> PastWindows:
        """Past periods at the same point; where there are few, also ends of months, then any days."""
        length = max(period.days, 1)
        found: dict[int, float] = {}
        for number in range(1, min(_MAX_WINDOWS, 366 * YEARS_KEPT // length + 1) + 1):
            found.setdefault(_ordinal(previous(period, number).last) + 1, 1.0)
        sound = self._sound(found, ahead)
        if len(sound) < 4:
            day = date.fromordinal(self.until_day + date(1970, 1, 1).toordinal()).replace(day=1)
            for _ in range(24):
                found.setdefault(_ordinal(day), 0.5)
                day = (day - timedelta(days=1)).replace(day=1)
            sound = self._sound(found, ahead)
        if len(sound) < 4:
            for back in range(8):
                found.setdefault(self.until_day - back * max(length // 3, 1), 0.25)
            sound = self._sound(found, ahead)
        ends = np.array(sorted(sound, reverse=True), np.int64)
        age = (self.until_day - ends) / _HALF_LIFE_DAYS
        weight = np.array([found[int(end)] for end in ends]) * 0.5**age
        if not len(ends):  # shorter history than the time ahead: what there is, as one window
            first, until = np.array([self.first_day], np.int64), np.array([self.until_day], np.int64)
            return PastWindows(first, first, until, np.ones(1))
        return self._stretches(ends, weight, ahead, begun)

    def _stretches(self, ends: Ints, weight: Floats, ahead: int, begun: int) -> PastWindows:
        """Stretches of as many working days as lie ahead, with these ends (n,)."""
        starts = np.array([self._back(int(end), ahead) for end in ends], np.int64)
        counted = np.array([self._back(int(end), ahead - begun) for end in ends], np.int64)
        return PastWindows(starts, counted, ends, weight)

    def _sound(self, ends: Mapping[int, float], ahead: int) -> list[int]:
        return [end for end in ends if end <= self.until_day and self._back(end, ahead) >= self.first_day]

    def _inside(self, windows: PastWindows, number: int) -> NDArray[np.bool_]:
        created = self.created_day >= windows.start[number]
        inside = (
            created & (self.won_day >= windows.counted_from[number]) & (self.won_day < windows.end[number])
        )
        return np.asarray(inside, np.bool_)

    def _company(
        self, windows: PastWindows, log: EventLog, moment: int, period: Period, ahead: int, begun: int
    ) -> tuple[float, float]:
        """(expected wins, coefficient of variation of the market around it)."""
        wins = np.array([self._inside(windows, k).sum() for k in range(len(windows.end))], float)
        now_busy = float(self._recent(log, _day(moment + DAY // 2, log)))
        # A window that starts where the log starts has nothing before it: as busy as usual.
        full = windows.start - self.first_day >= RECENT_DAYS
        usual = now_busy
        if full.any():
            usual = float(np.average(self._busy(windows)[full], weights=windows.weight[full]))
        end = _ordinal(period.last) + 1
        customers = int(customers_at(log, np.array([moment]))[0])
        drift = self._drift(period, ahead, begun, usual, customers)
        lately = drift.relative_to_now(self._lately(windows, usual), end - windows.end)
        lately *= self._grown(windows, customers)
        level = (now_busy + _PRIOR_ARRIVALS) / (usual + _PRIOR_ARRIVALS)
        per = float((windows.weight @ wins + _PRIOR_WINS) / (windows.weight @ lately))
        expected = per * lately
        held = windows.weight / windows.weight.max()
        excess = held @ ((wins - expected) ** 2 - wins)
        known = held.sum()
        cv2 = (excess + _PRIOR_WINDOWS * (MARKET_CV * per) ** 2) / (
            held @ expected**2 + _PRIOR_WINDOWS * per**2 + 1e-12
        )
        cv2 = float(np.clip(cv2, 0.02**2, 1.0))
        # The rate itself is known only so well, and how it has drifted since.
        age = float(np.average(end - windows.end, weights=windows.weight)) / 365.25
        cv2 += drift.log_variance(level, age)
        cv2 = cv2 * (1 + 1 / max(known, 1.0)) + 1 / (wins.sum() + 1)
        stretch = 1.0
        if len(windows.end) == 1 and windows.start[0] == self.first_day:
            covered = max(self._working(self.first_day, self.until_day), 1)
            stretch = max(ahead - begun, 1) / covered
        return per * level**drift.elasticity * stretch, float(np.sqrt(min(cv2, 4.0)))

    def _drift(self, period: Period, ahead: int, begun: int, usual: float, customers: int) -> ArrivalTrend:
        """What makes stretches like the one ahead differ, from those that ended at each month before."""
        end = _ordinal(period.last) + 1
        year = self._stretches(np.array([end, *months_back(end, MONTHS - 1)]), np.ones(MONTHS), ahead, begun)
        sound = self._sound(dict.fromkeys(months_back(end, MONTHS * YEARS_KEPT), 1.0), ahead)
        ends = np.array(sound, np.int64)
        months = self._stretches(ends, np.ones(len(ends)), ahead, begun)
        wins = np.array([self._inside(months, k).sum() for k in range(len(ends))], float)
        grown, overlap = self._grown(months, customers), ahead / MONTH_WORKING_DAYS
        return fit_arrival_trend(
            end - ends, wins, self._lately(months, usual), grown, self._season(year), overlap
        )

    def _grown(self, windows: PastWindows, customers: int) -> Floats:
        """What each window was due to bring against the one ahead, by how many customers there were."""
        if not self.customer_share or not customers:
            return np.ones(len(windows.start))
        there = self.customers[np.clip(windows.start - self.first_day, 0, len(self.customers) - 1)]
        return np.asarray(self.customer_share * there / customers + 1 - self.customer_share)

    def _season(self, stretches: PastWindows) -> Floats:
        """What each of twelve stretches brings by the months in it, against their mean (12,).

        What comes in on each of its working days goes on to be won so many of them later, at the pace of the
        month it is then.
        """
        working = np.asarray(self.calendar.is_working, bool)
        month = month_of(self.calendar)
        lag = self._working_days_before[self.won_day] - self._working_days_before[self.created_day]
        brought = np.zeros(MONTHS)
        for k in range(MONTHS):
            days = np.arange(stretches.start[k], stretches.end[k])
            days = days[working[days]]
            if not len(days):
                return no_season()
            takes = np.bincount(np.minimum(lag, len(days)), minlength=len(days) + 1)[: len(days)] + 1e-9
            there = np.convolve(self.arrival_season[month[days]], takes)[: len(days)]
            brought[k] = (there * self.closing_season[month[days]])[days >= stretches.counted_from[k]].sum()
        return brought / brought.mean() if brought.min() > 0 else no_season()

    def _lately(self, windows: PastWindows, usual: float) -> Floats:
        """How busy it had been before each window, 1 = as usual."""
        full = windows.start - self.first_day >= RECENT_DAYS
        return (np.where(full, self._busy(windows), usual) + _PRIOR_ARRIVALS) / (usual + _PRIOR_ARRIVALS)

    def _busy(self, windows: PastWindows) -> Floats:
        return np.array([self._came_in(int(start)) for start in windows.start], float)

    def _came_in(self, day: int) -> float:
        """What came in during the eight weeks before a day, by the pace of an ordinary eight weeks."""
        first = max(day - RECENT_DAYS, self.first_day)
        came = int(self.arrivals[first - self.first_day : max(day - self.first_day, 0)].sum())
        return came * self._ordinary(first, day)

    def _recent(self, log: EventLog, now: int) -> float:
        """The same of the eight weeks before now, counted in the log as of the moment."""
        table = "leads" if self.counts_leads else "deals"
        days = _days(micros(log[table]["created_at"]), log)
        came = int(((days >= now - RECENT_DAYS) & (days < now)).sum())
        return came * self._ordinary(now - RECENT_DAYS, now)

    def _ordinary(self, first: int, end: int) -> float:
        """Working days of an ordinary eight weeks for each of those in [first, end)."""
        return RECENT_WORKING_DAYS / max(self._working(first, max(end, first)), 1)

    def _shares(
        self, windows: PastWindows, log: EventLog, organisation: ScopeTree, now: int
    ) -> tuple[Floats, float, float]:
        """(share of the company's wins (people + 1,), coefficients of variation of teams and of people)."""
        mine = organisation.person(pd.Index(self.owners, dtype=object))
        who = np.append(mine, organisation.nobody)[self.owner]
        people = len(organisation.people) + 1
        wins = np.array(
            [np.bincount(who[self._inside(windows, k)], minlength=people) for k in range(len(windows.end))],
            float,
        )
        since, until = employment_days(log, organisation)
        length = np.maximum(windows.end - windows.start, 1)[:, None]
        overlap = np.minimum(windows.end[:, None], until) - np.maximum(windows.start[:, None], since)
        here = np.clip(overlap / length, 0.0, 1.0)
        here = np.maximum(here, (wins > 0) * 0.25)
        got, could = windows.weight @ wins, windows.weight @ here
        company = got.sum() / max(could.sum(), 1e-9)
        team = np.append(organisation.team_of, -1) + 1
        team_got, team_could = np.bincount(team, got), np.bincount(team, could)
        few = 2 / max(company, 0.02)  # pooled evidence weighs like two wins
        of_team = (team_got + few * company) / (team_could + few)
        of_team[0] = company if team_could[0] == 0 else team_got[0] / team_could[0]
        rate = (got + few * of_team[team]) / (could + few)
        present = (since <= now) & (until > now)
        present[-1] = True
        rate[-1] = got[-1] / max(could[-1], 1e-9)  # what nobody owns is as common as it was
        rate = np.where(present, rate, 0.0)
        share = rate / rate.sum() if rate.sum() > 0 else np.where(np.arange(people) == people - 1, 1.0, 0.0)
        return share, *variation_beyond_chance(wins, got, team, windows.weight)

    def _amounts(self, windows: PastWindows, organisation: ScopeTree) -> tuple[Floats, Floats]:
        """(equally likely amounts of the company (POOL,), each person's factor on them (people + 1,))."""
        inside = np.any([self._inside(windows, k) for k in range(len(windows.end))], axis=0)
        known = self.amount > 0
        use = inside & known if (inside & known).sum() >= 100 else known
        people = len(organisation.people) + 1
        if not use.any():
            return np.zeros(1), np.ones(people)
        values = self.amount[use]
        pool = np.quantile(values, (np.arange(POOL) + 0.5) / POOL)
        pool *= values.mean() / pool.mean()
        mine = organisation.person(pd.Index(self.owners, dtype=object))
        who = np.append(mine, organisation.nobody)[self.owner[use]]
        logs = np.log(values) - np.log(values).mean()
        count, total = np.bincount(who, minlength=people), np.bincount(who, logs, minlength=people)
        noise, between = logs.var() + 1e-9, _PERSON_CV**2
        team = np.append(organisation.team_of, -1) + 1
        team_count, team_total = np.bincount(team, count), np.bincount(team, total)
        of_team = team_total / (team_count + noise / between)
        mean = (total + noise / between * of_team[team]) / (count + noise / between)
        scale = np.exp(mean)
        return pool, scale * (count.sum() / max(count @ scale, 1e-9))

    def _by_date(self, windows: PastWindows, end: int, ahead: int, ends: list[int]) -> Floats:
        """Share of new wins that past windows had at the same number of working days before their end."""
        left = [min(max(self._working(day, end), 0), ahead) for day in ends]
        held = np.zeros(len(ends))
        whole = 0.0
        for k in range(len(windows.end)):
            days = self.won_day[self._inside(windows, k)]
            until = np.array([self._back(int(windows.end[k]), count) for count in left])
            held += windows.weight[k] * np.searchsorted(np.sort(days), until)
            whole += windows.weight[k] * len(days)
        if whole == 0:
            return np.array([1 - count / max(ahead, 1) for count in left])
        return held / whole


@dataclass(frozen=True)
class PastWindows:
    """Past stretches like the one ahead: deals created from `start`, won in [counted, end)."""

    start: Ints
    counted_from: Ints
    end: Ints
    weight: Floats


def variation_beyond_chance(wins: Floats, got: Floats, team: Ints, weight: Floats) -> tuple[float, float]:
    """Coefficients of variation of a team's and a person's counts beyond chance, given the level above.

    `wins` (windows, people + 1), `got` their weighted sum, `team` (people + 1,) with 0 = none. Moments of
    gamma-Poisson counts, the prior belief weighing like `_PRIOR_WINDOWS` windows.
    """
    held = weight / weight.max()
    of_team = np.array([np.bincount(team, row, minlength=team.max() + 1) for row in wins])[:, 1:]
    team_share = of_team.sum(0) / max(of_team.sum(), 1e-9)
    expected = of_team.sum(1)[:, None] * team_share
    team_cv = _beyond_chance(of_team, expected, expected * (1 - team_share), held, _TEAM_CV)
    inside = np.array([np.bincount(team, row, minlength=team.max() + 1)[team] for row in wins])
    person_share = got / np.maximum(np.bincount(team, got)[team], 1e-9)
    mine = inside * person_share
    return team_cv, _beyond_chance(wins, mine, mine * (1 - person_share), held, _PERSON_CV)


def _beyond_chance(seen: Floats, expected: Floats, chance: Floats, held: Floats, prior: float) -> float:
    excess = float((held[:, None] * ((seen - expected) ** 2 - chance)).sum())
    scale = float((held[:, None] * expected**2).sum())
    typical = scale / max(held.sum(), 1e-9)
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

    None where their number when the record begins shows that contracts were not kept from the start.
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
