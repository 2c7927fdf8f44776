"""What was predicted for each deal, day by day? A day's scores are stored once and stay as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from crm.store.tables import DEAL_SCORES

_SLICE = 2_000  # rows of one statement


@dataclass(frozen=True, kw_only=True)
class StoredScore:
    """What was predicted for a deal on a day (ISO date): its row of `sancho score`.

    `as_of` and `kept_at`, when it was stored, are microseconds UTC; amounts are in the organisation's
    currency, probabilities 0 to 1.
    """

    deal_id: str
    day: str
    as_of: int
    kept_at: int
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    revenue_p10: float
    revenue_p50: float
    revenue_p90: float
    expected_close_date: str | None
    model_version: str


def save(connection: sa.Connection, rows: Sequence[StoredScore]) -> None:
    """Stores rows; what is stored of a deal and day already stays as it is."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(DEAL_SCORES)
    for first in range(0, len(rows), _SLICE):
        some = [asdict(row) for row in rows[first : first + _SLICE]]
        connection.execute(insert.on_conflict_do_nothing(), some)


def is_day_stored(connection: sa.Connection, day: str) -> bool:
    """Whether anything is stored of a day (ISO date)."""
    query = sa.select(DEAL_SCORES.c.day).where(DEAL_SCORES.c.day == day).limit(1)
    return connection.scalar(query) is not None


def of_deal(connection: sa.Connection, deal_id: str, until: int) -> list[StoredScore]:
    """A deal's scores as of `until` or earlier, oldest first."""
    table = DEAL_SCORES.c
    selected = (table.deal_id == deal_id) & (table.as_of <= until)
    rows = connection.execute(sa.select(DEAL_SCORES).where(selected).order_by(table.as_of))
    return [StoredScore(**row._mapping) for row in rows]


def forget(connection: sa.Connection, before: str) -> int:
    """Removes the scores of days before one (ISO date); how many."""
    return connection.execute(sa.delete(DEAL_SCORES).where(DEAL_SCORES.c.day < before)).rowcount
