"""Where are a registry's files after its home was copied or moved? In the home, wherever that is now.

MLflow writes the whole path of every file into its database, so a copied home would read the original's files
and write into them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_SECONDS = 4.0  # for another process to finish writing, where there is something to change
_READING_SECONDS = 0.2  # to see whether there is


def settle(database: Path, files: Path, experiment: str) -> bool | None:
    """Makes an SQLite registry name its files where they are; whether that changed anything, if it is known.

    `files` is the folder that the experiment's files are in. Nothing is changed where that folder is not
    there (its files are elsewhere on purpose), and where the database cannot be written to.
    """
    if not database.is_file() or not files.is_dir():
        return False
    now = files.resolve().as_uri()
    try:
        with closing(sqlite3.connect(database, timeout=_READING_SECONDS, isolation_level=None)) as opened:
            before = _recorded(opened, experiment)
            if before is None or before == now:
                return False
            opened.execute(f"PRAGMA busy_timeout = {int(1000 * _SECONDS)}")
            opened.execute("BEGIN IMMEDIATE")
            for table, column in _LOCATIONS:
                opened.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names from above
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
                )
            opened.execute("COMMIT")
    except sqlite3.Error:  # what is wrong with it is said by who reads it next
        return None
    return True


def _recorded(database: sqlite3.Connection, experiment: str) -> str | None:
    """The folder that the database names, if it is one of this machine."""
    row = database.execute(
        "SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)
    ).fetchone()
    location = None if row is None else str(row[0])
    return location if location is not None and location.startswith("file:///") else None
