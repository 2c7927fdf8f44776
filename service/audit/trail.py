"""How is what happens noted without holding up the answer? A line in a file of the home, stored soon after.

A line is written before the answer is sent, so that a process that is killed loses none; a machine that
loses its power can lose those of the last seconds. A thread takes the lines into the store in batches, those
that other processes have left, too. A store that is locked or away delays that, and nothing else.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from crm.store import audit
from crm.store.audit import Entry
from crm.store.engine import WRITING, open_engine
from crm.store.tables import STORED
from service.logs import log_event
from service.watched_thread import WatchedThread

if TYPE_CHECKING:
    from service.settings import Settings

FOLDER = "audit"
_WAITING, _TAKEN = ".ndjson", ".taken"
_SECONDS = 1.0  # between two batches
_LEFT_SECONDS = 60.0  # after which the file of another process is taken up
_MOST_HELD = 10_000  # lines in memory where the home cannot be written to
_LOST_TOLD = 1_000  # entries that are lost between two lines that say so
_MOST_BYTES = 256 << 20  # of lines that wait for a store that is away
_LOG = "sancho.audit"
OWNED = ("deals",)  # touched rows whose owner is the person that a read is about


class AuditTrail:
    """Takes entries at any time, and stores them while it is started."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._folder = settings.store_url, settings.home / FOLDER
        self._file = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{_WAITING}"
        self._held: list[Entry] = []
        self._lost, self._waits = 0, False
        self._lock, self._moving = threading.Lock(), threading.Lock()
        self._opened: sa.Engine | None = None
        self._thread = WatchedThread("sancho-audit", self._round)

    def note(self, entry: Entry) -> None:
        """Notes what happened; never raises."""
        line = orjson.dumps(asdict(entry)) + b"\n"
        with self._lock:
            try:
                _append(self._file, line)
            except OSError as fault:
                if len(self._held) < _MOST_HELD:
                    self._held.append(entry)
                else:
                    self._lost += 1
                if len(self._held) == 1 or self._lost % _LOST_TOLD == 1:
                    log_event(_LOG, "error", "audit_not_written", reason=str(fault), lost=self._lost)

    def start(self) -> None:
        """Stores what is noted, and what was left by a process that ended."""
        self._thread.start()

    def leave(self) -> None:
        """Leaves what is noted to the next process that stores."""
        with self._lock:
            _take(self._file)

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
            if not self._held and not any(self._folder.glob("*.*")):
                return 0
            stored = 0
            for file in self._files():
                stored += self._save(_entries(file))
                file.unlink(missing_ok=True)
            with self._lock:
                held, self._held = self._held, []
            try:
                return stored + self._save(held)
            except BaseException:
                self._held = held + self._held
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
        files = sorted(self._folder.glob(f"*{_TAKEN}"), key=lambda one: one.stat().st_mtime)
        size = sum(one.stat().st_size for one in files)
        for file in files:
            if size <= _MOST_BYTES:
                return
            size -= file.stat().st_size
            log_event(_LOG, "error", "audit_lost", file=file.name)
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """Files that nobody writes to any more, oldest first."""
        with self._lock:
            _take(self._file)
        for other in self._folder.glob(f"*{_WAITING}"):
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > _LEFT_SECONDS:
                    _take(other)
        return sorted(self._folder.glob(f"*{_TAKEN}"), key=lambda one: one.name.split(".")[-2])

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


def _append(file: Path, line: bytes) -> None:
    """One line, whole or not at all. The file is opened anew, so that it can be taken away at any time."""
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except FileNotFoundError:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(number, line)
    finally:
        os.close(number)


def _take(file: Path) -> None:
    with suppress(FileNotFoundError):
        file.rename(file.with_name(f"{file.stem}.{time.time_ns()}{_TAKEN}"))


def _entries(file: Path) -> list[Entry]:
    """The entries of a file; a line that was cut short by the end of a machine is left out."""
    found = []
    for line in file.read_bytes().splitlines():
        with suppress(ValueError, TypeError):
            values: dict[str, Any] = orjson.loads(line)
            found.append(Entry(**values))
    return found


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


OF_DEAL = "deal"  # the scope of a read of one deal
