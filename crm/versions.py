"""Which version of a row was known at a moment? One mechanism for every table.

A row that never changed has no versions here: it is known from what its own time says. A row that changed,
went or came late has all its versions, each with the moment from which it is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from crm.instants import NEVER
from crm.schema import Kind, Table

ALWAYS = NEVER  # known from the beginning: before every moment
LATEST = np.iinfo(np.int64).max  # a moment after everything
CUSTOM = "custom"  # the key under which contents hold custom attributes
BETWEEN = "\x1f"  # between the columns of a key


def joined_key(parts: tuple[object, ...]) -> str:
    """The key of a row as one text, from its key columns in the form of storage.

    >>> joined_key(("revenue", "company", "2026-Q4")).split(chr(31))
    ['revenue', 'company', '2026-Q4']
    """
    return BETWEEN.join("" if part is None else str(part) for part in parts)


def row_keys(frame: pd.DataFrame, table: Table) -> pd.Index:
    """The keys of a frame's rows, as `joined_key` gives them."""
    columns = [_texts(frame[name], table[name].kind) for name in table.key]
    if len(columns) == 1:
        return pd.Index(columns[0], dtype=object)
    return pd.Index([BETWEEN.join(parts) for parts in zip(*columns, strict=True)], dtype=object)


def _texts(values: pd.Series, kind: Kind) -> list[str]:
    if kind is Kind.MOMENT:
        instants = values.dt.tz_convert(None).to_numpy("datetime64[us]").view(np.int64)
        return ["" if at == NEVER else str(at) for at in instants.tolist()]
    if kind is Kind.DATE:
        return ["" if pd.isna(day) else day.date().isoformat() for day in values]
    return ["" if pd.isna(value) else str(value) for value in values.astype(object)]


@dataclass(frozen=True)
class Versions:
    """The versions of one table's rows, sorted by key, then `known_from` (n,), in microseconds UTC.

    `gone`: from then on the row is deleted, or has been merged into the row of key `merged_into` (or None).
    `texts` are the contents as JSON objects of columns in the form of storage: instants whole microseconds,
    days ISO texts, custom attributes an object of their own.
    """

    keys: NDArray[np.object_]
    known_from: NDArray[np.int64]
    gone: NDArray[np.bool_]
    merged_into: NDArray[np.object_]
    texts: NDArray[np.object_]

    @classmethod
    def of(cls, rows: list[tuple[str, int, bool, str | None, str]]) -> Versions:
        """Versions from rows (key, known_from, gone, merged_into, contents), in any order."""
        ordered = sorted(rows, key=lambda row: (row[0], row[1]))
        keys, known, gone, merged, texts = zip(*ordered, strict=True) if ordered else ((), (), (), (), ())
        return cls(
            np.array(keys, object),
            np.array(known, np.int64),
            np.array(gone, bool),
            np.array(merged, object),
            np.array(texts, object),
        )

    def as_rows(self) -> list[tuple[str, int, bool, str | None, str]]:
        """The rows that `of` takes."""
        columns = (self.keys, self.known_from, self.gone, self.merged_into, self.texts)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def __len__(self) -> int:
        return len(self.keys)

    def of_rows(self, keys: Collection[str]) -> Versions:
        """The versions of some rows."""
        spans = [self._span(key) for key in sorted(keys)]
        return self._picked([slice(first, end) for first, end in spans if end > first])

    def with_rows(
        self, keys: Collection[str], fresh: list[tuple[str, int, bool, str | None, str]]
    ) -> Versions:
        """The same with other versions of some rows, as `of` takes them; all others stay."""
        spans = sorted(self._span(key) for key in set(keys))
        firsts, ends = [0, *(end for _, end in spans)], [*(first for first, _ in spans), len(self)]
        parts = [self._picked([slice(first, end)]) for first, end in zip(firsts, ends, strict=True)]
        by_key: dict[str, list[tuple[str, int, bool, str | None, str]]] = {}
        for row in fresh:
            by_key.setdefault(row[0], []).append(row)
        given = [Versions.of(by_key.get(key, [])) for key in sorted(set(keys))]
        together = [one for pair in zip(parts, [*given, Versions.of([])], strict=True) for one in pair]
        return Versions(
            *(np.concatenate([getattr(one, name) for one in together]) for name in self.__dataclass_fields__)
        )

    def _span(self, key: str) -> tuple[int, int]:
        return bisect_left(self.keys, key), bisect_right(self.keys, key)

    def _picked(self, parts: list[slice]) -> Versions:
        fields = (getattr(self, name) for name in self.__dataclass_fields__)
        return Versions(*(np.concatenate([values[:0], *(values[one] for one in parts)]) for values in fields))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where the versions of each row begin, and the end of the last (rows + 1,)."""
        new = np.flatnonzero(np.append(True, self.keys[1:] != self.keys[:-1])) if len(self) else np.array([])
        return np.append(new, len(self)).astype(np.int64)

    @property
    def rows(self) -> NDArray[np.object_]:
        """The keys of the rows that have versions, each once."""
        return self.keys[self.starts[:-1]]

    def contents(self, position: int) -> dict[str, Any]:
        """What a version says."""
        contents: dict[str, Any] = orjson.loads(self.texts[position])
        return contents

    def at(self, moment: int) -> NDArray[np.int64]:
        """For each row, the position of the version known strictly before a moment; -1 = none was."""
        known = (self.known_from < moment) | (self.known_from == ALWAYS)
        total = np.append(0, np.cumsum(known))
        count = total[self.starts[1:]] - total[self.starts[:-1]]
        return np.where(count > 0, self.starts[:-1] + count - 1, -1)

    def known_before(self, moment: int) -> Versions:
        """Only the versions known strictly before a moment."""
        kept = (self.known_from < moment) | (self.known_from == ALWAYS)
        return Versions(
            self.keys[kept], self.known_from[kept], self.gone[kept], self.merged_into[kept], self.texts[kept]
        )

    def first_since(self, moment: int) -> int | None:
        """When the first version became known at a moment or later."""
        later = self.known_from[self.known_from >= moment]
        return int(later.min()) if len(later) else None

    def merged_at(self, moment: int) -> dict[str, str]:
        """The rows merged by a moment, each with the key of the row that took its place in the end."""
        chosen = self.at(moment)
        chosen = chosen[chosen >= 0]
        into = {
            str(self.keys[at]): str(self.merged_into[at])
            for at in chosen[self.gone[chosen]]
            if self.merged_into[at] is not None
        }
        return {key: survivor for key in into if (survivor := _survivor(key, into)) != key}

    def changes(self) -> Iterator[tuple[str, int, str, Any, Any]]:
        """(key, since when, column, value, value before) of every change between versions of a row."""
        for first, end in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            before: dict[str, Any] | None = None
            for position in range(first, end):
                if self.gone[position]:
                    continue
                now = _flat(self.contents(position))
                if before is not None:
                    for name in now.keys() | before.keys():
                        if now.get(name) != before.get(name):
                            known_from = int(self.known_from[position])
                            yield str(self.keys[position]), known_from, name, now.get(name), before.get(name)
                before = now

    def present(self) -> list[tuple[str, int, dict[str, Any]]]:
        """(key, since when, contents) of every version in which the row is there."""
        return [
            (str(self.keys[at]), int(self.known_from[at]), self.contents(at))
            for at in np.flatnonzero(~self.gone).tolist()
        ]

    def first_known(self) -> Mapping[str, int]:
        """Since when the rows are known that were not so from the beginning."""
        first = self.starts[:-1]
        return {str(self.keys[at]): int(self.known_from[at]) for at in first if self.known_from[at] != ALWAYS}


def _flat(contents: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in contents.items() if name != CUSTOM}
    return own | (contents.get(CUSTOM) or {})


def _survivor(key: str, into: Mapping[str, str]) -> str:
    """The row that a row ended in, over several merges; itself where they run in a circle."""
    seen = {key}
    last = key
    while last in into:
        last = into[last]
        if last in seen:
            return key
        seen.add(last)
    return last
