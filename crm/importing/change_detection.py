"""Which changes of deals does an import show by itself, new row against stored row, so that history grows?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from crm.importing.custom_attributes import same_value
from crm.store import Writer
from crm.store.detected_changes import Change, add_changes, drop_recorded
from crm.store.tables import CUSTOM
from crm.store.write import python_values

# What changes while a deal is open. How and when it closed is known from the row, which holds it.
OBSERVED = ("stage", "amount", "expected_close_date", "owner_id")
_Difference = tuple[str, str, Any, Any]  # deal, attribute, stored value, new value
_FEW = 20_000  # rows up to which the stored ones are asked for by name


class ChangeDetector:
    """What differs between the deals of one import and the store, net of all its files."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._any_stored = writer.any_rows("deals")
        self._new: set[str] = set()
        self._differences: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._with_events: set[str] = set()

    def meet_deals(self, columns: Mapping[str, pa.Array]) -> None:
        """Compares sound rows of deals, in the form of storage, with the stored ones that they replace."""
        names = [name for name in (*OBSERVED, CUSTOM) if name in columns]
        if not self._any_stored or not names or not len(columns["deal_id"]):
            return
        keys = list(python_values(columns["deal_id"]))
        stored = self._writer.rows("deals", ("deal_id", *names), keys if len(keys) <= _FEW else None)
        stored_ids = pd.Index([row[0] for row in stored], dtype=object)
        stored_row = stored_ids.get_indexer(pd.Index(keys, dtype=object))
        self._new.update(keys[row] for row in np.flatnonzero(stored_row < 0))
        known = [row for row in np.flatnonzero(stored_row >= 0) if keys[row] not in self._new]
        compared = np.array(known, np.int64)
        ids = [keys[row] for row in compared]
        for number, name in enumerate(names, 1):
            new = list(python_values(columns[name].take(pa.array(compared))))
            old = [stored[row][number] for row in stored_row[compared]]
            compare = _attributes(ids, old, new) if name == CUSTOM else _values(name, ids, old, new)
            for deal, field, before, after in compare:
                # A deal that comes twice in one import changes from what was stored to what is stored last.
                first, _ = self._differences.get((deal, field), (before, after))
                self._differences[deal, field] = (first, after)

    def meet_events(self, columns: Mapping[str, pa.Array]) -> None:
        """Notes the deals of sound rows of the history of changes."""
        if self._any_stored and "deal_id" in columns:
            self._with_events.update(columns["deal_id"].unique().to_pylist())

    def record(self, at: int) -> int:
        """Stores what no event records as a change at the moment of the import; how many there are."""
        changes = [
            Change(deal, field, _text(after), _text(before))
            for (deal, field), (before, after) in self._differences.items()
        ]
        changed = [change for change in changes if change.value != change.old_value]
        added = add_changes(self._writer.connection, changed, at)
        drop_recorded(self._writer.connection, self._with_events)
        return added


def _values(name: str, ids: Sequence[str], old: Sequence[Any], new: Sequence[Any]) -> Iterator[_Difference]:
    for deal, before, after in zip(ids, old, new, strict=True):
        if before != after:
            yield deal, name, before, after


def _attributes(ids: Sequence[str], old: Sequence[Any], new: Sequence[Any]) -> Iterator[_Difference]:
    """Custom attributes that the new rows name, blank ones among them."""
    for deal, stored, given in zip(ids, old, new, strict=True):
        if stored == given or given is None:
            continue
        before = stored if isinstance(stored, dict) else orjson.loads(stored or "{}")
        for name, after in orjson.loads(given).items():
            if after != before.get(name) and not same_value(before.get(name), after):
                yield deal, name, before.get(name), after


def _text(value: Any) -> str:
    """A value as events hold it: whole numbers without a point, a blank as ''."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return orjson.dumps(value).decode()
