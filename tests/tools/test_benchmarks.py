"""Can every benchmark be run as a script, whose folder comes first where modules are looked for?"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_no_benchmark_hides_a_module_of_the_standard_library_or_of_a_package() -> None:
    names = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    elsewhere = [
        entry for entry in sys.path if entry and not Path(entry).resolve().is_relative_to(ROOT / "benchmarks")
    ]
    elsewhere = [entry for entry in elsewhere if Path(entry).resolve() not in (ROOT, ROOT / "tests")]
    hidden = {
        name for name in names if name in sys.stdlib_module_names or PathFinder.find_spec(name, elsewhere)
    }
    assert hidden == set()
