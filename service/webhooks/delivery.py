"""How do queued events reach their receivers: in order, again where one is away, given up in the end?"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from crm.i18n import Text
from crm.store.webhooks import DEAD, DELIVERED, QUEUED, Delivery, Webhook
from service.logs import log_event
from service.webhooks.book import Webhooks
from service.webhooks.events import signature
from service.webhooks.sending import TIMEOUT_SECONDS, Sent, send

Step = Callable[[Text, int, "int | None"], None]
# Before the second attempt, the third ...: an event that does not arrive within about a day is given up.
RETRY_SECONDS = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0)
LEASE_SECONDS = 6 * TIMEOUT_SECONDS  # renewed before each call
_RUN_SECONDS = 30.0  # for which events are sent to one webhook before other jobs have their turn
_THREADS = 8  # webhooks at once: a slow receiver holds up itself alone
_GONE = 410
_LOG = "sancho.webhooks"
_SENDING = Text("Webhookを送信しています", "Sending events")


def deliver_due(book: Webhooks, step: Step) -> dict[str, Any]:
    """Sends what is due to each webhook; how many events arrived, failed for now, and were given up."""
    counts = {DELIVERED: 0, QUEUED: 0, DEAD: book.tidy()}
    found = book.all(active=True)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sancho-webhooks") as threads:
        for number, states in enumerate(threads.map(lambda one: _deliver(book, one), found), 1):
            step(_SENDING, number, len(found))
            for state in states:
                counts[state] += 1
    return {"delivered": counts[DELIVERED], "to_retry": counts[QUEUED], "given_up": counts[DEAD]}


def _deliver(book: Webhooks, webhook: Webhook) -> list[str]:
    """Sends what is due to one webhook, unless another process does; the state of each event after it."""
    lease = book.take(webhook.webhook_id, LEASE_SECONDS)
    if lease is None:
        return []
    states: list[str] = []
    ends = time.monotonic() + _RUN_SECONDS
    while (some := book.due(webhook.webhook_id)) and time.monotonic() < ends:
        for event in some:
            if not book.keep(webhook.webhook_id, lease, LEASE_SECONDS):
                return states
            states.append(_attempt(book, webhook, event))
            if states[-1] == QUEUED:  # it is away: the others need not wait for its time limit, too
                book.keep(webhook.webhook_id, lease, 0)
                return states
    book.keep(webhook.webhook_id, lease, 0)
    return states


def _attempt(book: Webhooks, webhook: Webhook, event: Delivery) -> str:
    sent = _send(webhook, event, book.private)
    if sent.has_arrived:
        state, wait = DELIVERED, 0.0
    elif sent.status == _GONE or event.attempts >= len(RETRY_SECONDS):
        state, wait = DEAD, 0.0
    else:
        state, wait = QUEUED, RETRY_SECONDS[event.attempts]
    book.note_attempt(event.number, state, wait, sent.status, sent.error)
    if sent.status == _GONE:
        book.disable(webhook.webhook_id)
    log_event(
        _LOG,
        "info" if state == DELIVERED else "warning",
        "webhook",
        webhook=webhook.webhook_id,
        id=event.event_id,
        type=event.type,
        state=state,
        attempt=event.attempts + 1,
        status=sent.status,
        reason=sent.error,
    )
    return state


def _send(webhook: Webhook, event: Delivery, private: bool, clock: Callable[[], float] = time.time) -> Sent:
    at = int(clock())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "sancho",
        "webhook-id": event.event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(webhook.secret, event.event_id, at, event.body),
    }
    return send(webhook.url, event.body, headers, private)
