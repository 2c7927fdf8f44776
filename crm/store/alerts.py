"""Whom are alerts sent to, what was each told, and what is still to be told?

An alert has a key that says what happened, and no channel is told a key twice, whoever asks for it: a second
replica, a process that was started again. The alerts of a channel that are sent together get a group when
they are first sent, and keep it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm.store.tables import ALERT_CHANNELS, ALERT_MARKS, ALERT_MUTES, ALERTS

QUEUED, SENDING, SENT = "queued", "sending", "sent"
UNSURE, DEAD, MUTED = "unsure", "dead", "muted"
STATES = (QUEUED, SENDING, SENT, UNSURE, DEAD, MUTED)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where alerts go. With a person the scope is what that person may see, else `scope` says it."""

    channel_id: str
    form: str
    address: str
    kinds: tuple[str, ...]
    created_at: int
    secret: str | None = None
    person_id: str | None = None
    scope: str | None = None
    language: str | None = None
    requested_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewAlert:
    """Something that a channel is to be told from `due_at` on."""

    channel_id: str
    key: str
    kind: str
    body: Mapping[str, Any]
    due_at: int


@dataclass(frozen=True, kw_only=True)
class StoredAlert:
    """An alert to one channel, and what became of it."""

    number: int
    channel_id: str
    kind: str
    body: Mapping[str, Any]
    state: str
    group_id: str | None
    attempts: int
    created_at: int
    due_at: int
    finished_at: int | None
    last_error: str | None


def add(connection: sa.Connection, channel: Channel) -> None:
    """Stores a channel. The first one starts with a blank page: nothing is news of before it was there."""
    if not listed(connection):
        connection.execute(sa.delete(ALERT_MARKS))
    row = {name: getattr(channel, name) for name in Channel.__dataclass_fields__}
    row |= {"kinds": json.dumps(channel.kinds), "leased_until": 0, "lease": None}
    connection.execute(sa.insert(ALERT_CHANNELS), row)


def listed(connection: sa.Connection) -> list[Channel]:
    """All channels, oldest first."""
    rows = connection.execute(
        sa.select(ALERT_CHANNELS).order_by(ALERT_CHANNELS.c.created_at, ALERT_CHANNELS.c.channel_id)
    )
    return [_channel(row) for row in rows]


def find(connection: sa.Connection, channel_id: str) -> Channel | None:
    """The channel with an id."""
    query = sa.select(ALERT_CHANNELS).where(ALERT_CHANNELS.c.channel_id == channel_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _channel(row)


def remove(connection: sa.Connection, channel_id: str) -> bool:
    """Removes a channel with its alerts; whether it was there."""
    connection.execute(sa.delete(ALERTS).where(ALERTS.c.channel_id == channel_id))
    connection.execute(sa.delete(ALERT_MUTES).where(ALERT_MUTES.c.who == channel_id))
    gone = sa.delete(ALERT_CHANNELS).where(ALERT_CHANNELS.c.channel_id == channel_id)
    return connection.execute(gone).rowcount > 0


def readdress(connection: sa.Connection, channel_id: str, address: str) -> None:
    """Gives a channel another address."""
    change = sa.update(ALERT_CHANNELS).where(ALERT_CHANNELS.c.channel_id == channel_id)
    connection.execute(change.values(address=address))


def drop(connection: sa.Connection, channel_id: str, now: int) -> int:
    """Notes that what waits for a channel is not told; how many alerts."""
    table = ALERTS.c
    change = sa.update(ALERTS).where(table.channel_id == channel_id, table.state == QUEUED)
    return connection.execute(change.values(state=MUTED, finished_at=now)).rowcount


def queue(connection: sa.Connection, alerts: Iterable[NewAlert], now: int) -> int:
    """Queues alerts, but for those whose key a channel has been told, or is to be; how many are new."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(ALERTS)
    count = 0
    for alert in alerts:
        row = {
            "channel_id": alert.channel_id,
            "key": alert.key,
            "kind": alert.kind,
            "body": json.dumps(alert.body, ensure_ascii=False),
            "state": QUEUED,
            "attempts": 0,
            "created_at": now,
            "due_at": alert.due_at,
        }
        new = insert.values(row).on_conflict_do_nothing().returning(ALERTS.c.number)
        count += len(connection.execute(new).all())
    return count


def first_due(connection: sa.Connection, channel_id: str) -> int | None:
    """When what is queued for a channel, and in no group yet, is to be sent; None where there is none.

    What is to be sent at any hour has no say in it.
    """
    table = ALERTS.c
    waiting = (table.channel_id == channel_id) & (table.state == QUEUED) & table.group_id.is_(None)
    grouped = waiting & (table.due_at > table.created_at)
    found = connection.scalar(sa.select(sa.func.min(table.due_at)).where(grouped))
    return None if found is None else int(found)


def take(connection: sa.Connection, channel_id: str, now: int, until: int) -> str | None:
    """The right to send to a channel until an instant; None where somebody else has it.

    Whoever had it before and was sending when it ended may have sent: that is not known, and not done again.
    """
    lease = secrets.token_hex(8)
    change = (
        sa.update(ALERT_CHANNELS)
        .where(ALERT_CHANNELS.c.channel_id == channel_id, ALERT_CHANNELS.c.leased_until <= now)
        .values(lease=lease, leased_until=until)
    )
    if not connection.execute(change).rowcount:
        return None
    table = ALERTS.c
    left = sa.update(ALERTS).where(table.channel_id == channel_id, table.state == SENDING)
    connection.execute(left.values(state=UNSURE, finished_at=now, last_error="interrupted while sending"))
    return lease


def keep(connection: sa.Connection, channel_id: str, lease: str, until: int) -> bool:
    """Holds that right for longer, or with `until` 0 gives it back; False where it was lost."""
    change = (
        sa.update(ALERT_CHANNELS)
        .where(ALERT_CHANNELS.c.channel_id == channel_id, ALERT_CHANNELS.c.lease == lease)
        .values(leased_until=until)
    )
    return connection.execute(change).rowcount > 0


def due(connection: sa.Connection, channel_id: str, now: int) -> list[StoredAlert]:
    """The alerts of the next message to a channel: a group that is sent again, else all that are due."""
    table = ALERTS.c
    queued = (table.channel_id == channel_id) & (table.state == QUEUED)
    again = sa.select(table.group_id).where(queued, table.group_id.is_not(None), table.due_at <= now)
    group = connection.scalar(again.order_by(table.number).limit(1))
    if group is not None:
        return _alerts(connection, queued & (table.group_id == group))
    return _alerts(connection, queued & table.group_id.is_(None) & (table.due_at <= now))


def begin(connection: sa.Connection, numbers: Sequence[int], group_id: str) -> None:
    """Notes that alerts are being sent, in one message."""
    change = sa.update(ALERTS).where(ALERTS.c.number.in_(numbers))
    connection.execute(
        change.values(state=SENDING, group_id=group_id, attempts=ALERTS.c.attempts + 1, last_error=None)
    )


def note(
    connection: sa.Connection,
    numbers: Sequence[int],
    state: str,
    *,
    now: int,
    due_at: int,
    error: str | None,
) -> None:
    """Notes what came of alerts; those that are queued again are due at an instant."""
    change = sa.update(ALERTS).where(ALERTS.c.number.in_(numbers))
    connection.execute(
        change.values(
            state=state, due_at=due_at, finished_at=None if state == QUEUED else now, last_error=error
        )
    )


def next_due(connection: sa.Connection) -> int | None:
    """When the next alert is due; None where none is to be sent."""
    found = connection.scalar(sa.select(sa.func.min(ALERTS.c.due_at)).where(ALERTS.c.state == QUEUED))
    return None if found is None else int(found)


def newest(connection: sa.Connection, count: int, channel_id: str | None = None) -> list[StoredAlert]:
    """The newest alerts, of one channel or of all."""
    where = sa.true() if channel_id is None else ALERTS.c.channel_id == channel_id
    return _alerts(connection, where, ALERTS.c.number.desc(), count)


def counts(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """How many alerts there are, by channel and state."""
    table = ALERTS.c
    query = sa.select(table.channel_id, table.state, sa.func.count()).group_by(table.channel_id, table.state)
    return {(channel, state): int(count) for channel, state, count in connection.execute(query)}


def blank(connection: sa.Connection, before: int) -> int:
    """Removes what was said in alerts that ended before an instant, but not that it was said; how many."""
    old = (ALERTS.c.finished_at < before) & (ALERTS.c.body != "{}")
    return connection.execute(sa.update(ALERTS).where(old).values(body="{}")).rowcount


def erase(connection: sa.Connection, texts: Sequence[str], who: str | None, now: int) -> int:
    """Removes what is said anywhere with one of some texts in it, and all of a person's; how many rows.

    What ended loses its words, what still waits is not told.
    """
    count = 0
    if who is not None:
        of_person = sa.select(ALERT_CHANNELS.c.channel_id).where(ALERT_CHANNELS.c.person_id == who)
        for channel_id in list(connection.scalars(of_person)):
            count += int(remove(connection, channel_id))
        count += unmute(connection, who)
    for alert in _alerts(connection, ALERTS.c.body != "{}"):
        said = json.dumps(alert.body, ensure_ascii=False)
        if any(json.dumps(text, ensure_ascii=False)[1:-1] in said for text in texts if text):
            of_alert = sa.update(ALERTS).where(ALERTS.c.number == alert.number)
            ended = {"state": MUTED, "finished_at": now} if alert.state in (QUEUED, SENDING) else {}
            connection.execute(of_alert.values(body="{}", **ended))
            count += 1
    return count


def forget(connection: sa.Connection, before: int) -> int:
    """Removes alerts that ended before an instant; how many."""
    return connection.execute(sa.delete(ALERTS).where(ALERTS.c.finished_at < before)).rowcount


def mute(connection: sa.Connection, who: str, kinds: Sequence[str], now: int) -> None:
    """Notes that somebody does not want to be told some kinds."""
    unmute(connection, who, kinds)
    rows = [{"who": who, "kind": kind, "created_at": now} for kind in dict.fromkeys(kinds)]
    connection.execute(sa.insert(ALERT_MUTES), rows)


def unmute(connection: sa.Connection, who: str, kinds: Sequence[str] | None = None) -> int:
    """Takes that back, for some kinds or (None) all; how many there were."""
    gone = sa.delete(ALERT_MUTES).where(ALERT_MUTES.c.who == who)
    if kinds is not None:
        gone = gone.where(ALERT_MUTES.c.kind.in_(list(kinds)))
    return connection.execute(gone).rowcount


def mutes(connection: sa.Connection) -> set[tuple[str, str]]:
    """Who does not want to be told which kind (empty: any)."""
    return {(row.who, row.kind) for row in connection.execute(sa.select(ALERT_MUTES))}


def marks(connection: sa.Connection) -> dict[tuple[str, str], Any]:
    """With what each subject is compared, by kind and subject."""
    return {
        (row.kind, row.subject): json.loads(row.value) for row in connection.execute(sa.select(ALERT_MARKS))
    }


def set_marks(
    connection: sa.Connection, now: Mapping[tuple[str, str], Any], gone: Sequence[tuple[str, str]] = ()
) -> None:
    """Notes what subjects are compared with from now on; what is gone is forgotten."""
    keys = [*now, *gone]
    columns = sa.tuple_(ALERT_MARKS.c.kind, ALERT_MARKS.c.subject)
    for at in range(0, len(keys), 400):
        connection.execute(sa.delete(ALERT_MARKS).where(columns.in_(keys[at : at + 400])))
    rows = [{"kind": key[0], "subject": key[1], "value": json.dumps(value)} for key, value in now.items()]
    if rows:
        connection.execute(sa.insert(ALERT_MARKS), rows)


def _channel(row: Any) -> Channel:
    fields = {name: getattr(row, name) for name in Channel.__dataclass_fields__}
    return Channel(**{**fields, "kinds": tuple(json.loads(row.kinds))})


def _alerts(
    connection: sa.Connection, where: Any, order: Any = ALERTS.c.number, count: int | None = None
) -> list[StoredAlert]:
    query = sa.select(ALERTS).where(where).order_by(order)
    rows = connection.execute(query if count is None else query.limit(count))
    return [
        StoredAlert(
            **{
                name: json.loads(row.body) if name == "body" else getattr(row, name)
                for name in StoredAlert.__dataclass_fields__
            }
        )
        for row in rows
    ]
