"""How is what happens noted in a moment? As a line in a file of the home, which another process can take up.

A line is written before the answer is sent, so that a process that is killed loses none; a machine that
loses its power can lose those of the last seconds. Nothing is loaded for it that quick commands do not need.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from crm.acting import Entry
from service.logs import log_event

FOLDER = "audit"
_WAITING, _TAKEN = ".ndjson", ".taken"
_LEFT_SECONDS = 60.0  # after which the file of another process is taken up
_MOST_HELD = 10_000  # entries in memory where the home cannot be written to
_LOST_TOLD = 1_000  # entries that are lost between two lines that say so


class Spool:
    """What one process has noted, in a file of its own; and what others have left."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._file = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{_WAITING}"
        self._held: list[Entry] = []
        self._lost = 0
        self._lock = threading.Lock()

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
                    log_event(
                        "sancho.audit", "error", "audit_not_written", reason=str(fault), lost=self._lost
                    )

    def leave(self) -> None:
        """Leaves what is noted to the next process that stores."""
        with self._lock:
            _take(self._file)

    def is_empty(self) -> bool:
        """Whether nothing waits to be stored."""
        return not self._held and not any(self._folder.glob("*.*"))

    def files(self) -> list[Path]:
        """Files that nobody writes to any more, oldest first; this process's own is taken from it."""
        self.leave()
        for other in self._folder.glob(f"*{_WAITING}"):
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > _LEFT_SECONDS:
                    _take(other)
        return sorted(self._folder.glob(f"*{_TAKEN}"), key=lambda one: one.name.split(".")[-2])

    def held(self) -> list[Entry]:
        """What is held in memory, which is given away by this."""
        with self._lock:
            given, self._held = self._held, []
        return given

    def hold(self, entries: list[Entry]) -> None:
        """Takes it back."""
        with self._lock:
            self._held = entries + self._held


def entries_of(file: Path) -> list[Entry]:
    """The entries of a file; a line that was cut short by the end of a machine is left out."""
    found = []
    for line in file.read_bytes().splitlines():
        with suppress(ValueError, TypeError):
            values: dict[str, Any] = orjson.loads(line)
            found.append(Entry(**values))
    return found


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
