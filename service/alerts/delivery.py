"""How do alerts reach people: grouped, once, again where a channel is away, given up in the end?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from crm.i18n import Text
from crm.store.alerts import DEAD, QUEUED, SENT, UNSURE, Channel
from service.alerts.book import AlertBook
from service.alerts.sending import SMTP_SECONDS, Outcome, Sender
from service.logs import log_event

Step = Callable[[Text, int, "int | None"], None]
# Before the second attempt, the third ...: a message that does not get through within a day is given up.
RETRY_SECONDS = (60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0)
LEASE_SECONDS = 6 * SMTP_SECONDS  # renewed before each message
_THREADS = 8  # channels at once: a slow one holds up itself alone
_MOST_MESSAGES = 20  # to one channel before other jobs have their turn
_SENDING = Text("通知を送信しています", "Sending alerts")


def deliver_due(book: AlertBook, sender: Sender, step: Step) -> dict[str, Any]:
    """Sends what is due to each channel; how many messages arrived, will be sent again, were given up."""
    counts = {SENT: 0, QUEUED: 0, DEAD: 0, UNSURE: 0}
    book.tidy()
    channels = book.all()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sancho-alerts") as threads:
        for number, states in enumerate(threads.map(lambda one: _deliver(book, sender, one), channels), 1):
            step(_SENDING, number, len(channels))
            for state in states:
                counts[state] += 1
    return {
        "sent": counts[SENT],
        "to_retry": counts[QUEUED],
        "given_up": counts[DEAD],
        "unsure": counts[UNSURE],
    }


def _deliver(book: AlertBook, sender: Sender, channel: Channel) -> list[str]:
    """Sends what is due to one channel, unless another process does; what came of each message."""
    lease = book.take(channel.channel_id, LEASE_SECONDS)
    if lease is None:
        return []
    states: list[str] = []
    while len(states) < _MOST_MESSAGES:
        some = book.begin(channel.channel_id, lease, LEASE_SECONDS)
        if not some:
            break
        group = str(some[0].group_id)
        outcome = _sent(sender, channel, [(one.kind, one.body) for one in some], group)
        state, wait = outcome.state, 0.0
        if state == QUEUED:
            attempts = max(one.attempts for one in some)
            state, wait = (
                (DEAD, 0.0) if attempts > len(RETRY_SECONDS) else (QUEUED, RETRY_SECONDS[attempts - 1])
            )
        book.note(some, state, wait, outcome.error)
        states.append(state)
        log_event(
            "sancho.alerts",
            "info" if state == SENT else "warning",
            "alert",
            channel=channel.channel_id,
            form=channel.form,
            id=group,
            alerts=len(some),
            state=state,
            reason=outcome.error,
        )
        if state != SENT:  # the others need not wait for its time limit, too
            break
    book.give_back(channel.channel_id, lease)
    return states


def _sent(sender: Sender, channel: Channel, alerts: list[tuple[str, Any]], group: str) -> Outcome:
    try:
        return sender.send(channel, alerts, group)
    except Exception as error:  # words or a form failed: nothing has left
        log_event("sancho.alerts", "error", "alert_failed", channel=channel.channel_id, exc_info=error)
        return Outcome(QUEUED, type(error).__name__)
