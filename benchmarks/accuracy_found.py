"""Is what is found as large as shown, and does its interval hold the truth, where the truth is made up?

    python benchmarks/accuracy_found.py --first-seed 3000 --searches 400

Contrasts of 6,000 deals in 20 segments (and of 12,000 in 60) are made up with true effects: small ones
everywhere, or none but in one segment of ten. Each search shows what it finds. Printed per case:
how many were found in how many searches, means in points of the true effect, the effect as measured on deals
that did not choose it (what was shown before) and the effect shown, the differences with 95 % intervals, how
many of the shown 90 % intervals hold the truth, and their mean width. Seeds below 3,000 are for development.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from features.arrays import Floats
from models.bottlenecks import Condition, ConditionContrast, SegmentKey, StageCohort, search_conditions

CONDITION = Condition("interval", "初回訪問", "提案・見積", 21)
SIZES = ((6_000, 20, 1), (12_000, 60, 4))  # deals, segments, and one search of how many
COSTS = (0.08, 0.12, 0.16, 0.2, 0.25)

Effects = Callable[[np.random.Generator, int], Floats]


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=3_000)
    parser.add_argument("--searches", type=int, default=400)
    options = parser.parse_args()
    for deals, segments, rarer in SIZES:
        print(f"\n{deals:,} deals in {segments} segments")
        together = []
        for name, effects in cases().items():
            found, searches = [], options.searches // rarer
            for seed in range(options.first_seed, options.first_seed + searches):
                found += searched(np.random.default_rng(seed), deals, segments, effects)
            print_line(name, searches, found)
            together += found
        print_line("all of these", searches * len(cases()), together)


def cases() -> dict[str, Effects]:
    """How true effects are drawn, by name."""
    small = {
        f"normal, sd {100 * sd:.0f} points": lambda rng, count, sd=sd: rng.normal(0, sd, count)
        for sd in (0.03, 0.05)
    }
    rare = {
        f"one in ten costs {100 * cost:.0f}": lambda _, count, cost=cost: np.where(
            np.arange(count) < count // 10, -cost, 0.0
        )
        for cost in COSTS
    }
    return {**small, **rare}


def searched(
    rng: np.random.Generator, deals: int, segments: int, effects: Effects
) -> list[tuple[float, float, float, float, float]]:
    """(true, measured, shown, low, high) of each effect that a search finds."""
    segment, theta = rng.integers(0, segments, deals), effects(rng, segments)
    quality = rng.normal(size=deals)
    slow = rng.random(deals) < 1 / (1 + np.exp(quality))  # weak deals are slow
    foreseen = np.clip(0.35 + 0.1 * quality, 0.1, 0.9)
    chance = np.clip(foreseen + theta[segment] * slow, 0.0, 1.0)
    inside = segment == np.arange(segments)[:, None]
    number = np.arange(deals)
    cohort = StageCohort(
        number,
        number,
        rng.integers(0, 30, deals),
        number % 2,
        tuple(SegmentKey((("product", one),)) for one in range(segments)),
        inside.astype(np.float32),
    )
    won = (rng.random(deals) < chance).astype(float)
    contrast = ConditionContrast(CONDITION, cohort, slow, ~slow, won, foreseen, np.ones(deals, bool))
    lost = chance - foreseen
    return [
        (
            float(lost[slow & inside[one.segment]].mean() - lost[slow & ~inside[one.segment]].mean()),
            one.measured,
            one.effect,
            one.low,
            one.high,
        )
        for one in search_conditions([contrast])
    ]


def print_line(name: str, searches: int, found: list[tuple[float, float, float, float, float]]) -> None:
    """One case in a line."""
    if len(found) < 2:
        print(f"  {name:24s} {len(found):4d} found in {searches} searches")
        return
    true, measured, shown, low, high = 100 * np.array(found).T
    held = 100 * np.mean((low <= true) & (true <= high))
    print(
        f"  {name:24s} {len(found):4d} found in {searches} searches  true {true.mean():5.1f}  "
        f"measured {measured.mean():5.1f} ({_over(measured - true)})  "
        f"shown {shown.mean():5.1f} ({_over(shown - true)})  "
        f"90 % intervals hold {held:.0f} %, width {np.mean(high - low):.1f}"
    )


def _over(gap: Floats) -> str:
    half = 1.96 * gap.std(ddof=1) / np.sqrt(len(gap))
    return f"{gap.mean():+.1f} [{gap.mean() - half:+.1f}, {gap.mean() + half:+.1f}]"


if __name__ == "__main__":
    main()
