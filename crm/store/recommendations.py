"""What was recommended, and with what outcome? Stored, so that the effect can be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from crm.store.tables import RECOMMENDATION_OUTCOMES, RECOMMENDATIONS

STATES = ("shown", "accepted", "dismissed", "done")


@dataclass(frozen=True)
class Recommended:
    """An action recommended for a deal; times are microseconds UTC.

    `arm`: "usual" (the best was taken), "explore" (drawn by how likely it is the best) or "hold_out" (kept
    back, nobody saw it). `propensity` the chance it had to be chosen; `alternatives` as JSON what it was
    chosen from.
    """

    recommendation_id: str
    made_at: int
    valid_until: int
    deal_id: str
    action: str
    arm: str
    model_version: str
    chance: float
    uplift: float
    low: float
    high: float
    propensity: float
    alternatives: str


@dataclass(frozen=True)
class Outcome:
    """The outcome of a recommendation, one of `STATES`, with the reason where it was dismissed."""

    recommendation_id: str
    state: str
    at: int
    reason: str | None = None


def save(connection: sa.Connection, rows: Sequence[Recommended]) -> None:
    """Stores recommendations; one that is stored already stays as it is."""
    if rows:
        insert = _insert(connection, RECOMMENDATIONS).on_conflict_do_nothing()
        connection.execute(
            insert, [asdict(row) for row in sorted(rows, key=lambda row: row.recommendation_id)]
        )


def save_outcome(connection: sa.Connection, outcome: Outcome, is_known: bool = False) -> bool:
    """Stores an outcome, the latest for its state; False where no such recommendation is stored.

    `is_known`: it was made, though its offer may be stored later or never.
    """
    table = RECOMMENDATIONS.c.recommendation_id
    if not is_known and connection.scalar(sa.select(table).where(table == outcome.recommendation_id)) is None:
        return False
    values = asdict(outcome)
    keys = ["recommendation_id", "state"]
    later = {name: value for name, value in values.items() if name not in keys}
    connection.execute(
        _insert(connection, RECOMMENDATION_OUTCOMES)
        .values(values)
        .on_conflict_do_update(index_elements=keys, set_=later)
    )
    return True


def stored(connection: sa.Connection) -> list[Recommended]:
    """All recommendations, oldest first."""
    query = sa.select(RECOMMENDATIONS).order_by(
        RECOMMENDATIONS.c.made_at, RECOMMENDATIONS.c.recommendation_id
    )
    return [Recommended(**row._mapping) for row in connection.execute(query)]


def deal_of(connection: sa.Connection, recommendation_id: str) -> str | None:
    """The deal that a stored recommendation is about."""
    columns = RECOMMENDATIONS.c
    query = sa.select(columns.deal_id).where(columns.recommendation_id == recommendation_id)
    found: str | None = connection.scalar(query)
    return found


def outcomes(connection: sa.Connection, first: str = "") -> list[Outcome]:
    """All outcomes, oldest first; of recommendations with the id `first` or a later one."""
    columns = RECOMMENDATION_OUTCOMES.c
    query = sa.select(RECOMMENDATION_OUTCOMES).where(columns.recommendation_id >= first).order_by(columns.at)
    return [Outcome(**row._mapping) for row in connection.execute(query)]


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
