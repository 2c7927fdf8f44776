"""What was known of each scope at an origin, and what was its actual revenue?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog, micros
from sancho.crm.instants import DAY, NEVER, last_known_day
from sancho.crm.periods import Period, previous
from sancho.features.calendar import Calendar
from sancho.models.organisation import COMPANY, Organisation
from sancho.models.period_facts import PeriodFacts
from sancho.training.backtest.origins import Origin

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("company", "team", "person")
SET, LAST_YEAR, LAST_PERIOD = "set", "last_year", "last_period"  # where a target comes from
RATE_DAYS = 28  # a run rate looks back at least so far


@dataclass(frozen=True)
class PeriodSnapshot:
    """One origin, as of then: a line per scope (n,); money in the organisation's currency.

    `closed_by_person` (people + 1,) is what the period has brought so far, by number in the organisation.

    `weighted` is what open deals due in the period bring at their stage's past win rate; `run_rate` what the
    rest of the period brings at the pace so far; `last_year` what the same rest brought a year before (NaN =
    not known); `usual` what the same rest brings at the pace of the last year. `target_from` says whether the
    target was set, or stands in for one that was not.
    """

    origin: Origin
    organisation: Organisation
    scopes: tuple[str, ...]
    kind: NDArray[np.object_]
    closed: Floats
    weighted: Floats
    run_rate: Floats
    last_year: Floats
    usual: Floats
    target: Floats
    target_from: NDArray[np.object_]
    closed_by_person: Floats

    def __len__(self) -> int:
        return len(self.scopes)


@dataclass
class SnapshotCache:
    """Snapshots and actuals of a log, each computed once, from the log as it stood at the moment."""

    log: EventLog
    calendar: Calendar
    _past: dict[int, EventLog] = field(default_factory=dict)
    _snapshots: dict[tuple[str, int], PeriodSnapshot] = field(default_factory=dict)
    _actuals: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_of(self, moment: int) -> EventLog:
        """The log as of a moment; the latest one asked for is kept."""
        if moment not in self._past:
            self._past = {moment: self.log.as_of(moment)}
        return self._past[moment]

    def snapshot(self, origin: Origin) -> PeriodSnapshot:
        """The snapshot of an origin."""
        key = (origin.period.name, origin.as_of)
        if key not in self._snapshots:
            self._snapshots[key] = snapshot_of(self.as_of(origin.as_of), origin, self.calendar)
        return self._snapshots[key]

    def actuals(self, period: Period) -> dict[str, float]:
        """Revenue of every scope in a period, as known at its end; scopes as of then."""
        if period.name not in self._actuals:
            past = self.as_of(period.end(self.log.zone))
            organisation = organisation_of(past)
            by_person = Wins.of(past, organisation).between(
                period.start(self.log.zone), period.end(self.log.zone)
            )
            self._actuals[period.name] = {
                scope: float(by_person[organisation.members(scope)].sum()) for scope in organisation.scopes()
            }
        return self._actuals[period.name]


@dataclass(frozen=True)
class Wins:
    """Won deals of a log: when, how much, by whom (number of the person)."""

    at: Ints
    amount: Floats
    person: Ints
    people: int
    first: int  # creation of the first deal: nothing is known of earlier times

    @classmethod
    def of(cls, log: EventLog, organisation: Organisation) -> Wins:
        """All wins a log knows of."""
        deals = log["deals"]
        closed = micros(deals["closed_at"])
        won = (deals["outcome"] == "won").to_numpy() & (closed != NEVER)
        person = organisation.person(pd.Index(deals["owner_id"].astype(object)))
        amount = deals["amount"].fillna(0.0).to_numpy(float)
        created = micros(deals["created_at"])
        first = int(created.min()) if len(created) else 0
        return cls(closed[won], amount[won], person[won], len(organisation.people) + 1, first)

    def between(self, start: int, end: int) -> Floats:
        """Revenue of each person (people,) in [start, end)."""
        use = (self.at >= start) & (self.at < end)
        out: Floats = np.bincount(self.person[use], self.amount[use], minlength=self.people).astype(
            np.float64
        )
        return out


def organisation_of(log: EventLog) -> Organisation:
    """The organisation with everyone who owns a deal."""
    owners = log["deals"]["owner_id"].astype(object).dropna().unique()
    return Organisation.of(log, [str(owner) for owner in owners])


def snapshot_of(past: EventLog, origin: Origin, calendar: Calendar) -> PeriodSnapshot:
    """The snapshot of an origin, from the log as of it."""
    organisation = organisation_of(past)
    facts = PeriodFacts.of(past, organisation, origin.as_of, origin.period, [], calendar)
    wins = Wins.of(past, organisation)
    people = _by_person(wins, origin, calendar)
    scopes = _scopes(past, organisation, facts, people, calendar)
    members = [organisation.members(scope) for scope in scopes]

    def of_scopes(by_person: Floats) -> Floats:
        return np.array([by_person[inside].sum() for inside in members])

    targets = [facts.target(scope) for scope in scopes]
    stand_ins = [(of_scopes(values), name) for values, name in _stand_ins(wins, origin, calendar)]
    target = np.array([np.nan if value is None else value for value in targets])
    source = np.where(np.isnan(target), "", SET).astype(object)
    for values, name in stand_ins:
        use = np.isnan(target) & (values > 0)
        target, source = np.where(use, values, target), np.where(use, name, source)
    return PeriodSnapshot(
        origin=origin,
        organisation=organisation,
        scopes=tuple(scopes),
        kind=np.array([scope.partition(":")[0] for scope in scopes], object),
        closed=of_scopes(facts.closed),
        weighted=of_scopes(facts.stage_weighted),
        run_rate=of_scopes(people["run_rate"]),
        last_year=of_scopes(people["last_year"]),
        usual=of_scopes(people["usual"]),
        target=target,
        target_from=source,
        closed_by_person=facts.closed,
    )


def _by_person(wins: Wins, origin: Origin, calendar: Calendar) -> dict[str, Floats]:
    """Plain predictions of what the rest of the period brings each person."""
    period, zone, moment = origin.period, calendar.zone, origin.as_of
    left = _working(calendar, moment, period.end(zone))

    def at_pace_since(start: int) -> Floats:
        begun = max(start, wins.first)
        return wins.between(begun, moment) / max(_working(calendar, begun, moment), 1.0) * left

    ago = _a_year_before(period)
    point = ago.start(zone) + (moment - period.start(zone))
    known = wins.first < ago.start(zone)
    return {
        "run_rate": at_pace_since(min(period.start(zone), moment - RATE_DAYS * DAY)),
        "usual": at_pace_since(moment - 365 * DAY),
        "last_year": wins.between(point, ago.end(zone)) if known else np.full(wins.people, np.nan),
    }


def _stand_ins(wins: Wins, origin: Origin, calendar: Calendar) -> list[tuple[Floats, str]]:
    """Goals for scopes without a target: what the same period brought a year before, or the last one."""
    zone = calendar.zone
    found = []
    for period, name in ((_a_year_before(origin.period), LAST_YEAR), (previous(origin.period), LAST_PERIOD)):
        if wins.first < period.start(zone):
            found.append((wins.between(period.start(zone), period.end(zone)), name))
    return found


def _a_year_before(period: Period) -> Period:
    months = round(period.days / 30.4)
    if months and 12 % months == 0:
        return previous(period, 12 // months)
    return Period("", period.first - timedelta(days=364), period.last - timedelta(days=364))


def _scopes(
    past: EventLog,
    organisation: Organisation,
    facts: PeriodFacts,
    people: dict[str, Floats],
    calendar: Calendar,
) -> list[str]:
    """The company, teams smaller than it, and people at work from whom something is expected."""
    everyone = set(range(len(organisation.people)))
    teams = []
    for team in organisation.teams:
        inside = set(organisation.members(f"team:{team}").tolist())
        if inside and inside != everyone:
            teams.append(f"team:{team}")
    table = past["people"]
    gone = table["active_to"].notna() & (
        table["active_to"] < pd.Timestamp(last_known_day(facts.moment, calendar.zone))
    )
    left = set(table["person_id"][gone].astype(str))
    expected = facts.closed + facts.stage_weighted + people["run_rate"] + people["usual"]
    persons = [
        f"person:{name}"
        for number, name in enumerate(organisation.people)
        if name not in left and (expected[number] > 0 or facts.target(f"person:{name}") is not None)
    ]
    return [COMPANY, *teams, *persons]


def _working(calendar: Calendar, start: int, end: int) -> float:
    bounds = np.array([start, max(end, start)])
    return float(calendar.working_days(bounds[:1], bounds[1:])[0])
