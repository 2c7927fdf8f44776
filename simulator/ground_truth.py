"""What is true in this world: which effects do actions have, and which slow intervals lose deals?

Drawn from the seed, so different seeds have different truths. Effects are in units of the customer's
interest (added to `boost`, which fades with a half-life of about four months); their effect on the win
probability is measured by replay, never computed from a formula in the model's features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import catalog as c
from simulator.state_arrays import BOTTLENECK

INTERVALS = (
    ("アポイント", "初回訪問", (10, 14)),
    ("初回訪問", "提案・見積", (14, 21, 28)),
    ("提案・見積", "クロージング", (21, 28)),
)
"""Stage the interval starts at, stage it ends at, thresholds in days that may be planted."""

QUICK_QUOTE_DAYS = 14
"""A quote has an effect only when sent within this many days of the first visit."""


@dataclass(frozen=True)
class GroundTruth:
    """The truths of one world."""

    effects: NDArray[np.float64]
    """Shape (actions, industries, sizes, products)."""
    fit: NDArray[np.float64]
    """How well each product suits each industry, shape (industries, products)."""
    materials: NDArray[np.int64]
    """Which material stands for A_INDUSTRY, A_PRODUCT, A_DECOY_LOG and A_DECOY_FEELING, shape (4,)."""
    bottlenecks: NDArray[np.void]
    bottleneck_base: tuple[float, ...]
    """Share of the deals in each bottleneck that would be won without it (from the trial world)."""
    bottleneck_pp: tuple[float, ...]


def draw_effects(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Effects, fit and materials of a seed."""
    rng = np.random.default_rng([seed, 7001])
    industries, sizes, products = len(c.INDUSTRIES), len(c.SIZES), len(c.PRODUCTS)
    effects = np.zeros((len(c.ACTIONS), industries, sizes, products))
    # Demo: works in two industries, best with one product; lowers interest in small companies.
    good = rng.choice(industries, 2, replace=False)
    effects[c.A_DEMO] = 0.10
    effects[c.A_DEMO, good] = 0.85
    effects[c.A_DEMO][good, :, int(rng.integers(products))] += 0.45
    effects[c.A_DEMO][:, 0, :] -= 0.25
    # A visit with the superior: raises interest in large companies, lowers it in small ones.
    for size, value in enumerate((-0.35, 0.15, 1.05)):
        effects[c.A_SUPERIOR][:, size, :] = value
    # A quick quote: raises interest in small companies, lowers it in large ones.
    for size, value in enumerate((0.85, 0.10, -0.35)):
        effects[c.A_QUOTE][:, size, :] = value
    effects[c.A_INDUSTRY, rng.choice(industries, 3, replace=False)] = 0.75
    effects[c.A_PRODUCT][:, :, rng.choice(products, 2, replace=False)] = 0.75
    # Decoys and the seminar invitation: exactly 0. A follow-up helps a little, mail harms a little.
    effects[c.A_FOLLOW] = 0.12
    effects[c.A_EMAIL] = -0.03
    fit = rng.normal(0.0, 0.22, (industries, products))
    return effects, fit, rng.permutation(np.array(c.PLAYED_MATERIALS))


def choose_bottlenecks(
    candidates: list[dict[str, Any]], count: int, pp: float, rng: np.random.Generator
) -> tuple[NDArray[np.void], tuple[float, ...], tuple[float, ...]]:
    """Choose `count` candidates, first those that differ from the chosen ones in both interval and segment.

    Each candidate has the BOTTLENECK fields, `deals` (how many fall into it) and `base` (share of them won).
    A bottleneck of `pp` points loses the fraction pp / (100 base) of its deals, so it needs base > pp / 95.
    """
    feasible = [candidate for candidate in candidates if candidate["base"] * 0.95 >= pp / 100.0]
    if not feasible:
        best = max((candidate["base"] for candidate in candidates), default=0.0)
        raise ValueError(
            f"bottleneck_pp: expected at most {best * 95:.0f} in this world, got {pp}; ask for fewer points"
        )
    chosen: list[dict[str, Any]] = []
    for min_differences in (2, 1, 0):
        for k in rng.permutation(len(feasible)):
            candidate = feasible[k]
            new = all(
                (candidate["interval"] != other["interval"])
                + (
                    (candidate["product"], candidate["industry"], candidate["size"])
                    != (other["product"], other["industry"], other["size"])
                )
                >= min_differences
                for other in chosen
            )
            if len(chosen) < count and new and candidate not in chosen:
                chosen.append(candidate)
    table = np.zeros(len(chosen), BOTTLENECK)
    for row, candidate in zip(table, chosen, strict=True):
        for name in ("interval", "days", "product", "industry", "size"):
            row[name] = candidate[name]
        row["kill"], row["on"] = pp / 100.0 / candidate["base"], 1
    return table, tuple(float(candidate["base"]) for candidate in chosen), (pp,) * len(chosen)
