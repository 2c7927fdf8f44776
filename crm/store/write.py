"""How do rows get into the store? Upserts that change only what differs, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa

from crm.schema import TABLES, Kind, Table
from crm.store import audit, versions
from crm.store.changed_rows import ChangedRows, ReplacedRow, key_of, stored_values
from crm.store.tables import CUSTOM, IMPORTS, QUARANTINE, STORED, keyed_by_all, stored_columns
from crm.store.touched_rows import MOST, TouchedRows
from crm.store.versions import Version
from crm.versions import BETWEEN, joined_key

Columns = Mapping[str, pa.Array]
_MANY = 20_000  # names beyond which all keys are read rather than each asked for
_STEP = 50_000  # rows handed to the database driver at a time


class Writer:
    """Writes within one open transaction; nothing is visible to others before it commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._postgres = connection.dialect.name == "postgresql"
        self._changed: dict[str, ChangedRows] = {}
        self.touched = TouchedRows()

    def upsert(self, table: str, columns: Columns) -> int:
        """Adds rows or replaces what differs; how many that changed. Columns not given keep their values.

        A column is an Arrow array in the form of storage: text, instants as int64 microseconds, days as ISO
        text, numbers float64, flags bool, `custom` one JSON object per row whose nulls clear attributes.
        Where a required column is missing, only rows already stored are changed.
        """
        schema = TABLES[table]
        given = {name: columns[name] for name in stored_columns(schema) if name in columns}
        if keyed_by_all(schema) and given:
            blank = pa.nulls(len(next(iter(given.values()))), pa.string())
            given = {name: _filled(given.get(name, blank)) for name in schema.names}
        if not given or len(next(iter(given.values()))) == 0:
            return 0
        partial = any(column.required and column.name not in given for column in schema.columns)
        if partial and set(given) <= set(schema.key):
            return 0
        self.changed(table)
        self._touch(table, given[schema.key[0]])
        if self._postgres:
            return self._copy(schema, given, partial)
        return self._execute(schema, given, partial)

    def _touch(self, table: str, names: pa.Array) -> None:
        """Notes which rows are written to, by the first column of their key."""
        if len(names) > MOST:
            self.touched.add_many()
        else:
            self.touched.add(table, (None if name is None else str(name) for name in python_values(names)))

    def changed(self, table: str) -> ChangedRows:
        """What this transaction changes in a table, watched from the first time it is asked for."""
        if table not in self._changed:
            self._changed[table] = ChangedRows(self.connection, TABLES[table], self.any_rows(table))
        return self._changed[table]

    def replaced(self, table: str) -> list[ReplacedRow]:
        """Rows of a table as they were before this transaction, and as they are now, where that differs."""
        return self._changed[table].replaced() if table in self._changed else []

    def added(self, table: str) -> list[ReplacedRow]:
        """Rows that this transaction added to a table that had some."""
        return self._changed[table].added() if table in self._changed else []

    def watch_again(self, table: str) -> None:
        """Forgets what changed in a table so far: what it holds now is what later changes replace."""
        if table in self._changed:
            self._changed.pop(table).stop()
            self.changed(table)

    def stop_watching(self) -> None:
        """Ends the watch over all tables; a transaction that is kept ends with it."""
        while self._changed:
            self._changed.popitem()[1].stop()

    def rows_named(self, table: str, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Stored rows by their key as one text (`joined_key`), custom attributes as an object."""
        schema = TABLES[table]
        names = [name for name in stored_columns(schema) if name != CUSTOM]
        stored = STORED[table]
        columns: list[sa.ColumnElement[Any]] = [stored.c[name] for name in names]
        if schema.custom:
            columns.append(sa.cast(stored.c[CUSTOM], sa.Text).label(CUSTOM))
        wanted = set(keys)
        firsts = sorted({key.split(BETWEEN)[0] for key in wanted})
        rows = self._each(sa.select(*columns), stored.c[schema.key[0]], firsts)
        found = (stored_values(schema, row) for row in rows)
        return {key: values for values in found if (key := key_of(schema, values)) in wanted}

    def rewrite(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Puts other values into stored rows; columns that no row names keep theirs."""
        schema, current = TABLES[table], {}
        if schema.custom:
            current = self.rows_named(table, [key_of(schema, dict(row)) for row in rows])
        columns: dict[str, pa.Array] = {}
        for name in stored_columns(schema):
            if not any(name in row for row in rows):
                continue
            if name == CUSTOM:
                blank = [dict.fromkeys(current[key_of(schema, dict(row))][CUSTOM]) for row in rows]
                patches = [old | dict(row[CUSTOM]) for old, row in zip(blank, rows, strict=True)]
                columns[name] = pa.array([orjson.dumps(patch).decode() for patch in patches], pa.string())
            else:
                columns[name] = pa.array([row.get(name) for row in rows], arrow_type(schema[name].kind))
        self.upsert(table, columns)

    def keys(self, table: str) -> set[str]:
        """The keys of all stored rows of a table, as one text each."""
        return {joined_key(row) for row in self.rows(table, TABLES[table].key)}

    def newest_known(self, deals: Sequence[str]) -> dict[str, int]:
        """The moment of the newest change or version of some deals (microseconds UTC), where there is any."""
        events = STORED["deal_events"].c
        found = {
            key: max(version.known_from for version in of_deal)
            for key, of_deal in self.versions("deals", deals).items()
        }
        for deal, at in self._each(sa.select(events.deal_id, events.at), events.deal_id, deals):
            found[deal] = max(at, found.get(deal, at))
        return found

    def open_deals(self) -> set[str]:
        """The ids of the deals that no row says have ended; deleted ones are among them."""
        columns = STORED["deals"].c
        query = sa.select(columns.deal_id).where(columns.outcome.is_(None), columns.closed_at.is_(None))
        return set(self.connection.execute(query).scalars())

    def gone(self, table: str) -> set[str]:
        """The keys of a table's rows that are deleted or merged into others."""
        return versions.gone(self.connection, table)

    def versions(self, table: str, keys: Collection[str] | None = None) -> dict[str, list[Version]]:
        """The versions of a table's rows (all, or those of some keys), oldest first."""
        return versions.read(self.connection, table, keys)

    def save_versions(self, table: str, rows: Iterable[Version]) -> None:
        """Stores versions; one of the same row and moment is replaced."""
        stored = list(rows)
        self.touched.add(table, (version.key.split(BETWEEN)[0] for version in stored))
        versions.save(self.connection, table, stored)

    def any_rows(self, table: str) -> bool:
        """Whether a table holds anything."""
        return self.connection.execute(sa.select(STORED[table]).limit(1)).first() is not None

    def ids(self, table: str, column: str | None = None) -> pa.Array:
        """All values of a table's key (or another column), as text without blanks."""
        name = column or TABLES[table].key[0]
        statement = sa.select(STORED[table].c[name])
        filled = statement.where(STORED[table].c[name].is_not(None))
        return pa.array(self.connection.execute(filled).scalars().all(), pa.string())

    def rows(
        self, table: str, names: Sequence[str], keys: Sequence[str] | None = None
    ) -> list[tuple[Any, ...]]:
        """The named columns of the stored rows, or of those whose (first) key is among `keys`."""
        stored = STORED[table]
        statement = sa.select(*(stored.c[name] for name in names))
        if keys is None:
            return [tuple(row) for row in self.connection.execute(statement)]
        return list(self._each(statement, stored.c[TABLES[table].key[0]], keys))

    def known(self, table: str, names: Collection[str]) -> set[str]:
        """Which of the names are keys of stored rows."""
        if not names:
            return set()
        if len(names) > _MANY:
            return set(names).intersection(self.ids(table).to_pylist())
        return {row[0] for row in self.rows(table, (TABLES[table].key[0],), list(names))}

    def _each(
        self, statement: sa.Select[Any], column: sa.ColumnElement[Any], keys: Sequence[str]
    ) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), 500):
            some = statement.where(column.in_(list(keys[start : start + 500])))
            yield from (tuple(row) for row in self.connection.execute(some))

    def last_moment(self) -> int | None:
        """The moment of the newest import (microseconds UTC), None before the first."""
        newest: int | None = self.connection.scalar(sa.select(sa.func.max(IMPORTS.c.at)))
        return newest

    def record(self, values: Mapping[str, object]) -> int:
        """Logs an import and which rows it wrote to, returns its number."""
        statement = sa.insert(IMPORTS).values(**values).returning(IMPORTS.c.id)
        import_id = int(self.connection.execute(statement).scalar_one())
        self.touched.save(self.connection, import_id)
        audit.save(self.connection, audit.change_of_rows(self.touched.named(), values))
        return import_id

    def quarantine(self, errors: Iterable[Mapping[str, object]]) -> None:
        """Stores the errors of rows that could not be used."""
        remaining = iter(errors)
        while step := list(islice(remaining, 10_000)):
            self.connection.execute(sa.insert(QUARANTINE), step)

    def any_quarantined(self) -> bool:
        """Whether the quarantine holds anything."""
        return self.connection.scalar(sa.select(QUARANTINE.c.id).limit(1)) is not None

    def quarantined(
        self, table: str | None, identities: Sequence[str] | None = None
    ) -> dict[str, list[tuple[int, int]]]:
        """Rows (import, row) in the quarantine by identity: of a table (None: of any), all or those named."""
        columns = QUARANTINE.c
        statement = sa.select(columns.identity, columns.import_id, columns.row).distinct()
        if table is not None:
            statement = statement.where(columns.table_name == table)
        rows: Iterable[tuple[Any, ...]]
        if identities is None:
            rows = (tuple(row) for row in self.connection.execute(statement))
        else:
            rows = self._each(statement, columns.identity, identities)
        rows_of: dict[str, list[tuple[int, int]]] = {}
        for identity, import_id, row in rows:
            rows_of.setdefault(identity, []).append((import_id, row))
        return rows_of

    def release(self, rows: Sequence[tuple[int, int]]) -> None:
        """Takes rows (import, row) out of the quarantine."""
        same_row = (QUARANTINE.c.import_id == sa.bindparam("of")) & (
            QUARANTINE.c.row == sa.bindparam("number")
        )
        if rows:
            values = [{"of": import_id, "number": row} for import_id, row in rows]
            self.connection.execute(sa.delete(QUARANTINE).where(same_row), values)

    def _execute(self, table: Table, given: Columns, partial: bool) -> int:
        """SQLite: the driver's executemany on tuples."""
        driver: Any = self.connection.connection.driver_connection
        changed = 0
        names = list(given)
        statement = _update_sqlite(table, names) if partial else _insert_sqlite(table, names)
        cursor = driver.cursor()
        length = len(given[names[0]])
        for start in range(0, length, _STEP):
            lists = [python_values(given[name].slice(start, _STEP)) for name in names]
            cursor.executemany(statement, zip(*lists, strict=True))
            changed += cursor.rowcount  # without what triggers do
        return int(changed)

    def _copy(self, table: Table, given: Columns, partial: bool) -> int:
        """PostgreSQL: COPY into a temporary table, then one statement."""
        from psycopg.types.string import StrDumper

        names = list(given)
        listed = ", ".join(f'"{name}"' for name in names)
        run = self.connection.exec_driver_sql
        run("DROP TABLE IF EXISTS arriving")
        like = f"SELECT {listed} FROM {table.name} WITH NO DATA"  # noqa: S608
        run(f"CREATE TEMPORARY TABLE arriving ON COMMIT DROP AS {like}")
        driver: Any = self.connection.connection.driver_connection
        length = len(given[names[0]])
        with driver.cursor() as cursor:
            # Rows with a NUL were refused before; the driver's own way with texts is quicker than ours.
            cursor.adapters.register_dumper(str, StrDumper)
            with cursor.copy(f"COPY arriving ({listed}) FROM STDIN") as copy:
                for start in range(0, length, _STEP):
                    lists = [python_values(given[name].slice(start, _STEP)) for name in names]
                    for row in zip(*lists, strict=True):
                        copy.write_row(row)
        self._changed[table.name].before_merge(_differs(table, _new_postgres(table, names, "arriving")))
        statement = _update_postgres(table, names) if partial else _insert_postgres(table, names)
        changed = run(statement).rowcount
        run("DROP TABLE arriving")
        return int(changed)


def arrow_type(kind: Kind) -> pa.DataType:
    """The type of a column in the form of storage."""
    return _ARROW.get(kind, pa.string())


_ARROW = {Kind.MOMENT: pa.int64(), Kind.MONEY: pa.float64(), Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_()}


def _insert_sqlite(table: Table, names: list[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    mark = {name: f"?{number}" for number, name in enumerate(names, 1)}
    new = {name: f'excluded."{name}"' for name in names if name not in table.key}
    if CUSTOM in names:
        # A merge patch, whose nulls clear attributes; a new row patches nothing: stored text has no nulls.
        new[CUSTOM] = f"json_patch(coalesce({table.name}.\"custom\", '{{}}'), {mark[CUSTOM]})"
        mark[CUSTOM] = f"json_patch('{{}}', {mark[CUSTOM]})"
    changes = ", ".join(f'"{name}" = {value}' for name, value in new.items())
    differs = " OR ".join(f'{table.name}."{name}" IS NOT {value}' for name, value in new.items())
    conflict = f"DO UPDATE SET {changes} WHERE {differs}" if new else "DO NOTHING"
    key, marks = ", ".join(f'"{name}"' for name in table.key), ", ".join(mark.values())
    return f"INSERT INTO {table.name} ({listed}) VALUES ({marks}) ON CONFLICT ({key}) {conflict}"  # noqa: S608


def _update_sqlite(table: Table, names: list[str]) -> str:
    mark = {name: f"?{number}" for number, name in enumerate(names, 1)}
    new = {name: mark[name] for name in names if name not in table.key}
    if CUSTOM in new:
        new[CUSTOM] = f"json_patch(coalesce(\"custom\", '{{}}'), {mark[CUSTOM]})"
    changes = ", ".join(f'"{name}" = {value}' for name, value in new.items())
    differs = " OR ".join(f'"{name}" IS NOT {value}' for name, value in new.items())
    key = " AND ".join(f'"{name}" = {mark[name]}' for name in table.key)
    return f"UPDATE {table.name} SET {changes} WHERE {key} AND ({differs or 'FALSE'})"  # noqa: S608


def _differs(table: Table, new: Mapping[str, str]) -> str:
    changes = (f'{table.name}."{name}" IS DISTINCT FROM {value}' for name, value in new.items())
    return " OR ".join(changes) or "FALSE"


def _new_postgres(table: Table, names: list[str], source: str) -> dict[str, str]:
    new = {name: f'{source}."{name}"' for name in names if name not in table.key}
    if CUSTOM in new:
        # Nulls clear attributes; jsonb keeps them, reading drops them.
        new[CUSTOM] = f"coalesce({table.name}.\"custom\", '{{}}') || {new[CUSTOM]}"
    return new


def _insert_postgres(table: Table, names: list[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    new = _new_postgres(table, names, "excluded")
    changes = ", ".join(f'"{name}" = {value}' for name, value in new.items())
    differs = " OR ".join(f'{table.name}."{name}" IS DISTINCT FROM {value}' for name, value in new.items())
    conflict = f"DO UPDATE SET {changes} WHERE {differs}" if new else "DO NOTHING"
    key = ", ".join(f'"{name}"' for name in table.key)
    return f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM arriving ON CONFLICT ({key}) {conflict}"  # noqa: S608


def _update_postgres(table: Table, names: list[str]) -> str:
    new = _new_postgres(table, names, "arriving")
    changes = ", ".join(f'"{name}" = {value}' for name, value in new.items())
    differs = " OR ".join(f'{table.name}."{name}" IS DISTINCT FROM {value}' for name, value in new.items())
    key = " AND ".join(f'{table.name}."{name}" = arriving."{name}"' for name in table.key)
    return f"UPDATE {table.name} SET {changes} FROM arriving WHERE {key} AND ({differs})"  # noqa: S608


def _filled(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary.take(array.indices)
    return array.fill_null("") if pa.types.is_string(array.type) else array


def python_values(array: pa.Array) -> Iterable[Any]:
    """An Arrow array as Python values for a driver, None where null; several times as fast as to_pylist."""
    if array.null_count == len(array):
        return repeat(None, len(array))
    if pa.types.is_dictionary(array.type):
        values = np.array([*array.dictionary.to_pylist(), None], object)
        codes = array.indices.fill_null(len(values) - 1).to_numpy()
        taken: list[Any] = values[codes].tolist()
        return taken
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return list(array.to_numpy(zero_copy_only=False))
    if array.null_count == 0:
        plain: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
        return plain
    filled = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    objects = filled.to_numpy(zero_copy_only=False).astype(object)
    objects[array.is_null().to_numpy(zero_copy_only=False)] = None
    holed: list[Any] = objects.tolist()
    return holed
