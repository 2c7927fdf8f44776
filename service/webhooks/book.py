"""How are webhooks added, listed, tried out and removed, and what became of the events sent to them?

They stand in the queue's database (`crm.store.queue_database`): an import that locks the store holds up
no delivery.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import DAY
from crm.store import webhooks
from crm.store.webhooks import Delivery, NewEvent, Webhook
from service.idempotency import refuse_reuse
from service.receiver_book import ReceiverBook, ReceiverTable
from service.webhooks.events import PING, TYPES, new_event, new_secret
from service.webhooks.sending import checked_url, resolved

Marks = dict[tuple[str, str], Any]  # by type and subject
KEPT_DAYS = 30  # for which events that have arrived, or were given up, are remembered
TRIED_DAYS = 3  # after which an event is given up that waits behind others, or for its receiver
_TOO_OLD = f"not delivered within {TRIED_DAYS} days"
MOST = 50  # webhooks
_NO_WEBHOOK = Text(
    "Webhook「{webhook_id}」はありません。"
    "`sancho webhooks list` または GET /v1/webhooks で確認してください。",
    "there is no webhook {webhook_id!r}; see `sancho webhooks list` or GET /v1/webhooks.",
)
_NO_TYPE = Text(
    "イベントの種類「{type}」はありません。{types} のいずれかを指定してください。",
    "there is no type of event {type!r}; give one of {types}.",
)
_TOO_MANY = Text(
    "Webhookは{n}件まで登録できます。使っていないものを削除してください。",
    "there can be {n} webhooks; remove one that is not used.",
)


class Webhooks(ReceiverBook[Webhook]):
    """The webhooks of one installation."""

    _table: ReceiverTable[Webhook] = webhooks
    _look_lock = 0x53414E57

    def add(
        self,
        url: str,
        types: Sequence[str] = (),
        requested_by: str | None = None,
        name: str | None = None,
    ) -> Webhook:
        """A new webhook for events of some types (none given: all), with a new secret.

        `name`: what its id is made of; one that is there under that name is it.
        """
        for one in types:
            if one not in TYPES:
                raise SanchoError(_NO_TYPE.format(type=one, types=", ".join(TYPES)), "unknown_event_type")
        resolved(checked_url(url, self.private), self.private)
        webhook = Webhook(
            webhook_id=f"wh_{secrets.token_hex(8) if name is None else name}",
            url=url,
            types=tuple(dict.fromkeys(types)) or tuple(TYPES),
            secret=new_secret(),
            requested_by=requested_by,
            created_at=self._now(),
        )
        try:
            return self._added(webhook, name is not None)
        except IntegrityError:  # the same was added meanwhile, through another process
            there = self.find(webhook.webhook_id)
            refuse_reuse((there.url, there.types) == (webhook.url, webhook.types))
            return there

    def _added(self, webhook: Webhook, is_named: bool) -> Webhook:
        with self._writing() as connection:
            there = webhooks.find(connection, webhook.webhook_id) if is_named else None
            if there is not None:
                refuse_reuse((there.url, there.types) == (webhook.url, webhook.types))
                return there
            if len(webhooks.listed(connection)) >= MOST:
                raise SanchoError(_TOO_MANY.format(n=MOST), "too_many_webhooks")
            webhooks.add(connection, webhook)
        return webhook

    def all(self, active: bool = False) -> list[Webhook]:
        """All webhooks, oldest first; `active`: those that events are sent to."""
        with self._engine.connect() as connection:
            return webhooks.listed(connection, active)

    def ping(self, webhook_id: str) -> NewEvent:
        """Queues an event that says nothing, to see whether it arrives."""
        self.find(webhook_id)
        event = new_event(PING, webhook_id, datetime.now(UTC).isoformat(timespec="seconds"), {})
        with self._writing() as connection:
            webhooks.queue_for(connection, webhook_id, event, self._now())
        return event

    def deliveries(
        self,
        webhook_id: str,
        states: Sequence[str] = webhooks.STATES,
        count: int = 50,
        before: int | None = None,
    ) -> list[Delivery]:
        """Events to a webhook in some states, newest first; `before`: older than the one of this number."""
        self.find(webhook_id)
        with self._engine.connect() as connection:
            return webhooks.deliveries(connection, webhook_id, states, count, before)

    def replay(self, webhook_id: str, event_id: str | None = None) -> int:
        """Sends given-up events again (all, or one), also to a webhook that had been disabled; how many."""
        with self._writing() as connection:
            if not webhooks.disable(connection, webhook_id, None):
                raise self._unknown(webhook_id)
            return webhooks.replay(connection, webhook_id, self._now(), event_id)

    # What notices and deliveries do.

    def note(
        self,
        compare: Callable[[dict[tuple[str, str], Any]], tuple[list[NewEvent], dict[Any, Any], list[Any]]],
    ) -> int:
        """Queues what `compare` finds new since what was last said; how many deliveries that makes.

        `compare` is given what was said and returns events, what is said now and what is gone. One caller at
        a time, of all replicas, so that nothing is said twice.
        """
        with self._looking() as connection:
            events, said, gone = compare(webhooks.marks(connection))
            webhooks.set_marks(connection, said, gone)
            return webhooks.queue(connection, events, self._now())

    def keep(self, webhook_id: str, lease: str, seconds: float) -> bool:
        """Keeps that right for a while longer; 0 seconds gives it back. False where it was lost."""
        until = self._now() + int(seconds * 1e6) if seconds else 0
        with self._writing() as connection:
            return webhooks.keep(connection, webhook_id, lease, until)

    def due(self, webhook_id: str, count: int = 50) -> list[Delivery]:
        """Events to send now, of each subject the oldest."""
        with self._engine.connect() as connection:
            return webhooks.due(connection, webhook_id, self._now(), count)

    def note_attempt(
        self, number: int, state: str, wait_seconds: float, status: int | None, error: str | None
    ) -> None:
        """Notes what came of sending an event, and after how many seconds it is to be sent again."""
        now = self._now()
        due_at = now + int(wait_seconds * 1e6)
        with self._writing() as connection:
            webhooks.note_attempt(
                connection, number, state, now=now, due_at=due_at, status=status, error=error
            )

    def disable(self, webhook_id: str) -> None:
        """Sends nothing more to a webhook whose receiver says that it is gone."""
        with self._writing() as connection:
            webhooks.disable(connection, webhook_id, self._now())

    def tidy(self) -> int:
        """Gives up what has not arrived for days (how many), and removes what ended long ago."""
        now = self._now()
        with self._writing() as connection:
            webhooks.forget(connection, now - KEPT_DAYS * DAY)
            return webhooks.give_up(connection, now - TRIED_DAYS * DAY, now, _TOO_OLD)

    def _unknown(self, receiver_id: str) -> SanchoError:
        return SanchoError(_NO_WEBHOOK.format(webhook_id=receiver_id), "unknown_webhook")
