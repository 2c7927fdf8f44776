"""How long do `import sancho`, `sancho --help` and the commands that answer take, and what do they load?

Each is run in processes of its own, in turn with an empty Python (`python -c pass`). Printed are the median
seconds and processor seconds, the ratio of both to the empty Python's, and which of the libraries that take
long to load are loaded. Where other programs run beside it, processor seconds say more.

    python benchmarks/startup.py [RUNS] [--home FOLDER]

With the home of `sancho demo`, the commands that answer from it are timed too, beside a Python that only
loads pandas, LightGBM and MLflow: asked for the first time since "now" moved on or a row came (no answer is
kept), and asked again. The first line is of a command that finds nothing at all kept by an earlier one.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
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
LIBRARIES = "import pandas, lightgbm, mlflow"
COMMANDS = {
    "forecast": ["forecast", "this-quarter"],
    "kpis": ["kpis", "this-quarter"],
    "score": ["score"],
    "actions": ["actions"],
    "actions --deal": ["actions", "--deal", "DEAL"],
}
_FORGETTING = (
    "import os, shutil; "
    "shutil.rmtree(os.path.join(os.environ['SANCHO_HOME'], 'compiled', 'answers'), ignore_errors=True)\n"
)
AIMS = {"import sancho": 0.2, "sancho --help": 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=7)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    starts = dict(STARTS)
    if given.home is not None:
        os.environ["SANCHO_HOME"] = str(given.home.resolve())
        deal = open_deal(given.home / "sancho.db")
        commands = {
            name: [deal if word == "DEAL" else word for word in words] for name, words in COMMANDS.items()
        }
        answers = {
            f"sancho {name}": f"from service.cli import run; run({words})" for name, words in commands.items()
        }
        starts[LIBRARIES] = LIBRARIES
        for name, code in answers.items():
            starts |= {f"{name}, first": _FORGETTING + code, f"{name}, again": code}
        execute(answers["sancho forecast"])  # kernels are compiled
        shutil.rmtree(given.home / "compiled", ignore_errors=True)
        seconds, processor = timed(answers["sancho forecast"])
        print(f"{'sancho forecast, nothing kept':31} {seconds:6.3f} s {'':11} {processor:6.3f} s")
    show(starts, given.runs)


def show(starts: dict[str, str], runs: int) -> None:
    """Prints a row for each start."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
    for code in starts.values():  # once before the clock: compiled modules and the disk's cache
        execute(code)
    for _ in range(runs):
        for name, code in starts.items():
            taken[name].append(timed(code))
    print(f"{'':31} {'seconds':>16}   {'processor':>16}")
    medians = {name: tuple(map(statistics.median, zip(*taken[name], strict=True))) for name in starts}
    for name, code in starts.items():
        pairs = zip(medians[name], medians["python -c pass"], strict=True)
        columns = "   ".join(f"{one:6.3f} s {one / empty:5.1f} x" for one, empty in pairs)
        aim = f"; aim: under {AIMS[name]} s" if name in AIMS else ""
        print(f"{name:31} {columns}   loads {loaded(code)}{aim}")


def open_deal(store: Path) -> str:
    """The newest open deal of a store."""
    with sqlite3.connect(store) as connection:
        row = connection.execute(
            "SELECT deal_id FROM deals WHERE closed_at IS NULL ORDER BY created_at DESC, deal_id LIMIT 1"
        ).fetchone()
    return str(row[0])


def timed(code: str) -> tuple[float, float]:
    """Seconds, and seconds of a processor, that a process takes that runs `code` and ends."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    execute(code)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def loaded(code: str) -> str:
    """The heavy libraries that are loaded once `code` has run."""
    printed = execute(f"{code}\nimport sys; print(*sorted({HEAVY} & set(sys.modules)), file=sys.stderr)")
    lines = printed.strip().splitlines()
    return lines[-1] if lines else "none of them"


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
    main()
