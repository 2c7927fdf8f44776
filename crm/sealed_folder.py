"""Is a folder of files whole? Sealed with a digest of each file; it appears complete, or not at all."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Text

_SEAL = "seal.json"


def write_sealed(folder: Path, fill: Callable[[Path], object], facts: Mapping[str, Any]) -> None:
    """A folder with what `fill` writes into it and some facts, in place of one that is there.

    It is written beside its place first, so that a process that stops leaves the old one, or none.
    """
    fresh, old = (folder.with_name(f".{word}-{uuid.uuid4().hex}") for word in ("new", "old"))
    try:
        fresh.mkdir(parents=True)
        fill(fresh)
        files = {str(file.relative_to(fresh)): _digest(file) for file in _files(fresh)}
        seal = json.dumps({"facts": dict(facts), "files": files}, ensure_ascii=False)
        (fresh / _SEAL).write_text(seal, "utf-8")
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def read_sealed(folder: Path) -> dict[str, Any]:
    """The facts of a folder whose files are as they were sealed; `folder_damaged` where they are not."""
    try:
        seal = json.loads((folder / _SEAL).read_text("utf-8"))
        whole = seal["files"] == {str(file.relative_to(folder)): _digest(file) for file in _files(folder)}
        facts: dict[str, Any] = seal["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        whole, facts = False, {}
    if not whole:
        raise SanchoError(
            Text(
                "{folder} のファイルが壊れているか、書き換えられています。"
                "バックアップから戻すか、フォルダーを削除してください。",
                "the files in {folder} are damaged or were changed; restore them from a backup, or delete "
                "the folder.",
            ).format(folder=folder),
            "folder_damaged",
        )
    return facts


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and file != folder / _SEAL)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:  # a part after the other: a file can be larger than the memory
        return file_digest(opened, "sha256").hexdigest()
