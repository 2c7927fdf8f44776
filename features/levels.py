"""Which values does each category have, and what kind is each custom attribute?

Learned from a log when a model is trained, stored with it, and passed in when it scores, so that codes agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.arrays import Floats, Ints, floats

Levels = dict[str, list[str] | Literal["number", "date"]]
"""By feature: the names of codes 0, 1, ...; for custom attributes that are not categories, their kind."""

MAX_LEVELS = 50
MAX_CUSTOM_NAMES = 8
"""At most this many custom activity kinds, outcomes and materials are counted, each in a column."""


class Coded:
    """A text column as codes (int64, -1 = missing or empty) into names (object array of str)."""

    def __init__(self, codes: Ints, names: NDArray[np.object_]) -> None:
        self.codes = codes
        self.names = names

    @classmethod
    def of(cls, series: pd.Series) -> Coded:
        """The codes of a column of any type."""
        if not isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype("str").astype("category")
        names = series.cat.categories.astype("str").to_numpy(dtype=object)
        codes = series.cat.codes.to_numpy().astype(np.int64)
        blank = np.append(names == "", False)
        return cls(np.where(blank[codes], -1, codes) if blank.any() else codes, names)

    def take(self, rows: Ints) -> Coded:
        """Some of the rows."""
        return Coded(self.codes[rows], self.names)

    def counts(self) -> pd.Series:
        """Number of occurrences of each name that occurs, by name."""
        count = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        used = np.flatnonzero(count)
        return pd.Series(count[used], index=pd.Index(self.names[used], dtype=object))

    def used(self) -> NDArray[np.object_]:
        """Names that occur."""
        return np.asarray(self.counts().index, dtype=object)

    def to(self, table: NDArray[np.float64]) -> Floats:
        """Each row's entry of a table over `names`; NaN where missing."""
        return floats(np.append(table, np.nan)[self.codes])

    def within(self, names: pd.Index) -> Ints:
        """Each row's position in another list of names, -1 = missing or not in it."""
        position = np.append(names.get_indexer(pd.Index(self.names, dtype=object)), -1)
        return position[self.codes].astype(np.int64)

    def level(self, levels: list[str]) -> Floats:
        """Each row's level code as a float, NaN = missing or unseen."""
        return self.to(level_codes(self.names, levels))

    def to_code(self, codes: Mapping[str, int]) -> Ints:
        """Each row's code by name, -1 where missing or not among them."""
        table = np.array([codes.get(str(name), -1) for name in self.names] + [-1], np.int64)
        return table[self.codes]

    def numbers(self) -> Floats:
        """Each row's text read as a number, NaN where it is none."""
        return self.to(self._parsed(as_numbers))

    def instants(self, zone: ZoneInfo) -> Floats:
        """Each row's text read as a date or time: microseconds, NaN where it is none."""
        return self.to(self._parsed(lambda names: as_instants(names, zone)))

    def _parsed(self, parse) -> Floats:  # type: ignore[no-untyped-def]
        used = np.unique(self.codes[self.codes >= 0])
        table = np.full(len(self.names), np.nan)
        table[used] = parse(pd.Series(self.names[used], dtype=object))
        return table


def level_codes(names: NDArray[np.object_] | pd.Index, levels: list[str]) -> Floats:
    """Position of each name among the levels, NaN where it is not one."""
    position = pd.Index(levels, dtype=object).get_indexer(pd.Index(names, dtype=object)).astype(np.float64)
    return np.where(position < 0, np.nan, position)


def as_numbers(texts: pd.Series) -> Floats:
    """Texts as numbers, NaN where they are none, or not finite."""
    return finite(pd.to_numeric(texts, errors="coerce").to_numpy(np.float64))


def finite(values: Floats) -> Floats:
    """The values, NaN in place of infinite ones."""
    return np.where(np.isfinite(values), values, np.nan)


def as_instants(texts: pd.Series, zone: ZoneInfo) -> Floats:
    """Dates and times in ISO 8601 as microseconds UTC; without an offset they are in `zone`."""
    texts = texts.astype("str")
    aware = texts.str.contains(r"\d{2}:\d{2}.*(?:Z|[+-]\d\d:?\d\d)$", na=False)
    fixed = pd.to_datetime(texts.where(aware), format="ISO8601", utc=True, errors="coerce")
    local = pd.to_datetime(texts.where(~aware), format="ISO8601", errors="coerce")
    localised = local.dt.tz_localize(zone, ambiguous=np.zeros(len(local), bool), nonexistent="shift_forward")
    return micros_or_nan(fixed.astype("datetime64[us, UTC]").where(aware, localised.dt.tz_convert("UTC")))


def micros_or_nan(moments: pd.Series) -> Floats:
    """A column of aware times as microseconds UTC, NaN = missing."""
    values = moments.dt.tz_convert(None).to_numpy("datetime64[us]")
    return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))


def most_frequent(counts: pd.Series, max_names: int = MAX_LEVELS) -> list[str]:
    """The most frequent names, most frequent first; ties by name."""
    merged = counts.groupby(level=0, sort=True).sum() if counts.index.has_duplicates else counts.sort_index()
    return [str(name) for name in merged.sort_values(ascending=False, kind="stable").index[:max_names]]


def kind_of(series: pd.Series, later: Coded) -> Literal["number", "date", "category"] | None:
    """What a custom attribute holds, by its values and its events'; None = nothing, or free text."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return "category"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    counts = pd.concat([Coded.of(series).counts(), later.counts()])
    texts = pd.Series(counts.index.unique(), dtype=object)
    if texts.empty:
        return None
    if not np.isnan(as_numbers(texts)).any():
        return "number"
    if not np.isnan(as_instants(texts, ZoneInfo("UTC"))).any():
        return "date"
    top = counts.groupby(level=0).sum().nlargest(MAX_LEVELS)
    return "category" if top.sum() >= counts.sum() / 2 else None


def names_of(levels: Mapping[str, object], feature: str) -> list[str]:
    """Levels of a category, empty where there are none."""
    names = levels.get(feature, [])
    return list(names) if isinstance(names, list | tuple) else []
