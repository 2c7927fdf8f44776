"""What do webhooks and channels of alerts have in common? Being found, removed, and sent to by one at a time.

What is sent, to whom and in which order is each one's own: `service.webhooks.book`, `service.alerts.book`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import sqlalchemy as sa

from crm.errors import SanchoError
from crm.store.queue_database import QueueDatabase

__all__ = ["ReceiverBook", "ReceiverTable"]

Receiver = TypeVar("Receiver")
Stored = TypeVar("Stored", covariant=True)


class ReceiverTable(Protocol[Stored]):
    """The table of one kind of receiver; `crm.store.webhooks` and `crm.store.alerts` are such."""

    def find(self, connection: sa.Connection, receiver_id: str, /) -> Stored | None:
        """The receiver with an id, if there is one."""

    def remove(self, connection: sa.Connection, receiver_id: str, /) -> bool:
        """Removes a receiver and what waits for it; whether there was one."""

    def take(self, connection: sa.Connection, receiver_id: str, now: int, until: int, /) -> str | None:
        """The right to send to a receiver, if nobody has it."""

    def next_due(self, connection: sa.Connection, /) -> int | None:
        """When the next thing is to be sent."""


class ReceiverBook(QueueDatabase, Generic[Receiver]):
    """The receivers of one installation. Every method is one short transaction.

    `private`: whether addresses of private networks, and without TLS, are allowed.
    """

    _table: ReceiverTable[Receiver]
    _look_lock: int  # any number that only looking for what is new uses

    def __init__(
        self,
        store_url: str,
        private: bool = False,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        super().__init__(store_url, now)
        self.private = private

    def find(self, receiver_id: str) -> Receiver:
        """The one with an id; an error where there is none."""
        with self._engine.connect() as connection:
            found = self._table.find(connection, receiver_id)
        if found is None:
            raise self._unknown(receiver_id)
        return found

    def remove(self, receiver_id: str) -> None:
        """Removes one, and what was to be sent to it; an error where there is none."""
        with self._writing() as connection:
            if not self._table.remove(connection, receiver_id):
                raise self._unknown(receiver_id)

    def take(self, receiver_id: str, seconds: float) -> str | None:
        """The right to send to one for a while; None where somebody else has it."""
        now = self._now()
        with self._writing() as connection:
            return self._table.take(connection, receiver_id, now, now + int(seconds * 1e6))

    def seconds_to_next(self) -> float | None:
        """Seconds until something is due, at least 0; None where nothing is to be sent."""
        with self._engine.connect() as connection:
            found = self._table.next_due(connection)
        return None if found is None else max((found - self._now()) / 1e6, 0.0)

    @contextmanager
    def _looking(self) -> Iterator[sa.Connection]:
        """A transaction of who looks for what is new: one at a time, of all replicas."""
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(self._look_lock)))
            yield connection

    def _unknown(self, receiver_id: str) -> SanchoError:
        """What is said where there is no receiver of an id."""
        raise NotImplementedError
