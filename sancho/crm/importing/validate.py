"""Which rows can be used, and what is wrong with the others? The one check of files, pushes and requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.importing import values as parse
from sancho.crm.importing.encoding import DAMAGED
from sancho.crm.importing.row_errors import RowErrors
from sancho.crm.importing.values import Bools, Read
from sancho.crm.instants import DAY, NEVER, iso, local_datetime
from sancho.crm.periods import parse_period
from sancho.crm.schema import ACTIVITY_KINDS, DEFAULT_STAGES, TABLES, Column, Kind, Table
from sancho.crm.store.tables import CUSTOM

Stored = Callable[[Sequence[str], Sequence[str]], list[tuple[Any, ...]]]
DEFAULT_OUTCOMES: Mapping[str, str | None] = {stage: outcome for stage, _, outcome, _ in DEFAULT_STAGES}

# Times that record what has happened, so that none can lie ahead.
_FACTS = {
    "deals": ("created_at", "closed_at"),
    "deal_events": ("at",),
    "activities": ("at",),
    "leads": (
        "created_at",
        "contacted_at",
        "appointment_at",
        "meeting_at",
        "qualified_at",
        "disqualified_at",
    ),
    "accounts": ("created_at",),
    "targets": ("set_at",),
}
# (table, later column, earlier column, code, what the reason calls the earlier one)
_ORDER = (
    ("deals", "closed_at", "created_at", "closed_before_created", "created"),
    ("contracts", "ended_at", "started_at", "ended_before_started", "started"),
    ("people", "active_to", "active_from", "ended_before_started", "started"),
    *(("leads", step, "created_at", "before_created", "created") for step in _FACTS["leads"][1:]),
)


@dataclass(frozen=True)
class Known:
    """What a row is checked against: the zone and now, stages with their outcomes, deals there are.

    `deals` None means any deal may be named. `stored` gives columns of stored deals, for rows that change a
    deal in part.
    """

    zone: ZoneInfo
    now: int
    outcomes: Mapping[str, str | None]
    deals: pa.Array | None = None
    quarantined_deals: frozenset[str] = frozenset()
    stored: Stored | None = None


@dataclass(frozen=True)
class Checked:
    """Columns in the form of storage, which rows are sound, and the errors of the others."""

    columns: dict[str, pa.Array]
    sound: Bools
    errors: RowErrors


def check(
    table: Table,
    columns: pa.Table,
    known: Known,
    damaged: bool = False,
) -> Checked:
    """Checks rows whose columns have canonical names (further ones are custom attributes)."""
    work = _Work(table, columns, known)
    if damaged:
        work.look_for(DAMAGED, "wrong_encoding")
    work.look_for("\0", "control_character")
    work.legible = work.sound.copy()
    for name in columns.column_names:
        if name in table.by_name:
            work.read(table[name])
    for column in table.columns:
        if column.required and column.name in columns.column_names:
            blank = np.asarray(work.values[column.name].is_null()) & ~work.unreadable[column.name]
            work.flag(column.name, blank & work.legible, "missing")
    _row_checks(work)
    if table.custom and (extra := [name for name in columns.column_names if name not in table.by_name]):
        work.values[CUSTOM] = custom_json({name: work.raw(name) for name in extra})
    return Checked(work.values, work.sound, work.errors)


class _Work:
    """A check under way: values read so far, rows still sound, errors found."""

    def __init__(self, table: Table, columns: pa.Table, known: Known) -> None:
        self.table, self.known, self.size = table, known, columns.num_rows
        self._raw = {name: parse.whole(columns[name]) for name in columns.column_names}
        self.values: dict[str, pa.Array] = {}
        self.sound: Bools = np.ones(columns.num_rows, bool)
        self.legible: Bools = self.sound  # rows whose texts are whole: only their values are worth judging
        self.unreadable: dict[str, Bools] = {}
        self.errors = RowErrors()

    def raw(self, name: str) -> pa.Array:
        return self._raw[name]

    def flag(self, column: str, mask: Bools, code: str, **said: object) -> None:
        """These rows have this error."""
        for row in np.flatnonzero(mask):
            self.errors.add(int(row), column, code, **said)
        self.sound &= ~mask

    def look_for(self, text: str, code: str) -> None:
        """Rows in which any text holds `text`."""
        found = np.zeros(self.size, bool)
        for name, array in self._raw.items():
            mask = _holding(array, text) & ~found
            self.flag(name, mask, code)
            found |= mask

    def read(self, column: Column) -> None:
        """Reads one column into the form of storage; unreadable values are errors."""
        (values, unreadable), code = _read(column, self._raw[column.name], self.known.zone)
        said = {"choices": ", ".join(column.choices)} if column.choices else {}
        self.unreadable[column.name] = unreadable
        self.flag(column.name, unreadable & self.legible, code, **said)
        if column.kind in (Kind.MONEY, Kind.NUMBER):
            negative = np.asarray(pc.less(values, 0).fill_null(False)) & self.legible
            self.flag(column.name, negative, "negative")
        self.values[column.name] = values

    def instants(self, name: str) -> NDArray[np.int64]:
        """A column of instants with NEVER where blank or not given."""
        if name not in self.values:
            return np.full(self.size, NEVER)
        found: NDArray[np.int64] = self.values[name].fill_null(NEVER).to_numpy()
        return found


def _holding(array: pa.Array, text: str) -> Bools:
    if pa.types.is_dictionary(array.type):
        levels = np.append(_holding(array.dictionary, text), False)
        if not levels.any():
            return np.zeros(len(array), bool)
        mask: Bools = levels[array.indices.fill_null(len(levels) - 1).to_numpy()]
        return mask
    if not pa.types.is_string(array.type):
        return np.zeros(len(array), bool)
    return np.asarray(pc.match_substring(array, text).fill_null(False))


def _read(column: Column, raw: pa.Array, zone: ZoneInfo) -> tuple[Read, str]:
    match column.kind:
        case Kind.MOMENT:
            return parse.moments(raw, zone), "bad_moment"
        case Kind.DATE:
            return parse.days(raw), "bad_date"
        case Kind.MONEY | Kind.NUMBER:
            return parse.numbers(raw), "bad_number"
        case Kind.FLAG:
            return parse.flags(raw), "bad_flag"
        case Kind.CHOICE:
            return parse.choices(raw, column.choices), "bad_choice"
    return Read(parse.as_text(raw), np.zeros(len(raw), bool)), ""


def _row_checks(work: _Work) -> None:
    """What no column can tell alone."""
    name = work.table.name
    for column in _FACTS.get(name, ()):
        late = work.instants(column) > work.known.now + DAY
        work.flag(column, late & work.sound, "future", now=iso(work.known.now, work.known.zone)[:16])
    for table, later, earlier, code, word in _ORDER:
        if table == name and later in work.values and (earlier in work.values or name == "deals"):
            _in_order(work, later, earlier, code, word)
    match name:
        case "deals":
            _endings(work)
        case "deal_events":
            _event_values(work)
            _deals_exist(work)
        case "activities":
            work.values["kind"] = _activity_kinds(work.values["kind"]) if "kind" in work.values else None
            work.values = {name: array for name, array in work.values.items() if array is not None}
            _deals_exist(work)
        case "targets":
            _targets(work)


def _activity_kinds(kinds: pa.Array) -> pa.Array:
    """Kinds by their Japanese or English names become the known ones; the company's own stay."""
    meant = {
        parse.folded(text): kind
        for kind, label in ACTIVITY_KINDS.items()
        for text in (kind, label.ja, label.en)
    }
    found, _ = parse.by_level(kinds, lambda text: meant.get(parse.folded(text), text), pa.string())
    return found.dictionary_encode()


def _in_order(work: _Work, later: str, earlier: str, code: str, word: str) -> None:
    if work.table[later].kind is Kind.DATE:
        wrong = np.asarray(pc.less(work.values[later], work.values[earlier]).fill_null(False)) & work.sound
        for row in np.flatnonzero(wrong):
            work.errors.add(int(row), later, code, **{word: work.values[earlier][row].as_py()})
        work.sound &= ~wrong
        return
    ends, begins = work.instants(later).copy(), _stored_or(work, earlier)
    wrong = (ends < begins) & (ends != NEVER) & work.sound
    moved = False
    for row in np.flatnonzero(wrong):
        end, begin = (local_datetime(int(at[row]), work.known.zone) for at in (ends, begins))
        if end.date() == begin.date() and end.time().isoformat() == "00:00:00":
            # Given as a plain day, the day it began: then it is no earlier than that.
            ends[row], moved = begins[row], True
            continue
        work.errors.add(int(row), later, code, **{word: begin.isoformat()[:16]})
        work.sound[row] = False
    if moved:
        work.values[later] = pa.array(ends, mask=ends == NEVER)


def _stored_or(work: _Work, name: str) -> NDArray[np.int64]:
    """A deal's instants from the rows, or where the file has no such column, from the store."""
    if name in work.values or work.table.name != "deals":
        return work.instants(name)
    return np.array([NEVER if at is None else at for at in _stored(work, name)], np.int64)


def _stored(work: _Work, name: str) -> list[Any]:
    """A column of deals as stored, for rows that change a deal in part; None where it is new."""
    if work.known.stored is None or "deal_id" not in work.values:
        return [None] * work.size
    keys = work.values["deal_id"].to_pylist()
    found: dict[str, Any] = dict(
        work.known.stored(("deal_id", name), [key for key in keys if key is not None])
    )
    return [found.get(key) for key in keys]


def _endings(work: _Work) -> None:
    """Outcome, closing time and stage tell one story; a blank outcome is that of a stage that ends deals."""
    if not {"stage", "outcome", "closed_at"} & set(work.values):
        return
    stages = work.values["stage"].to_pylist() if "stage" in work.values else _stored(work, "stage")
    given = work.values["outcome"].to_pylist() if "outcome" in work.values else _stored(work, "outcome")
    stage, outcome = np.array(stages, object), np.array(given, object)
    meaning = {name: work.known.outcomes.get(name) for name in set(stages) if name is not None}
    meant = np.array([meaning.get(name) for name in stages], object)
    closed = _stored_or(work, "closed_at") != NEVER
    has_outcome, ends = outcome != None, meant != None  # noqa: E711  (elementwise)
    contradicts = has_outcome & ends & (outcome != meant) & work.sound
    for row in np.flatnonzero(contradicts):
        work.errors.add(
            int(row),
            "outcome",
            "outcome_contradicts_stage",
            value=outcome[row],
            stage=stage[row],
            meant=meant[row],
        )
    work.sound &= ~contradicts
    undated = (has_outcome | ends) & ~closed & work.sound
    for row in np.flatnonzero(undated):
        work.errors.add(int(row), "closed_at", "outcome_without_closed_at", ending=outcome[row] or meant[row])
    work.sound &= ~undated
    untold = closed & ~has_outcome & ~ends & work.sound
    for row in np.flatnonzero(untold):
        work.errors.add(int(row), "outcome", "closed_at_without_outcome", stage=stage[row])
    work.sound &= ~untold
    told = closed & ~has_outcome & ends & work.sound
    if told.any():
        outcome[told] = meant[told]
        work.values["outcome"] = pa.array(outcome, pa.string()).dictionary_encode()


def _event_values(work: _Work) -> None:
    """Fields by their names; amounts and dates among the values are read like those of deals."""
    deals = TABLES["deals"]
    if not {"field", "value"} <= set(work.values):
        return
    names = {parse.folded(text): c.name for c in deals.columns for text in (c.name, c.label.ja, c.label.en)}
    field, _ = parse.by_level(
        work.values["field"], lambda text: names.get(parse.folded(text), text), pa.string()
    )
    work.values["field"] = field = field.dictionary_encode()
    for name in ("amount", "expected_close_date", "deal_type"):
        mine = np.asarray(pc.equal(field, name).fill_null(False))
        if not mine.any():
            continue
        where = pa.array(np.flatnonzero(mine))
        for column in ("value", "old_value"):
            if column not in work.values:
                continue
            (read, unreadable), code = _read(deals[name], work.values[column].take(where), work.known.zone)
            wrong = np.zeros(work.size, bool)
            wrong[mine] = unreadable
            said = {"choices": ", ".join(deals[name].choices)} if deals[name].choices else {}
            work.flag(column, wrong & work.sound, code, **said)
            if deals[name].kind is Kind.MONEY:
                wrong[mine] = np.asarray(pc.less(read, 0).fill_null(False))
                work.flag(column, wrong & work.sound, "negative")
            texts = parse.as_text(read)
            if pa.types.is_dictionary(texts.type):
                texts = texts.cast(pa.string())
            plain = work.values[column]
            plain = plain.cast(pa.string()) if pa.types.is_dictionary(plain.type) else plain
            work.values[column] = pc.replace_with_mask(plain, pa.array(mine), texts)


def _deals_exist(work: _Work) -> None:
    if work.known.deals is None or "deal_id" not in work.values:
        return
    named = work.values["deal_id"]
    there = pc.is_in(named, value_set=work.known.deals) if not pa.types.is_dictionary(named.type) else None
    if there is None:
        levels = np.append(np.asarray(pc.is_in(named.dictionary, value_set=work.known.deals)), True)
        lost = ~levels[named.indices.fill_null(len(levels) - 1).to_numpy()] & np.asarray(named.is_valid())
    else:
        lost = ~np.asarray(there) & np.asarray(named.is_valid())
    for row in np.flatnonzero(lost & work.sound):
        known = named[int(row)].as_py() in work.known.quarantined_deals
        work.errors.add(int(row), "deal_id", "deal_in_quarantine" if known else "unknown_deal")
    work.sound &= ~lost


def _targets(work: _Work) -> None:
    def period(text: str) -> str | None:
        try:
            return parse_period(text).name
        except SanchoError:
            return None

    def scope(text: str) -> str | None:
        kind, _, name = text.partition(":")
        return text if text == "company" or (kind in ("team", "person") and name.strip()) else None

    def metric(text: str) -> str | None:
        return text if text.isidentifier() and text.isascii() and text == text.lower() else None

    for name, mean in (("metric", metric), ("scope", scope), ("period", period)):
        if name in work.values:
            _, unknown = parse.by_level(work.values[name], mean, pa.string())
            work.flag(name, unknown & work.sound, f"bad_{name}")


def custom_json(columns: Mapping[str, pa.Array]) -> pa.Array:
    """One JSON object per row of its custom attributes; blank ones are null, which clears them."""
    pieces = [_members(name, array) for name, array in columns.items()]
    joined = pc.binary_join_element_wise(*pieces, ",")
    return pc.binary_join_element_wise("{", joined, "}", "")


def _members(name: str, array: pa.Array) -> pa.Array:
    label = orjson.dumps(name).decode() + ":"
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    levels = [label + ("null" if value is None else _json(value)) for value in array.dictionary.to_pylist()]
    codes = array.indices.fill_null(len(levels))
    return pa.array([*levels, label + "null"], pa.string()).take(codes)


def _json(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return orjson.dumps(value).decode()


def custom_values(columns: pa.ChunkedArray) -> pa.Array:
    """A custom attribute of a whole file: numbers where every value is one, else texts.

    Texts such as 007 stay texts: their zeros mean something.
    """
    array = parse.whole(columns)
    if pa.types.is_boolean(array.type) or pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return parse.as_text(array)
    if pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        texts = parse.as_text(array)
        levels = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
        if pc.any(pc.match_substring_regex(levels, r"^[+-]?0\d")).as_py():
            return texts
        read = parse.numbers(texts)
        return texts if read.unreadable.any() else read.column
    return parse.as_text(array) if pa.types.is_nested(array.type) else parse.numbers(array).column
