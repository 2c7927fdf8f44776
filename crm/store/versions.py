"""Where are the versions of rows that changed, went or came late? One table for those of all tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa

from crm.store.tables import VERSIONS
from crm.versions import Versions

_MANY = 20_000  # keys beyond which the versions of all rows of a table are read
_V = VERSIONS.c


@dataclass(frozen=True, slots=True)
class Version:
    """A row from a moment on (microseconds UTC): its contents, or that it is gone (merged into another)."""

    key: str
    known_from: int
    contents: Mapping[str, Any] = field(default_factory=dict)
    gone: bool = False
    merged_into: str | None = None


def read(
    connection: sa.Connection, table: str, keys: Collection[str] | None = None
) -> dict[str, list[Version]]:
    """The versions of a table's rows by key, oldest first."""
    columns = (_V.row_key, _V.known_from, _V.gone, _V.merged_into, _V.contents)
    statement = sa.select(*columns).where(_V.table_name == table).order_by(_V.row_key, _V.known_from)
    found: dict[str, list[Version]] = {}
    listed = None if keys is None or len(keys) > _MANY else list(keys)
    steps = [None] if listed is None else [listed[at : at + 500] for at in range(0, len(listed), 500)]
    wanted = None if keys is None else set(keys)
    for step in steps:
        query = statement if step is None else statement.where(_V.row_key.in_(step))
        for key, known_from, gone, merged_into, contents in connection.execute(query):
            if wanted is None or key in wanted:
                version = Version(key, known_from, orjson.loads(contents), bool(gone), merged_into)
                found.setdefault(key, []).append(version)
    return found


def save(connection: sa.Connection, table: str, rows: Iterable[Version]) -> None:
    """Stores versions of a table's rows, in place of those of the same row and moment."""
    remaining = iter(rows)
    same = (_V.row_key == sa.bindparam("of_key")) & (_V.known_from == sa.bindparam("of_moment"))
    while step := list(islice(remaining, 10_000)):
        values = [
            {
                "table_name": table,
                "row_key": version.key,
                "known_from": version.known_from,
                "gone": version.gone,
                "merged_into": version.merged_into,
                "contents": orjson.dumps(version.contents).decode(),
            }
            for version in step
        ]
        moments = [{"of_key": version.key, "of_moment": version.known_from} for version in step]
        connection.execute(sa.delete(VERSIONS).where(_V.table_name == table, same), moments)
        connection.execute(sa.insert(VERSIONS), values)


def read_all(connection: sa.Connection, tables: Collection[str]) -> dict[str, Versions]:
    """The versions of some tables' rows, as a log holds them; only tables that have any."""
    columns = (_V.table_name, _V.row_key, _V.known_from, _V.gone, _V.merged_into, _V.contents)
    rows: dict[str, list[tuple[str, int, bool, str | None, str]]] = {}
    for table, key, known_from, gone, merged_into, contents in connection.execute(sa.select(*columns)):
        if table in tables:
            rows.setdefault(table, []).append((key, known_from, bool(gone), merged_into, contents))
    return {table: Versions.of(of_table) for table, of_table in rows.items()}


def read_some(
    connection: sa.Connection, table: str, keys: Collection[str]
) -> list[tuple[str, int, bool, str | None, str]]:
    """The versions of some rows of a table, as `Versions.of` takes them."""
    columns = (_V.row_key, _V.known_from, _V.gone, _V.merged_into, _V.contents)
    query = sa.select(*columns).where(_V.table_name == table, _V.row_key.in_(sorted(keys)))
    rows = connection.execute(query)
    return [(key, known_from, bool(gone), into, contents) for key, known_from, gone, into, contents in rows]


def gone(connection: sa.Connection, table: str) -> set[str]:
    """The keys of a table's rows whose newest version says that they are gone."""
    later = VERSIONS.alias()
    newer = sa.exists().where(
        later.c.table_name == _V.table_name, later.c.row_key == _V.row_key, later.c.known_from > _V.known_from
    )
    query = sa.select(_V.row_key).where(_V.table_name == table, _V.gone, ~newer)
    return set(connection.execute(query).scalars())
