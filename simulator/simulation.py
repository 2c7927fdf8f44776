"""How is a simulated organisation made from its settings, and how is it continued?"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np

from simulator.bottleneck_candidates import bottleneck_candidates
from simulator.dynamics import run, step
from simulator.ground_truth import GroundTruth, choose_bottlenecks, draw_effects
from simulator.settings import WorldSettings
from simulator.state_arrays import BOTTLENECK
from simulator.world import World


def simulate(settings: WorldSettings, until: date | None = None) -> World:
    """Simulate from the first day to `until` (inclusive; default: the last day of the settings).

    >>> world = simulate(WorldSettings(deals=30, days=120, end=date(2026, 11, 20), bottlenecks=0))
    >>> world.date_of(world.last_day)
    datetime.date(2026, 11, 20)
    """
    last = settings.length - 1 if until is None else (until - settings.start).days
    if not -1 <= last < settings.length:
        raise ValueError(f"until: expected {settings.start} to {settings.end}, got {until}")
    return run(settings, draw_ground_truth(settings.seed, settings.bottlenecks, settings.bottleneck_pp), last)


def advance(world: World, until: date) -> None:
    """Simulate `world` further, in place, to the end of `until`; a day already simulated changes nothing."""
    while world.last_day < world.day_of(until):
        step(world.state, world, world.log)


@lru_cache(maxsize=8)
def draw_ground_truth(seed: int, bottlenecks: int, pp: float) -> GroundTruth:
    """The truths of a seed with that many planted bottlenecks, each worth `pp` points of win chance."""
    effects, fit, materials = draw_effects(seed)
    if bottlenecks == 0:
        return GroundTruth(effects, fit, materials, np.zeros(0, BOTTLENECK), (), ())
    rng = np.random.default_rng([seed, 7002])
    table, base, points = choose_bottlenecks(bottleneck_candidates(seed), bottlenecks, pp, rng)
    return GroundTruth(effects, fit, materials, table, base, points)
