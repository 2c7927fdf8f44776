"""What is known of ONE deal from a request, given the organisation's compiled past?

The result is a `History` of that deal alone, so `build_features` works on it. Equal, bit for bit, to
compiling a log that has the deal; a stored version of the deal is left out of the past.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.frames import position_in
from crm.instants import NEVER, instant
from features.arrays import (
    KINDS,
    Accounts,
    Activities,
    Closings,
    Deals,
    Leads,
    People,
    Products,
    Stages,
    Track,
    floats,
    ints,
)
from features.attributes import FIXED, Attribute
from features.history import OUTCOME_CODE, History, final_closing
from features.levels import names_of
from features.organisation import empty_presence, status_of

Row = Mapping[str, Any]
NAN = math.nan
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NOBODY: pd.Index = pd.Index([], dtype=object)
_NO_ENTRY, _NEVER, _NO_VALUE = ints([0, 0]), ints([]), floats([])  # of a track without entries
_UNKNOWN = Track(_NO_ENTRY, _NEVER, _NO_VALUE, floats([NAN]))
_NO_ACTIVITIES = Activities(_NO_ENTRY, _NEVER, np.zeros((0, 7), np.int32))
_KEPT = 1_000  # names of people, accounts and products that deals came with


def compile_live_deal(
    history: History,
    deal: Row,
    events: pd.DataFrame | Iterable[Row] = (),
    activities: pd.DataFrame | Iterable[Row] = (),
    account: Row | None = None,
    zone: ZoneInfo | None = None,
) -> History:
    """A history of one deal, at position 0, with the organisation's past of `history`.

    `deal`, `events`, `activities` and `account` are valid rows of the canonical tables (checked by
    `check_rows`); times and dates may be text, numbers may be text. All events and activities are the deal's.
    `zone`: the organisation's time zone, of naive times (default: that of the history's calendar).
    """
    zone = zone or history.calendar.zone
    own = position_in(history.deal_ids, _text(deal.get("deal_id")))
    changes = _Changes(_rows(events), zone)
    stages, people = _Names(history.stages, keep=True), _Names(history.people)
    accounts, products = _Names(history.accounts), _Names(history.products)
    created = ints([micros_of(deal["created_at"], zone)])
    stage = changes.track("stage", deal, stages.code)
    stage_facts = _stages(history, stages)
    closed = ints([micros_of(deal.get("closed_at"), zone)])
    outcome = ints([OUTCOME_CODE.get(_text(deal.get("outcome")) or "", -1)])
    owner = changes.track("owner_id", deal, people.code)
    acts = _activities(history, _rows(activities), people, zone)
    if account is not None:
        account = {"account_id": deal.get("account_id"), **account}
    of_account = changes.track("account_id", deal, accounts.code)
    product = changes.track("product", deal, products.code)
    facts = Deals(
        created=created,
        stage=stage,
        amount=changes.track("amount", deal, number_of),
        close=changes.track("expected_close_date", deal, day_of),
        owner=owner,
        account=of_account,
        product=product,
        status=status_of(created, stage, stage_facts, Closings(ints([0, 1]), ints([NEVER]), closed, outcome)),
        owned=empty_presence(1),
        held=empty_presence(1),
        activities=acts,
        leads=_leads(history.context.past.leads, own),
        stages=stage_facts,
        people=_people(history.context.past.people, people),
        accounts=_accounts(history, accounts, account, zone),
        products=_products(history, products),
        own=ints([own]),
    )
    closed, outcome = final_closing(facts, closed, outcome)
    amount = facts.amount
    return History(
        calendar=history.calendar,
        deal_ids=_new_index((str(deal.get("deal_id")),)),
        features=history.features,
        levels=history.levels,
        created=created,
        closed=closed,
        outcome=outcome,
        final_amount=amount.value[-1:] if len(amount.value) else amount.first,
        stages=history.stages,
        people=_index(people.names),
        accounts=_index(accounts.names),
        products=_index(products.names),
        deals=facts,
        context=history.context,
        attributes=tuple(
            _attribute(history, each, changes, deal, accounts, account) for each in history.attributes
        ),
        ignored=history.ignored,
    )


def _index(names: list[str]) -> pd.Index:
    return _known_index(tuple(names)) if names else _NOBODY


def _new_index(names: tuple[str, ...]) -> pd.Index:
    index: pd.Index = pd.Index(np.array(names, object), dtype=object, copy=False)
    return index


# An index takes longer to make than all else that is known of an account; the same names come again.
_known_index = lru_cache(_KEPT)(_new_index)


class _Names:
    """Local codes of the names that occur, and each one's position in the past (`len(past)` = not in it)."""

    def __init__(self, past: pd.Index, keep: bool = False) -> None:
        self._past = past
        self._code: dict[str, int] = {str(name): at for at, name in enumerate(past)} if keep else {}
        self.names: list[str] = list(self._code)
        self.group: list[int] = list(range(len(past))) if keep else []

    def code(self, value: Any) -> float:
        """Local code of a name, NaN where it is missing."""
        code = self.position(value)
        return float(code) if code >= 0 else NAN

    def position(self, value: Any) -> int:
        """Local code of a name, -1 where it is missing."""
        name = _text(value)
        if name is None:
            return -1
        if name not in self._code:
            self._code[name] = len(self.names)
            self.names.append(name)
            position = position_in(self._past, name)
            self.group.append(len(self._past) if position < 0 else position)
        return self._code[name]


class _Changes:
    """The events of the deal by field, in order of time."""

    def __init__(self, rows: list[Row], zone: ZoneInfo) -> None:
        self._zone = zone
        self._of: dict[str, list[tuple[int, Any, Any]]] = {}
        for row in rows:
            entry = (micros_of(row["at"], zone), row.get("value"), row.get("old_value"))
            self._of.setdefault(str(row["field"]), []).append(entry)
        for entries in self._of.values():
            entries.sort(key=itemgetter(0))

    def track(self, field: str, deal: Row, read: Any) -> Track:
        entries = self._of.get(field)
        if not entries:
            if deal.get(field) is None:
                return _UNKNOWN
            return Track(_NO_ENTRY, _NEVER, _NO_VALUE, np.array([read(deal.get(field))], np.float64))
        first = read(entries[0][2])
        return Track(
            start=np.array([0, len(entries)], np.int64),
            at=np.array([at for at, _, _ in entries], np.int64),
            value=np.array([read(value) for _, value, _ in entries], np.float64),
            first=np.array([first], np.float64),
        )


def _rows(table: pd.DataFrame | Iterable[Row]) -> list[Row]:
    if isinstance(table, pd.DataFrame):
        return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    return list(table)


def _missing(value: Any) -> bool:
    if type(value) is str:
        return not value
    return value is None or value is pd.NaT or value is pd.NA or value != value


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value or None
    return None if _missing(value) else str(value)


def micros_of(value: Any, zone: ZoneInfo) -> int:
    """An instant given as text, datetime or microseconds; NEVER where it is missing."""
    if type(value) is int:
        return value
    if type(value) is str and value:
        value = datetime.fromisoformat(value)
    if type(value) is datetime:
        # Where a clock was turned back, take the later instant, as `EventLog` does.
        return instant(value if value.tzinfo is not None else value.replace(fold=1), zone)
    if _missing(value):
        return NEVER
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, pd.Timestamp) and value.tzinfo is not None:
        return int(value.value) // 1000  # nanoseconds
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return instant(value if value.tzinfo is not None else value.replace(fold=1), zone)


def number_of(value: Any) -> float:
    """A number given as such or as text; NaN where it is missing or none."""
    if type(value) is float:
        return value if math.isfinite(value) else NAN
    if _missing(value) or (isinstance(value, str) and ("_" in value or not value.isascii())):
        return NAN  # Python would read numbers with _ and full-width digits
    try:
        number = float(value)
    except (TypeError, ValueError):
        return NAN
    return number if math.isfinite(number) else NAN


def day_of(value: Any) -> float:
    """The number of a calendar day given as text, date or datetime; NaN where it is missing or none."""
    if _missing(value):
        return NAN
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return NAN
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    return float(value.toordinal() - _EPOCH_DAY)


def _stages(history: History, names: _Names) -> Stages:
    past, new = history.context.past.stages, names.names[len(history.stages) :]
    if not new:
        return past
    level = [_level(history, "stage", name) for name in new]
    return Stages(
        position=floats(np.append(past.position, [NAN] * len(new))),
        outcome=ints(np.append(past.outcome, [-1] * len(new))),
        level=floats(np.append(past.level, level)),
        group=ints(names.group),
    )


def _level(history: History, feature: str, value: Any) -> float:
    name, levels = _text(value), names_of(history.levels, feature)
    return float(levels.index(name)) if name in levels else NAN


def _pick(past: np.ndarray, group: np.ndarray, nothing: float) -> np.ndarray:
    known = len(past)
    return np.array([past[at] if at < known else nothing for at in group.tolist()], past.dtype)


def _pick_track(past: Track, group: np.ndarray, nothing: float) -> Track:
    """The tracks of some groups; those that the past does not have are `nothing` throughout."""
    first, known = _pick(past.first, group, nothing), len(past.first)
    some = [at for at in group.tolist() if at < known] if len(past.at) else []
    spans = [(past.start[at], past.start[at + 1]) for at in some]
    spans = [(low, high) for low, high in spans if low < high]
    if not spans:
        return Track(np.zeros(len(group) + 1, np.int64), _NEVER, _NO_VALUE, first)
    count = np.zeros(len(group) + 1, np.int64)
    for number, at in enumerate(group.tolist()):
        if at < known:
            count[number + 1] = past.start[at + 1] - past.start[at]
    at = np.concatenate([past.at[low:high] for low, high in spans])  # noqa: PD008
    value = np.concatenate([past.value[low:high] for low, high in spans])
    return Track(count.cumsum(), at, value, first)


def _with_constant(track: Track, at: int, value: float) -> Track:
    """The tracks with one of them having always had a value."""
    low, high = track.start[at], track.start[at + 1]
    start = track.start - np.where(np.arange(len(track.start)) > at, high - low, 0)
    first = track.first.copy()
    first[at] = value
    own = slice(low, high)
    return Track(ints(start), np.delete(track.at, own), np.delete(track.value, own), first)


def _people(past: People, names: _Names) -> People:
    group = ints(names.group)
    return People(
        since=_pick(past.since, group, NEVER),
        known=_pick(past.known, group, NEVER),
        style=_pick_track(past.style, group, NAN),
        team=_pick_track(past.team, group, NAN),
        manager=_pick_track(past.manager, group, 0.0),
        group=group,
    )


def _accounts(history: History, names: _Names, sent: Row | None, zone: ZoneInfo) -> Accounts:
    past, group = history.context.past.accounts, ints(names.group)
    accounts = Accounts(
        entered=_pick(past.entered, group, 0),
        created=_pick(past.created, group, NEVER),
        known=_pick(past.known, group, NEVER),
        industry=_pick_track(past.industry, group, NAN),
        region=_pick_track(past.region, group, NAN),
        employees=_pick_track(past.employees, group, NAN),
        group=group,
    )
    at = _sent_at(names, sent)
    if sent is None or at < 0:
        return accounts
    accounts.entered[at] = 1
    accounts.created[at] = accounts.known[at] = micros_of(sent.get("created_at"), zone)
    return accounts._replace(
        industry=_with_constant(accounts.industry, at, _level(history, "industry", sent.get("industry"))),
        region=_with_constant(accounts.region, at, _level(history, "region", sent.get("region"))),
        employees=_with_constant(accounts.employees, at, number_of(sent.get("employees"))),
    )


def _sent_at(names: _Names, sent: Row | None) -> int:
    """Local code of the account whose row was sent, -1 = not an account of the deal."""
    name = _text(sent.get("account_id")) if sent is not None else None
    return names.names.index(name) if name in names.names else -1


def _products(history: History, names: _Names) -> Products:
    level = [_level(history, "product", name) for name in names.names]
    return Products(floats(level), ints(names.group))


def _leads(past: Leads, own: int) -> Leads:
    if own < 0:
        return Leads(ints([0, 0]), ints(np.zeros((0, 5))), floats([]))
    low, high = past.start[own], past.start[own + 1]
    return Leads(ints([0, high - low]), past.at[low:high], past.source[low:high])  # noqa: PD008


def _activities(history: History, rows: list[Row], people: _Names, zone: ZoneInfo) -> Activities:
    if not rows:
        return _NO_ACTIVITIES
    kind_of = _kinds(tuple(names_of(history.levels, "activity_kind")))
    materials, results = names_of(history.levels, "material"), names_of(history.levels, "last_outcome")
    taken = sorted(((micros_of(row["at"], zone), row) for row in rows), key=itemgetter(0))
    others = len(kind_of)
    entry = []
    for _, row in taken:
        given = row.get
        entry.append(
            (
                kind_of.get(row["kind"], others),
                people.position(given("actor_id")),
                given("direction") == "in",
                _true(given("effective")),
                _word(given("material"), materials),
                _word(given("outcome"), results),
                _seconds(given("minutes")),
            )
        )
    return Activities(
        np.array([0, len(rows)], np.int64),
        np.array([at for at, _ in taken], np.int64),
        np.array(entry, np.int32).reshape(len(rows), 7),
    )


@lru_cache(16)
def _kinds(others: tuple[str, ...]) -> Mapping[str, int]:
    """The number of each kind of activity, with those that an organisation has beside the usual ones."""
    return {kind: number for number, kind in enumerate((*KINDS, *others))}


def _true(value: Any) -> bool:
    return value is True or (not _missing(value) and bool(value))


def _seconds(minutes: Any) -> int:
    if minutes is None:
        return 0
    number = number_of(minutes)
    return 0 if number != number else round(min(number, 1e6) * 60)


def _word(value: Any, levels: list[str]) -> int:
    name = None if value is None else _text(value)
    return -1 if name is None else levels.index(name) if name in levels else len(levels)


def _attribute(
    history: History, attribute: Attribute, changes: _Changes, deal: Row, accounts: _Names, sent: Row | None
) -> Attribute:
    name, zone = attribute.feature, history.calendar.zone
    column = name if name in FIXED else name.split(".", 1)[1]

    def read(value: Any) -> float:
        if history.levels[name] == "number":
            return number_of(value)
        if history.levels[name] == "date":
            return _instant(value, zone)
        return _level(history, name, value)

    if not attribute.of_account:
        return Attribute(name, False, attribute.date, changes.track(column, deal, read))
    track = _pick_track(attribute.track, ints(accounts.group), NAN)
    at = _sent_at(accounts, sent)
    if sent is not None and at >= 0:
        track = _with_constant(track, at, read(sent.get(column)))
    return Attribute(name, True, attribute.date, track)


def _instant(value: Any, zone: ZoneInfo) -> float:
    try:
        at = micros_of(value, zone)
    except (TypeError, ValueError):
        return NAN
    return NAN if at == NEVER else float(at)
