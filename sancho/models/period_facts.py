"""What is already known about a period: its targets, what was closed, and what plain rules would say?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog, codes_in, micros
from sancho.crm.instants import NEVER, end_of_day
from sancho.crm.periods import Period, previous
from sancho.features.calendar import Calendar
from sancho.models.common_factors import summed
from sancho.models.organisation import Organisation
from sancho.models.targets import targets_of

Floats = NDArray[np.float64]
_PRIOR_DEALS = 10.0  # a stage's win rate is shrunk to the company's by this many deals


@dataclass(frozen=True)
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
    elapsed: float  # share of the period's working days that are over

    @classmethod
    def of(
        cls,
        log: EventLog,
        organisation: Organisation,
        moment: int,
        period: Period,
        dates: Sequence[date],
        calendar: Calendar,
    ) -> PeriodFacts:
        """From a log as of the moment."""
        deals = log["deals"]
        person = organisation.person(pd.Index(deals["owner_id"].astype(object)))
        closed_at, amount = micros(deals["closed_at"]), deals["amount"].fillna(0.0).to_numpy(float)
        won = (deals["outcome"] == "won").to_numpy() & (closed_at != NEVER)
        people = len(organisation.people) + 1

        def brought(first: int, end: int) -> Floats:
            use = won & (closed_at >= first) & (closed_at < end)
            return summed(person[use], amount[use], people)

        start, day_ends = period.start(log.zone), {day: end_of_day(day, log.zone) for day in dates}
        by_date = np.array([brought(start, day_ends[day]) for day in dates]).reshape(len(dates), people)
        ago = _a_year_before(period)
        known_then = (
            ago is not None and len(deals) and micros(deals["created_at"]).min() < ago.start(log.zone)
        )
        return cls(
            period,
            moment,
            day_ends,
            dates,
            brought(start, period.end(log.zone)),
            by_date,
            targets_of(log, period, calendar.fiscal_start_month),
            summed(person, _stage_weighted(log, period), people),
            brought(ago.start(log.zone), ago.end(log.zone)) if ago is not None and known_then else None,
            _elapsed(calendar, moment, period),
        )

    def is_past(self, day: date) -> bool:
        """Whether the whole day is known."""
        return self.day_ends[day] <= self.moment

    def target(self, scope: str) -> float | None:
        """The revenue target of a scope, where one is known."""
        return self.targets.get(scope)

    def with_target(self, scope: str, value: float) -> PeriodFacts:
        """The same facts with another target for one scope."""
        return replace(self, targets={**self.targets, scope: value})

    def baselines(self, people: NDArray[np.int64]) -> dict[str, float | None]:
        """What plain rules say of a scope.

        stage_weighted: closed, plus each open deal due in the period at its stage's past win rate. run_rate:
        closed, at the same pace to the end. last_year: the same period a year before.
        """
        closed = float(self.closed[people].sum())
        return {
            "stage_weighted": closed + float(self.stage_weighted[people].sum()),
            "run_rate": closed / self.elapsed if self.elapsed > 0 else None,
            "last_year": None if self.last_year is None else float(self.last_year[people].sum()),
        }


def _a_year_before(period: Period) -> Period | None:
    months = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    if period.first.day == 1 and date.fromordinal(period.last.toordinal() + 1).day == 1 and 12 % months == 0:
        return previous(period, 12 // months)
    return previous(Period("", period.first, period.last), 52) if period.days == 7 else None


def _stage_weighted(log: EventLog, period: Period) -> Floats:
    """Amount x past win rate of its stage for each open deal due by the period's end, else 0; (deals,)."""
    deals = log["deals"]
    closed = deals["outcome"].notna().to_numpy()
    won = (deals["outcome"] == "won").to_numpy()
    stages = pd.Index(deals["stage"].dropna().astype(str).unique())
    now = codes_in(deals["stage"], stages)
    overall = (won.sum() + 1) / (closed.sum() + 2)
    reached = np.full(len(stages), _PRIOR_DEALS)
    brought = np.full(len(stages), _PRIOR_DEALS * overall)
    events = log["deal_events"]
    moved = events[(events["field"] == "stage").to_numpy()]
    row = codes_in(moved["deal_id"], pd.Index(deals["deal_id"]))
    passed = [np.stack([row, codes_in(moved[column], stages)]) for column in ("value", "old_value")]
    pair = np.concatenate(passed, axis=1)
    pair = np.unique(pair[:, (pair >= 0).all(0)], axis=1)
    pair = pair[:, closed[pair[0]]]
    reached += np.bincount(pair[1], minlength=len(stages))
    brought += np.bincount(pair[1], won[pair[0]], minlength=len(stages))
    rate = np.append(brought / reached, overall)
    due = deals["expected_close_date"]
    in_time = due.isna().to_numpy() | (due <= pd.Timestamp(period.last)).to_numpy()
    amount = deals["amount"].fillna(0.0).to_numpy(float)
    return np.where(closed | ~in_time, 0.0, amount * rate[now])


def _elapsed(calendar: Calendar, moment: int, period: Period) -> float:
    start, end = period.start(calendar.zone), period.end(calendar.zone)
    bounds = np.array([start, min(max(moment, start), end), end])
    passed, whole = calendar.working_days(bounds[:1], bounds[1:])
    return float(passed / max(whole, 1.0))
