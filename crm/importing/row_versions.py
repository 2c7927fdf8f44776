"""Which versions do the rows of an import make? What was said before stays known until then.

Filling a blank that carries its own time (a closing, the end of a contract) is believed as of that time.
Changing what was said is known from the import on, or from when the row itself says (`known_from`; a
target by its `set_at`). Open deals keep their history in `deal_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from crm.frames import event_text
from crm.importing import dates
from crm.importing import values as parse
from crm.importing.custom_attributes import same_value
from crm.importing.source import Ints
from crm.instants import NEVER
from crm.schema import TABLES, Kind, Table
from crm.store import Writer
from crm.store.changed_rows import ReplacedRow
from crm.store.detected_changes import Change, add_changes, drop_recorded
from crm.store.tables import CUSTOM, keyed_by_all
from crm.store.versions import Version
from crm.store.write import python_values
from crm.versions import ALWAYS, joined_key

Contents = dict[str, Any]
# What of a deal no event describes, so that its row has versions of it.
_DEAL_COLUMNS = ("created_at", *TABLES["deals"].self_dated)


@dataclass(frozen=True)
class _Validity:
    """What a row says about itself: since when it is known, since when it is gone, and into which row."""

    known_from: int = NEVER
    deleted_at: int = NEVER
    merged_into: str | None = None


class VersionRecorder:
    """Watches what one import changes, and stores the versions that come of it."""

    def __init__(self, writer: Writer, now: int) -> None:
        self._writer, self._now = writer, now
        self._all_new: dict[str, bool] = {}  # tables that were empty, so that this is their beginning
        self._met: set[str] = set()
        self._any_deals = writer.any_rows("deals")
        self._validity: dict[str, dict[str, _Validity]] = {}
        self._came_back: dict[str, set[str]] = {}
        self._gone: dict[str, set[str]] = {}
        self._with_events: set[str] = set()
        self.changed_rows = 0  # whose versions changed, though the rows may be as before

    def meet(self, table: Table, columns: Mapping[str, pa.Array]) -> None:
        """Notes sound rows, in the form of storage, before they are stored."""
        if table.name not in self._met:
            self._met.add(table.name)
            self._all_new[table.name] = not self._writer.changed(table.name).has_rows
        if not columns or not len(next(iter(columns.values()))):
            return
        if table.name == "deal_events" and self._any_deals:
            self._with_events.update(columns["deal_id"].unique().to_pylist())
        says = {name for name in ("known_from", "deleted_at", "merged_into") if name in columns}
        gone = self._gone_rows(table.name)
        if not says and not gone:
            return
        keys = row_keys_of(table, columns)
        if says:
            validity = self._validity.setdefault(table.name, {})
            validity.update(_validity_of(keys, columns))
        if gone and not keyed_by_all(table):
            again = gone.intersection(keys) - {
                key for key, each in self._validity.get(table.name, {}).items() if _leaves(each)
            }
            self._came_back.setdefault(table.name, set()).update(again)

    def settle(self, table: str) -> int:
        """Stores the versions of what changed in a table so far; how many changes of deals were recorded."""
        all_new = self._all_new.pop(table, False)
        validity = self._validity.pop(table, {})
        replaced, added = self._writer.replaced(table), self._writer.added(table)
        recorded = self._record_deals(replaced, validity) if table == "deals" else 0
        if validity or replaced or added or self._came_back.get(table):
            changed = _ChangedTable(
                TABLES[table], self._writer, self._now, validity, replaced, added, all_new
            )
            self.changed_rows += changed.store(self._came_back.pop(table, set()))
            self._gone.pop(table, None)
        self._writer.watch_again(table)
        return recorded

    def remove(self, table: str, keys: Iterable[str], at: int | None = None) -> int:
        """Rows are gone from a moment on (now); how many of them were there."""
        present = {key for key in keys if key not in self._gone_rows(table)}
        validity = {key: _Validity(deleted_at=self._now if at is None else at) for key in present}
        self.changed_rows += _ChangedTable(TABLES[table], self._writer, self._now, validity).store(set())
        self._gone.pop(table, None)
        return len(validity)

    def finish(self) -> int:
        """Settles all tables; how many changes of deals no event had recorded."""
        count = sum(self.settle(table) for table in sorted(self._met))
        drop_recorded(self._writer.connection, self._with_events)
        return count

    def gone(self, table: str) -> set[str]:
        """The keys of a table's rows that are gone."""
        return self._gone_rows(table)

    def _gone_rows(self, table: str) -> set[str]:
        if table not in self._gone:
            self._gone[table] = self._writer.gone(table)
        return self._gone[table]

    def _record_deals(self, replaced: Sequence[ReplacedRow], validity: Mapping[str, _Validity]) -> int:
        """The changes of deals while they are open, as events."""
        changes: dict[int, list[Change]] = {}
        for row in replaced:
            since = validity.get(row.key, _Validity()).known_from
            of_row = changes.setdefault(self._now if since == NEVER else since, [])
            for name, after, before in _differences(row):
                of_row.append(Change(row.key, name, event_text(after) or "", event_text(before) or ""))
        self._writer.touched.add(
            "deal_events", {change.deal_id for found in changes.values() for change in found}
        )
        return sum(add_changes(self._writer.connection, found, at) for at, found in changes.items())


class _ChangedTable:
    """The rows of one table that an import changed, added, removed or brought back."""

    def __init__(
        self,
        table: Table,
        writer: Writer,
        now: int,
        validity: Mapping[str, _Validity],
        replaced: Sequence[ReplacedRow] = (),
        added: Sequence[ReplacedRow] = (),
        all_new: bool = False,
    ) -> None:
        self._table, self._writer, self._now, self._validity = table, writer, now, validity
        self._changed = {
            row.key: row for row in replaced if _contents(table, row.before) != _contents(table, row.after)
        }
        self._added = {row.key: row for row in added}
        self._all_new = all_new

    def store(self, came_back: set[str]) -> int:
        """Stores the versions, puts back rows whose newest version did not come last; how many versions."""
        late = {key for key in self._added if self._is_late(self._added[key].after)}
        keys = self._changed.keys() | self._validity.keys() | came_back | late
        if not keys:
            return 0
        known = self._writer.versions(self._table.name, keys)
        rows = {key: row.after for key, row in (self._added | self._changed).items() if key in keys}
        rows |= self._writer.rows_named(self._table.name, keys - rows.keys())
        versions: list[Version] = []
        outdated: list[Contents] = []
        for key in sorted(rows):
            before = {version.known_from: version for version in known.get(key, [])}
            after = self._versions_of(key, rows[key], dict(before), key in came_back)
            versions += [version for moment, version in after.items() if before.get(moment) != version]
            newest = after[max(after)] if after else None
            if newest is not None and not newest.gone:
                own = {name: rows[key][name] for name in self._table.key}
                if newest.contents != _contents(self._table, rows[key]):
                    outdated.append({**own, **newest.contents})
        self._writer.save_versions(self._table.name, versions)
        if outdated:
            self._writer.rewrite(self._table.name, outdated)
        return len(versions)

    def _is_late(self, values: Contents) -> bool:
        """Whether nothing but the import says since when an added row is known."""
        since = self._table.known_since
        return self._table.undated and (since is None or values[since] is None)

    def _versions_of(
        self, key: str, values: Contents, versions: dict[int, Version], came_back: bool
    ) -> dict[int, Version]:
        """All versions of a row by the moment from which they are known."""
        validity, after = self._validity.get(key, _Validity()), _contents(self._table, values)
        changed = self._changed.get(key)
        is_new = key in self._added or self._all_new
        if _leaves(validity):
            if not versions and not (key in self._added and self._is_late(values)):
                was = values if changed is None or changed.before is None else changed.before
                first = validity.known_from if is_new and validity.known_from != NEVER else self._first(was)
                versions[first] = Version(key, first, _contents(self._table, was))
            _add_leaving(versions, key, after, validity, self._now)
        elif changed is not None and changed.before is not None:
            before = _contents(self._table, changed.before)
            filled = _filled(self._table, before, after)
            if filled and _are_later(self._table, filled, versions) and validity.known_from == NEVER:
                _fill(versions, filled)
                before |= filled
            if before != after:
                if not versions:
                    first = self._first(changed.before)
                    versions[first] = Version(key, first, before)
                at = self._moment(validity, changed)
                versions[at] = Version(key, at, after)
        elif came_back or is_new or validity.known_from != NEVER:
            if not versions and not is_new:
                first = self._first(values)
                versions[first] = Version(key, first, after)
            at = self._moment(validity, None)
            versions[at] = Version(key, at, after)
        return versions

    def _moment(self, validity: _Validity, changed: ReplacedRow | None) -> int:
        """Since when a row's new contents are known."""
        if validity.known_from != NEVER:
            return validity.known_from
        dated = self._table.versions_since
        if dated is not None and changed is not None and changed.before is not None:
            since = changed.after[dated]
            if since is not None and since != changed.before[dated]:
                return int(since)
        return self._now

    def _first(self, values: Contents) -> int:
        """Since when the contents that a row had at first are known."""
        dated = self._table.versions_since
        since = values[dated] if dated is not None else None
        return ALWAYS if since is None else int(since)


def _add_leaving(
    versions: dict[int, Version], key: str, contents: Contents, validity: _Validity, now: int
) -> None:
    """The row is gone from a moment on, after all that is known of it."""
    newest = versions[max(versions)] if versions else None
    if newest is not None and newest.gone and newest.merged_into == validity.merged_into:
        return
    at = now if validity.deleted_at == NEVER else validity.deleted_at
    if newest is not None and newest.known_from != ALWAYS:
        at = max(at, newest.known_from + 1)
    versions[at] = Version(key, at, contents, True, validity.merged_into)


def _are_later(table: Table, filled: Contents, versions: Mapping[int, Version]) -> bool:
    """Whether the times that were filled lie after the newest version."""
    times = [value for name, value in filled.items() if table[name].kind is Kind.MOMENT]
    return not versions or all(time > max(versions) for time in times)


def _leaves(validity: _Validity) -> bool:
    return validity.deleted_at != NEVER or validity.merged_into is not None


def _fill(versions: dict[int, Version], filled: Contents) -> None:
    """Fills blanks of the newest version, and of those before it as long as they have the blank too."""
    for moment in sorted(versions, reverse=True):
        contents = versions[moment].contents
        if versions[moment].gone or any(contents.get(name) is not None for name in filled):
            return
        versions[moment] = replace(versions[moment], contents={**contents, **filled})


def _filled(table: Table, before: Contents, after: Contents) -> Contents:
    """The columns with a time of their own that were blank before."""
    names = [name for name in table.self_dated if before[name] is None and after[name] is not None]
    dated = [name for name in table.self_dated if table[name].kind in (Kind.MOMENT, Kind.DATE)]
    if names and not any(name in names for name in dated) and table.name == "deals":
        return {}  # an outcome that comes after its closing time
    return {name: after[name] for name in names}


def _contents(table: Table, values: Contents | None) -> Contents:
    """What versions hold of a row: all but its key; of a deal what its events do not describe."""
    if values is None or keyed_by_all(table):
        return {}
    if table.name == "deals":
        return {name: values[name] for name in _DEAL_COLUMNS}
    return {name: value for name, value in values.items() if name not in table.key}


def _differences(row: ReplacedRow) -> Iterator[tuple[str, Any, Any]]:
    """(attribute, value, value before) of what events describe of a deal."""
    assert row.before is not None  # noqa: S101 - of a replaced row
    for name, after in row.after.items():
        before = row.before[name]
        if name == CUSTOM:
            for attribute in sorted(after.keys() | before.keys()):
                if not same_value(before.get(attribute), after.get(attribute)):
                    yield attribute, after.get(attribute), before.get(attribute)
        elif name not in _DEAL_COLUMNS and after != before:
            yield name, after, before


def row_keys_of(table: Table, columns: Mapping[str, pa.Array]) -> list[str]:
    """The keys of rows in the form of storage."""
    size = len(next(iter(columns.values())))
    blank = [None] * size
    parts = [list(python_values(columns[name])) if name in columns else blank for name in table.key]
    return [joined_key(key) for key in zip(*parts, strict=True)]


def _validity_of(keys: Sequence[str], columns: Mapping[str, pa.Array]) -> dict[str, _Validity]:
    def of(name: str, blank: Any) -> list[Any]:
        if name not in columns:
            return [blank] * len(keys)
        return [blank if value is None else value for value in python_values(columns[name])]

    validity = (
        _Validity(known_from, deleted_at, merged_into)
        for known_from, deleted_at, merged_into in zip(
            of("known_from", NEVER), of("deleted_at", NEVER), of("merged_into", None), strict=True
        )
    )
    return {key: each for key, each in zip(keys, validity, strict=True) if each != _Validity()}


def rounds(table: Table, columns: pa.Table, zone: ZoneInfo) -> list[Ints]:
    """Rows (positions) split so that the versions of one row come one after the other, oldest first."""
    everything = np.arange(columns.num_rows)
    dated = "known_from" if "known_from" in columns.column_names else table.versions_since
    if dated not in columns.column_names or not set(table.key) <= set(columns.column_names):
        return [everything]
    frame = pd.DataFrame({name: parse.as_text(parse.whole(columns[name])).to_pandas() for name in table.key})
    if not frame.duplicated().any():
        return [everything]
    frame["since"] = dates.moments(parse.whole(columns[dated]), zone).column.fill_null(NEVER).to_numpy()
    ordered = frame.sort_values("since", kind="stable")
    number = ordered.groupby(list(table.key), sort=False, dropna=False).cumcount().sort_index().to_numpy()
    return [np.flatnonzero(number == each) for each in range(int(number.max()) + 1)]
