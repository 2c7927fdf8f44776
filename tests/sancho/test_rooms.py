"""Does each room's name lead to our room, and to nothing else that is installed or that the tests bring?"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from crm.distribution import DISTRIBUTION
from sancho._rooms import ROOMS

ROOT = Path(__file__).parents[2]
NAMES = ("sancho", *ROOMS)


def test_room_name_belongs_to_no_other_installed_distribution():
    owners = packages_distributions()
    assert {name: set(owners.get(name, ())) - {DISTRIBUTION} for name in NAMES} == {
        name: set() for name in NAMES
    }
    assert "tests" not in owners, "it would hide tests.support"


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_folder_below_tests_or_benchmarks_is_not_importable_under_a_rooms_name(folder: str):
    """Without __init__.py a folder gives way to a room; with one, or as a module, it would hide it."""
    below = [path for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    assert [path for path in below if path.name == "__init__.py"] == []
    assert [path for path in below if path.suffix == ".py" and path.stem in NAMES] == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "tests/support"])
def test_room_is_found_where_a_folder_of_the_tests_comes_first_on_the_path(folder: str):
    code = f"from importlib.util import find_spec\nfor name in {NAMES}: print(find_spec(name).origin)"
    path = os.pathsep.join([str(ROOT / folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(ROOT / name / "__init__.py") for name in NAMES]
