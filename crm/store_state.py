"""Which state is a store in? Asked without loading what reads it, so that its answers can be told again.

A state is named by all imports that changed rows: whatever was imported, pushed or removed since names
another one. The forecasts that are stored day by day have a name of their own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

_SCHEME = "sqlite:///"
_LOCKED_SECONDS = 0.5  # for a file that is being written to
_ROWS = (
    "SELECT version_num FROM alembic_version",
    "SELECT id, at, imported, digest FROM imports WHERE imported > 0 ORDER BY id",
)
_FORECASTS = ("SELECT count(*), max(kept_at) FROM outlooks",)


def store_state(url: str) -> tuple[str, str] | None:
    """Names for the rows and for the forecasts of an SQLite store; None where only the store can tell."""
    file = Path(url.removeprefix(_SCHEME))
    if not url.startswith(_SCHEME) or "?" in url or not file.is_file():
        return None
    try:
        address = f"file:{quote(str(file.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_LOCKED_SECONDS)) as database:
            database.execute("BEGIN")  # one state of all tables
            return _named(database, _ROWS), _named(database, _FORECASTS)
    except (sqlite3.Error, OSError):
        return None


def _named(database: sqlite3.Connection, questions: tuple[str, ...]) -> str:
    said = sha256()
    for question in questions:
        for row in database.execute(question):
            said.update(repr(row).encode())
        said.update(b"\n")
    return said.hexdigest()
