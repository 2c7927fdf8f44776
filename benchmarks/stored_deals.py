"""How do start, memory, refresh, pages and a re-score of all grow with the number of stored deals?

    python benchmarks/stored_deals.py run FOLDER --home HOME [--times 1 10 100]
    python benchmarks/stored_deals.py show FOLDER

`run` copies a home with a trained model (that of `sancho demo`, say), repeats its people, deals and all that
belongs to them so many times under new ids (the company's targets grow as much), and keeps one file per
size in FOLDER (outside the checkout); a size that is there is not measured again. Each is measured in
processes of their own, after one that has compiled the functions: from the start to ready (warm) with
nothing kept and with what the first start has kept, the memory at its peak and then, a refresh after one
pushed row, pages of 50 deals at several depths, and the scores of all open deals as of another moment.
`show` prints seconds, processor seconds and megabytes by size, and how much they grow when deals double.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# What is repeated, with the columns that hold ids; a scope is a kind and an id.
IDS = {
    "teams": ("team_id", "parent_team_id"),
    "people": ("person_id", "team_id", "leads_team_id"),
    "accounts": ("account_id",),
    "deals": ("deal_id", "account_id", "owner_id"),
    "leads": ("lead_id", "owner_id", "handed_to", "deal_id"),
    "contracts": ("contract_id", "account_id"),
    "activities": ("activity_id", "deal_id", "lead_id", "account_id", "actor_id"),
    "deal_events": ("deal_id", "actor_id"),
    "targets": ("scope",),
}
DEPTHS = (0.0, 0.5, 0.95)  # of all open deals
PAGE, STEP = 50, 1000
FIGURES = {
    "start": "start, nothing kept",
    "again": "start, copies kept",
    "refresh": "refresh after a row",
    "page 0": "page of 50 deals, the first",
    "page 0.5": "page of 50 deals, halfway",
    "page 0.95": "page of 50 deals, near the end",
    "score": "scores of all, another moment",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "show", "child"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    given = parser.parse_args()
    if given.what == "child":
        print(json.dumps(measured()))
        return
    if given.what == "run":
        given.folder.mkdir(parents=True, exist_ok=True)
        for times in given.times:
            file = given.folder / f"{times}.json"
            if not file.exists():
                file.write_text(json.dumps(of_size(given.home, times), indent=1))
    show(given.folder)


def of_size(home: Path, times: int) -> dict[str, Any]:
    """The figures of an organisation that is so many times as large."""
    with tempfile.TemporaryDirectory(prefix="sancho-stored-deals-") as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("compiled", "demo-world"))
        rows = repeat(copy / "sancho.db", times)
        in_process(copy)  # compiles functions, settles the registry
        shutil.rmtree(copy / "compiled", ignore_errors=True)
        first, again = in_process(copy), in_process(copy)
        kept = sum(file.stat().st_size for file in (copy / "compiled").rglob("*") if file.is_file())
        database = (copy / "sancho.db").stat().st_size
    figures = {**again, "start": first["start"], "again": again["start"]}
    memory = {
        "peak, nothing kept": first["peak"],
        "peak, copies kept": again["peak"],
        "then": again["memory"],
    }
    return {
        "times": times,
        "rows": rows,
        "open": again["open"],
        "store": database / 1e6,
        "kept": kept / 1e6,
        "memory": memory,
        "figures": {name: figures[name] for name in FIGURES},
    }


def repeat(store: Path, times: int) -> dict[str, int]:
    """Repeats the rows of a store; the number of rows of each table."""
    database = sqlite3.connect(store)
    with database:
        for table, ids in IDS.items():
            names = [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]
            names = [name for name in names if name != "seq"]
            database.execute(f"CREATE TEMP TABLE one AS SELECT {', '.join(names)} FROM {table}")
            if table == "targets":
                database.execute("DELETE FROM one WHERE scope = 'company'")
            copied = ", ".join(f"nullif({name}, '') || '-' || ?" if name in ids else name for name in names)
            if table == "deal_events":  # blanks are kept as such
                copied = copied.replace("nullif(actor_id, '') || '-' || ?", "actor_id")
            for number in range(1, times):
                given = [str(number)] * copied.count("?")
                database.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {copied} FROM one",
                    given,
                )
            database.execute("DROP TABLE one")
        database.execute(
            "UPDATE targets SET value = value * ? WHERE scope = 'company' AND metric <> 'win_rate'", (times,)
        )
        database.execute(
            "INSERT INTO imports (at, source, rows_read, imported, unchanged, quarantined, digest) "
            "VALUES (0, 'repeated', 1, 1, 0, 0, ?)",
            (str(times),),
        )
        counted = {
            table: int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in IDS
        }
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return counted


def in_process(home: Path) -> dict[str, Any]:
    """What a process of its own measures."""
    environment = {**os.environ, "SANCHO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, __file__, "child", "-"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=home, env=environment,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured() -> dict[str, Any]:
    """All figures of one process."""
    from crm.importing import push_rows
    from crm.instants import HOUR, iso
    from service.settings import read_settings
    from service.use_cases import UseCases

    settings = read_settings()
    service = UseCases.open(settings)
    serving = service.serving
    figures: dict[str, Any] = {"start": timed(lambda: serving.refresh(warm=True))}
    figures |= {"peak": peak(), "memory": memory()}
    state = serving.current()
    zone = state.log.zone

    def page(cursor: str | None, limit: int | None, as_of: str | None = None) -> dict[str, Any]:
        return service.deals.list_deals("company", as_of, None, "-win_by_period_end", cursor, limit, "en")

    count = len(page(None, None)["deals"])
    cursor, passed = None, 0
    for depth in DEPTHS:
        while passed + PAGE < depth * count:
            step = min(STEP, int(depth * count) - passed)
            cursor, passed = page(cursor, step)["next_cursor"], passed + step
        figures[f"page {depth:g}"] = timed(lambda cursor=cursor: page(cursor, PAGE))
    figures["score"] = timed(lambda: page(None, None, iso(state.now - HOUR, zone)))
    deal = page(None, 1)["deals"][0]["deal_id"]
    push_rows(serving.store, "deals", [{"deal_id": deal, "amount": 1_234_567.0 + time.time() % 1000}], zone)
    figures["refresh"] = timed(lambda: serving.refresh(warm=True))
    service.close()
    return {**figures, "open": count}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and processor seconds, that some work takes."""
    began, before = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - before


def peak() -> float:
    """The most memory held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def memory() -> float:
    """The memory held now, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def show(folder: Path) -> None:
    """Prints what is there."""
    found = sorted(
        (json.loads(file.read_text()) for file in folder.glob("*.json")), key=lambda one: one["times"]
    )
    for one in found:
        rows = ", ".join(f"{count:,} {table}" for table, count in one["rows"].items())
        print(f"{one['rows']['deals']:,} deals ({one['open']:,} open): {rows}")
        print(f"  store {one['store']:,.0f} MB, kept copies {one['kept']:,.0f} MB; ", end="")
        print("memory " + ", ".join(f"{name} {value:,.0f} MB" for name, value in one["memory"].items()))
    print(f"{'seconds (of a processor)':34}" + "".join(f"{one['rows']['deals']:>22,}" for one in found))
    for name, label in FIGURES.items():
        cells = [f"{one['figures'][name][0]:.2f} ({one['figures'][name][1]:.2f})" for one in found]
        print(f"{label:34}" + "".join(f"{cell:>22}" for cell in cells) + growth(found, name))


def growth(found: list[dict[str, Any]], name: str) -> str:
    """How much the processor seconds grow when deals double, between the two largest sizes."""
    if len(found) < 2:
        return ""
    before, after = found[-2:]
    doublings = math.log2(after["rows"]["deals"] / before["rows"]["deals"])
    ratio = after["figures"][name][1] / max(before["figures"][name][1], 1e-3)
    return f"   x {ratio ** (1 / doublings):.2f} for twice the deals"


if __name__ == "__main__":
    main()
