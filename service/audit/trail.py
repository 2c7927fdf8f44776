"""How does what is noted get into the store? In batches, by a thread that nobody waits for.

A store that is locked or away delays it, and nothing else. What processes that ended have left is taken up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm.acting import Entry
from crm.store import audit
from crm.store.engine import WRITING, open_engine
from crm.store.tables import STORED
from service.audit.rules import OF_DEAL
from service.audit.spool import Spool, entries_of
from service.logs import log_event
from service.watched_thread import WatchedThread

if TYPE_CHECKING:
    from service.settings import Settings

_SECONDS = 1.0  # between two batches
_MOST_BYTES = 256 << 20  # of lines that wait for a store that is away
_LOG = "sancho.audit"


class AuditTrail:
    """Takes entries at any time, and stores them while it is started."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._spool = settings.store_url, Spool(settings.home)
        self._waits = False
        self._moving = threading.Lock()
        self._opened: sa.Engine | None = None
        self._thread = WatchedThread("sancho-audit", self._round)

    def note(self, entry: Entry) -> None:
        """Notes what happened; never raises."""
        self._spool.note(entry)

    def start(self) -> None:
        """Stores what is noted, and what was left by a process that ended."""
        self._thread.start()

    def close(self) -> None:
        """Stores what it can of what is noted; the rest is taken up at the next start."""
        self._thread.stop()
        with suppress(Exception):
            self.store_noted()
        if self._opened is not None:
            self._opened.dispose()

    def store_noted(self) -> int:
        """Takes what is noted into the store; how many entries."""
        with self._moving:
            if self._spool.is_empty():
                return 0
            stored = 0
            for file in self._spool.files():
                stored += self._save(entries_of(file))
                file.unlink(missing_ok=True)
            held = self._spool.held()
            try:
                return stored + self._save(held)
            except BaseException:
                self._spool.hold(held)
                raise

    def _round(self) -> float:
        try:
            self.store_noted()
            self._waits = False
        except Exception as fault:
            if not self._waits:
                log_event(_LOG, "warning", "audit_waits", reason=str(fault)[:300])
            self._waits = True
            self._shed()
        return _SECONDS

    def _shed(self) -> None:
        """Lets the oldest files go where a store was away for so long that the disk would fill up."""
        files = self._spool.files()
        size = sum(one.stat().st_size for one in files)
        for file in files:
            if size <= _MOST_BYTES:
                return
            size -= file.stat().st_size
            log_event(_LOG, "error", "audit_lost", file=file.name)
            file.unlink(missing_ok=True)

    def _save(self, entries: Sequence[Entry]) -> int:
        if not entries:
            return 0
        with self._writing() as connection:
            told = list(_about_whom(connection, entries))
            audit.save(connection, told)
        return len(told)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._opened is None:
            self._opened = open_engine(self._url)
        engine = self._opened
        with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            yield connection


def note_now(settings: Settings, entry: Entry) -> None:
    """Notes what a process does that serves nobody; stored at once, or taken up by the next that stores."""
    trail = AuditTrail(settings)
    trail.note(entry)
    trail.close()


def _about_whom(connection: sa.Connection, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries with the owner of a deal that was read; a person's reads of his own deals are left out."""
    listed = list(entries)
    asked = {one.touched["deals"][0] for one in listed if _is_read_of_deal(one)}
    owners: dict[str, str | None] = {}
    deals = STORED["deals"].c
    for start in range(0, len(asked), 500):
        some = sorted(asked)[start : start + 500]
        query = sa.select(deals.deal_id, deals.owner_id).where(deals.deal_id.in_(some))
        owners |= {row[0]: row[1] for row in connection.execute(query)}
    for one in listed:
        if not _is_read_of_deal(one):
            yield one
            continue
        owner = owners.get(one.touched["deals"][0])
        if owner is None or owner != one.person_id:
            yield replace(one, about=owner)


def _is_read_of_deal(entry: Entry) -> bool:
    return entry.scope == OF_DEAL and bool(entry.touched.get("deals"))
