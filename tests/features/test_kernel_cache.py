"""Is a compiled function compiled again when something it is made of changes in another file?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "outer/__init__.py": "",
    "outer/constants.py": "STEP = 1.0\n",
    "outer/helper.py": """
from features.kernel_cache import compiled
FACTOR = 2.0

@compiled
def scaled(x):
    return x * FACTOR
""",
    "outer/values.py": """
from typing import NamedTuple

class Pair(NamedTuple):
    left: float
    right: float
""",
    "outer/inner/__init__.py": "",
    "outer/inner/beside.py": "LAST = 1000.0\n",
    "outer/inner/caller.py": """
from features.kernel_cache import compiled
from outer.constants import STEP
from outer.helper import scaled
from outer.inner.beside import LAST
from outer.values import Pair

@compiled
def answer(x, pair):
    return scaled(x) + STEP + pair.left + LAST

print(answer(10.0, Pair(left=100.0, right=500.0)), sum(answer.stats.cache_hits.values()))
""",
}
CHANGES = {
    "outer/helper.py": ("FACTOR = 2.0", "FACTOR = 3.0", "1131.0"),
    "outer/constants.py": ("STEP = 1.0", "STEP = 2.0", "1122.0"),
    "outer/inner/beside.py": ("LAST = 1000.0", "LAST = 2000.0", "2121.0"),
    "outer/values.py": ("left: float\n    right: float", "right: float\n    left: float", "1121.0"),
}


def ask(folder: Path) -> list[str]:
    """The caller's answer in a process of its own, and whether it was taken from the cache."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    # Without bytecode, which is taken for up to date when a source changes within a second.
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(folder / "cache"),
    }
    command = [sys.executable, "-c", "import outer.inner.caller"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("changed", CHANGES)
def test_a_change_in_another_file_is_compiled_into_the_caller(changed: str, tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, "utf-8")
    assert ask(tmp_path) == ["1121.0", "0"]
    assert ask(tmp_path) == ["1121.0", "1"]
    before, after, answer = CHANGES[changed]
    source = (tmp_path / changed).read_text("utf-8")
    assert before in source
    (tmp_path / changed).write_text(source.replace(before, after), "utf-8")
    assert ask(tmp_path) == [answer, "0"]


def test_a_named_tuple_whose_module_was_renamed_is_compiled_again(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, "utf-8")
    assert ask(tmp_path) == ["1121.0", "0"]
    (tmp_path / "outer/values.py").rename(tmp_path / "outer/pairs.py")
    caller = tmp_path / "outer/inner/caller.py"
    caller.write_text(caller.read_text("utf-8").replace("outer.values", "outer.pairs"), "utf-8")
    assert ask(tmp_path) == ["1121.0", "0"]
