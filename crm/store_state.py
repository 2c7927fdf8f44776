"""Which state is a store in? Asked without loading what reads it, so that its answers can be told again.

A state is named by all imports that changed rows and by the forecasts that are stored: whatever was imported,
pushed or removed since names another one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

_SCHEME = "sqlite:///"
_LOCKED_SECONDS = 0.5  # for a file that is being written to
_QUESTIONS = (
    "SELECT version_num FROM alembic_version",
    "SELECT id, at, imported, digest FROM imports WHERE imported > 0 ORDER BY id",
    "SELECT count(*), max(kept_at) FROM outlooks",
)


def store_state(url: str) -> str | None:
    """A name for all that an SQLite store holds of the organisation; None where only the store can tell."""
    file = Path(url.removeprefix(_SCHEME))
    if not url.startswith(_SCHEME) or "?" in url or not file.is_file():
        return None
    said = sha256()
    try:
        address = f"file:{quote(str(file.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_LOCKED_SECONDS)) as database:
            database.execute("BEGIN")  # one state of all tables
            for question in _QUESTIONS:
                for row in database.execute(question):
                    said.update(repr(row).encode())
                said.update(b"\n")
    except (sqlite3.Error, OSError):
        return None
    return said.hexdigest()
