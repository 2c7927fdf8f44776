"""What may a caller ask about webhooks: add one, list them, see what arrived, send again, remove?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm.i18n import Language
from crm.instants import as_of_instant, iso
from crm.store.webhooks import STATES, Delivery, Webhook
from service import cursors
from service.idempotency import named_id
from service.jobs import JobQueue
from service.jobs.kinds import WEBHOOKS
from service.serving_state import ServingState
from service.settings import Settings
from service.webhooks.book import Webhooks
from service.webhooks.events import TYPES


class WebhookRequests:
    """The webhooks as the API offers them."""

    def __init__(self, serving: ServingState, settings: Settings) -> None:
        self._serving = serving
        self._queue = JobQueue(settings.store_url)
        self.book = Webhooks(settings.store_url, settings.private_webhooks)

    def close(self) -> None:
        """Closes the connections."""
        self.book.close()
        self._queue.close()

    def wake(self) -> None:
        """Lets a worker send what is due."""
        self._queue.add(WEBHOOKS, {}, unique_key=WEBHOOKS)

    def add(self, url: str, types: Sequence[str], caller: str, key: str | None = None) -> dict[str, Any]:
        """A new webhook, with the secret that is shown only now; under the same `key` a caller makes one."""
        webhook = self.book.add(url, types, caller, named_id(key, caller, "webhook"))
        return {**self._fields(webhook), "secret": webhook.secret, **self._metadata()}

    def all(self, lang: Language) -> dict[str, Any]:
        """All webhooks, and which types of event there are."""
        return {
            "webhooks": [self._fields(one) for one in self.book.all()],
            "event_types": [{"type": name, "label": label.to(lang)} for name, label in TYPES.items()],
            **self._metadata(),
        }

    def remove(self, webhook_id: str) -> dict[str, Any]:
        """Removes a webhook."""
        self.book.remove(webhook_id)
        return {"webhook_id": webhook_id, **self._metadata()}

    def ping(self, webhook_id: str) -> dict[str, Any]:
        """Sends an event that says nothing."""
        event = self.book.ping(webhook_id)
        self.wake()
        return {"webhook_id": webhook_id, "event_id": event.event_id, **self._metadata()}

    def deliveries(
        self, webhook_id: str, state: str | None, limit: int, cursor: str | None
    ) -> dict[str, Any]:
        """Events to a webhook, newest first, a page of them."""
        states, of = STATES if state is None else (state,), f"deliveries {webhook_id}"
        before = None if cursor is None else cursors.read(cursor, of, int)[0]
        found = self.book.deliveries(webhook_id, states, limit + 1, before)
        following = cursors.written(of, (found[limit - 1].number,)) if len(found) > limit else None
        return {
            "deliveries": [self._delivery(one) for one in found[:limit]],
            "next_cursor": following,
            **self._metadata(),
        }

    def replay(self, webhook_id: str, event_id: str | None) -> dict[str, Any]:
        """Sends given-up events again."""
        count = self.book.replay(webhook_id, event_id)
        self.wake()
        return {"webhook_id": webhook_id, "replayed": count, **self._metadata()}

    def _fields(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "webhook_id": webhook.webhook_id,
            "url": webhook.url,
            "types": list(webhook.types),
            "requested_by": webhook.requested_by,
            "created_at": self._moment(webhook.created_at),
            "disabled_at": self._moment(webhook.disabled_at),
        }

    def _delivery(self, one: Delivery) -> dict[str, Any]:
        return {
            "event_id": one.event_id,
            "type": one.type,
            "subject": one.subject or None,
            "state": one.state,
            "attempts": one.attempts,
            "created_at": self._moment(one.created_at),
            "due_at": self._moment(one.due_at) if one.state == "queued" else None,
            "finished_at": self._moment(one.finished_at),
            "last_status": one.last_status,
            "last_error": one.last_error,
        }

    def _moment(self, at: int | None) -> str | None:
        return None if at is None else iso(at, self._serving.zone())

    def _metadata(self) -> dict[str, Any]:
        zone = self._serving.zone()
        return {"as_of": iso(as_of_instant(None, zone), zone), "model": None, "warnings": []}
