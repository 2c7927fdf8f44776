"""What deals not yet created are expected to bring, and how it is drawn around that."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats
from features.kernel_cache import compiled
from models.counter_rng import hashed, unit_interval

Rates = NDArray[np.float32]

POOL = 512  # equally likely amounts kept of past wins
_NORMAL_FROM = 64.0  # wins expected from which their number and their sum are normal enough


@dataclass(frozen=True)
class NewBusinessRates:
    """What is expected between a moment and a period's end; the noise around it is drawn.

    `mean` (people + 1,) wins; `market_sd`, `team_sd` sizes of shared shifts in the log rate; `person_cv` a
    person's own; `amounts` (POOL,) equally likely amounts; `scale` (people + 1,) a person's amounts against
    those; `by_date` (j,) share of the period's new revenue expected by each date.
    """

    mean: Floats
    market_sd: float
    team_sd: float
    person_cv: float
    amounts: Floats
    scale: Floats
    by_date: Floats

    def draw_rates(self, shift: Floats, rng: np.random.Generator) -> Rates:
        """Wins expected by person and scenario, (people + 1, S): each person's own gamma noise on `mean`.

        `shift` (people + 1, S) multiplies the rates; it is shared within teams and has mean 1.
        """
        rate = np.zeros(shift.shape, np.float32)
        shape = 1 / max(self.person_cv, 1e-6) ** 2
        for person in np.flatnonzero(self.mean > 0):
            rate[person] = self.mean[person] * shift[person] * rng.gamma(shape, 1 / shape, shift.shape[1])
        return rate

    def draw_revenue(self, rate: Rates, seed: int) -> tuple[Floats, Rates]:
        """(revenue, wins) drawn at rates (people + 1, S): Poisson counts, each win of an amount of the pool.

        The same luck whatever the rates: at a higher rate come the same wins and more.
        """
        revenue, wins = np.zeros(rate.shape), np.zeros(rate.shape, np.float32)
        if len(self.amounts):
            _draw_revenue(rate, self.amounts, self.amounts.std(), self.scale, seed, revenue, wins)
        return revenue, wins


@compiled(parallel=True)
def _draw_revenue(
    rate: Rates, amounts: Floats, spread: float, scale: Floats, seed: int, revenue: Floats, wins: Rates
) -> None:
    people, scenarios = rate.shape
    mean, levels = amounts.mean(), np.uint32(len(amounts))
    for person in numba.prange(people):
        own = hashed(
            np.uint32(np.uint32(seed) ^ hashed(np.uint32(np.uint32(person) + np.uint32(0xB5297A4D))))
        )
        for s in range(scenarios):
            expected = np.float64(rate[person, s])
            if expected <= 0.0:
                continue
            key = hashed(np.uint32(np.uint32(s) ^ own))
            luck = unit_interval(key)
            if expected > _NORMAL_FROM:
                again = unit_interval(hashed(np.uint32(key ^ np.uint32(0x68E31DA4))))
                radius, angle = np.sqrt(-2.0 * np.log(luck)), 2.0 * np.pi * again
                count = max(np.round(expected + np.sqrt(expected) * radius * np.cos(angle)), 0.0)
                brought = count * mean + np.sqrt(count) * spread * radius * np.sin(angle)
                revenue[person, s] = max(brought, 0.0) * scale[person]
            else:
                count, chance = 0.0, np.exp(-expected)
                below = chance
                while luck > below and count < 4.0 * _NORMAL_FROM:
                    count += 1.0
                    chance *= expected / count
                    below += chance
                    key = hashed(np.uint32(key + np.uint32(0x9E3779B9)))
                    revenue[person, s] += amounts[key % levels] * scale[person]
            wins[person, s] = count
