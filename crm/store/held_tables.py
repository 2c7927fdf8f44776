"""What was read from the store, and which of it is read again where rows have changed since?

Only the rows that imports have written to since then are read; the rest stays as it is held. What comes of it
equals a store read as a whole: the same rows in the same order, the same names in the same columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from crm.exchanged_rows import Exchange, exchanged, rows_named
from crm.frames import event_text, micros
from crm.instants import NEVER
from crm.schema import TABLES, Kind, Table
from crm.store import versions
from crm.store.read import arrow_rows, arrow_table, attribute, categories, frame_of
from crm.store.tables import CUSTOM, IMPORTS
from crm.store.touched_rows import touched_by
from crm.versions import ALWAYS, LATEST, Versions, joined_key

_FEW = 5_000  # rows up to which a table is read as a whole
_EVENTS = "deal_events"  # the one table in the order of recording
Row = dict[str, Any]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class HeldTables:
    """The stored tables of one state of the store as frames.

    `import_id`: the newest import that is in them; `revision`: how many imports had changed rows.
    """

    import_id: int
    revision: int
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
    return HeldTables(import_id=newest, revision=count, versions=known_versions, frames=frames)


def renewed(connection: sa.Connection, before: HeldTables) -> Renewal | None:
    """What is held now; None where too much has changed, or it is not known what has."""
    newer = sa.select(IMPORTS.c.id).where(IMPORTS.c.imported > 0, IMPORTS.c.id > before.import_id)
    imports = [int(number) for number in connection.execute(newer).scalars()]
    touched = touched_by(connection, imports)
    if touched is None:
        return None
    frames, known = dict(before.frames), dict(before.versions)
    since, deals = LATEST, set(touched.get("deals", ()))
    for name, keys in sorted(touched.items()):
        frames[name] = _frame_again(connection, name, before.frames[name], keys)
        of_table = _versions_again(connection, name, before.versions.get(name), keys)
        if len(of_table):
            known[name] = of_table
        else:
            known.pop(name, None)
        old, new = _rows(name, before.frames[name], keys), _rows(name, frames[name], keys)
        deals |= {row["deal_id"] for row in (*old.values(), *new.values()) if row.get("deal_id")}
        said = _of_rows(TABLES[name], before.versions.get(name), keys)
        since = min(since, _known_from(TABLES[name], old, new, said, _of_rows(TABLES[name], of_table, keys)))
        if name == _EVENTS and not _continue(old, new, _rows("deals", before.frames["deals"], keys)):
            since = NEVER
    newest = max(imports, default=before.import_id)
    now = HeldTables(import_id=newest, revision=before.revision + len(imports), versions=known, frames=frames)
    return Renewal(now, since, touched, frozenset(deals | set(touched.get(_EVENTS, ()))))


def _newest(connection: sa.Connection) -> tuple[int, int]:
    """The newest import that changed rows, and how many did."""
    changed = sa.select(sa.func.max(IMPORTS.c.id), sa.func.count()).where(IMPORTS.c.imported > 0)
    newest, count = connection.execute(changed).one()
    return int(newest or 0), int(count or 0)


def _frame_again(
    connection: sa.Connection, name: str, frame: pd.DataFrame, keys: Collection[str]
) -> pd.DataFrame:
    schema, few = TABLES[name], len(frame) <= _FEW
    again = None
    if not few and name == _EVENTS:
        again = _events_again(frame, frame_of(name, arrow_rows(connection, name, keys)), keys)
    elif not few and len(schema.key) == 1:
        again = _rows_again(frame, arrow_rows(connection, name, keys), schema, keys)
    return frame_of(name, arrow_table(connection, name)) if again is None else again


def _rows_again(
    frame: pd.DataFrame, fresh: pa.Table, schema: Table, keys: Collection[str]
) -> pd.DataFrame | None:
    """A frame in the order of its key with some rows put in, replaced or taken out; None = not known how."""
    key = schema.key[0]
    exchange = Exchange.by_key(frame[key], keys, fresh[key].to_pylist())
    standard = [column.name for column in schema.columns]
    rows = frame_of(schema.name, fresh)[standard]
    if not schema.custom:
        return exchanged(frame, rows, exchange)
    given = [orjson.loads(text or "{}") for text in fresh[CUSTOM].to_pylist()]
    names = sorted({*frame.columns[len(standard) :], *(name for row in given for name in row)})
    own = {name: _attribute([row.get(name) for row in given], frame.get(name)) for name in names}
    if any(column is None for column in own.values()):
        return None
    found = exchanged(frame, rows.assign(**own), exchange)
    used = [name for name in names if found[name].notna().any()]
    for name in used:
        if not _is_still_text(found[name], own[name], frame.get(name), exchange.gone):
            return None
    return found[[*standard, *used]]


def _attribute(values: list[Any], before: pd.Series | None) -> pd.Series | None:
    """Values of an attribute beside those of all rows; None where numbers of theirs become texts."""
    column = attribute(values)
    if before is None or isinstance(before.dtype, pd.CategoricalDtype) == isinstance(
        column.dtype, pd.CategoricalDtype
    ):
        return column
    if not isinstance(before.dtype, pd.CategoricalDtype):  # how their numbers are written is not held
        return None
    texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    return pd.Series(categories(pa.chunked_array([pa.array(texts, pa.string()).dictionary_encode()])))


def _is_still_text(now: pd.Series, fresh: pd.Series | None, before: pd.Series | None, gone: Ints) -> bool:
    """Whether an attribute of texts has one left, so that its values are no numbers."""
    if fresh is None or before is None or not isinstance(now.dtype, pd.CategoricalDtype):
        return True
    if not before.iloc[gone].notna().any():
        return True
    return any(not _may_be_number(str(text)) for text in now.cat.categories)


def _may_be_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _events_again(frame: pd.DataFrame, fresh: pd.DataFrame, deals: Collection[str]) -> pd.DataFrame:
    """The events with those of some deals as they are now: what is left in its place, new ones at the end."""
    rows = rows_named(frame["deal_id"], deals)
    old, new = _tuples(frame.iloc[rows]), _tuples(fresh)
    left, there = set(new), set(old)
    gone = rows[[row not in left for row in old]] if len(rows) else rows
    came = np.flatnonzero([row not in there for row in new])
    exchange = Exchange(len(frame), gone, np.full(len(came), len(frame)))
    return exchanged(frame, fresh.iloc[came], exchange)


def _tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    plain = frame.astype(object)
    return [tuple(row) for row in plain.where(plain.notna(), None).to_numpy(object).tolist()]


def _versions_again(
    connection: sa.Connection, name: str, known: Versions | None, keys: Collection[str]
) -> Versions:
    if len(TABLES[name].key) > 1:
        return versions.read_all(connection, [name]).get(name, Versions.of([]))
    fresh = versions.read_some(connection, name, keys)
    return (Versions.of([]) if known is None else known).with_rows(keys, fresh)


def _of_rows(table: Table, known: Versions | None, keys: Collection[str]) -> Versions:
    """The versions of some rows, of all where a row has several columns as its key."""
    if known is None:
        return Versions.of([])
    return known if len(table.key) > 1 else known.of_rows(keys)


def _rows(name: str, frame: pd.DataFrame, keys: Collection[str]) -> dict[str, Row]:
    """The rows of a table that some keys name, by their whole key, as they are stored."""
    schema = TABLES[name]
    key = frame[schema.key[0]]
    if len(schema.key) > 1 and not isinstance(key.dtype, pd.CategoricalDtype):
        few = frame[key.isin(sorted(keys)).to_numpy(bool)]
    else:
        few = frame.iloc[rows_named(key, keys)]
    columns = {str(column): _stored(few[column], str(column), schema) for column in few.columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {joined_key(tuple(row[column] for column in schema.key)): row for row in rows}


def _stored(values: pd.Series, name: str, schema: Table) -> list[Any]:
    kind = schema[name].kind if name in schema.by_name else None
    if kind is Kind.MOMENT:
        return [None if at == NEVER else at for at in micros(values).tolist()]
    if kind is Kind.DATE:
        return [None if pd.isna(day) else day.date().isoformat() for day in values]
    return [None if pd.isna(value) else value for value in values.astype(object)]


def _known_from(
    table: Table, old: Mapping[str, Row], new: Mapping[str, Row], before: Versions, after: Versions
) -> int:
    """From when on answers may differ: by the times of rows and of their versions that are new."""
    said = {tuple(row[:4]) for row in before.as_rows()}
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
    return event_text(deal.get(field))


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
