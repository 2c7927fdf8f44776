"""What would the goal's probability be if levers stood higher? The same scenarios and luck, other chances.

Leads and appointments move the new business that still depends on them; proposals and win rate move open
deals and new ones; the deal size what new ones bring (prices already named stand); the cycle how much of what
is won later falls into the period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.instants import DAY, NEVER
from features.arrays import Floats, Ints
from features.kpis import KpiEvents
from models.forecast.attainment import probability_of
from models.forecast.simulate import Simulation, round_to_step
from models.kpis import RemainingPeriod
from models.levers.levels import Level

STRETCHES = (1.0, 1.15, 1.35, 1.6, 2.0)  # of the time ahead, for which deals' chances are worked out
_WINDOWS, _STEP = 52, 14 * DAY  # stretches looked back at


@dataclass(frozen=True)
class OpenDeals:
    """What levers need to know of the open deals (n,): `ever` won, whether proposed, chances by stretch.

    `stretched` (n, len(STRETCHES)): chance to be won within so many times the time ahead.
    """

    ever: Floats
    proposed: NDArray[np.bool_]
    stretched: Floats


@dataclass(frozen=True)
class NewWins:
    """Of past wins of deals created in a stretch like the one ahead: what they depended on.

    `of_leads`, `of_appointments`: shares whose lead, or appointment, came after the stretch began.
    `stretched` (len(STRETCHES),): wins if the way from creation to win took that much less time.
    """

    of_leads: float
    of_appointments: float
    stretched: Floats


@dataclass(frozen=True)
class LeverModel:
    """A forecast's scenarios with the levers that move them; `levels` by lever."""

    simulation: Simulation
    levels: Mapping[str, Level]
    deals: OpenDeals
    new_wins: NewWins

    def probability(self, shares: Mapping[str, float], people: Ints, target: float) -> float:
        """Of attainment, if those people go a share of each way; with nothing moved, the forecast's own."""
        found = probability_of(self.with_shares(shares, people), people, target)
        assert found is not None  # noqa: S101 - there is a target
        return found

    def with_shares(self, shares: Mapping[str, float], people: Ints) -> Simulation:
        """The simulation with levers moved, `shares` (0 to 1) by lever of the way to the top quartile."""
        steps = {
            name: level.step_towards_top(shares.get(name, 0.0), people) for name, level in self.levels.items()
        }
        return self.with_steps(steps, people)

    def with_level_times(self, lever: str, times: float, people: Ints) -> Simulation:
        """The simulation with one lever of some people at so many times its level."""
        level = self.levels[lever]
        known = people[~np.isnan(level.y[people])]
        step, now = np.zeros(len(level.y)), level.y[known]
        if level.lever.is_share:
            step[known] = logit(np.clip(expit(now) * times, 1e-6, 1 - 1e-6)) - now
        else:
            step[known] = np.log(max(times, 1e-6))
        return self.with_steps({lever: step}, people)

    def with_steps(self, step: Mapping[str, Floats], people: Ints) -> Simulation:
        """The simulation with levers moved by steps (people + 1,) on their own scales."""
        made = self.simulation
        who = made.pipeline.person
        ratio, new = np.ones(len(who)), np.ones(len(made.new_rate))
        if "proposals" in step:
            times = self.level_ratio("proposals", step["proposals"])
            ratio *= np.where(self.deals.proposed, 1.0, times[who])
            new *= times
        if "win_rate" in step:
            times, ever = (
                self.level_ratio("win_rate", step["win_rate"]),
                np.clip(self.deals.ever, 1e-6, 1 - 1e-6),
            )
            later = expit(logit(ever) + step["win_rate"][who]) / ever
            ratio *= np.where(self.deals.proposed, later, times[who])
            new *= times
        if "cycle_time" in step:
            stretch = np.clip(np.exp(-step["cycle_time"]), 1.0, STRETCHES[-1])
            ratio *= _stretched_ratio(self.deals.stretched, stretch[who])
            new *= np.interp(stretch, STRETCHES, self.new_wins.stretched)
        new *= self.new_deal_ratio(step, people)
        bigger = np.exp(step["amount"]) if "amount" in step else np.ones(len(new))
        made = made.with_win_probability_ratio(ratio)
        rate = (made.new_rate * new[:, None]).astype(np.float32)
        new_draws = round_to_step(made.new.draw_revenue(rate, made.seed)[0] * bigger[:, None])
        return replace(made, new_draws=new_draws, new_rate=rate)

    def level_ratio(self, name: str, step: Floats) -> Floats:
        """A person's level after a step, as a multiple of the level before."""
        level = self.levels[name]
        y = np.where(np.isnan(level.y), 0.0, level.y)  # of whom nothing is known, nothing moves
        return np.asarray(level.read(y + step) / level.read(y))

    def new_deal_ratio(self, step: Mapping[str, Floats], people: Ints) -> Floats:
        """Factor on new business (people + 1,) of more leads and appointments of those people."""
        ratio = {}
        for name in ("leads", "appointment_rate"):
            level = self.levels.get(name) if name in step else None
            now = None if level is None else level.of(people)
            then = None if level is None else level.of(people, step[name])
            ratio[name] = then / now if now and then else 1.0
        old = 1 - self.new_wins.of_appointments
        known_leads = self.new_wins.of_appointments - self.new_wins.of_leads
        factor = np.ones(len(self.simulation.new_rate))
        factor[people] = old + ratio["appointment_rate"] * (
            known_leads + self.new_wins.of_leads * ratio["leads"]
        )
        return factor


def new_wins_of(happenings: KpiEvents, ahead: RemainingPeriod) -> NewWins:
    """What new wins depended on in the past two years' stretches as long as the one ahead."""
    created, won, lead_at, appointment_at = happenings.deal_times()
    length = max(ahead.end - ahead.start, DAY)
    counts = np.zeros(2 + len(STRETCHES))
    total = 0.0
    for back in range(_WINDOWS):
        begin = ahead.moment - length - back * _STEP
        mine = (won != NEVER) & (created >= begin) & (created < begin + length)
        inside = mine & (won < begin + length)
        total += inside.sum()
        counts[0] += (inside & (lead_at >= begin)).sum()
        counts[1] += (inside & (appointment_at >= begin)).sum()
        for number, stretch in enumerate(STRETCHES):
            sooner = created + (won - created) / stretch
            counts[2 + number] += (mine & (sooner < begin + length)).sum()
    if not total:
        return NewWins(0.0, 0.0, np.ones(len(STRETCHES)))
    return NewWins(
        min(counts[0], counts[1]) / total, counts[1] / total, np.maximum(counts[2:] / max(counts[2], 1), 1.0)
    )


def _stretched_ratio(stretched: Floats, stretch: Floats) -> Floats:
    """Chance at each deal's stretch, as a multiple of that at none."""
    grid = np.array(STRETCHES)
    at = np.clip(np.searchsorted(grid, stretch, side="right") - 1, 0, len(grid) - 2)
    part = (stretch - grid[at]) / (grid[at + 1] - grid[at])
    rows = np.arange(len(stretch))
    chance = stretched[rows, at] * (1 - part) + stretched[rows, at + 1] * part
    return np.asarray(np.where(stretched[:, 0] > 0, chance / np.maximum(stretched[:, 0], 1e-12), 1.0))
