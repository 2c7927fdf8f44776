"""What may a caller ask about alerts: add a channel, list them, try one out, mute somebody, remove one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from crm.i18n import Language
from crm.instants import as_of_instant, iso, last_known_day
from crm.store.alerts import DEAD, QUEUED, SENDING, SENT, UNSURE, Channel
from models.forecast.organisation import ScopeTree
from service.alerts.book import AlertBook
from service.alerts.forms import MAIL
from service.alerts.kinds import KINDS
from service.alerts.readers import reader_of, readers
from service.jobs import JobQueue
from service.jobs.kinds import ALERTS, queue_sending
from service.serving_state import ServingState
from service.settings import Settings


class AlertRequests:
    """The alerts as the API offers them."""

    def __init__(self, serving: ServingState, settings: Settings) -> None:
        self._serving = serving
        self._queue = JobQueue(settings.store_url)
        self.book = AlertBook(settings.store_url, settings.private_webhooks)

    def close(self) -> None:
        """Closes the connections."""
        self.book.close()
        self._queue.close()

    def wake(self, seconds: float = 0.0) -> None:
        """Lets a worker send what is due in so many seconds."""
        queue_sending(self._queue, ALERTS, seconds)

    def add(self, asked: Mapping[str, Any], caller: str) -> dict[str, Any]:
        """A new channel; the secret of a webhook is shown only now."""
        channel = add_channel(self.book, asked, caller, self._people)
        secret = channel.secret if channel.form == "webhook" else None
        return {**self._fields(channel, {}), "secret": secret, **self._metadata()}

    def all(self, lang: Language) -> dict[str, Any]:
        """All channels, who is muted, and which kinds of alert there are."""
        counts = self.book.counts()
        return {
            "channels": [self._fields(one, counts) for one in self.book.all()],
            "mutes": [{"who": who, "kind": kind or None} for who, kind in sorted(self.book.mutes())],
            "kinds": [{"kind": name, "label": label.to(lang)} for name, label in KINDS.items()],
            **self._metadata(),
        }

    def remove(self, channel_id: str) -> dict[str, Any]:
        """Removes a channel."""
        self.book.remove(channel_id)
        return {"channel_id": channel_id, **self._metadata()}

    def test(self, channel_id: str) -> dict[str, Any]:
        """Sends an alert that says nothing."""
        self.book.test(channel_id)
        self.wake()
        return {"channel_id": channel_id, **self._metadata()}

    def mute(self, who: str, kinds: Sequence[str], muted: bool) -> dict[str, Any]:
        """Tells somebody nothing more of some kinds (none given: of any), or takes that back."""
        if muted:
            self.book.mute(who, kinds)
        else:
            self.book.unmute(who, kinds)
        found = [kind for of, kind in sorted(self.book.mutes()) if of == who]
        return {"who": who, "muted": [kind or None for kind in found], **self._metadata()}

    def _people(self) -> tuple[pd.DataFrame, ScopeTree, date]:
        state = self._serving.current()
        log = state.known_at(state.now)
        return log["people"], ScopeTree.of(log), last_known_day(state.now, log.zone)

    def _fields(self, channel: Channel, counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
        def count(*states: str) -> int:
            return sum(counts.get((channel.channel_id, state), 0) for state in states)

        return {
            "channel_id": channel.channel_id,
            "form": channel.form,
            "address": shown_address(channel),
            "person_id": channel.person_id,
            "scope": channel.scope,
            "kinds": list(channel.kinds),
            "language": channel.language,
            "requested_by": channel.requested_by,
            "created_at": iso(channel.created_at, self._serving.zone()),
            "sent": count(SENT),
            "waiting": count(QUEUED, SENDING),
            "given_up": count(DEAD),
            "unsure": count(UNSURE),
        }

    def _metadata(self) -> dict[str, Any]:
        zone = self._serving.zone()
        return {"as_of": iso(as_of_instant(None, zone), zone), "model": None, "warnings": []}


def add_channel(
    book: AlertBook,
    asked: Mapping[str, Any],
    caller: str | None,
    people: Callable[[], tuple[pd.DataFrame, ScopeTree, date]],
) -> Channel:
    """A new channel as it is asked for; a person's mail goes to the address in the table of people.

    `people` gives, when it is called, that table, the tree of scopes and the day that they are of.
    """
    address, person = asked.get("address") or "", asked.get("person_id")
    scope = asked.get("scope")
    if person is not None or scope is not None:
        table, organisation, today = people()
        if person is not None:
            reader = reader_of(
                readers(table, organisation, today), person, asked["form"] == MAIL and not address
            )
            address = address or reader.email or ""
        if scope is not None:
            organisation.members(scope)  # raises for an unknown scope
    return book.add(
        asked["form"],
        address,
        person_id=person,
        scope=scope,
        kinds=asked.get("kinds") or (),
        language=asked.get("language"),
        token=asked.get("token"),
        requested_by=caller,
    )


def shown_address(channel: Channel) -> str:
    """An address without what is secret of it: addresses of Slack and Teams open their channel to anybody.

    >>> from crm.store.alerts import Channel
    >>> made = {"channel_id": "al_1", "kinds": (), "created_at": 0}
    >>> shown_address(Channel(form="slack", address="https://hooks.slack.com/services/T0/B0/x", **made))
    'https://hooks.slack.com/…'
    >>> shown_address(Channel(form="mail", address="sato@example.com", **made))
    's…@example.com'
    """
    if channel.form == MAIL:
        local, _, domain = channel.address.rpartition("@")
        return f"{local[:1]}…@{domain}"
    if "://" in channel.address:
        return "/".join(channel.address.split("/")[:3]) + "/…"
    return channel.address
