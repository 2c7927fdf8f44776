"""How long do `import sancho` and `sancho --help` take to start, and which heavy libraries do they load?

Each is run in processes of its own, in turn with an empty Python (`python -c pass`). Printed are the median
seconds and processor seconds, the ratio of both to the empty Python's, and which of the libraries that take
long to load are loaded. Where other programs run beside it, processor seconds say more.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAVY = {
    *("alembic", "distributed", "fastapi", "lightgbm", "mlflow", "numba", "numpy", "pandas", "plotly"),
    *("pyarrow", "pydantic", "rich", "scipy", "sklearn", "sqlalchemy", "typer", "uvicorn"),
}
STARTS = {
    "python -c pass": "pass",
    "import sancho": "import sancho",
    "sancho --help": "from service.cli import run; run(['--help'])",
}
AIMS = {"import sancho": 0.2, "sancho --help": 0.5}


def main(runs: int = 7) -> None:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
    for code in STARTS.values():  # once before the clock: compiled modules and the disk's cache
        execute(code)
    for _ in range(runs):
        for name, code in STARTS.items():
            taken[name].append(timed(code))
    print(f"{'':16} {'seconds':>16}   {'processor':>16}")
    medians = {name: tuple(map(statistics.median, zip(*taken[name], strict=True))) for name in STARTS}
    for name, code in STARTS.items():
        pairs = zip(medians[name], medians["python -c pass"], strict=True)
        columns = "   ".join(f"{one:6.3f} s {one / empty:5.1f} x" for one, empty in pairs)
        aim = f"; aim: under {AIMS[name]} s" if name in AIMS else ""
        print(f"{name:16} {columns}   loads {loaded(code)}{aim}")


def timed(code: str) -> tuple[float, float]:
    """Seconds, and seconds of a processor, that a process takes that runs `code` and ends."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    execute(code)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def loaded(code: str) -> str:
    """The heavy libraries that are loaded once `code` has run."""
    printed = execute(f"{code}\nimport sys; print(*sorted({HEAVY} & set(sys.modules)), file=sys.stderr)")
    return printed.strip() or "none of them"


def execute(code: str) -> str:
    """What `code` prints to standard error in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    return done.stderr


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
