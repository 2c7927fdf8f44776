"""Where can a bottleneck be planted? A trial world without any gives slow intervals and their win rates."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import product as combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import catalog as c
from simulator.dynamics import run
from simulator.ground_truth import INTERVALS, GroundTruth, draw_effects
from simulator.settings import WorldSettings
from simulator.state_arrays import BOTTLENECK, FAR
from simulator.world import current_deals

PILOT = WorldSettings(deals=36_000, seed=1, end=date(2023, 12, 31), days=1096, bottlenecks=0)
"""Size and length of the trial world: fixed, so that the truth does not depend on the world requested."""
LEAST_DEALS = 0.045
"""Smallest share of all deals that a slow interval must hold to become a candidate."""


@lru_cache(maxsize=8)
def bottleneck_candidates(seed: int) -> list[dict[str, Any]]:
    """Candidates for a planted bottleneck, with the number of deals in each and the share of them won."""
    settings = WorldSettings(
        deals=PILOT.deals, seed=seed ^ 0x5A17, end=PILOT.end, days=PILOT.length, bottlenecks=0
    )
    world = run(
        settings, GroundTruth(*draw_effects(seed), np.zeros(0, BOTTLENECK), (), ()), settings.length - 1
    )
    deals = current_deals(world)
    # Only deals whose outcome is known: created more than a year before the trial's end.
    deals = deals[deals["day0"] < settings.length - 400]
    segments: list[dict[str, int]] = [{"product": p} for p in range(len(c.PRODUCTS))]
    segments += [{"industry": i} for i in range(len(c.INDUSTRIES))]
    segments += [
        {"size": s, "product": p} for s, p in combinations(range(len(c.SIZES)), range(len(c.PRODUCTS)))
    ]
    out = []
    for interval, (_, _, thresholds) in enumerate(INTERVALS):
        for days in thresholds:
            slow = _slow(deals, interval, days)
            for segment in segments:
                inside = slow.copy()
                for name, value in segment.items():
                    inside &= deals[name] == value
                if inside.sum() >= LEAST_DEALS * len(deals):
                    out.append(
                        {"interval": interval, "days": days, "product": -1, "industry": -1, "size": -1}
                        | segment
                        | {
                            "deals": int(inside.sum()),
                            "base": float((deals["status"][inside] == c.WON).mean()),
                        }
                    )
    return out


def _slow(deals: NDArray[np.void], interval: int, days: int) -> NDArray[np.bool_]:
    """Which deals stayed longer than `days` between two stages, shape (n,)."""
    begin = deals[("e_appointment", "e_visit", "e_proposal")[interval]]
    end = deals[("e_visit", "e_proposal", "e_closing")[interval]]
    end = np.where(end == FAR, np.where(deals["closed_day"] == FAR, 10**6, deals["closed_day"]), end)
    return np.asarray((begin != FAR) & (end - begin > days))
