"""What revenue is expected from deals not yet created, and how is it drawn?"""

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
_NORMAL_FROM = 64.0  # expected wins from which the normal approximation is used


@dataclass(frozen=True)
class NewBusinessRates:
    """Expected wins between a moment and a period's end, and the noise around them.

    `mean` (people + 1,) wins; `market_sd`, `team_sd` sizes of shared shifts in the log rate; `person_cv` a
    person's own; `amounts` (POOL,) equally likely amounts; `scale` (people + 1,) a person's amounts relative
    to those; `by_date` (j,) share of the period's new revenue expected by each date.
    """

    mean: Floats
    market_sd: float
    team_sd: float
    person_cv: float
    amounts: Floats
    scale: Floats
    by_date: Floats

    def draw_rates(self, shift: Floats, rng: np.random.Generator) -> Rates:
        """Expected wins by person and scenario, (people + 1, S): `mean` with gamma noise of each person.

        `shift` (people + 1, S) multiplies the rates; it is shared within teams and has mean 1.
        """
        rate = np.zeros(shift.shape, np.float32)
        shape = 1 / max(self.person_cv, 1e-6) ** 2
        for person in np.flatnonzero(self.mean > 0):
            rate[person] = self.mean[person] * shift[person] * rng.gamma(shape, 1 / shape, shift.shape[1])
        return rate

    def draw_revenue(self, rate: Rates, seed: int) -> tuple[Floats, Rates]:
        """(revenue, wins) drawn at rates (people + 1, S): Poisson counts, each win of an amount of the pool.

        The same random numbers for all rates: a higher rate keeps the wins and adds to them.
        """
        revenue, wins = np.zeros(rate.shape), np.zeros(rate.shape, np.float32)
        if len(self.amounts):
            _draw_revenue(rate, self.amounts, self.amounts.std(), self.scale, seed, revenue, wins)
        return revenue, wins


@compiled(parallel=True)
def _draw_revenue(
    rate: Rates, amounts: Floats, amount_sd: float, scale: Floats, seed: int, revenue: Floats, wins: Rates
) -> None:
    people, scenarios = rate.shape
    mean, levels = amounts.mean(), np.uint32(len(amounts))
    for person in numba.prange(people):
        person_key = hashed(
            np.uint32(np.uint32(seed) ^ hashed(np.uint32(np.uint32(person) + np.uint32(0xB5297A4D))))
        )
        for s in range(scenarios):
            expected = np.float64(rate[person, s])
            if expected <= 0.0:
                continue
            key = hashed(np.uint32(np.uint32(s) ^ person_key))
            uniform = unit_interval(key)
            if expected > _NORMAL_FROM:
                second_uniform = unit_interval(hashed(np.uint32(key ^ np.uint32(0x68E31DA4))))
                radius, angle = np.sqrt(-2.0 * np.log(uniform)), 2.0 * np.pi * second_uniform
                count = max(np.round(expected + np.sqrt(expected) * radius * np.cos(angle)), 0.0)
                total = count * mean + np.sqrt(count) * amount_sd * radius * np.sin(angle)
                revenue[person, s] = max(total, 0.0) * scale[person]
            else:
                count, probability = 0.0, np.exp(-expected)
                cumulative = probability
                while uniform > cumulative and count < 4.0 * _NORMAL_FROM:
                    count += 1.0
                    probability *= expected / count
                    cumulative += probability
                    key = hashed(np.uint32(key + np.uint32(0x9E3779B9)))
                    revenue[person, s] += amounts[key % levels] * scale[person]
            wins[person, s] = count
