"""Which rows of a KPI are followed by what should follow, and by when is that certain?

A KPI can be padded: calls that reach nobody, visits without effect, deals that nobody touches, stages moved
forward and back, deals due this month that are pushed at its end. What should follow each is defined here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER
from features.arrays import Array, Flags, Floats, Ints
from features.kpis.catalogue import CONNECTED

TOUCH_DAYS = 21  # within which a new deal is touched
STAND_DAYS = 21  # for which a move forward stands
MONTH_END_DAYS = 5  # last calendar days of a month


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Rows of one kind (n,) whose person is known, oldest first.

    `person`: number of who made it. `followed`: whether what should follow has come; from `settled` on (an
    instant) that changes no more. `deal` and `activity`: ids of what the row is, None where it is none.
    """

    at: Ints
    person: Ints
    followed: Flags
    settled: Ints
    deal: Array
    activity: Array


def steps_of(known: EventLog, people: tuple[str, ...]) -> Mapping[str, Steps]:
    """The rows of each kind in a log as of a moment; `people`: ids in the order of their numbers."""
    numbers = pd.Index(people, dtype=object)
    made = {kind: make(known, numbers) for kind, make in _KINDS.items()}
    return MappingProxyType(made)


def _calls(known: EventLog, people: pd.Index) -> Steps:
    """Outgoing calls; each should reach somebody."""
    acts = known["activities"]
    calls = _is(acts, "kind", ("call",)) & ~_is(acts, "direction", ("in",))
    return _activities(acts, people, calls, _is(acts, "outcome", CONNECTED))


def _visits(known: EventLog, people: pd.Index) -> Steps:
    """Visits; each should be recorded as effective."""
    acts = known["activities"]
    effective = acts["effective"].fillna(False).to_numpy(bool)
    return _activities(acts, people, _is(acts, "kind", ("visit",)), effective)


def _new_deals(known: EventLog, people: pd.Index) -> Steps:
    """Deals created; each should see an activity, a move forward or a win within TOUCH_DAYS."""
    deals, acts, stages = known["deals"], known["activities"], _stage_moves_of(known)
    ids = pd.Index(deals["deal_id"])
    created = micros(deals["created_at"])
    first = np.full(len(deals) + 1, _LATEST)
    deal = codes_in(acts["deal_id"], ids)
    np.minimum.at(first, deal, np.where(micros(acts["at"]) > created[deal], micros(acts["at"]), _LATEST))
    np.minimum.at(first, stages.deal, np.where(stages.forward, stages.at, _LATEST))
    won = (deals["outcome"] == "won").to_numpy(bool)
    first = np.minimum(first[:-1], np.where(won, micros(deals["closed_at"]), _LATEST))
    until = created + TOUCH_DAYS * DAY
    owner = codes_in(_first_values(known, "owner_id"), people)
    return _steps(created, owner, first < until, until, ids.to_numpy(object))


def _moves(known: EventLog, people: pd.Index) -> Steps:
    """Moves of a deal to a later stage; each should stand for STAND_DAYS, or until the deal ends."""
    moves = _stage_moves_of(known)
    following = np.append(moves.deal[1:], -1) == moves.deal
    undone = following & np.append(moves.back[1:], False)
    when = moves.at
    undone &= np.append(when[1:], 0) - when < STAND_DAYS * DAY
    owner = codes_in(known["deals"]["owner_id"], people)[moves.deal]
    actor = codes_in(moves.actor, people)
    use = moves.forward
    person = np.where(actor >= 0, actor, owner)[use]
    at, ids = when[use], known["deals"]["deal_id"].to_numpy(object)[moves.deal[use]]
    return _steps(at, person, ~undone[use], at + STAND_DAYS * DAY, ids)


def _due_deals(known: EventLog, people: pd.Index) -> Steps:
    """Open deals due in a month when its last days begin; none should be pushed out of it in these days.

    Dated to the beginning of the month's last MONTH_END_DAYS days.
    """
    deals, zone = known["deals"], known.zone
    changes = _changes(known, "expected_close_date")
    values = pd.to_datetime(changes["value"].astype(object), errors="coerce", format="ISO8601")
    deal, at = changes["deal"].to_numpy(np.int64), micros(changes["at"])
    has = np.zeros(len(deals), bool)
    has[deal] = True
    # What a deal was due on before its first change, and where none is recorded.
    before = np.flatnonzero(np.diff(deal, prepend=-1))
    was = pd.to_datetime(changes["old_value"].astype(object), errors="coerce", format="ISO8601").iloc[before]
    never = np.flatnonzero(~has)
    due = np.concatenate([_days(values), _days(was), _days(deals["expected_close_date"].iloc[never])])
    of = np.concatenate([deal, deal[before], never])
    created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
    since = np.concatenate([at, created[deal[before]], created[never]])
    order = np.lexsort((np.arange(len(of)), since, of))
    of, due, since = of[order], due[order], since[order]
    known_day = ~np.isnan(due)
    last = np.append(of[1:], -1) != of
    until = np.where(last, _LATEST, np.append(since[1:], _LATEST))
    after = np.where(last, np.nan, np.append(due[1:], np.nan))
    begins, ends, ends_day = _month_end(np.where(known_day, due, 0.0), zone)
    gone = np.where(closed[of] == NEVER, _LATEST, closed[of])
    use = known_day & (since < begins) & (until >= begins) & (created[of] < begins) & (gone > begins)
    pushed = (until < ends) & (after > ends_day)
    owner = codes_in(deals["owner_id"], people)[of]
    ids = deals["deal_id"].to_numpy(object)[of]
    return _steps(begins[use], owner[use], ~pushed[use], ends[use], ids[use])


_KINDS: Mapping[str, Callable[[EventLog, pd.Index], Steps]] = MappingProxyType(
    {
        "calls": _calls,
        "visits": _visits,
        "new_deals": _new_deals,
        "stage_moves": _moves,
        "due_deals": _due_deals,
    }
)
KINDS = tuple(_KINDS)
_LATEST = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class _StageMoves:
    """Changes of stage (n,) after a deal's creation, by deal and time."""

    deal: Ints
    at: Ints
    forward: Flags
    back: Flags  # to an earlier stage that is no ending
    actor: pd.Series


def _stage_moves_of(known: EventLog) -> _StageMoves:
    stages = known["stages"]
    names = pd.Index(stages["stage"].astype(object))
    position = np.append(stages["position"].to_numpy(float), np.nan)
    ending = np.append(stages["outcome"].notna().to_numpy(bool), False)
    changes = _changes(known, "stage")
    to, was = codes_in(changes["value"], names), codes_in(changes["old_value"], names)
    is_open = ~ending[to] & ~ending[was]
    return _StageMoves(
        deal=changes["deal"].to_numpy(np.int64),
        at=micros(changes["at"]),
        forward=is_open & (position[to] > position[was]),
        back=is_open & (position[to] < position[was]),
        actor=changes["actor_id"],
    )


def _changes(known: EventLog, field: str) -> pd.DataFrame:
    """The changes of a field of the deals that are known, by deal (its row, column `deal`) and time."""
    events = known["deal_events"]
    rows = events[_is(events, "field", (field,))]
    deal = codes_in(rows["deal_id"], pd.Index(known["deals"]["deal_id"]))
    rows = rows.assign(deal=deal)[deal >= 0]
    return rows.iloc[np.lexsort((micros(rows["at"]), rows["deal"].to_numpy()))]


def _first_values(known: EventLog, field: str) -> pd.Series:
    """What a column of the deals held when they were created."""
    changes = _changes(known, field)
    first = changes[~changes["deal"].duplicated().to_numpy()]
    values = known["deals"][field].astype(object).to_numpy(copy=True)
    old = first["old_value"].astype(object)
    values[first["deal"].to_numpy()] = old.where(old.notna(), first["value"].astype(object)).to_numpy()
    return pd.Series(values, dtype=object)


def _is(frame: pd.DataFrame, column: str, among: tuple[str, ...]) -> Flags:
    return np.asarray(codes_in(frame[column], pd.Index(among, dtype=object)) >= 0, np.bool_)


def _activities(acts: pd.DataFrame, people: pd.Index, chosen: Flags, followed: Flags) -> Steps:
    rows = acts[chosen]
    at, deal = micros(rows["at"]), rows["deal_id"].astype(object)
    ids = rows["activity_id"].to_numpy(object)
    person = codes_in(rows["actor_id"], people)
    return _steps(at, person, followed[chosen], at, deal.where(deal.notna(), None).to_numpy(object), ids)


def _steps(
    at: Ints, person: Ints, followed: Flags, settled: Ints, deal: Array, activity: Array | None = None
) -> Steps:
    """The rows whose person is known (0 or more), oldest first."""
    use = np.flatnonzero((person >= 0) & (at != NEVER))
    use = use[np.argsort(at[use], kind="stable")]
    return Steps(
        at=at[use],
        person=person[use],
        followed=followed[use],
        settled=settled[use],
        deal=deal[use],
        activity=np.full(len(use), None, object) if activity is None else activity[use],
    )


def _days(values: pd.Series) -> Floats:
    """Days since 1970 of dates (n,); NaN where there is none."""
    days = values.to_numpy("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(float))


def _month_end(days: Floats, zone: ZoneInfo) -> tuple[Ints, Ints, Floats]:
    """Of the months of some days (n,): when their last days begin, when they end, and their last day."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    each, of = np.unique(months, return_inverse=True)
    following = (each + 1).astype("datetime64[D]")
    begins, ends = (_midnights(day, zone)[of] for day in (following - MONTH_END_DAYS, following))
    return begins, ends, (following - 1).astype(np.int64).astype(float)[of]


def _midnights(days: Array, zone: ZoneInfo) -> Ints:
    there = pd.Series(days.astype("datetime64[us]")).dt.tz_localize(zone, nonexistent="shift_forward")
    return micros(there.dt.tz_convert("UTC"))
