"""What is known about a period: its targets, its revenue so far, and its baseline forecasts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER, end_of_day
from crm.periods import Period
from features.arrays import Flags, Floats, Ints
from features.calendar import Calendar
from features.levels import Coded
from models.forecast.common_factors import sums_by_group
from models.forecast.organisation import ScopeTree
from models.forecast.targets import targets_of

RATE_DAYS = 28  # a run rate looks back at least this far
_PRIOR_DEALS = 10.0  # a stage's win rate is shrunk to the company's by this many deals


@dataclass(frozen=True)
class WonDeals:
    """Won deals of a log (n,): when, amount, person's number; `people` includes `nobody`."""

    at: Ints
    amount: Floats
    person: Ints
    people: int
    first: int | None  # creation of the first deal, the start of the record; None = no deals

    @classmethod
    def of(cls, log: EventLog, organisation: ScopeTree) -> WonDeals:
        """All won deals of a log."""
        return cls.of_deals(log["deals"], organisation)

    @classmethod
    def of_deals(cls, deals: pd.DataFrame, organisation: ScopeTree) -> WonDeals:
        """All won deals of a table of deals."""
        closed = micros(deals["closed_at"])
        won = (deals["outcome"] == "won").to_numpy() & (closed != NEVER)
        person = organisation.owners_in(deals["owner_id"])
        amount = deals["amount"].fillna(0.0).to_numpy(float)
        first = int(micros(deals["created_at"]).min()) if len(deals) else None
        return cls(closed[won], amount[won], person[won], len(organisation.people) + 1, first)

    def between(self, start: int, end: int) -> Floats:
        """Revenue of each person (people,) in [start, end)."""
        use = (self.at >= start) & (self.at < end)
        return sums_by_group(self.person[use], self.amount[use], self.people)

    def known_at(self, moment: int) -> bool:
        """Whether the record starts before a moment."""
        return self.first is not None and self.first < moment

    def rest_at_pace(self, since: int, moment: int, period: Period, calendar: Calendar) -> Floats:
        """Revenue of each person (people,) from `moment` to the period's end at the pace since an instant.

        Revenue per working day in [since, moment), but not from before the first deal, x working days left.
        """
        left = working_days(calendar, max(moment, period.start(calendar.zone)), period.end(calendar.zone))
        begun = since if self.first is None else max(since, self.first)
        return self.between(begun, moment) / max(working_days(calendar, begun, moment), 1.0) * left

    def run_rate(self, moment: int, period: Period, calendar: Calendar) -> Floats:
        """Revenue of each person (people,) for the rest of the period at the current pace.

        The pace is that since the period's start, or of the last 28 days where the period is younger.
        """
        since = min(period.start(calendar.zone), moment - RATE_DAYS * DAY)
        return self.rest_at_pace(since, moment, period, calendar)


@dataclass(frozen=True, kw_only=True)
class PeriodFacts:
    """Known facts of a period at a moment, by person (people + 1,); money in the organisation's currency."""

    period: Period
    moment: int
    day_ends: Mapping[date, int]
    dates: Sequence[date]
    closed: Floats
    closed_by_date: Floats  # (dates, people + 1)
    targets: Mapping[str, float]
    stage_weighted: Floats
    last_year: Floats | None
    run_rate: Floats | None  # of the rest of the period; None where no deal is known

    @classmethod
    def of(
        cls,
        log: EventLog,
        organisation: ScopeTree,
        moment: int,
        period: Period,
        dates: Sequence[date],
        calendar: Calendar,
    ) -> PeriodFacts:
        """From a log as of the moment."""
        deals = log["deals"]
        person = organisation.owners_in(deals["owner_id"])
        wins = WonDeals.of(log, organisation)
        start, day_ends = period.start(log.zone), {day: end_of_day(day, log.zone) for day in dates}
        by_date = np.array([wins.between(start, day_ends[day]) for day in dates])
        ago = year_before(period)
        ago_start, ago_end = ago.start(log.zone), ago.end(log.zone)
        return cls(
            period=period,
            moment=moment,
            day_ends=day_ends,
            dates=dates,
            closed=wins.between(start, period.end(log.zone)),
            closed_by_date=by_date.reshape(len(dates), wins.people),
            targets=targets_of(log, period, calendar.fiscal_start_month),
            stage_weighted=sums_by_group(person, _stage_weighted(log, period), wins.people),
            last_year=wins.between(ago_start, ago_end) if wins.known_at(ago_start) else None,
            run_rate=wins.run_rate(moment, period, calendar) if wins.known_at(moment) else None,
        )

    def is_past(self, day: date) -> bool:
        """Whether the whole day has passed."""
        return self.day_ends[day] <= self.moment

    def target(self, scope: str) -> float | None:
        """The revenue target of a scope, None without one."""
        return self.targets.get(scope)

    def with_target(self, scope: str, value: float) -> PeriodFacts:
        """The same facts with another target for one scope."""
        return replace(self, targets={**self.targets, scope: value})

    def baselines(self, people: NDArray[np.int64]) -> dict[str, float | None]:
        """The baseline forecasts of a scope.

        stage_weighted: closed, plus each open deal due in the period at its stage's past win rate. run_rate:
        closed, plus the rest of the period at the current pace (`WonDeals.run_rate`). last_year: the revenue
        of the same period a year before.
        """
        closed = float(self.closed[people].sum())
        return {
            "stage_weighted": closed + float(self.stage_weighted[people].sum()),
            "run_rate": None if self.run_rate is None else closed + float(self.run_rate[people].sum()),
            "last_year": None if self.last_year is None else float(self.last_year[people].sum()),
        }


def year_before(period: Period) -> Period:
    """The same period a year before: the same months, or for other periods the same weekdays 52 weeks before.

    >>> year_before(Period("", date(2025, 1, 1), date(2025, 2, 28))).last
    datetime.date(2024, 2, 29)
    >>> year_before(Period("", date(2026, 11, 16), date(2026, 11, 22))).first
    datetime.date(2025, 11, 17)
    """
    after = period.last + timedelta(days=1)
    if period.first.day == 1 and after.day == 1:
        last = after.replace(year=after.year - 1) - timedelta(days=1)
        return Period("", period.first.replace(year=period.first.year - 1), last)
    weeks = timedelta(weeks=52 * -(-period.days // 364))
    return Period("", period.first - weeks, period.last - weeks)


def _stage_weighted(log: EventLog, period: Period) -> Floats:
    """Amount x past win rate of its stage for each open deal due by the period's end, else 0; (deals,)."""
    deals = log["deals"]
    closed = deals["outcome"].notna().to_numpy()
    won = (deals["outcome"] == "won").to_numpy()
    stages = pd.Index(Coded.of(deals["stage"]).used(), dtype=object)
    now = codes_in(deals["stage"], stages)
    overall = (won.sum() + 1) / (closed.sum() + 2)
    visited = _visited(log, stages)[closed]
    deal_weight = _PRIOR_DEALS + visited.sum(axis=0)
    won_weight = _PRIOR_DEALS * overall + visited[won[closed]].sum(axis=0)
    rate = np.append(won_weight / deal_weight, overall)
    due = deals["expected_close_date"]
    in_time = due.isna().to_numpy() | (due <= pd.Timestamp(period.last)).to_numpy()
    amount = deals["amount"].fillna(0.0).to_numpy(float)
    return np.where(closed | ~in_time, 0.0, amount * rate[now])


def _visited(log: EventLog, stages: pd.Index) -> Flags:
    """Whether each deal's history names each stage (deals, stages)."""
    deals, events = log["deals"], log["deal_events"]
    visited = np.zeros((len(deals), len(stages)), bool)
    changes = np.flatnonzero((events["field"] == "stage").to_numpy())
    row = codes_in(events["deal_id"], pd.Index(deals["deal_id"]))[changes]
    for column in ("value", "old_value"):
        stage = codes_in(events[column], stages)[changes]
        known = (row >= 0) & (stage >= 0)
        visited[row[known], stage[known]] = True
    return visited


def working_days(calendar: Calendar, start: int, end: int) -> float:
    """Working days in [start, end); 0 where the end is not after the start."""
    bounds = np.array([start, max(end, start)])
    return float(calendar.working_days(bounds[:1], bounds[1:])[0])
