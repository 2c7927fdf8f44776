"""How large is each room, and which functions are the longest?

    python benchmarks/house.py [ROOT] [SHOWN]

Lines are those of the sources without blank ones; a function's are those from `def` to its last. For a tree
from before the rooms stood at the top, the folders inside `sancho/` count as the rooms.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("sancho", "crm", "pictures", "simulator", "features", "models", "training", "service")


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent
    shown = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    functions: list[tuple[int, str]] = []
    print(f"{'room':<12}{'files':>7}{'lines':>8}{'functions':>11}{'median lines':>14}")
    for room in ROOMS:
        inside = root / "sancho" / room
        folder = inside if inside.is_dir() else root / room
        files = sorted(folder.glob("*.py") if room == "sancho" else folder.rglob("*.py"))
        if not files:
            continue
        found = [one for path in files for one in lengths(path, root)]
        lines = sum(bool(line.strip()) for path in files for line in path.read_text("utf-8").splitlines())
        median = statistics.median(length for length, _ in found) if found else 0
        print(f"{room:<12}{len(files):>7}{lines:>8}{len(found):>11}{median:>14}")
        functions += found
    print(f"\nthe {shown} longest functions, in lines")
    for length, name in sorted(functions, reverse=True)[:shown]:
        print(f"{length:>5}  {name}")


def lengths(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """The functions of a file with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            yield end - node.lineno + 1, f"{path.relative_to(root)}:{node.name}"


if __name__ == "__main__":
    main()
