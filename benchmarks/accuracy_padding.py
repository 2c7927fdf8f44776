"""How many padded KPIs are found, and how often is an honest person asked? Simulated worlds.

    python benchmarks/accuracy_padding.py FOLDER --seeds 20 --first-seed 101

In each world every kind of padding is planted, one after another, for one seller drawn by chance among those
whose KPI it raises and who have five such rows or more: in the last quarter the volume is doubled by rows
that nothing follows (`simulator.padding`; a seller for whose deals there is no room for 80 % of that is drawn
again). Asked at the quarter's end, whatever else is found is a false alarm. The world as it is, in which
nobody pads, is asked about each of its last `--quarters` quarters. Worlds 1 to 200 are for development: the
constants of `models/padding` were chosen on some of the first 99.

One file per world in FOLDER; a world whose file is there is not simulated again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from scipy.stats import beta

from crm.eventlog import EventLog
from crm.periods import Period, period_holding
from features.kpis.followed import steps_of
from models.padding import ALLOWED, KINDS, padding_in
from simulator import WorldSettings, crm_tables, simulate
from simulator.padding import PADDED, Padding, pad

TOKYO = ZoneInfo("Asia/Tokyo")
DAYS = 1096
_ROOM = 0.8  # of the rows to be planted
_MIN_ROWS = 5  # of a seller who pads: of fewer nobody makes a KPI


def main() -> None:
    """Run what is not there yet, and print what is."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        file = options.folder / f"world-{options.deals}-{options.length}-{seed}.json"
        if not file.exists():
            began = time.process_time()
            result = one_world(seed, options)
            file.write_text(json.dumps(result, ensure_ascii=False, indent=1), "utf-8")
            print(f"world {seed}: {time.process_time() - began:.0f} s of processor time", flush=True)
    files = sorted(options.folder.glob(f"world-{options.deals}-{options.length}-*.json"))
    print_table([json.loads(file.read_text("utf-8")) for file in files])


def one_world(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """What is found in a world in which nobody pads, and with each kind planted in its last period."""
    tables = crm_tables(simulate(WorldSettings(deals=options.deals, seed=seed, end=options.end, days=DAYS)))
    periods = [period_holding(options.end, options.length)]
    while len(periods) < options.quarters:
        periods.append(period_holding(periods[-1].first - timedelta(days=1), options.length))
    honest = [questions_in(tables, period) for period in periods]
    rng = np.random.default_rng([seed, 2401])
    planted = [one_planted(tables, kind, periods[0], rng) for kind in PADDED]
    return {"seed": seed, "honest": honest, "planted": planted}


def one_planted(
    tables: Mapping[str, Any], kind: str, period: Period, rng: np.random.Generator
) -> dict[str, Any]:
    """What is found where one seller pads."""
    people = tables["people"]
    here = people["style"].isin(KINDS[kind].styles) & people["active_to"].isna()
    here &= people["active_from"] <= np.datetime64(period.first)
    known = EventLog.of(tables, TOKYO).as_of(period.end(TOKYO))
    ids = people["person_id"].to_numpy(str)
    steps = steps_of(known, tuple(ids))[kind]
    rows = np.bincount(steps.person[steps.at >= period.start(TOKYO)], minlength=len(ids))
    drawn = rng.permutation(np.flatnonzero(here.to_numpy(bool) & (rows >= _MIN_ROWS)))
    for number in drawn.tolist():
        seller = str(ids[number])
        padded = pad(tables, Padding(kind, seller, period.first, period.last), rng)
        if len(padded.ids) >= _ROOM * rows[number]:
            break
    answer = questions_in(padded.tables, period)
    hits = [one for one in answer["found"] if (one["person"], one["kind"]) == (seller, kind)]
    false = [one for one in answer["found"] if one["person"] != seller]
    return {
        "kind": kind,
        "person": seller,
        "added": len(padded.ids),
        "rows": int(rows[number]),
        "hit": hits[0] if hits else None,
        "false": false,
        "compared": answer["compared"],
        "seconds": answer["seconds"],
    }


def questions_in(tables: Mapping[str, Any], period: Period) -> dict[str, Any]:
    """What is found in a period as of its end."""
    known = EventLog.of(tables, TOKYO).as_of(period.end(TOKYO))
    people = tuple(str(one) for one in known["people"]["person_id"])
    began = time.process_time()
    padding = padding_in(known, people, period.start(TOKYO), period.end(TOKYO))
    seconds = time.process_time() - began
    found = [
        {
            "person": people[one.person],
            "kind": one.kind,
            "rows": one.rows,
            "usual_rows": one.usual_rows,
            "settled": one.settled,
            "followed": one.followed,
            "usual_followed": one.usual_followed,
            "chance": one.chance,
        }
        for one in padding.found
    ]
    return {"period": period.name, "found": found, "compared": padding.compared, "seconds": seconds}


def print_table(worlds: list[dict[str, Any]]) -> None:
    """The share found of each kind, and the false alarms, with 95 % intervals (Clopper and Pearson)."""
    planted = [one for world in worlds for one in world["planted"]]
    honest = [one for world in worlds for one in world["honest"]]
    print(f"\n{len(worlds)} worlds; at most {ALLOWED:.0%} of honest answers may ask anything")
    print("found, of planted:")
    for kind in PADDED:
        of_kind = [one for one in planted if one["kind"] == kind]
        added = np.median([one["added"] for one in of_kind]) if of_kind else 0
        print(f"  {kind:12} {share([one['hit'] is not None for one in of_kind])}  median rows {added:.0f}")
    print(f"  {'all':12} {share([one['hit'] is not None for one in planted])}")
    print("false alarms:")
    print(f"  answers in which nobody pads     {share([bool(one['found']) for one in honest])}")
    print(f"  answers in which another one pads {share([bool(one['false']) for one in planted])}")
    asked = sum(len(one["found"]) for one in honest)
    compared = sum(one["compared"] for one in honest)
    print(f"  questions of people and kinds compared in honest answers: {asked} of {compared}")
    seconds = [one["seconds"] for one in (*planted, *honest)]
    print(f"processor time of an answer: median {np.median(seconds):.2f} s, longest {max(seconds):.2f} s")


def share(flags: list[bool]) -> str:
    """A share with its exact 95 % interval."""
    n, k = len(flags), sum(flags)
    if not n:
        return "none"
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    return f"{k / n:6.1%} ({k} of {n}) [{low:.1%}, {high:.1%}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--deals", type=int, default=8_000, help="of each world, in three years")
    parser.add_argument("--length", choices=("month", "quarter"), default="quarter")
    parser.add_argument("--quarters", type=int, default=6, help="periods asked about where nobody pads")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2026, 9, 30))
    return parser.parse_args()


if __name__ == "__main__":
    main()
