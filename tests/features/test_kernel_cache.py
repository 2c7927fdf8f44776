"""Is a compiled function compiled again when something it is made of changes in another file?"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from features import kernel_cache

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


def ask(folder: Path, **variables: str) -> list[str]:
    """The caller's answer in a process of its own, and whether it was taken from the cache."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    # Without bytecode, which is taken for up to date when a source changes within a second.
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        **variables,
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


def test_kernels_that_an_installation_brings_are_used_and_left_alone(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, "utf-8")
    assert ask(tmp_path) == ["1121.0", "0"]  # while the image is made
    (tmp_path / "cache").rename(tmp_path / "brought")
    brought = sorted((tmp_path / "brought").rglob("*.nb?"))
    before = [file.read_bytes() for file in brought]
    assert ask(tmp_path, SANCHO_KERNELS=str(tmp_path / "brought")) == ["1121.0", "1"]
    assert not list((tmp_path / "cache").rglob("*.nb?"))  # nothing had to be compiled
    other = {"SANCHO_KERNELS": str(tmp_path / "brought"), "NUMBA_CPU_NAME": "generic"}
    assert ask(tmp_path, **other) == ["1121.0", "0"]  # of another processor: compiled here, and kept here
    assert ask(tmp_path, **other) == ["1121.0", "1"]
    assert [file.read_bytes() for file in brought] == before


READ_ONLY = """
import sys
from numba.core import caching
from numba.core.caching import _CacheLocator

for locator in caching.CacheImpl._locator_classes:
    if locator.__name__ != "UserProvidedCacheLocator":
        locator.from_function = classmethod(lambda cls, *_: None)  # no folder of these can be written to
from features import kernel_cache

@kernel_cache.compiled
def doubled(x):
    return 2.0 * x

print(doubled(4.0), sum(doubled.stats.cache_hits.values()), kernel_cache.cache_folder())
"""


def ask_read_only(home: Path, source: str = READ_ONLY) -> list[str]:
    """A kernel's answer where neither the package's nor the user's own folders can be written to."""
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment = {**kept, "PYTHONPATH": str(ROOT), "SANCHO_HOME": str(home)}
    script = home.parent / "script.py"
    script.write_text(source, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_read_only_installation_keeps_kernels_in_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first, second = ask_read_only(home), ask_read_only(home)
    assert (first[:2], second[:2]) == (["8.0", "0"], ["8.0", "1"])
    assert second[2].startswith(str(home / "kernels"))


def test_where_nothing_can_be_written_kernels_are_compiled_in_memory(tmp_path: Path) -> None:
    assert ask_read_only(tmp_path / "missing") == ["8.0", "0", "None"]


FULL = """
import errno
from numba.core import caching
from features import kernel_cache

def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")

caching.IndexDataCacheFile._save_data = full

@kernel_cache.compiled
def doubled(x):
    return 2.0 * x

print(doubled(4.0))
"""


def test_a_full_disk_does_not_keep_a_kernel_from_answering(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert ask_read_only(home, FULL) == ["8.0"]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_half_a_file_of_a_killed_process_is_compiled_anew(suffix: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ask_read_only(home)
    for file in (home / "kernels").rglob(f"*doubled*.{suffix}"):
        file.write_bytes(file.read_bytes()[:20])
    assert ask_read_only(home)[:2] == ["8.0", "0"]


def test_parallel_kernels_leave_python_its_lock_and_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch):
    inside, most, go_on = [], [], threading.Event()

    def kernel(name: str) -> str:
        inside.append(name)
        most.append(len(inside))
        go_on.wait(60)
        inside.remove(name)
        return name

    def made(function: object, **options: bool) -> object:
        assert options["nogil"]
        kernel.py_func = function  # type: ignore[attr-defined]
        return kernel

    monkeypatch.setattr(kernel_cache, "_cached_function", made)
    run = kernel_cache.compiled(parallel=True)(lambda name: name)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(run, name) for name in "ab"]
        while not inside:
            pass
        go_on.set()
        assert [one.result(60) for one in both] == ["a", "b"]
    assert most == [1, 1]
