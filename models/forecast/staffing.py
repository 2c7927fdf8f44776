"""Who will be there in a period, and who is still new?

A forecast counts on everybody who is there now, all the same from the first day. Where a target is shared
out, days away (holidays, leave, a known last day) and the first year of a new rep count, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.periods import Period
from features.arrays import Floats, Ints
from features.calendar import Calendar
from models.forecast.organisation import ScopeTree

RAMP_DAYS = (91, 182, 365)  # ends of the stretches of a rep's first year
_PRIOR_WINS = 10.0  # wins by which a stretch's pace is drawn towards the usual one
_LEAST, _MOST = 0.2, 1.2  # of the usual pace


@dataclass(frozen=True)
class Away:
    """A person who is away from a day to a day, both included."""

    person_id: str
    first: date
    last: date


@dataclass(frozen=True)
class Staffing:
    """Who is there in what is left of a period: `away` (people + 1,) shares of its working days, 0 to 1."""

    away: Floats

    @classmethod
    def of(
        cls,
        log: EventLog,
        organisation: ScopeTree,
        today: date,
        period: Period,
        calendar: Calendar,
        also: Iterable[Away] = (),
    ) -> Staffing:
        """From the absences known to a log, and others that are given."""
        first = max(today, period.first)
        days = (period.last - first).days + 1
        working = _working(calendar, first, max(days, 0))
        gone = np.zeros((len(organisation.people), max(days, 0)), bool)
        number = {name: at for at, name in enumerate(organisation.people)}
        for one in (*absences_of(log), *also):
            at = number.get(one.person_id)
            begin, end = (one.first - first).days, (one.last - first).days + 1
            if at is not None and end > 0:
                gone[at, max(begin, 0) : end] = True
        share = (gone & working).sum(1) / max(int(working.sum()), 1)
        return cls(np.append(share, 0.0))


def absences_of(log: EventLog) -> list[Away]:
    """The absences that a log knows."""
    table = log["absences"]
    rows = zip(table["person_id"], table["from"], table["to"], strict=True)
    return [
        Away(str(person), pd.Timestamp(first).date(), pd.Timestamp(last).date())
        for person, first, last in rows
        if not (pd.isna(first) or pd.isna(last))
    ]


def pace_when_new(tenure: Ints, wins: Floats, usual: Floats) -> Floats:
    """The pace of each stretch of a rep's first year relative to the time after it, (stretches + 1,).

    `tenure` (m,) days since somebody began, at the middle of a stretch of work; `wins` that came of it, and
    the `usual` ones of a settled colleague in the team for it. With few of them a pace stays close to 1.
    """
    stretch = stretch_of(tenure)
    count = len(RAMP_DAYS) + 1
    got, expected = (np.bincount(stretch, values, minlength=count) for values in (wins, usual))
    pace = (got + _PRIOR_WINS) / (expected + _PRIOR_WINS)
    pace = np.clip(pace / pace[-1], _LEAST, _MOST)
    return np.asarray(pace)


def paces(
    middle: Ints, wins: Floats, present: Floats, since: Ints, team: Ints, ahead: int
) -> tuple[Floats, Floats]:
    """The pace of each person, by time since the first day, in past windows (n, people + 1) and ahead.

    `middle` (n,) and `ahead` are the days in the middle of those windows and of the time to come; `wins` and
    `present` (n, people + 1) what somebody won in a window, and for what share of it he was there; `since`
    (people + 1,) the first days; `team` (people + 1,), 0 = none. Measured on those whose first day lies in
    the record, beside settled colleagues of the team in the same windows.
    """
    tenure = middle[:, None] - since
    settled = present * (stretch_of(tenure) == len(RAMP_DAYS))
    teams = int(team.max()) + 1
    of_team = np.array(
        [
            np.bincount(team, row, minlength=teams)
            / np.maximum(np.bincount(team, there, minlength=teams), 1.0)
            for row, there in zip(wins * (settled > 0), settled, strict=True)
        ]
    )
    usual = of_team[:, team] * present
    use = (tenure >= 0) & (present > 0) & (usual > 0) & (team > 0)  # of no team, nobody is a colleague
    pace = pace_when_new(tenure[use], wins[use], usual[use])
    past = np.where(tenure >= 0, pace[stretch_of(tenure)], 1.0)
    return past, pace[stretch_of(ahead - since)]


def stretch_of(tenure: Ints) -> Ints:
    """Which stretch of the first year each tenure in days is in (n,); the last is the time after it."""
    return np.asarray(np.searchsorted(np.array(RAMP_DAYS), tenure, side="right"), np.int64)


def _working(calendar: Calendar, first: date, days: int) -> np.ndarray:
    start = (first - date(1970, 1, 1)).days
    return np.asarray(calendar.is_working[start : start + days], bool)
