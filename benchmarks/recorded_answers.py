"""Does a change of the code change an answer? Answers recorded before it are compared with those after it.

    python benchmarks/recorded_answers.py take FOLDER [DEALS]       # a new folder, outside the checkout
    python benchmarks/recorded_answers.py compare BEFORE AFTER [old=new ...]

`take` writes every answer of two organisations as JSON, and the arrays, trees and texts of their models: the
sample organisation (2,000 deals unless said otherwise) and, where its data is at hand, the real log of loan
applications. Nothing in it depends on the day it is run. `compare` counts values that are equal digit for
digit, numbers that differ (the farthest apart are printed first), texts that differ, and what is only on one
side; old=new names a field that was renamed. Exit status 1 where a number differs or something is missing.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from service.cli import run

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SANCHO_SHARED_DATA", ROOT.parent / "shared" / "data"))
VOLATILE = {"trained_at", "run_id", "version", "seconds", "recommendation_id", "model_version", "data_as_of"}
LAST_DIGITS = 1e-6  # relative difference up to which only the last digits differ
SHOWN = 12  # differences that are printed of each file

SAMPLE_DAY, LOAN_DAY = "2026-11-20", "2011-12-15"
LOAN_SETTINGS = (
    'timezone = "Europe/Amsterdam"\ncurrency = "EUR"\ncountry = "NL"\nfiscal_start_month = 1\n'
    "[train]\ntrees = 60\nmax_moments = 8000\n"
)


def questions(day: str, period: str) -> dict[str, list[str]]:
    """The command lines that are run, by the name of the file that stores the answer."""
    asked = {
        "forecast": ["forecast", period],
        "forecast_target": ["forecast", period, "--target", "50000000"],
        "kpis": ["kpis", period],
        "tree": ["tree", period],
        "plan": ["plan", period, "--probability", "0.8"],
        "people": ["people", period],
        "bottlenecks": ["bottlenecks", "--period", period],
        "actions": ["actions", "--period", period, "--limit", "1000"],
        "score": ["score", "--period", period],
        "what_if": ["what-if", period, "--level", "leads:1.2"],
    }
    return {name: [*line, "--as-of", day, "--json", "--lang", "en"] for name, line in asked.items()}


def take(folder: Path, deals: int) -> None:
    """Both organisations, from nothing to answers."""
    folder.mkdir(parents=True)
    with organisation(folder / "sample", "") as home:
        command(["world", str(home / "world"), "--deals", str(deals), "--seed", "7", "--end", SAMPLE_DAY])
        command(["import", str(home / "world")])
        record(folder / "sample", home, SAMPLE_DAY, "2026-Q4", ["--periods", "2", "--weeks", "4,8"])
    loans = SHARED / "loan_applications_2011"
    if not loans.is_dir():
        print(f"the real log is left out: its data is not at {loans}; set SANCHO_SHARED_DATA")
        return
    with organisation(folder / "loans", LOAN_SETTINGS) as home:
        command(["import", str(loans), "--mapping", "loan_applications"])
        record(folder / "loans", home, LOAN_DAY, "2011-12", ["--periods", "1"])


@contextmanager
def organisation(folder: Path, settings: str) -> Iterator[Path]:
    """A temporary installation; its working folder contains its sancho.toml."""
    folder.mkdir()
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SANCHO_HOME"] = str(Path(scratch) / "home")
        (Path(scratch) / "sancho.toml").write_text(settings, "utf-8")
        os.chdir(scratch)
        try:
            yield Path(scratch)
        finally:
            os.chdir(before)


def record(folder: Path, home: Path, day: str, period: str, backtest: list[str]) -> None:
    """Trains, stores the model's files, and runs every command."""
    command(["train", "--as-of", day])
    bundle = next((home / "home").rglob("bundle.json")).parent
    shutil.copytree(bundle, folder / "bundle")
    lines = questions(day, period)
    lines["backtest"] = ["backtest", *backtest, "--as-of", day, "--out", str(home / "b.html"), "--json"]
    for name, line in lines.items():
        answer = command(line)
        (folder / f"{name}.json").write_bytes(answer)
        print(f"{folder.name}/{name}: {len(answer):,} bytes", flush=True)


def command(line: list[str]) -> bytes:
    """What a command prints; a failure, with its error code, counts as an answer."""
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with redirect_stdout(printed):
        status = run(line)
        printed.flush()
    content = printed.buffer.getvalue()  # type: ignore[attr-defined]
    return content if status == 0 else json.dumps({"exit_status": status}).encode()


def compare(before: Path, after: Path, renamed: Mapping[str, str]) -> bool:
    """Prints the differences, file by file; returns whether all numbers are equal and nothing is missing."""
    same = True
    for path in sorted(path for path in before.rglob("*") if path.is_file()):
        name = path.relative_to(before)
        other = after / name
        if not other.is_file():
            print(f"{name}: missing afterwards")
            same = False
            continue
        old, new = values(path, renamed), values(other, {})
        differing = {at for at in old.keys() & new.keys() if not equal(old[at], new[at])}
        numbers = sorted(
            (at for at in differing if is_number(old[at]) and is_number(new[at])),
            key=lambda at: -relative(old[at], new[at]),
        )
        texts = sorted(differing - set(numbers))
        gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
        far = sum(relative(old[at], new[at]) > LAST_DIGITS for at in numbers)
        print(
            f"{name}: {len(old.keys() & new.keys()) - len(differing):,} equal, {len(numbers):,} numbers"
            f" differ ({far:,} by more than {LAST_DIGITS:.0e}), {len(texts):,} texts differ,"
            f" {len(gone):,} only before, {len(come):,} only after"
        )
        for at in [*numbers[:SHOWN], *texts[:SHOWN]]:
            print(f"    {at}: {str(old[at])[:90]} -> {str(new[at])[:90]}")
        for title, paths in (("only before", gone), ("only after", come)):
            for at in paths[:SHOWN]:
                print(f"    {title}: {at}")
        same = same and not numbers and not gone
    return same


def values(path: Path, renamed: Mapping[str, str]) -> dict[str, Any]:
    """Every value of a file by its path."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            return {
                f"{name}[{at}]": value
                for name in stored.files
                for at, value in enumerate(stored[name].ravel().tolist())
            }
    if path.suffix == ".json":
        return dict(flat(json.loads(path.read_text("utf-8")), "", renamed))
    return {f"line {at}": line for at, line in enumerate(path.read_text("utf-8").splitlines())}


def flat(value: Any, at: str, renamed: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in VOLATILE:
                yield from flat(inner, f"{at}/{renamed.get(name, name)}", renamed)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from flat(inner, f"{at}/{place}", renamed)
    else:
        yield at, value


def is_number(value: Any) -> bool:
    """A number, not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(old: Any, new: Any) -> bool:
    """Equal digit for digit; two missing numbers are equal."""
    return bool(old == new or (old != old and new != new))


def relative(old: float, new: float) -> float:
    """The difference of two numbers, as a share of the larger."""
    return abs(old - new) / max(abs(old), abs(new), 1e-300)


def main() -> int:
    """Takes or compares."""
    match sys.argv[1:]:
        case ["take", folder]:
            take(Path(folder).resolve(), 2_000)
        case ["take", folder, deals]:
            take(Path(folder).resolve(), int(deals))
        case ["compare", before, after, *renamed]:
            pairs = dict(pair.split("=", 1) for pair in renamed)
            return 0 if compare(Path(before), Path(after), pairs) else 1
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
