"""What do versions cost? Import, a second list with changes, the view as of a moment, and its history.

    python benchmarks/versions_scale.py                              # 100,000 deals
    python benchmarks/versions_scale.py --deals 1000000 --json       # one line, to compare two checkouts

Generates deals (with accounts, people and six changes of stage each), imports them, then imports the list of
a week later: a tenth of the deals moved on, closed, were re-opened or flipped, every twentieth account
changed. Each step's processor seconds and the peak memory of the process so far are printed. To compare with
an earlier checkout, run the same file with that checkout on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.importing import import_path
from crm.instants import DAY, as_of_instant
from crm.store import Store
from features import Calendar, compile_history

TOKYO = ZoneInfo("Asia/Tokyo")
STAGES = np.array(["リード獲得", "アポイント", "初回訪問", "提案・見積", "クロージング"], object)
FIRST_WEEK = as_of_instant("2026-11-01", TOKYO)
EVENTS = 6


def books(deals: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The canonical tables of the first week."""
    ids = np.array([f"D{number:07d}" for number in range(deals)], object)
    created = np.datetime64("2023-01-01T09:00:00") + rng.integers(0, 86_400 * 1_300, deals).astype("m8[s]")
    closed = created + rng.integers(86_400, 86_400 * 200, deals).astype("m8[s]")
    ended = closed < np.datetime64("2026-10-30")
    won = ended & (rng.random(deals) < 0.4)
    stage = np.where(won, "受注", np.where(ended, "失注", STAGES[rng.integers(0, 5, deals)]))
    accounts, people = max(deals // 5, 5), max(deals // 500, 5)
    frame = pd.DataFrame(
        {
            "deal_id": ids,
            "created_at": created,
            "stage": stage,
            "owner_id": [f"P{number:05d}" for number in rng.integers(0, people, deals)],
            "account_id": [f"A{number:06d}" for number in rng.integers(0, accounts, deals)],
            "amount": np.round(rng.lognormal(13, 1, deals)),
            "closed_at": pd.Series(closed).where(ended),
        }
    )
    which = np.repeat(np.arange(deals), EVENTS)
    after = rng.integers(3_600, 86_400 * 180, (deals, EVENTS)).astype("m8[s]")
    at = np.sort(created[which].reshape(deals, EVENTS) + after)
    before = STAGES[rng.integers(0, 5, deals * EVENTS)]
    history = pd.DataFrame(
        {
            "deal_id": ids[which],
            "at": at.ravel(),
            "field": "stage",
            "old_value": before,
            "value": STAGES[rng.integers(0, 5, deals * EVENTS)],
        }
    )
    return {
        "people": pd.DataFrame(
            {"person_id": [f"P{n:05d}" for n in range(people)], "team_id": "T1", "style": "field"}
        ),
        "accounts": pd.DataFrame(
            {"account_id": [f"A{n:06d}" for n in range(accounts)], "industry": "製造", "employees": 10}
        ),
        "deals": frame,
        "deal_events": history[history["at"] < pd.Timestamp("2026-10-30")],
    }


def a_week_later(tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The whole lists of deals and accounts again: some of their rows have changed."""
    deals, accounts = tables["deals"].copy(), tables["accounts"].copy()
    changed = rng.random(len(deals)) < 0.1
    is_open = deals["closed_at"].isna().to_numpy()
    moved, closing = changed & is_open & (rng.random(len(deals)) < 0.7), changed & is_open
    deals.loc[closing & ~moved, "stage"] = "受注"
    deals.loc[closing & ~moved, "closed_at"] = pd.Timestamp("2026-11-05")
    deals.loc[moved, "stage"] = STAGES[rng.integers(0, 5, int(moved.sum()))]
    deals.loc[moved, "amount"] += 1_000
    reopened = changed & ~is_open & (rng.random(len(deals)) < 0.1)
    deals.loc[reopened, "stage"], deals.loc[reopened, "closed_at"] = "提案・見積", pd.NaT
    accounts.loc[rng.random(len(accounts)) < 0.05, "industry"] = "小売"
    return {"deals": deals, "accounts": accounts}


def write(tables: dict[str, pd.DataFrame], folder: Path) -> Path:
    """The tables as CSV files in a folder."""
    folder.mkdir()
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")
    return folder


def measure(deals: int) -> dict[str, tuple[float, float]]:
    """Processor seconds and peak MiB by step."""
    rng = np.random.default_rng(1)
    found: dict[str, tuple[float, float]] = {}

    def step(name: str, do: Callable[[], Any]) -> Any:
        began = time.process_time()
        result = do()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found[name] = (round(time.process_time() - began, 2), round(peak))
        return result

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = books(deals, rng)
        first, second = write(tables, folder / "first"), write(a_week_later(tables, rng), folder / "second")
        del tables
        with Store.open(f"sqlite:///{folder / 'books.db'}", TOKYO) as store:
            step("first import", lambda: import_path(store, first, TOKYO, now=FIRST_WEEK))
            step("a week later", lambda: import_path(store, second, TOKYO, now=FIRST_WEEK + 7 * DAY))
            log = step("read", store.read)
        moment = FIRST_WEEK + DAY
        past = step("view as of a moment", lambda: log.as_of(moment))
        log = None
        step("history", lambda: compile_history(past, Calendar(TOKYO)))
    return found


def main() -> None:
    """Prints the steps of one size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--deals", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.deals)
    if given.json:
        print(json.dumps({"deals": given.deals, "steps": found}))
        return
    print(f"{given.deals:,} deals   processor seconds   peak MiB")
    for name, (seconds, peak) in found.items():
        print(f"{name:24s} {seconds:12.2f} {peak:12,.0f}")


if __name__ == "__main__":
    main()
