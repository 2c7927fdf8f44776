"""Are true bottlenecks found, and only those, and are they as large as shown?

    python benchmarks/accuracy_bottlenecks.py FOLDER --name after --first-seed 701 --seeds 20 --deals 10000

Every other world (with --planted every one) has two true bottlenecks, of 10, 12, 15, 20 or 30 points in turn.
A bottleneck that is found is correct if it names the true stage and the true segment, a part of it or one
that contains it (the number with exactly that segment is printed with the errors); misses and false ones are
counted by the true size. (A weak conversion of such a segment, at that stage or later, is a consequence: it
counts neither as false nor as found.) With --shuffled the outcomes of each world's deals are permuted, too:
nothing should be found. FOLDER keeps the truth and contrasts of each world, and one result per world and
name; what is there is not computed again, so that another version of the code (`PYTHONPATH`, another --name)
is judged on the same contrasts. Constants were chosen on worlds 741 to 745.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from models.bottlenecks import Bottleneck
from simulator import WorldSettings, crm_tables, ground_truth_dict, simulate
from simulator.catalog import STAGES
from training.bottlenecks import bottlenecks_among, contrasts_in
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
POINTS = (10.0, 12.0, 15.0, 20.0, 30.0)
SIZES = {"small": "small", "mid": "medium", "large": "large"}


def main() -> None:
    """Run what is missing, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="after")
    parser.add_argument("--first-seed", type=int, default=701)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--deals", type=int, default=10_000)
    parser.add_argument("--planted", action="store_true", help="bottlenecks in every world")
    parser.add_argument("--shuffled", action="store_true", help="search permuted outcomes, too")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.seeds):
        seed = options.first_seed + number
        points = POINTS[number // 2 % len(POINTS)] if options.planted or number % 2 else None
        result = options.folder / f"{options.name}-{seed}-{options.deals}.json"
        if not result.exists():
            judged = one_world(seed, points, options.deals, options.shuffled, options.folder)
            result.write_text(json.dumps(judged, ensure_ascii=False, indent=1), "utf-8")
            print(f"world {seed}: {judged['seconds']:.0f} s per search", flush=True)
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(options.folder.glob("*.json")):
        by_name[path.stem.rsplit("-", 2)[0]].append(json.loads(path.read_text("utf-8")))
    for name, worlds in by_name.items():
        print_table(name, worlds)


def one_world(seed: int, points: float | None, deals: int, shuffled: bool, folder: Path) -> dict[str, Any]:
    """What is found in a world, and what is true there; the contrasts are kept in `folder`."""
    kept = folder / f"contrasts-{seed}-{deals}.pkl"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(_contrasts(seed, points, deals, shuffled)))
    # Written by this command, a line above.
    truth, levels, searches = pickle.loads(kept.read_bytes())
    began = time.perf_counter()
    found = [bottlenecks_among(contrasts, levels) for contrasts in searches]
    seconds = (time.perf_counter() - began) / len(searches)
    return {
        "seed": seed,
        "truth": [{**true, "segment": _segment(true)} for true in truth],
        "found": [
            {
                **one.to_json(),
                "about": [n for n, true in enumerate(truth) if _about(one, true)],
                "shows": any(_shows(one, true) for true in truth),
            }
            for one in found[0]
        ],
        "shuffled": [one.to_json() for one in found[1]] if shuffled else None,
        "seconds": seconds,
    }


def _contrasts(seed: int, points: float | None, deals: int, shuffled: bool) -> tuple[Any, Any, Any]:
    """A world's true bottlenecks, category values, and contrasts: as they are, and with permuted outcomes."""
    settings = {"bottlenecks": 0} if points is None else {"bottlenecks": 2, "bottleneck_pp": points}
    world = simulate(WorldSettings(deals=deals, seed=seed, end=END, **settings))
    truth = ground_truth_dict(world.ground_truth)["bottlenecks"]
    log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO)
    observed = ObservationalData.of(log, moment)
    searches = [contrasts_in(observed)]
    if shuffled:
        searches.append(contrasts_in(observed, np.random.default_rng(seed)))
    return truth, observed.history.levels, searches


def print_table(name: str, worlds: Sequence[Mapping[str, Any]]) -> None:
    """One version's findings, and how they compare with what was planted."""
    planted: dict[float, list[bool]] = defaultdict(list)
    errors: list[float] = []
    covered: list[bool] = []
    widths: list[float] = []
    right = wrong = 0
    print(f"\n{name}: {len(worlds)} worlds, {sum(bool(world['truth']) for world in worlds)} with bottlenecks")
    for world in worlds:
        truth = world["truth"]
        for one in world["found"]:
            condition = one["condition"]
            verdict = "right" if one["about"] else "shows" if one["shows"] else "WRONG"
            right, wrong = right + (verdict == "right"), wrong + (verdict == "WRONG")
            print(
                f"  {world['seed']}  {verdict}  {condition['kind']} {condition['feature']} "
                f"{condition['stage']} > {condition['days']} days {one['segment']}: "
                f"{100 * one['effect']:+.1f} points ({100 * one['low']:+.1f} to {100 * one['high']:+.1f}), "
                f"q {one['q']:.4f}, {one['deals']} deals"
            )
            for true in (truth[n] for n in one["about"]):
                if true["segment"] == one["segment"]:
                    errors.append(100 * one["effect"] - true["effect_pp"])
                    covered.append(100 * one["low"] <= true["effect_pp"] <= 100 * one["high"])
                    widths.append(100 * (one["high"] - one["low"]))
        for number, true in enumerate(truth):
            seen = any(number in one["about"] for one in world["found"])
            planted[true["effect_pp"]].append(seen)
            if not seen:
                print(
                    f"  {world['seed']}  MISSED {true['from_stage']} > {true['more_than_days']} "
                    f"{true['segment']}"
                )
    for points, of_size in sorted(planted.items(), reverse=True):
        print(f"  planted {points:+.0f} points: {sum(of_size)} of {len(of_size)} found")
    print(f"  false among found: {wrong} of {right + wrong}")
    if errors:
        error = np.array(errors)
        near = ""
        if len(error) > 1:
            half = 1.96 * error.std(ddof=1) / np.sqrt(len(error))
            near = f" [{error.mean() - half:+.1f}, {error.mean() + half:+.1f}]"
        print(
            f"  effect shown minus planted, same segment ({len(error)}): mean {error.mean():+.1f}{near}, "
            f"root mean square {np.sqrt((error**2).mean()):.1f} points; "
            f"90 % intervals cover {100 * np.mean(covered):.0f} %, mean width {np.mean(widths):.1f}"
        )
    permuted = [bool(world["shuffled"]) for world in worlds if world["shuffled"] is not None]
    if permuted:
        print(f"  outcomes shuffled: something found in {sum(permuted)} of {len(permuted)} worlds")


def _segment(true: Mapping[str, Any]) -> dict[str, str]:
    segment = dict(true["segment"])
    return {**segment, "size": SIZES[segment["size"]]} if "size" in segment else segment


def _about(one: Bottleneck, true: Mapping[str, Any]) -> bool:
    """Whether the stage is that of the true interval, and one segment is within the other."""
    true_segment, segment = set(_segment(true).items()), set(one.segment.items())
    same = one.condition.kind == "interval" and one.condition.stage == true["from_stage"]
    return same and (true_segment <= segment or segment <= true_segment)


def _shows(one: Bottleneck, true: Mapping[str, Any]) -> bool:
    """Whether it is a weak conversion of the true segment, or of a part of it, at the true stage or later."""
    order = [*STAGES]
    later = order.index(one.condition.stage) >= order.index(true["from_stage"])
    true_segment, segment = set(_segment(true).items()), set(one.segment.items())
    return (
        one.condition.kind == "conversion" and later and (true_segment <= segment or segment <= true_segment)
    )


if __name__ == "__main__":
    main()
