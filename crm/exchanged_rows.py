"""What is a table once some of its rows are others? All columns with those exchanged, the rest as it was.

What comes of it is what the whole table read again would be: the same rows in the same order, of the same
types, a category with no name that no row has. No value of a row that stays is looked at; all that grows with
the table is copying.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from crm.frames import event_text

Ints = NDArray[np.int64]
A = TypeVar("A", bound=NDArray[Any])


@dataclass(frozen=True)
class Exchange:
    """Rows of a table of `size` rows that go (`gone`, ascending), and where the rows that come are put.

    `before` (fresh,) says before which row of the old table each of them is, ascending.
    """

    size: int
    gone: Ints
    before: Ints

    @classmethod
    def by_key(cls, keys: pd.Series, changed: Collection[str], fresh: Sequence[str]) -> Exchange:
        """Of a table in the order of its text key; `fresh` are the keys of the rows that come, in order."""
        places = [place_of(keys.array, key) for key in sorted(changed)]
        gone = np.array([place for place, is_there in places if is_there], np.int64)
        return cls(len(keys), gone, np.array([place_of(keys.array, key)[0] for key in fresh], np.int64))

    @property
    def is_in_place(self) -> bool:
        """Whether each fresh row takes the place of one that goes, so that no other moves."""
        return bool(np.array_equal(self.gone, self.before))

    @cached_property
    def runs(self) -> list[tuple[bool, int, int]]:
        """The rows of the new table: runs [first, end) of the fresh ones (True) or of the old ones."""
        found: list[tuple[bool, int, int]] = []
        gone, fresh = set(self.gone.tolist()), self.before.tolist()
        at = number = 0
        for cut in sorted(gone.union(fresh)):
            if cut > at:
                found.append((False, at, cut))
            first = number
            while number < len(fresh) and fresh[number] == cut:
                number += 1
            if number > first:
                found.append((True, first, number))
            at = cut + (cut in gone)
        if at < self.size:
            found.append((False, at, self.size))
        return found

    def values(self, old: A, fresh: A) -> A:
        """Values by row."""
        if self.is_in_place:
            out = old.copy()
            out[self.gone] = fresh
            return out
        parts = [(fresh if new else old)[first:end] for new, first, end in self.runs]
        return np.concatenate(parts) if parts else old[:0]  # type: ignore[return-value]


def place_of(names: Any, name: str) -> tuple[int, bool]:
    """Where a name is, or would be, in an ascending array of texts, and whether it is there.

    >>> place_of(["A", "C"], "B"), place_of(["A", "C"], "C")
    ((1, False), (1, True))
    """
    low, high = 0, len(names)
    while low < high:
        middle = (low + high) >> 1
        if str(names[middle]) < name:
            low = middle + 1
        else:
            high = middle
    return low, low < len(names) and str(names[low]) == name


def rows_named(column: pd.Series, names: Collection[str]) -> Ints:
    """The rows (ascending) that have one of some names, of a category or a key in its order."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        places = [place_of(column.array, name) for name in sorted(names)]
        return np.array([place for place, is_there in places if is_there], np.int64)
    listed = np.zeros(len(column.cat.categories) + 1, bool)
    for name in names:
        place, is_there = place_of(column.cat.categories.array, name)
        listed[place] |= is_there
    return np.flatnonzero(listed[column.cat.codes.to_numpy()])


def exchanged(
    frame: pd.DataFrame, fresh: pd.DataFrame, exchange: Exchange, listed: Collection[str] = ()
) -> pd.DataFrame:
    """The frame with some rows exchanged; a column that only one of both has is blank in the other.

    Where a column holds numbers in one and texts in the other, its numbers become texts, as events have them.
    `listed`: categories that keep the names that no row has.
    """
    names = [*frame.columns, *(name for name in fresh.columns if name not in frame)]
    columns = {
        str(name): exchanged_column(
            _column(frame, str(name), fresh),
            _column(fresh, str(name), frame),
            exchange,
            used_only=name not in listed,
        )
        for name in names
    }
    return pd.DataFrame(columns, copy=False)


def exchanged_column(
    old: pd.Series, fresh: pd.Series, exchange: Exchange, used_only: bool = True
) -> pd.Series:
    """One column with some rows exchanged."""
    if isinstance(old.dtype, pd.CategoricalDtype) or isinstance(fresh.dtype, pd.CategoricalDtype):
        return pd.Series(_categories(_as_texts(old), _as_texts(fresh), exchange, used_only), copy=False)
    if old.dtype == "str":
        return _texts(old, fresh.astype("str"), exchange)
    if old.dtype == "boolean":
        flags = (each.fillna(False).to_numpy(bool) for each in (old, fresh))
        missing = (each.isna().to_numpy(bool) for each in (old, fresh))
        kind = pd.arrays.BooleanArray
        return pd.Series(kind(exchange.values(*flags), exchange.values(*missing)), copy=False)
    if isinstance(old.dtype, pd.DatetimeTZDtype):
        plain = (each.dt.tz_convert(None).to_numpy("datetime64[us]") for each in (old, fresh))
        return pd.Series(exchange.values(*plain), copy=False).dt.tz_localize("UTC")
    return pd.Series(exchange.values(old.to_numpy(), fresh.astype(old.dtype).to_numpy()), copy=False)


def _column(frame: pd.DataFrame, name: str, other: pd.DataFrame) -> pd.Series:
    if name in frame:
        return frame[name]
    kind = other[name].dtype
    if isinstance(kind, pd.CategoricalDtype):
        return pd.Series(pd.Categorical([None] * len(frame), categories=kind.categories[:0]))
    return pd.Series([None] * len(frame), dtype=kind)


def _as_texts(column: pd.Series) -> Any:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical(column)
    texts = column.astype(object).map(event_text, na_action="ignore")
    return pd.Categorical(texts.astype("str"))


def _categories(old: Any, fresh: Any, exchange: Exchange, used_only: bool) -> Any:
    """Categoricals with some rows exchanged."""
    names, codes = old.categories, np.asarray(old.codes)
    came = [str(name) for name in fresh.categories[np.unique(fresh.codes[fresh.codes >= 0])]]
    places = {name: place_of(names.array, name) for name in came}
    new = [name for name, (_, is_there) in places.items() if not is_there]
    kept = {place for place, is_there in places.values() if is_there}
    lost = _lost(codes, codes[exchange.gone], kept) if used_only else []
    if new or lost:
        keep = np.ones(len(names), bool)
        keep[lost] = False
        left = np.asarray(names, object)[keep]
        where = np.searchsorted(left, np.array(new, object)) if new else np.zeros(0, np.int64)
        moved = np.cumsum(keep) - 1
        moved += np.searchsorted(where, moved, side="right")
        names = pd.Index(np.insert(left, where, new), dtype=names.dtype)
        codes = np.append(np.where(keep, moved, -1), -1)[codes]
    table = np.full(len(fresh.categories) + 1, -1, codes.dtype)
    for at in np.unique(fresh.codes[fresh.codes >= 0]).tolist():
        table[at] = place_of(names.array, str(fresh.categories[at]))[0]
    together = exchange.values(codes, table[fresh.codes])
    return pd.Categorical.from_codes(together, categories=names, validate=False)


def _lost(codes: NDArray[Any], gone: NDArray[Any], kept: Collection[int]) -> list[int]:
    """The codes that no row has any more once some have gone, but for those that others have `kept`."""
    going = {int(code): int((gone == code).sum()) for code in np.unique(gone[gone >= 0])}
    return [
        code
        for code, count in going.items()
        if code not in kept and int(np.count_nonzero(codes == code)) == count
    ]


def _texts(old: pd.Series, fresh: pd.Series, exchange: Exchange) -> pd.Series:
    kept, come = _arrow(old), _arrow(fresh)
    runs = [(come if new else kept).slice(first, end - first) for new, first, end in exchange.runs]
    together = pa.concat_arrays(runs) if runs else kept.slice(0, 0)
    return pd.Series(together.to_pandas(), dtype="str")


def _arrow(column: pd.Series) -> pa.Array:
    found = pa.array(column.array)
    whole = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole.cast(pa.large_string())
