"""Which rows did the newest imports write to? Noted with each, so that a reader need not read all again.

A row is named by the first column of its key (an event by its deal): more rows than were written may be
named, never fewer. An import of many rows names none, and neither does one from before this was noted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from crm.store.tables import TOUCHED_ROWS

MOST = 500  # rows that one import, or all that a reader has missed, may name
_IMPORTS_KEPT = 1_000  # whose rows are kept; who has missed more reads everything
_T = TOUCHED_ROWS.c
_MANY = "*"  # in place of a table's name: too many rows to be named
Touched = Mapping[str, frozenset[str]]


class TouchedRows:
    """The rows that one import writes to, gathered while it does."""

    def __init__(self) -> None:
        self._keys: dict[str, set[str]] = {}
        self._many = False

    def add(self, table: str, keys: Iterable[str | None]) -> None:
        """Notes rows of a table by the first column of their key."""
        if self._many:
            return
        of_table = self._keys.setdefault(table, set())
        of_table.update(key for key in keys if key is not None)
        if sum(map(len, self._keys.values())) > MOST:
            self.add_many()

    def add_many(self) -> None:
        """Notes that more rows are written to than are named."""
        self._keys, self._many = {}, True

    def named(self) -> dict[str, list[str]] | None:
        """The rows by table; None where they are too many to be named."""
        return (
            None if self._many else {name: sorted(keys) for name, keys in sorted(self._keys.items()) if keys}
        )

    def save(self, connection: sa.Connection, import_id: int) -> None:
        """Stores them as those of an import, and forgets those of old imports."""
        named = (
            [(_MANY, "")] if self._many else [(name, key) for name in self._keys for key in self._keys[name]]
        )
        rows = [{"import_id": import_id, "table_name": name, "row_key": key} for name, key in sorted(named)]
        if rows:
            connection.execute(sa.insert(TOUCHED_ROWS), rows)
        connection.execute(sa.delete(TOUCHED_ROWS).where(_T.import_id <= import_id - _IMPORTS_KEPT))


def touched_by(connection: sa.Connection, imports: Collection[int]) -> Touched | None:
    """The rows that imports wrote to, by table; None where they are not all named, or are too many."""
    if not imports:
        return {}
    query = sa.select(_T.import_id, _T.table_name, _T.row_key).where(_T.import_id >= min(imports))
    named: set[int] = set()
    found: dict[str, set[str]] = {}
    for import_id, table, key in connection.execute(query.limit(20 * MOST)):
        if import_id in imports:
            named.add(import_id)
            found.setdefault(table, set()).add(key)
    if named != set(imports) or _MANY in found or sum(map(len, found.values())) > MOST:
        return None
    return {table: frozenset(keys) for table, keys in found.items()}
