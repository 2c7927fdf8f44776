"""What was known of each scope at an origin, and what was its actual revenue?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import DAY, last_known_day
from crm.periods import Period, previous
from features.arrays import Floats
from features.calendar import Calendar
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts, WonDeals, year_before
from training.backtest.origins import Origin

KINDS = ("company", "team", "person")
SET, LAST_YEAR, LAST_PERIOD = "set", "last_year", "last_period"  # sources of a target


@dataclass(frozen=True)
class PeriodSnapshot:
    """What was known of each scope (n,) at an origin; money in the organisation's currency.

    `closed` is the revenue of the period so far, `closed_by_person` (people + 1,) by number in the
    organisation. Predictions of the rest of the period: `weighted` is open deals due in the period at their
    stage's past win rate; `run_rate` the pace of the period so far; `last_year` the revenue of the same rest
    a year before (NaN = not known); `usual` the pace of the last year. `target_from`: whether the target was
    set, or which actual replaces it.
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
    """Snapshots and actuals of a log, each computed once, from the log as of the moment."""

    log: EventLog
    calendar: Calendar
    _past: dict[int, EventLog] = field(default_factory=dict)
    _snapshots: dict[tuple[str, int], PeriodSnapshot] = field(default_factory=dict)
    _actuals: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_of(self, moment: int) -> EventLog:
        """The log as of a moment; only the last one is kept."""
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
        """Revenue of every scope in a period, and the scopes, as known at its end."""
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
    """The organisation, with all owners of deals."""
    owners = log["deals"]["owner_id"].astype(object).dropna().unique()
    return ScopeTree.of(log, [str(owner) for owner in owners])


def snapshot_of(past: EventLog, origin: Origin, calendar: Calendar) -> PeriodSnapshot:
    """The snapshot of an origin, from the log as of it."""
    organisation = organisation_of(past)
    facts = PeriodFacts.of(past, organisation, origin.as_of, origin.period, [], calendar)
    wins = WonDeals.of(past, organisation)
    predictions = _predictions_by_person(wins, origin, calendar)
    scopes = _scopes(past, organisation, facts, predictions, calendar)
    members = [organisation.members(scope) for scope in scopes]

    def of_scopes(by_person: Floats) -> Floats:
        return np.array([by_person[inside].sum() for inside in members])

    targets = [facts.target(scope) for scope in scopes]
    stand_ins = [(of_scopes(values), name) for values, name in _substitute_targets(wins, origin, calendar)]
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
        run_rate=of_scopes(predictions["run_rate"]),
        last_year=of_scopes(predictions["last_year"]),
        usual=of_scopes(predictions["usual"]),
        target=target,
        target_from=source,
        closed_by_person=facts.closed,
    )


def _predictions_by_person(wins: WonDeals, origin: Origin, calendar: Calendar) -> dict[str, Floats]:
    """Baseline predictions of each person's revenue in the rest of the period."""
    period, zone, moment = origin.period, calendar.zone, origin.as_of
    last_year = year_before(period)
    same_moment = last_year.start(zone) + (moment - period.start(zone))
    known = wins.known_at(last_year.start(zone))
    return {
        "run_rate": wins.run_rate(moment, period, calendar),
        "usual": wins.rest_at_pace(moment - 365 * DAY, moment, period, calendar),
        "last_year": wins.between(same_moment, last_year.end(zone))
        if known
        else np.full(wins.people, np.nan),
    }


def _substitute_targets(wins: WonDeals, origin: Origin, calendar: Calendar) -> list[tuple[Floats, str]]:
    """Substitutes for missing targets: actuals of the same period a year before, and of the last period."""
    zone = calendar.zone
    stand_ins = []
    for period, name in ((year_before(origin.period), LAST_YEAR), (previous(origin.period), LAST_PERIOD)):
        if wins.known_at(period.start(zone)):
            stand_ins.append((wins.between(period.start(zone), period.end(zone)), name))
    return stand_ins


def _scopes(
    past: EventLog,
    organisation: ScopeTree,
    facts: PeriodFacts,
    predictions: dict[str, Floats],
    calendar: Calendar,
) -> list[str]:
    """The company, teams smaller than it, and active people with a target or expected revenue."""
    everyone = set(range(len(organisation.people)))
    teams = []
    for team in organisation.teams:
        inside = set(organisation.members(f"team:{team}").tolist())
        if inside and inside != everyone:
            teams.append(f"team:{team}")
    table = past["people"]
    inactive = table["active_to"].notna() & (
        table["active_to"] < pd.Timestamp(last_known_day(facts.moment, calendar.zone))
    )
    left = set(table["person_id"][inactive].astype(str))
    expected = facts.closed + facts.stage_weighted + predictions["run_rate"] + predictions["usual"]
    persons = [
        f"person:{name}"
        for number, name in enumerate(organisation.people)
        if name not in left and (expected[number] > 0 or facts.target(f"person:{name}") is not None)
    ]
    return [COMPANY, *teams, *persons]
