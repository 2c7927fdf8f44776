"""What value did each attribute of each deal have, when? From rows and events of the log to arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.frames import codes_in, micros
from features.arrays import Floats, Ints, Track, floats, ints
from features.as_of import sorted_by
from features.levels import Coded


@dataclass(frozen=True)
class FieldEvents:
    """Events of one field, CSR by deal: `value` from `at` on, `old` before it."""

    start: Ints
    at: Ints
    value: Coded
    old: Coded

    @property
    def first(self) -> Ints:
        """Deals that have events."""
        return np.flatnonzero(np.diff(self.start))

    def both(self) -> Coded:
        """Values after every event, and before the first event of each deal."""
        names = self.value.names
        old = self.old.codes[self.start[self.first]]
        if self.old.names is names or len(self.old.names) == 0:
            return Coded(np.concatenate([self.value.codes, old]), names)
        moved = np.where(old < 0, -1, old + len(names))
        return Coded(np.concatenate([self.value.codes, moved]), np.concatenate([names, self.old.names]))


class EventTable:
    """The deal events of a log, or the changes of another table's rows, indexed by field."""

    def __init__(self, events: pd.DataFrame, ids: pd.Index, key: str = "deal_id") -> None:
        self.deals = len(ids)
        self.row = codes_in(events[key], ids)
        self.at = micros(events["at"])
        self.field = Coded.of(events["field"])
        self.value = Coded.of(events["value"])
        self.old = Coded.of(events["old_value"])
        self._none = ints(np.zeros(self.deals + 1))

    def of(self, field: str) -> FieldEvents:
        """The events of one field of known deals."""
        number = np.flatnonzero(self.field.names == field)
        if len(number) == 0:
            return FieldEvents(self._none, ints([]), self.value.take(ints([])), self.old.take(ints([])))
        rows = np.flatnonzero((self.field.codes == number[0]) & (self.row >= 0))
        start, order = sorted_by(ints(self.row[rows]), self.at[rows], self.deals)
        rows = rows[order]
        return FieldEvents(start, ints(self.at[rows]), self.value.take(rows), self.old.take(rows))


def attribute_track(row: Floats, events: FieldEvents, read: Callable[[Coded], Floats]) -> Track:
    """An attribute over time: `row` is its value for deals without events, `read` parses texts."""
    first = floats(row.copy())
    some = events.first
    first[some] = read(events.old.take(events.start[some]))
    return Track(events.start, events.at, floats(read(events.value)), first)


def vocabulary(known: Iterable[str], *columns: Coded) -> pd.Index:
    """All names: the known ones in their order, then the others sorted."""
    known = [str(name) for name in known]
    used: set[str] = set()
    for texts in columns:
        used |= set(texts.used())
    return pd.Index([*known, *sorted(used - set(known))], dtype=object)


def names_track(row: Coded, events: FieldEvents, names: pd.Index) -> Track:
    """An attribute over time as codes into `names`, NaN = missing or none of them."""

    def read(texts: Coded) -> Floats:
        codes = texts.within(names)
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    return attribute_track(read(row), events, read)


def days_track(row: pd.Series, events: FieldEvents) -> Track:
    """The expected close date over time, as day numbers since 1970-01-01."""

    def read(texts: Coded) -> Floats:
        parsed = texts.instants(ZoneInfo("UTC"))
        return np.floor(parsed / 86_400_000_000)

    dates = row.to_numpy("datetime64[us]")
    numbers = np.floor(dates.astype(np.int64) / 86_400_000_000)
    return attribute_track(np.where(np.isnat(dates), np.nan, numbers), events, read)
