"""Whom are events sent to, which are still to be sent, and what was last said of each subject?

Events of one subject (a deal, a scope) are sent one after the other: a later one waits until those before it
have arrived or are given up. Whoever sends a webhook's events holds its lease; when he dies, the lease ends
and another goes on, so an event may arrive twice, and none is lost.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crm.store.tables import WEBHOOK_EVENTS, WEBHOOK_MARKS, WEBHOOKS

QUEUED, DELIVERED, DEAD = "queued", "delivered", "dead"
STATES = (QUEUED, DELIVERED, DEAD)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An address that wants events of some types; times are microseconds UTC."""

    webhook_id: str
    url: str
    types: tuple[str, ...]
    secret: str
    requested_by: str | None
    created_at: int
    disabled_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """Something that happened to a subject, as it is told: `body` is JSON."""

    event_id: str
    type: str
    subject: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event to one webhook: sent, to be sent from `due_at` on, or given up."""

    number: int
    event_id: str
    webhook_id: str
    type: str
    subject: str
    body: str
    state: str
    attempts: int
    created_at: int
    due_at: int
    finished_at: int | None
    last_status: int | None
    last_error: str | None


def add(connection: sa.Connection, webhook: Webhook) -> None:
    """Stores a webhook. The first one starts with a blank page: nothing is news of before it was there."""
    if not listed(connection, active=True):
        connection.execute(sa.delete(WEBHOOK_MARKS))
    row = {name: getattr(webhook, name) for name in Webhook.__dataclass_fields__}
    connection.execute(
        sa.insert(WEBHOOKS), {**row, "types": json.dumps(webhook.types), "leased_until": 0, "lease": None}
    )


def listed(connection: sa.Connection, active: bool = False) -> list[Webhook]:
    """All webhooks, oldest first; `active`: those that are not disabled."""
    query = sa.select(WEBHOOKS).order_by(WEBHOOKS.c.created_at, WEBHOOKS.c.webhook_id)
    if active:
        query = query.where(WEBHOOKS.c.disabled_at.is_(None))
    return [_webhook(row) for row in connection.execute(query)]


def find(connection: sa.Connection, webhook_id: str) -> Webhook | None:
    """The webhook with an id."""
    row = connection.execute(sa.select(WEBHOOKS).where(WEBHOOKS.c.webhook_id == webhook_id)).one_or_none()
    return None if row is None else _webhook(row)


def remove(connection: sa.Connection, webhook_id: str) -> bool:
    """Removes a webhook with its events; whether it was there."""
    connection.execute(sa.delete(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.webhook_id == webhook_id))
    return connection.execute(sa.delete(WEBHOOKS).where(WEBHOOKS.c.webhook_id == webhook_id)).rowcount > 0


def disable(connection: sa.Connection, webhook_id: str, now: int | None) -> bool:
    """Stops sending to a webhook, or with None goes on; whether it is there."""
    change = sa.update(WEBHOOKS).where(WEBHOOKS.c.webhook_id == webhook_id).values(disabled_at=now)
    return connection.execute(change).rowcount > 0


def queue(connection: sa.Connection, events: Sequence[NewEvent], now: int) -> int:
    """Queues events for each active webhook that wants their type; how many deliveries that makes."""
    rows = [
        {
            "event_id": event.event_id,
            "webhook_id": webhook.webhook_id,
            "type": event.type,
            "subject": event.subject,
            "body": event.body,
            "state": QUEUED,
            "attempts": 0,
            "created_at": now,
            "due_at": now,
        }
        for webhook in listed(connection, active=True)
        for event in events
        if event.type in webhook.types
    ]
    if rows:
        connection.execute(sa.insert(WEBHOOK_EVENTS), rows)
    return len(rows)


def queue_for(connection: sa.Connection, webhook_id: str, event: NewEvent, now: int) -> None:
    """Queues one event for one webhook, whatever types it wants."""
    row = {"webhook_id": webhook_id, "state": QUEUED, "attempts": 0, "created_at": now, "due_at": now}
    told = {name: getattr(event, name) for name in NewEvent.__dataclass_fields__}
    connection.execute(sa.insert(WEBHOOK_EVENTS), row | told)


def take(connection: sa.Connection, webhook_id: str, now: int, until: int) -> str | None:
    """The lease of a webhook until an instant; None where somebody else holds it, or it is disabled."""
    lease = secrets.token_hex(8)
    change = (
        sa.update(WEBHOOKS)
        .where(
            WEBHOOKS.c.webhook_id == webhook_id,
            WEBHOOKS.c.leased_until <= now,
            WEBHOOKS.c.disabled_at.is_(None),
        )
        .values(lease=lease, leased_until=until)
    )
    return lease if connection.execute(change).rowcount else None


def keep(connection: sa.Connection, webhook_id: str, lease: str, until: int) -> bool:
    """Holds a lease for longer, or with `until` 0 gives it back; False where it was lost."""
    change = (
        sa.update(WEBHOOKS)
        .where(WEBHOOKS.c.webhook_id == webhook_id, WEBHOOKS.c.lease == lease)
        .values(leased_until=until)
    )
    return connection.execute(change).rowcount > 0


def due(connection: sa.Connection, webhook_id: str, now: int, count: int) -> list[Delivery]:
    """Events to send now, oldest first: of each subject the oldest that is still to be sent."""
    table = WEBHOOK_EVENTS.c
    first = (
        sa.select(sa.func.min(table.number))
        .where(table.webhook_id == webhook_id, table.state == QUEUED)
        .group_by(table.subject)
    )
    query = sa.select(WEBHOOK_EVENTS).where(table.number.in_(first), table.due_at <= now)
    return [Delivery(**row._mapping) for row in connection.execute(query.order_by(table.number).limit(count))]


def next_due(connection: sa.Connection) -> int | None:
    """When the next event to any active webhook is due; None where nothing is to be sent."""
    active = sa.select(WEBHOOKS.c.webhook_id).where(WEBHOOKS.c.disabled_at.is_(None))
    table = WEBHOOK_EVENTS.c
    first = (
        sa.select(sa.func.min(table.number))
        .where(table.state == QUEUED, table.webhook_id.in_(active))
        .group_by(table.webhook_id, table.subject)
    )
    found = connection.scalar(sa.select(sa.func.min(table.due_at)).where(table.number.in_(first)))
    return None if found is None else int(found)


def note_attempt(
    connection: sa.Connection,
    number: int,
    state: str,
    *,
    now: int,
    due_at: int,
    status: int | None,
    error: str | None,
) -> None:
    """Notes what came of sending an event: its state, and when it is to be sent again."""
    change = (
        sa.update(WEBHOOK_EVENTS)
        .where(WEBHOOK_EVENTS.c.number == number)
        .values(
            state=state,
            attempts=WEBHOOK_EVENTS.c.attempts + 1,
            due_at=due_at,
            finished_at=None if state == QUEUED else now,
            last_status=status,
            last_error=error,
        )
    )
    connection.execute(change)


def deliveries(
    connection: sa.Connection, webhook_id: str, states: Sequence[str], count: int, before: int | None
) -> list[Delivery]:
    """Events to a webhook in some states, newest first; `before`: older than the one of this number."""
    table = WEBHOOK_EVENTS.c
    query = sa.select(WEBHOOK_EVENTS).where(table.webhook_id == webhook_id, table.state.in_(states))
    if before is not None:
        query = query.where(table.number < before)
    query = query.order_by(table.number.desc()).limit(count)
    return [Delivery(**row._mapping) for row in connection.execute(query)]


def replay(connection: sa.Connection, webhook_id: str, now: int, event_id: str | None = None) -> int:
    """Queues given-up events anew (all, or one), at their old place; how many."""
    table = WEBHOOK_EVENTS.c
    change = sa.update(WEBHOOK_EVENTS).where(table.webhook_id == webhook_id, table.state == DEAD)
    if event_id is not None:
        change = change.where(table.event_id == event_id)
    anew = change.values(state=QUEUED, attempts=0, created_at=now, due_at=now, finished_at=None)
    return connection.execute(anew).rowcount


def give_up(connection: sa.Connection, before: int, now: int, error: str) -> int:
    """Gives up events queued before an instant that have not arrived since; how many."""
    table = WEBHOOK_EVENTS.c
    old = sa.update(WEBHOOK_EVENTS).where(table.state == QUEUED, table.created_at < before)
    return connection.execute(old.values(state=DEAD, finished_at=now, last_error=error)).rowcount


def forget(connection: sa.Connection, before: int) -> int:
    """Removes events that ended before an instant; how many."""
    table = WEBHOOK_EVENTS.c
    ended = (table.state != QUEUED) & (table.finished_at < before)
    return connection.execute(sa.delete(WEBHOOK_EVENTS).where(ended)).rowcount


def marks(connection: sa.Connection) -> dict[tuple[str, str], Any]:
    """What was last said, by type and subject."""
    rows = connection.execute(sa.select(WEBHOOK_MARKS))
    return {(row.type, row.subject): json.loads(row.value) for row in rows}


def set_marks(
    connection: sa.Connection, said: Mapping[tuple[str, str], Any], gone: Sequence[tuple[str, str]] = ()
) -> None:
    """Notes what is said now, in place of what was said before; what is gone is forgotten."""
    for some in _slices([*said, *gone]):
        keys = sa.tuple_(WEBHOOK_MARKS.c.type, WEBHOOK_MARKS.c.subject)
        connection.execute(sa.delete(WEBHOOK_MARKS).where(keys.in_(some)))
    rows = [{"type": key[0], "subject": key[1], "value": json.dumps(value)} for key, value in said.items()]
    if rows:
        connection.execute(sa.insert(WEBHOOK_MARKS), rows)


def _slices(keys: Sequence[tuple[str, str]]) -> list[Sequence[tuple[str, str]]]:
    return [keys[at : at + 400] for at in range(0, len(keys), 400)]


def _webhook(row: Any) -> Webhook:
    fields = {name: getattr(row, name) for name in Webhook.__dataclass_fields__}
    return Webhook(**{**fields, "types": tuple(json.loads(row.types))})
