"""Are true bottlenecks found, and only those?

    python benchmarks/accuracy_bottlenecks.py --first-seed 701 --seeds 20 --deals 10000

Every other world has two true bottlenecks, of 10, 12, 15, 20 or 30 points in turn. A bottleneck that is found
is correct if it names the true stage and the true segment, a part of it or one that contains it (the number
with exactly that segment is printed with the errors); misses and false ones are counted by the true size. (A
weak conversion of such a segment, at that stage or later, is a consequence: it counts neither as false nor as
found.) Then the outcomes of each world's deals are permuted: nothing should be found.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from models.bottlenecks import Bottleneck
from simulator import WorldSettings, crm_tables, ground_truth_dict, simulate
from simulator.catalog import STAGES
from training.bottlenecks import find_bottlenecks
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
POINTS = (10.0, 12.0, 15.0, 20.0, 30.0)
SIZES = {"small": "small", "mid": "medium", "large": "large"}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=701)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--deals", type=int, default=10_000)
    options = parser.parse_args()
    planted: dict[float, list[bool]] = defaultdict(list)
    errors: list[float] = []
    covered: list[bool] = []
    right = wrong = shuffled = 0
    seconds = 0.0
    for number in range(options.seeds):
        points = POINTS[number // 2 % len(POINTS)] if number % 2 else None
        seed = options.first_seed + number
        settings = {"bottlenecks": 0} if points is None else {"bottlenecks": 2, "bottleneck_pp": points}
        world = simulate(WorldSettings(deals=options.deals, seed=seed, end=END, **settings))
        truth = ground_truth_dict(world.ground_truth)["bottlenecks"]
        log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO)
        began = time.perf_counter()
        found, nothing = _searched(log, moment, seed)
        seconds += time.perf_counter() - began
        shuffled += bool(nothing)
        met = [False] * len(truth)
        for one in found:
            hits = [n for n, true in enumerate(truth) if _about(one, true)]
            for n in hits:
                met[n] = True
                if _segment(truth[n]) == dict(one.segment):
                    errors.append(100 * one.effect - truth[n]["effect_pp"])
                    covered.append(100 * one.low <= truth[n]["effect_pp"] <= 100 * one.high)
            dies_here = not hits and any(_shows(one, true) for true in truth)
            right, wrong = right + bool(hits), wrong + (not hits and not dies_here)
            condition = one.condition
            print(
                f"{seed}  {'right' if hits else 'shows' if dies_here else 'WRONG'}  "
                f"{condition.kind} {condition.feature} {condition.stage} "
                f"> {condition.days} days {dict(one.segment)}: {100 * one.effect:+.1f} points "
                f"({100 * one.low:+.1f} to {100 * one.high:+.1f}), q {one.q:.4f}, {one.deals} deals",
                flush=True,
            )
        for true, seen in zip(truth, met, strict=True):
            planted[true["effect_pp"]].append(seen)
            if not seen:
                print(f"{seed}  MISSED {true['from_stage']} > {true['more_than_days']} {true['segment']}")
    print(
        f"{options.seeds} worlds of about {options.deals} deals, every other one with two bottlenecks planted"
    )
    for points, seen in sorted(planted.items(), reverse=True):
        print(f"  planted {points:+.0f} points: {sum(seen)} of {len(seen)} found")
    print(f"  false among found: {wrong} of {right + wrong}")
    if errors:
        error = np.array(errors)
        print(
            f"  effect estimated minus planted, same segment ({len(error)}): mean {error.mean():+.1f}, "
            f"root mean square {np.sqrt((error**2).mean()):.1f} points; "
            f"90 % intervals cover {100 * np.mean(covered):.0f} %"
        )
    print(f"  outcomes shuffled: something found in {shuffled} of {options.seeds} worlds")
    print(f"  {seconds / options.seeds / 2:.1f} s per search")


def _searched(log: EventLog, moment: int, seed: int) -> tuple[tuple[Bottleneck, ...], tuple[Bottleneck, ...]]:
    """(bottlenecks found, bottlenecks found with permuted outcomes)."""
    observed = ObservationalData.of(log, moment)
    return find_bottlenecks(observed), find_bottlenecks(observed, np.random.default_rng(seed))


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
