"""What of the home holds a name beside the store? The registry, copies and logs: replaced, or removed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import make_url

from crm.store.queue_database import queue_url

if TYPE_CHECKING:
    from service.erasure.spelling import Replacement
    from service.settings import Settings

_SEAL = "seal.json"
_PART = 16 << 20  # bytes that are searched at a time
_OVERLAP = 4096
_SQLITE = b"SQLite format 3\x00"
_BUSY_SECONDS = 10.0


def remove_copies(settings: Settings) -> None:
    """Removes what can be made again: tables, histories and answers that are kept."""
    shutil.rmtree(settings.kept_folder, ignore_errors=True)


def replace_in_files(settings: Settings, replace: Replacement) -> list[str]:
    """Replaces text in all files of the home but the store's; the names of those that changed."""
    stores = _store_files(settings)
    changed = [
        file
        for file in _files(settings.home)
        if file.resolve() not in stores
        and settings.kept_folder not in file.parents  # which is removed
        and _replace_in(file, replace)
    ]
    for seal in {folder / _SEAL for file in changed for folder in file.parents}:
        if seal.is_file():
            _seal_again(seal)
    return [str(file.relative_to(settings.home)) for file in changed]


def where_found(settings: Settings, replace: Replacement) -> list[str]:
    """The files of the home in whose bytes anything is found, those of the store among them."""
    files = {file.resolve() for file in _files(settings.home)} | _store_files(settings)
    home = settings.home.resolve()
    return [
        str(file.relative_to(home)) if file.is_relative_to(home) else str(file)
        for file in sorted(files)
        if _holds(file, replace)
    ]


def _files(home: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(home):
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _store_files(settings: Settings) -> set[Path]:
    """The files of the store and of its queue, with those that SQLite puts beside them."""
    found = set()
    for url in (settings.store_url, queue_url(settings.store_url)):
        if url.startswith("sqlite:///"):
            file = Path(str(make_url(url).database)).resolve()
            found |= {file.with_name(f"{file.name}{end}") for end in ("", "-wal", "-shm", "-journal")}
    return found


def _holds(file: Path, replace: Replacement) -> bool:
    before = b""
    with suppress(FileNotFoundError), file.open("rb") as opened:  # it may go meanwhile
        while part := opened.read(_PART):
            if replace.is_in_bytes(before + part):
                return True
            before = part[-_OVERLAP:]
    return False


def _replace_in(file: Path, replace: Replacement) -> bool:
    if not _holds(file, replace):
        return False
    with file.open("rb") as opened:
        start = opened.read(len(_SQLITE))
    if start == _SQLITE:
        return _replace_in_database(file, replace)
    if file.suffix == ".npz":
        return _replace_in_arrays(file, replace)
    try:
        text = file.read_bytes().decode("utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return False
    if (new := replace(text)) == text:
        return False
    if file.suffix == ".log":  # somebody may be writing to it
        with file.open("r+b") as opened:
            opened.write(new.encode())
            opened.truncate()
        return True
    passing = file.with_name(f".{file.name}.new")
    passing.write_bytes(new.encode())
    passing.chmod(file.stat().st_mode)
    passing.replace(file)
    return True


def _replace_in_arrays(file: Path, replace: Replacement) -> bool:
    """Arrays of text; those of numbers stay as they are."""
    with np.load(file, allow_pickle=False) as stored:
        arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
    new = {
        name: np.array([replace(str(one)) for one in values.ravel()]).reshape(values.shape)
        if values.dtype.kind == "U" and values.size
        else values
        for name, values in arrays.items()
    }
    passing = file.with_name(f".{file.name}.new.npz")
    np.savez(passing, **new)  # type: ignore[arg-type]
    passing.replace(file)
    return True


def _replace_in_database(file: Path, replace: Replacement) -> bool:
    """Any SQLite file, such as the registry's: all its texts; and the room they leave is cleared."""
    changed = 0
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
        database.create_function("without_name", 1, replace)
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN IMMEDIATE")
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            for column in columns:
                changed += database.execute(
                    f'UPDATE "{table}" SET "{column}" = without_name("{column}") '  # noqa: S608
                    f'WHERE typeof("{column}") = \'text\' AND without_name("{column}") <> "{column}"'
                ).rowcount
        database.execute("COMMIT")
        clear_free_space(database)
    return changed > 0


def clear_free_space(database: sqlite3.Connection) -> bool:
    """Writes an SQLite file anew, so that its bytes hold what its tables hold; False where others use it."""
    try:
        database.execute("VACUUM")
    except sqlite3.OperationalError as fault:
        if "locked" in str(fault) or "in progress" in str(fault):
            return False
        raise
    busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _seal_again(seal: Path) -> None:
    """Gives a sealed folder the digests of its files as they are now."""
    said = json.loads(seal.read_text("utf-8"))
    said["files"] = {
        name: sha256((seal.parent / name).read_bytes()).hexdigest()
        for name in said["files"]
        if (seal.parent / name).is_file()
    }
    passing = seal.with_name(f".{seal.name}.new")
    passing.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    passing.replace(seal)
