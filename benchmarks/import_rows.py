"""How many rows per second does an import process, compared with the database writing the same rows?

Generates N activities as CSV, imports them into a fresh SQLite store (read, parsed, checked, upserted), and
in the same run writes the same rows, already parsed, into an identical table by executemany.

    python benchmarks/import_rows.py [N] [REPEATS]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.importing import import_path
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
KINDS = [
    "call",
    "email",
    "visit",
    "web_meeting",
    "demo",
    "proposal",
    "quote",
    "material",
    "follow_up",
    "seminar",
]
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536", "temp_store = MEMORY")


def generate(folder: Path, rows: int) -> None:
    draw = np.random.default_rng(7)
    deals = max(rows // 20, 1)
    deal_ids = np.array([f"D{number:07d}" for number in range(deals)], object)
    start = np.datetime64("2023-01-01T09:00:00")
    created = start + draw.integers(0, 86_400 * 365, deals).astype("m8[s]")
    frame = pd.DataFrame({"deal_id": deal_ids, "created_at": created, "stage": "提案・見積"})
    frame.to_csv(folder / "deals.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")
    at = np.sort(start + draw.integers(0, 86_400 * 1000, rows).astype("m8[s]"))
    activities = pd.DataFrame(
        {
            "activity_id": [f"A{number:08d}" for number in range(rows)],
            "at": at,
            "kind": draw.choice(KINDS, rows),
            "deal_id": deal_ids[draw.integers(0, deals, rows)],
            "lead_id": None,
            "account_id": np.array([f"C{n:06d}" for n in range(20_000)], object)[
                draw.integers(0, 20_000, rows)
            ],
            "actor_id": np.array([f"P{n:03d}" for n in range(200)], object)[draw.integers(0, 200, rows)],
            "direction": draw.choice(["out", "in"], rows),
            "outcome": draw.choice(["接触", "不在", None], rows),
            "effective": draw.choice(["true", "false", None], rows),
            "minutes": draw.integers(1, 90, rows),
            "material": draw.choice(["事例集", "価格表", None, None, None], rows),
            "subject": "打ち合わせの件 " + pd.Series(draw.integers(0, 5000, rows)).astype(str),
        }
    )
    activities.to_csv(folder / "activities.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")


def imported(folder: Path) -> tuple[float, float, list[tuple[object, ...]], str]:
    path = folder / "store.db"
    with Store.open(str(path)) as store:
        import_path(store, folder / "deals.csv", TOKYO)
        began, used = time.perf_counter(), time.process_time()
        result = import_path(store, folder / "activities.csv", TOKYO)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        assert result.quarantined == 0
    with sqlite3.connect(path) as raw:
        made = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'activities'").fetchone()[0]
        return seconds, cpu, raw.execute("SELECT * FROM activities ORDER BY activity_id").fetchall(), made


def written(folder: Path, rows: list[tuple[object, ...]], made: str) -> tuple[float, float]:
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    for pragma in PRAGMAS:
        raw.execute(f"PRAGMA {pragma}")
    raw.execute(made)
    began, used = time.perf_counter(), time.process_time()
    raw.execute("BEGIN")
    raw.executemany(f"INSERT INTO activities VALUES ({', '.join('?' * len(rows[0]))})", rows)
    raw.execute("COMMIT")
    return time.perf_counter() - began, time.process_time() - used


def main(rows: int = 1_000_000, repeats: int = 1) -> None:
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            generate(here, rows)
            seconds, cpu, parsed, made = imported(here)
            bare, bare_cpu = written(here, parsed, made)
        row = "{:>10,.0f} rows/s   {:6.2f} s   processor {:5.2f} s"
        print("sancho import    " + row.format(rows / seconds, seconds, cpu))
        print("sqlite3 alone    " + row.format(rows / bare, bare, bare_cpu) + "   rows already parsed")
        print(f"ratio of speeds  {bare / seconds:.2f} (aim: 0.50); of processor time {bare_cpu / cpu:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
