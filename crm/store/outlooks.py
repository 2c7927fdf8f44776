"""How likely was a target, day by day? Each day's prediction is stored, so that its history can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from crm.store.tables import OUTLOOKS


@dataclass(frozen=True)
class StoredOutlook:
    """What was predicted for a scope's revenue in a period (first..last) on a day (ISO date).

    `as_of` and `kept_at`, when it was stored, are microseconds UTC; without a target `probability` and
    `target` are None.
    """

    period: str
    scope: str
    day: str
    as_of: int
    kept_at: int
    probability: float | None
    target: float | None
    mean: float
    p10: float
    p50: float
    p90: float
    model_version: str


def save(connection: sa.Connection, rows: Sequence[StoredOutlook]) -> None:
    """Stores rows; a day that is stored already stays as it is, whoever stored it."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(OUTLOOKS)
    if rows:
        connection.execute(
            insert.on_conflict_do_nothing(),
            [asdict(row) for row in sorted(rows, key=lambda row: (row.period, row.scope, row.day))],
        )


def stored(connection: sa.Connection, period: str, scope: str, until: int) -> list[StoredOutlook]:
    """A scope's rows of a period as of `until` or earlier, oldest first."""
    table = OUTLOOKS.c
    selected = (table.period == period) & (table.scope == scope) & (table.as_of <= until)
    rows = connection.execute(sa.select(OUTLOOKS).where(selected).order_by(table.as_of))
    return [StoredOutlook(**row._mapping) for row in rows]


def days_stored(connection: sa.Connection, period: str) -> set[str]:
    """The days for which something is stored."""
    query = sa.select(OUTLOOKS.c.day).where(OUTLOOKS.c.period == period).distinct()
    return set(connection.scalars(query))
