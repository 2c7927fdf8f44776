"""Which model was in service here last? A copy in the home, for the time the registry cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from crm.errors import SanchoError
from crm.sealed_folder import read_sealed, write_sealed
from models.bundle import Bundle

_BUNDLE = "bundle"


def keep_copy(home: Path, registry: str, version: Mapping[str, Any], bundle: Path) -> None:
    """Copies the files of the version in service into the home; does nothing where they are there already.

    Where the home cannot be written to there is no copy, and the registry is needed at the next start.
    """
    folder, facts = _folder(home), {"registry": registry, "version": dict(version)}
    with suppress(OSError):
        with suppress(SanchoError):
            if read_sealed(folder) == facts:
                return
        write_sealed(folder, lambda into: shutil.copytree(bundle, into / _BUNDLE), facts)


def kept_copy(home: Path, registry: tuple[str, ...]) -> tuple[Bundle, dict[str, Any]] | None:
    """The model last in service from a registry of these names, and its version.

    None where there is no copy, or one that is damaged, of another registry or in another Sancho's format.
    """
    folder = _folder(home)
    try:
        facts = read_sealed(folder)
        if facts["registry"] not in registry:
            return None
        return Bundle.load(folder / _BUNDLE), facts["version"]
    except (SanchoError, OSError):
        return None


def _folder(home: Path) -> Path:
    return home / "champion"
