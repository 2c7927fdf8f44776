"""How is kept what can be made again? In whole folders that take the place of older ones, never needed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from crm.sealed_folder import write_sealed

_KEPT = 2  # of a kind: the newest, and one that a command beside this one may still be reading
_MOST_SHARE = 0.5  # of the room on the disk that one folder may take
_LEFT_SECONDS = 3600.0  # after which half a folder is one that a process which was stopped has left


def keep_folder(
    parent: Path, kind: str, name: str, size: int, fill: Callable[[Path], object], facts: Mapping[str, Any]
) -> None:
    """A sealed folder `kind-name` of about `size` bytes with what `fill` writes; older ones of its kind go.

    Where it cannot be written (a home that is only read, a disk without room) there is none.
    """
    with suppress(OSError):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if size > _MOST_SHARE * shutil.disk_usage(parent).free:
            return
        write_sealed(place(parent, kind, name), fill, facts)
        _remove(_old_ones(parent, kind))


def place(parent: Path, kind: str, name: str) -> Path:
    """Where a folder of a kind and name is."""
    return parent / f"{kind}-{name}"


def _old_ones(parent: Path, kind: str) -> list[Path]:
    found = sorted(parent.glob(f"{kind}-*"), key=_changed_at, reverse=True)
    now = time.time()
    halves = [path for word in (".new-*", ".old-*") for path in parent.glob(word)]
    return [*found[_KEPT:], *(path for path in halves if now - _changed_at(path) > _LEFT_SECONDS)]


def _changed_at(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
