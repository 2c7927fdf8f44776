"""What was read from the store, and which of it is read again where rows have changed since?

Only the rows that imports have written to since then are read; the rest stays as it is held. What comes of it
equals a store read as a whole: the same rows in the same order, the same names in the same columns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from numpy.typing import NDArray

from crm.frames import event_text
from crm.instants import NEVER
from crm.schema import TABLES, Kind, Table
from crm.store import versions
from crm.store.read import arrow_rows, arrow_table, frame_of
from crm.store.tables import CUSTOM, IMPORTS
from crm.store.touched_rows import touched_by
from crm.versions import ALWAYS, LATEST, Versions, joined_key

_FEW = 5_000  # rows up to which a table is read as a whole
_EVENTS = "deal_events"  # the one table in the order of recording
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class HeldTables:
    """The stored tables of one state of the store, as they were read and as frames.

    `import_id`: the newest import that is in them; `revision`: how many imports had changed rows.
    """

    import_id: int
    revision: int
    tables: Mapping[str, pa.Table]
    versions: Mapping[str, Versions]
    frames: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Renewal:
    """The tables as they are now; `known_from`: no answer as of a moment up to it has changed.

    LATEST where nothing changed at all, NEVER where any answer may have. `touched`: the rows that were read
    again, by table and the first column of their key; None where all were. `deals`: whose rows they are.
    """

    held: HeldTables
    known_from: int
    touched: Mapping[str, frozenset[str]] | None = None
    deals: frozenset[str] = frozenset()


def held(
    connection: sa.Connection, tables: Mapping[str, pa.Table], known_versions: Mapping[str, Versions]
) -> HeldTables:
    """What is held of tables just read on a connection."""
    newest, count = _newest(connection)
    frames = {name: frame_of(name, table) for name, table in tables.items()}
    return HeldTables(import_id=newest, revision=count, tables=tables, versions=known_versions, frames=frames)


def renewed(connection: sa.Connection, before: HeldTables) -> Renewal | None:
    """What is held now; None where too much has changed, or it is not known what has."""
    newer = sa.select(IMPORTS.c.id).where(IMPORTS.c.imported > 0, IMPORTS.c.id > before.import_id)
    imports = [int(number) for number in connection.execute(newer).scalars()]
    touched = touched_by(connection, imports)
    if touched is None:
        return None
    tables, frames, known = dict(before.tables), dict(before.frames), dict(before.versions)
    since, deals = LATEST, set(touched.get("deals", ()))
    for name, keys in sorted(touched.items()):
        tables[name] = _table_again(connection, name, before.tables[name], keys)
        frames[name] = frame_of(name, tables[name])
        of_table = _versions_again(connection, name, before.versions.get(name), keys)
        if len(of_table):
            known[name] = of_table
        else:
            known.pop(name, None)
        old, new = _rows(name, before.tables[name], keys), _rows(name, tables[name], keys)
        deals |= {row["deal_id"] for row in (*old.values(), *new.values()) if row.get("deal_id")}
        since = min(since, _known_from(TABLES[name], old, new, before.versions.get(name), of_table))
        if name == _EVENTS and not _continue(old, new, _rows("deals", before.tables["deals"], keys)):
            since = NEVER
    newest = max(imports, default=before.import_id)
    now = HeldTables(
        import_id=newest,
        revision=before.revision + len(imports),
        tables=tables,
        versions=known,
        frames=frames,
    )
    return Renewal(now, since, touched, frozenset(deals | set(touched.get(_EVENTS, ()))))


def _newest(connection: sa.Connection) -> tuple[int, int]:
    """The newest import that changed rows, and how many did."""
    changed = sa.select(sa.func.max(IMPORTS.c.id), sa.func.count()).where(IMPORTS.c.imported > 0)
    newest, count = connection.execute(changed).one()
    return int(newest or 0), int(count or 0)


def _table_again(connection: sa.Connection, name: str, table: pa.Table, keys: Collection[str]) -> pa.Table:
    schema = TABLES[name]
    if table.num_rows > _FEW and name == _EVENTS:
        return _events_again(table, arrow_rows(connection, name, keys), keys)
    if table.num_rows > _FEW and len(schema.key) == 1:
        return _merged(table, arrow_rows(connection, name, keys), schema.key[0], keys)
    return arrow_table(connection, name)


def _merged(table: pa.Table, fresh: pa.Table, key: str, keys: Collection[str]) -> pa.Table:
    """A table in the order of its key with some rows put in, replaced or taken out."""
    column, of_fresh = table[key], fresh[key].to_pylist()
    parts: list[pa.Table] = []
    begin = 0
    for name in sorted({*keys, *of_fresh}):
        at = bisect_left(range(table.num_rows), name, key=lambda row: column[row].as_py())
        parts.append(table.slice(begin, at - begin))
        begin = at + (at < table.num_rows and column[at].as_py() == name)
        if (row := bisect_left(of_fresh, name)) < len(of_fresh) and of_fresh[row] == name:
            parts.append(fresh.slice(row, 1))
    return _whole([*parts, table.slice(begin)])


def _events_again(table: pa.Table, fresh: pa.Table, deals: Collection[str]) -> pa.Table:
    """The events with those of some deals as they are now: what is left in its place, new ones at the end."""
    mask = _of_keys(table["deal_id"], deals)
    rows = np.flatnonzero(mask)
    old = [tuple(row.values()) for row in table.take(pa.array(rows)).to_pylist()]
    new = [tuple(row.values()) for row in fresh.to_pylist()]
    left, there = set(new), set(old)
    kept = np.ones(table.num_rows, bool)
    kept[rows[[row not in left for row in old]]] = False
    came = pa.array(np.flatnonzero([row not in there for row in new]), pa.int64())
    remaining = table if kept.all() else table.filter(pa.array(kept))
    return _whole([remaining, fresh.take(came)])


def _whole(parts: Sequence[pa.Table]) -> pa.Table:
    """Tables one after the other, as if they had been read together: no name that no row has."""
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return pa.table([_used(column) for column in table.columns], schema=table.schema)


def _used(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type) or not column.num_chunks:
        return column
    array = column.chunk(0)
    codes = array.indices.fill_null(-1).to_numpy()
    used = np.unique(codes[codes >= 0])
    if len(used) == len(array.dictionary):
        return column
    place = np.full(len(array.dictionary) + 1, -1, np.int32)
    place[used] = np.arange(len(used))
    indices = pa.array(place[codes], pa.int32(), mask=codes < 0)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, array.dictionary.take(pa.array(used)))])


def _of_keys(column: pa.ChunkedArray, keys: Collection[str]) -> NDArray[np.bool_]:
    """Which values of a text column are among some."""
    if not column.num_chunks:
        return np.zeros(0, bool)
    if not pa.types.is_dictionary(column.type):
        found: NDArray[np.bool_] = pa.compute.is_in(column, pa.array(sorted(keys), pa.string())).to_numpy()
        return found
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    listed = np.append([name in keys for name in array.dictionary.to_pylist()], False).astype(bool)
    return np.asarray(listed[array.indices.fill_null(-1).to_numpy()])


def _versions_again(
    connection: sa.Connection, name: str, known: Versions | None, keys: Collection[str]
) -> Versions:
    if len(TABLES[name].key) > 1:
        return versions.read_all(connection, [name]).get(name, Versions.of([]))
    fresh = versions.read_some(connection, name, keys)
    others = [] if known is None else [row for row in known.as_rows() if row[0] not in keys]
    return Versions.of([*others, *fresh]) if others or fresh else Versions.of([])


def _rows(name: str, table: pa.Table, keys: Collection[str]) -> dict[str, Row]:
    """The rows of a table that some keys name, by their whole key."""
    schema = TABLES[name]
    rows = np.flatnonzero(_of_keys(table[schema.key[0]], keys))
    found = table.take(pa.array(rows)).to_pylist()
    return {joined_key(tuple(row[column] for column in schema.key)): row for row in found}


def _known_from(
    table: Table, old: Mapping[str, Row], new: Mapping[str, Row], before: Versions | None, after: Versions
) -> int:
    """From when on answers may differ: by the times of rows and of their versions that are new."""
    said = set() if before is None else {tuple(row[:4]) for row in before.as_rows()}
    fresh = [row for row in after.as_rows() if tuple(row[:4]) not in said]
    dated = {row[0] for row in fresh}
    times = [_time_of_version(row[0], row[1], old) for row in fresh]
    for key in old.keys() | new.keys():
        if old.get(key) != new.get(key):
            times += _times_of_row(table, old.get(key), new.get(key), key in dated)
    return min(times, default=LATEST)


def _continue(old: Mapping[str, Row], new: Mapping[str, Row], deals: Mapping[str, Row]) -> bool:
    """Whether what events say of the time before them is what was said of it already.

    The first event of an attribute says what that was until then: without events, what the deal's row says.
    """
    before, after = _firsts(old.values()), _firsts(new.values())
    for place in before.keys() | after.keys():
        first = after.get(place, before.get(place))
        if before.get(place) == after.get(place) or first is None:
            continue
        if place in before or _text_of(deals.get(place[0], {}), place[1]) != (first["old_value"] or None):
            return False
    return True


def _firsts(events: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """The first event of each deal and attribute."""
    firsts: dict[tuple[str, str], Row] = {}
    for row in events:
        place = (row["deal_id"], row["field"])
        if place not in firsts or row["at"] < firsts[place]["at"]:
            firsts[place] = row
    return firsts


def _text_of(deal: Row, field: str) -> str | None:
    """What a deal's row says of an attribute, as events do."""
    own: Row = {**deal, **orjson.loads(deal.get(CUSTOM) or "{}")}
    return event_text(own.get(field))


def _time_of_version(key: str, known_from: int, old: Mapping[str, Row]) -> int:
    """The first version of a row that was there before says what was known of it all along."""
    return LATEST if known_from == ALWAYS and key in old else known_from


def _times_of_row(table: Table, old: Row | None, new: Row | None, is_dated: bool) -> Iterator[int]:
    """The times of what is new in a row; NEVER where no time says when that became known."""
    moments = [column.name for column in table.columns if column.kind is Kind.MOMENT]
    if old is not None and new is not None:
        changed = [name for name in moments if old[name] != new[name]]
        for row in (old, new):
            yield from (row[name] for name in changed if row[name] is not None)
        days = [name for name in table.self_dated if table[name].kind is Kind.DATE]
        if any(old[name] != new[name] for name in days):
            yield NEVER
        return
    row = new or old or {}
    since = table.known_since if table.known_since in moments else None
    if since is not None and row[since] is not None:
        yield row[since]
    elif not is_dated:
        yield NEVER
