"""Which changes of deals has an import seen that no event records? They become events of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from crm.schema import OBSERVER
from crm.store.tables import STORED

_MANY = 20_000  # deals beyond which all observed changes are looked at rather than those of each
_EVENTS = STORED["deal_events"]


@dataclass(frozen=True, slots=True)
class Change:
    """What two versions of a deal's row give differently, as texts that events hold; '' is a blank."""

    deal_id: str
    field: str
    value: str
    old_value: str


def add_changes(connection: sa.Connection, changes: Sequence[Change], at: int) -> int:
    """Adds as events at an instant the changes whose new value the latest event of the attribute lacks.

    How many were added. A few statements for all changes together.
    """
    if not changes:
        return 0
    seen = _temporary_table(connection)
    connection.execute(sa.insert(seen), [asdict(change) for change in changes])
    latest = (
        sa.select(_EVENTS.c.value)
        .where(_EVENTS.c.deal_id == seen.c.deal_id, _EVENTS.c.field == seen.c.field)
        .order_by(_EVENTS.c.at.desc(), _EVENTS.c.seq.desc())
        .limit(1)
        .correlate(seen)
        .scalar_subquery()
    )
    unrecorded = sa.select(
        seen.c.deal_id,
        sa.literal(at, sa.BigInteger()),
        seen.c.field,
        seen.c.value,
        seen.c.old_value,
        sa.literal(OBSERVER),
    ).where(seen.c.value.is_distinct_from(latest))
    names = ("deal_id", "at", "field", "value", "old_value", "actor_id")
    added = int(connection.scalar(sa.select(sa.func.count()).select_from(unrecorded.subquery())) or 0)
    connection.execute(sa.insert(_EVENTS).from_select(names, unrecorded))
    seen.drop(connection)
    return added


def drop_recorded(connection: sa.Connection, deals: Collection[str]) -> int:
    """Removes observed changes that real events of these deals now record; how many.

    An observed change is recorded when the event before it, of the same deal and attribute, has its value.
    """
    own = sorted(deals) if len(deals) <= _MANY else []
    parts = [own[first : first + 500] for first in range(0, len(own), 500)] if own else [None]
    earlier = _EVENTS.alias()
    before = (
        sa.select(earlier.c.value)
        .where(
            earlier.c.deal_id == _EVENTS.c.deal_id,
            earlier.c.field == _EVENTS.c.field,
            (earlier.c.at < _EVENTS.c.at)
            | ((earlier.c.at == _EVENTS.c.at) & (earlier.c.actor_id != OBSERVER)),
        )
        .order_by(earlier.c.at.desc(), earlier.c.seq.desc())
        .limit(1)
        .correlate(_EVENTS)
        .scalar_subquery()
    )
    recorded: list[int] = []
    for part in parts if deals else []:
        query = sa.select(_EVENTS.c.seq).where(_EVENTS.c.actor_id == OBSERVER, _EVENTS.c.value == before)
        query = query if part is None else query.where(_EVENTS.c.deal_id.in_(part))
        recorded += connection.execute(query).scalars()
    if recorded:
        removal = sa.delete(_EVENTS).where(_EVENTS.c.seq == sa.bindparam("number"))
        connection.execute(removal, [{"number": number} for number in recorded])
    return len(recorded)


def _temporary_table(connection: sa.Connection) -> sa.Table:
    names = ("deal_id", "field", "value", "old_value")
    columns = [sa.Column(name, sa.Text, nullable=False) for name in names]
    table = sa.Table("observed", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    table.drop(connection, checkfirst=True)
    table.create(connection)
    return table
