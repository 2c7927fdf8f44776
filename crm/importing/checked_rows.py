"""Which rows of a slice are sound so far, and what is wrong with the others?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.importing import dates, numerals
from crm.importing import values as parse
from crm.importing.conventions import PLAIN, Conventions
from crm.importing.row_errors import CellError
from crm.importing.values import Bools, Read
from crm.instants import NEVER
from crm.schema import Column, Kind, Table

_OPEN_ENDED = ("active_to", "ended_at")  # 9999-12-31 there is what a blank says: no end
SHORT_FORM = r"^[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{2,}$"
StoredColumns = Callable[[Sequence[str], Sequence[str]], list[tuple[Any, ...]]]
StoredKeys = Callable[[set[str]], set[str]]
NewestKnown = Callable[[Sequence[str]], Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What rows are checked against: time zone, now, the outcome of each stage, the deals that exist.

    `currency` is the organisation's, where it is known.
    `deals` None means that any deal may be named. `stored_columns` gives columns (names, keys) of stored
    deals, for rows that change a deal in part; `stored_keys` which of some keys its table holds;
    `newest_known` the moment of the newest change known of some deals.
    `conventions` say how the rows' file writes numbers and days.
    """

    zone: ZoneInfo
    now: int
    outcomes: Mapping[str, str | None]
    currency: str | None = None
    deals: pa.Array | None = None
    quarantined_deals: frozenset[str] = frozenset()
    stored_columns: StoredColumns | None = None
    stored_keys: StoredKeys | None = None
    newest_known: NewestKnown | None = None
    conventions: Conventions = PLAIN


class CheckedRows:
    """A slice of rows under check: columns read so far, rows still sound, errors so far."""

    def __init__(self, table: Table, columns: pa.Table, context: Context) -> None:
        self.table, self.context, self.size = table, context, columns.num_rows
        self.raw = {name: parse.whole(columns[name]) for name in columns.column_names}
        self.columns: dict[str, pa.Array] = {}
        self.sound: Bools = np.ones(columns.num_rows, bool)
        self.legible: Bools = self.sound  # rows whose texts are whole: only their values are worth judging
        self.unreadable: dict[str, Bools] = {}
        self.errors: list[CellError] = []

    def reject(self, row: int, column: str, code: str, **values: object) -> None:
        """One row has this error."""
        self.errors.append(CellError(row, column, code, values))
        self.sound[row] = False

    def reject_all(self, mask: Bools, column: str, code: str, **values: object) -> None:
        """All rows of the mask have this error."""
        self.errors += [CellError(int(row), column, code, values) for row in np.flatnonzero(mask)]
        self.sound &= ~mask

    def reject_containing(self, text: str, code: str) -> None:
        """Rows in which any cell contains `text` have this error, in the first such column."""
        rejected = np.zeros(self.size, bool)
        for name, array in self.raw.items():
            mask = _contains(array, text) & ~rejected
            self.reject_all(mask, name, code)
            rejected |= mask

    def read(self, column: Column) -> None:
        """Reads one column into the form of storage; unreadable values are errors."""
        raw = self.raw[column.name]
        (values, unreadable), code = read_column(column, raw, self.context.zone, self.context.conventions)
        if column.name in _OPEN_ENDED and unreadable.any():
            unreadable = unreadable & ~dates.is_endless(raw)
        if column.kind is Kind.ID or (column.kind is Kind.CODE and self.table.name != "deal_events"):
            self.reject_all(_lost_digits(values) & self.legible, column.name, "digits_lost")
        details = {"choices": ", ".join(column.choices)} if column.choices else {}
        self.unreadable[column.name] = unreadable
        self.reject_all(unreadable & self.legible, column.name, code, **details)
        if column.kind in (Kind.MONEY, Kind.NUMBER):
            negative = np.asarray(pc.less(values, 0).fill_null(False)) & self.legible
            self.reject_all(negative, column.name, "negative")
        self.columns[column.name] = values

    def require(self, column: Column) -> None:
        """Rows that leave a required column blank have an error."""
        blank = np.asarray(self.columns[column.name].is_null()) & ~self.unreadable[column.name]
        self.reject_all(blank & self.legible, column.name, "missing")

    def instants(self, name: str) -> NDArray[np.int64]:
        """A column of instants with NEVER where blank or not given."""
        if name not in self.columns:
            return np.full(self.size, NEVER)
        instants: NDArray[np.int64] = self.columns[name].fill_null(NEVER).to_numpy()
        return instants

    def values_or_stored(self, name: str) -> list[Any]:
        """A column of deals from the rows, or where they lack it, from the store; None where it is new."""
        if name in self.columns:
            values: list[Any] = self.columns[name].to_pylist()
            return values
        if self.context.stored_columns is None or "deal_id" not in self.columns:
            return [None] * self.size
        keys = self.columns["deal_id"].to_pylist()
        filled = [key for key in keys if key is not None]
        stored: dict[str, Any] = dict(self.context.stored_columns(("deal_id", name), filled))
        return [stored.get(key) for key in keys]

    def instants_or_stored(self, name: str) -> NDArray[np.int64]:
        """Like `values_or_stored`, for a column of instants of any table; only deals are looked up."""
        if name in self.columns or self.table.name != "deals":
            return self.instants(name)
        return np.array([NEVER if at is None else at for at in self.values_or_stored(name)], np.int64)


def read_column(
    column: Column, raw: pa.Array, zone: ZoneInfo, how: Conventions | None = None
) -> tuple[Read, str]:
    """A column's values in the form of storage, and the code of the error of those that cannot be read."""
    name, how = column.name, how or PLAIN
    match column.kind:
        case Kind.MOMENT:
            return dates.moments(raw, zone, name in how.plain_days), "bad_moment"
        case Kind.DATE:
            plain = None if how.zone is None else name in how.plain_days
            return dates.days(raw, how.zone or zone, plain), "bad_date"
        case Kind.MONEY | Kind.NUMBER:
            marks = how.marks.get(name) or (numerals.Marks.stated(how.decimal) if how.decimal else None)
            return numerals.numbers(raw, marks, how.units.get(name, 1.0)), "bad_number"
        case Kind.FLAG:
            return parse.flags(raw), "bad_flag"
        case Kind.CHOICE:
            return parse.choices(raw, column.choices), "bad_choice"
    return Read(parse.as_text(raw), np.zeros(len(raw), bool)), ""


def _lost_digits(ids: pa.Array) -> Bools:
    """Which ids are numbers in the short form 4.87688E+18, so that their last digits are gone."""
    levels = ids.dictionary if pa.types.is_dictionary(ids.type) else ids
    lost = np.asarray(pc.match_substring_regex(levels, SHORT_FORM).fill_null(False))
    if not pa.types.is_dictionary(ids.type) or not lost.any():
        return lost if len(lost) == len(ids) else np.zeros(len(ids), bool)
    mask: Bools = np.append(lost, False)[ids.indices.fill_null(len(lost)).to_numpy()]
    return mask


def _contains(array: pa.Array, text: str) -> Bools:
    if pa.types.is_dictionary(array.type):
        levels = np.append(_contains(array.dictionary, text), False)
        if not levels.any():
            return np.zeros(len(array), bool)
        mask: Bools = levels[array.indices.fill_null(len(levels) - 1).to_numpy()]
        return mask
    if not pa.types.is_string(array.type):
        return np.zeros(len(array), bool)
    return np.asarray(pc.match_substring(array, text).fill_null(False))
