"""What is the trained home of a story? A copy of one that the first to need it made, in this session.

It holds a small organisation of 300 deals, their files beside it, and one model. Its registry names files by
their place; a copied home is settled where it is when it is opened, as that of a user who moves one is.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crm.store import engine
from service.cli import run
from tests.support.made_once import once

END = "2026-11-20"
SMALL = "[train]\ntrees = 20\nleaves = 8\nmax_moments = 3000\nquestions = 1\n"


def lay_trained_home(shared: Path, folder: Path) -> None:
    """Puts `home`, `world` and `sancho.toml` into a folder; `shared` is the folder of all processes."""
    if engine._sqlite.__module__ == engine.__name__:
        shutil.copytree(once(shared / "trained", _make), folder, dirs_exist_ok=True)
    else:  # the stores are elsewhere, so that a copied home has none
        _make(folder)


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "sancho.toml").write_text(SMALL, "utf-8")
        assert run(["world", "world", "--deals", "300", "--seed", "3", "--end", END]) == 0
        assert run(["import", "world"]) == 0
        assert run(["train", "--as-of", END]) == 0
