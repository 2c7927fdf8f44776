"""What does a transaction change in a table? The rows it replaces, as they were, and the rows it adds.

The database notes them while it writes: SQLite by triggers that last as long as the connection's watch,
PostgreSQL by a statement before each merge. What was empty before is not watched: all of it is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from crm.schema import TABLES, Kind, Table
from crm.store.tables import CUSTOM, keyed_by_all, stored_columns
from crm.versions import joined_key

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReplacedRow:
    """A row before and after a transaction, in the form of storage; `before` is None where it was added."""

    key: str
    before: Values | None
    after: Values


class ChangedRows:
    """Watches one table for the rest of a transaction. Its temporary tables go when it ends."""

    def __init__(self, connection: sa.Connection, table: Table, has_rows: bool) -> None:
        self._connection, self._table = connection, table
        self.has_rows = has_rows  # before this transaction
        self._postgres = connection.dialect.name == "postgresql"
        self._watched = has_rows and not keyed_by_all(table)
        self._names = stored_columns(table)
        self._before, self._added = f"sancho_before_{table.name}", f"sancho_added_{table.name}"
        if self._watched:
            self._watch()

    def before_merge(self, differs: str) -> None:
        """PostgreSQL: notes what the merge of the rows in `arriving` is about to change."""
        if not self._watched:
            return
        table, key = self._table.name, ", ".join(f'"{name}"' for name in self._table.key)
        same = " AND ".join(f'{table}."{name}" = arriving."{name}"' for name in self._table.key)
        own = ", ".join(f'{table}."{name}"' for name in self._names)
        added = " AND ".join(f'{self._added}."{name}" = {table}."{name}"' for name in self._table.key)
        new = ", ".join(f'arriving."{name}"' for name in self._table.key)
        self._run(
            f"INSERT INTO {self._before} SELECT {own} FROM {table} "  # noqa: S608
            f"JOIN arriving ON {same} WHERE ({differs}) "
            f"AND NOT EXISTS (SELECT 1 FROM {self._added} WHERE {added}) ON CONFLICT DO NOTHING"
        )
        self._run(
            f"INSERT INTO {self._added} ({key}) SELECT DISTINCT {new} FROM arriving "  # noqa: S608
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {same}) ON CONFLICT DO NOTHING"
        )

    def replaced(self) -> list[ReplacedRow]:
        """Rows that differ from what they were before the transaction."""
        if not self._watched:
            return []
        size = len(self._names)
        before = ", ".join(self._selected("b", name) for name in self._names)
        after = ", ".join(self._selected("t", name) for name in self._names)
        rows = self._run(
            f"SELECT {before}, {after} FROM {self._before} b JOIN {self._table.name} t ON {self._same('b')}"  # noqa: S608
        )
        pairs = (
            (stored_values(self._table, row[:size]), stored_values(self._table, row[size:])) for row in rows
        )
        return [ReplacedRow(key_of(self._table, new), old, new) for old, new in pairs if old != new]

    def added(self) -> list[ReplacedRow]:
        """Rows that were added to a table that had some."""
        if not self._watched:
            return []
        columns = ", ".join(self._selected("t", name) for name in self._names)
        rows = self._run(
            f"SELECT {columns} FROM {self._added} a JOIN {self._table.name} t ON {self._same('a')}"  # noqa: S608
        )
        added = (stored_values(self._table, row) for row in rows)
        return [ReplacedRow(key_of(self._table, values), None, values) for values in added]

    def stop(self) -> None:
        """Ends the watch."""
        if not self._watched:
            return
        self._watched = False
        if not self._postgres:
            self._run(f"DROP TRIGGER IF EXISTS {self._before}")
            self._run(f"DROP TRIGGER IF EXISTS {self._added}")
        self._run(f"DROP TABLE {self._before}")
        self._run(f"DROP TABLE {self._added}")

    def _watch(self) -> None:
        table, names = self._table, self._names
        listed = ", ".join(f'"{name}"' for name in names)
        key = ", ".join(f'"{name}"' for name in table.key)
        for made, columns in ((self._before, listed), (self._added, key)):
            self._run(f"DROP TABLE IF EXISTS {made}")
            if self._postgres:
                empty = f"SELECT {columns} FROM {table.name} WITH NO DATA"  # noqa: S608
                self._run(f"CREATE TEMPORARY TABLE {made} ON COMMIT DROP AS {empty}")
                self._run(f"CREATE UNIQUE INDEX ON {made} ({key})")
            else:
                self._run(f"CREATE TEMPORARY TABLE {made} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID")
        if self._postgres:
            return
        old = ", ".join(f'OLD."{name}"' for name in names)
        new_key = ", ".join(f'NEW."{name}"' for name in table.key)
        for made in (self._before, self._added):
            self._run(f"DROP TRIGGER IF EXISTS {made}")
        noted = (self._matches(self._before, "OLD"), self._matches(self._added, "OLD"))
        self._run(
            f"CREATE TEMPORARY TRIGGER {self._before} BEFORE UPDATE ON main.{table.name} "  # noqa: S608
            f"WHEN NOT EXISTS ({noted[0]}) AND NOT EXISTS ({noted[1]}) "
            f"BEGIN INSERT INTO {self._before} ({listed}) VALUES ({old}); END"
        )
        noting = f"INSERT INTO {self._added} ({key}) VALUES ({new_key})"  # noqa: S608
        self._run(
            f"CREATE TEMPORARY TRIGGER {self._added} AFTER INSERT ON main.{table.name} BEGIN {noting}; END"
        )

    def _matches(self, made: str, row: str) -> str:
        same = " AND ".join(f'{made}."{name}" = {row}."{name}"' for name in self._table.key)
        return f"SELECT 1 FROM {made} WHERE {same}"  # noqa: S608

    def _same(self, other: str) -> str:
        return " AND ".join(f't."{name}" = {other}."{name}"' for name in self._table.key)

    def _selected(self, alias: str, name: str) -> str:
        column = f'{alias}."{name}"'
        return f"CAST({column} AS TEXT)" if name == CUSTOM else column

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        driver: Any = self._connection.connection.driver_connection
        cursor = driver.cursor()
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        cursor.close()
        return rows


def stored_values(table: Table, row: Any) -> Values:
    """A stored row as its columns, custom attributes as an object without blanks."""
    values = dict(zip(stored_columns(table), row, strict=True))
    for name in _FLAGS.get(table.name, ()):
        values[name] = None if values[name] is None else bool(values[name])
    if table.custom:
        attributes = orjson.loads(values[CUSTOM] or "{}")
        values[CUSTOM] = {name: value for name, value in attributes.items() if value is not None}
    return values


def key_of(table: Table, values: Values) -> str:
    """The key of a stored row, as one text."""
    return joined_key(tuple(values[name] for name in table.key))


_FLAGS = {
    table.name: [column.name for column in table.columns if column.kind is Kind.FLAG]
    for table in TABLES.values()
}
