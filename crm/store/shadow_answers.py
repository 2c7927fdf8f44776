"""What did a model answer beside the one in service, without being shown? Stored, to compare the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from crm.store.tables import SHADOW_ANSWERS


@dataclass(frozen=True)
class ShadowAnswer:
    """What two models said of a deal as of one moment; times are microseconds UTC.

    `version` is the one that answered, `shadow_version` the one beside it; `ever` and `by_end` are the
    chances to be won in the end and before `period_end`, `stage` the deal's stage then.
    """

    deal_id: str
    as_of: int
    version: str
    shadow_version: str
    asked_at: int
    period_end: int
    stage: str
    ever: float
    by_end: float
    shadow_ever: float
    shadow_by_end: float


def save(connection: sa.Connection, rows: Sequence[ShadowAnswer]) -> None:
    """Stores answers; one that is stored already stays as it is."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(SHADOW_ANSWERS)
    if rows:
        connection.execute(
            insert.on_conflict_do_nothing(),
            [
                asdict(row)
                for row in sorted(
                    rows, key=lambda row: (row.shadow_version, row.deal_id, row.as_of, row.version)
                )
            ],
        )


def stored(connection: sa.Connection, shadow_version: str) -> list[ShadowAnswer]:
    """All answers of a version that was not shown, oldest first."""
    table = SHADOW_ANSWERS.c
    query = sa.select(SHADOW_ANSWERS).where(table.shadow_version == shadow_version)
    rows = connection.execute(query.order_by(table.as_of, table.deal_id, table.version))
    return [ShadowAnswer(**row._mapping) for row in rows]
