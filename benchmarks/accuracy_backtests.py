"""Against all baseline methods, on every data set at hand: how accurate are the probabilities of deals?

    python benchmarks/accuracy_backtests.py run FOLDER [CASE ...]
    python benchmarks/accuracy_backtests.py show FOLDER [--before FOLDER]

Rolling backtests (`sancho backtest`) of a bank's loan applications by weeks, of a CRM export without history
by quarters, and of five simulated organisations of 3,000 deals by quarters. A list whose calls end within
the hour has no open deals to backtest: its trainings as of four days, each proved on later calls. One file
per case in FOLDER; a case that is there is not run again. The form without dates: `accuracy_b2b.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from leakage_lists import bank_calls
from real_logs import imported

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from simulator import WorldSettings, crm_tables, simulate
from training.backtest import backtest, to_json
from training.config import TrainConfig
from training.fit import train

CONFIG = TrainConfig(threads=1)
WORLDS = (331, 332, 333, 334, 335)  # not used for anything else
WORLD_DAYS, DAYS_AFTER, WORLD_END = 1096, 270, date(2026, 9, 30)
CALL_DAYS = ("2008-08-01", "2008-09-01", "2008-12-01", "2009-05-01")
OURS = "sancho"


def main() -> None:
    """Run or show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("folder", type=Path)
    run.add_argument("cases", nargs="*", default=[])
    show = commands.add_parser("show")
    show.add_argument("folder", type=Path)
    show.add_argument("--before", type=Path)
    options = parser.parse_args()
    if options.command == "run":
        options.folder.mkdir(parents=True, exist_ok=True)
        for name in options.cases or CASES:
            run_case(name, options.folder)
        return
    print_tables(read(options.folder), read(options.before) if options.before else {})


def run_case(name: str, folder: Path) -> None:
    """One case, unless its file is there."""
    file = folder / f"{name}.json"
    if file.exists():
        return
    began = time.perf_counter()
    found = CASES[name]()
    if found is None:
        print(f"{name}: skipped, its data is not here")
        return
    file.write_text(json.dumps(found, ensure_ascii=False, default=float), "utf-8")
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


def real(mapping: str, **settings: Any) -> dict[str, Any] | None:
    """The backtest of a real log."""
    try:
        log = imported(mapping)
    except SystemExit:
        return None
    return judged(log, **settings)


def world(seed: int) -> dict[str, Any]:
    """The backtest of a simulated organisation over four quarters, whose deals have all ended since."""
    days = WORLD_DAYS + DAYS_AFTER
    settings = WorldSettings(
        deals=round(3_000 * days / WORLD_DAYS),
        seed=seed,
        end=WORLD_END + timedelta(days=DAYS_AFTER),
        days=days,
    )
    log = EventLog.of(crm_tables(simulate(settings)), ZoneInfo("Asia/Tokyo"))
    return judged(log, periods=4, length="quarter", last_day=WORLD_END)


def judged(log: EventLog, **settings: Any) -> dict[str, Any]:
    """A backtest's tables of deals."""
    found = to_json(backtest(log, CONFIG, **settings))
    deals = {question: table["overall"] for question, table in found["deals"].items()}
    return {"kind": "backtest", "settings": found["settings"], "deals": deals, "folds": found["folds"]}


def calls(day: str) -> dict[str, Any] | None:
    """A training on the calls made before a day: its own proof on later calls."""
    try:
        log = bank_calls()
    except SystemExit:
        return None
    _, report = train(log, as_of_instant(day, log.zone), CONFIG)
    if report.evaluation is None:
        return {"kind": "training", "evaluation": None}
    return {"kind": "training", "evaluation": report.evaluation.to_json(), "counts": dict(report.counts)}


CASES: dict[str, Callable[[], dict[str, Any] | None]] = {
    "loans": lambda: real("loan_applications", periods=8, length="week"),
    "crm": lambda: real("crm_sales_opportunities"),
    **{f"calls-{day}": partial(calls, day) for day in CALL_DAYS},
    **{f"world-{seed}": partial(world, seed) for seed in WORLDS},
}


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The results that are there, by case."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}


def print_tables(now: dict[str, Any], before: dict[str, Any]) -> None:
    """Of each case and question: every method's log loss and ours minus it, now and before."""
    for name in CASES:
        if name not in now and name not in before:
            continue
        for question, table in tables(now.get(name)).items():
            old = tables(before.get(name)).get(question, {})
            print(f"\n== {name}, {question}: {table['rows']:,} rows of {table['deals']:,} deals")
            print(f"   {'method':24s} {'log loss':>8s} {'before':>8s}  ours minus it [95 %]")
            old_methods = old.get("methods", {})
            for method, figures in table["methods"].items():
                gap = table["against"].get(method)
                print(
                    f"   {method:24s} {number(figures['log_loss'])} {number(old_methods.get(method))}  "
                    f"{interval(gap):28s} before: {interval(old.get('against', {}).get(method))}"
                )
    missing = [name for name in CASES if name not in now]
    if missing:
        print(f"\nnot run: {', '.join(missing)}", file=sys.stderr)


def tables(case: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """By question: rows, deals, each method's log loss and ours minus each method's."""
    if case is None or case.get("evaluation", 1) is None:
        return {}
    if case["kind"] == "training":
        found = case["evaluation"]
        methods = {OURS if name == "model" else name: one for name, one in found["overall"].items()}
        gaps = found["log_loss_against"]
        rows = int(methods[OURS]["rows"])
        return {"later": {"rows": rows, "deals": found["deals"], "methods": methods, "against": gaps}}
    out = {}
    for question, table in case["deals"].items():
        if table["methods"]:
            gaps = {name: gap["log_loss"] for name, gap in table["against"].items()}
            out[question] = {**table, "against": gaps}
    return out


def number(figure: Any) -> str:
    """A log loss, or a dash."""
    if isinstance(figure, dict) and "log_loss" in figure:
        figure = figure["log_loss"]
    mean = figure["mean"] if isinstance(figure, dict) else figure
    return f"{mean:8.4f}" if mean is not None else f"{'-':>8s}"


def interval(gap: dict[str, float | None] | None) -> str:
    """A difference with its interval, or a dash."""
    if not gap or gap["mean"] is None:
        return "-"
    ends = "" if gap["lo"] is None else f" [{gap['lo']:+.4f}, {gap['hi']:+.4f}]"
    return f"{gap['mean']:+.4f}{ends}"


if __name__ == "__main__":
    main()
