"""What was known of each scope at an origin, and what was its actual revenue?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import DAY, last_known_day
from crm.periods import Period, previous
from features.calendar import Calendar
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts, WonDeals, year_before
from training.backtest.origins import Origin

Floats = NDArray[np.float64]

KINDS = ("company", "team", "person")
SET, LAST_YEAR, LAST_PERIOD = "set", "last_year", "last_period"  # where a target comes from


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
    organisation: ScopeTree
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
            by_person = WonDeals.of(past, organisation).between(
                period.start(self.log.zone), period.end(self.log.zone)
            )
            self._actuals[period.name] = {
                scope: float(by_person[organisation.members(scope)].sum()) for scope in organisation.scopes()
            }
        return self._actuals[period.name]


def organisation_of(log: EventLog) -> ScopeTree:
    """The organisation with everyone who owns a deal."""
    owners = log["deals"]["owner_id"].astype(object).dropna().unique()
    return ScopeTree.of(log, [str(owner) for owner in owners])


def snapshot_of(past: EventLog, origin: Origin, calendar: Calendar) -> PeriodSnapshot:
    """The snapshot of an origin, from the log as of it."""
    organisation = organisation_of(past)
    facts = PeriodFacts.of(past, organisation, origin.as_of, origin.period, [], calendar)
    wins = WonDeals.of(past, organisation)
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


def _by_person(wins: WonDeals, origin: Origin, calendar: Calendar) -> dict[str, Floats]:
    """Plain predictions of what the rest of the period brings each person."""
    period, zone, moment = origin.period, calendar.zone, origin.as_of
    ago = year_before(period)
    point = ago.start(zone) + (moment - period.start(zone))
    known = wins.known_at(ago.start(zone))
    return {
        "run_rate": wins.run_rate(moment, period, calendar),
        "usual": wins.rest_at_pace(moment - 365 * DAY, moment, period, calendar),
        "last_year": wins.between(point, ago.end(zone)) if known else np.full(wins.people, np.nan),
    }


def _stand_ins(wins: WonDeals, origin: Origin, calendar: Calendar) -> list[tuple[Floats, str]]:
    """Goals for scopes without a target: what the same period brought a year before, or the last one."""
    zone = calendar.zone
    found = []
    for period, name in ((year_before(origin.period), LAST_YEAR), (previous(origin.period), LAST_PERIOD)):
        if wins.known_at(period.start(zone)):
            found.append((wins.between(period.start(zone), period.end(zone)), name))
    return found


def _scopes(
    past: EventLog,
    organisation: ScopeTree,
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
