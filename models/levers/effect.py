"""What would the target's probability be at other lever levels? The same scenarios, other probabilities.

Leads and appointments change the new business that still depends on them; proposals and win rate change open
and new deals; the deal size changes the revenue of new deals (quoted prices stay); the cycle time changes
how many of the later wins fall into the period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.instants import DAY, NEVER
from features.arrays import Floats, Ints
from features.kpis import KpiEvents
from models.forecast.attainment import probability_of
from models.forecast.goal_effect import Goal
from models.forecast.simulate import Simulation
from models.kpis import RemainingPeriod
from models.levers.levels import Level

STRETCHES = (
    1.0,
    1.15,
    1.35,
    1.6,
    2.0,
)  # multiples of the time ahead for which win probabilities are computed
_WINDOWS, _STEP = 52, 14 * DAY  # past windows, and the time between them


@dataclass(frozen=True)
class OpenDeals:
    """The open deals (n,): probability of being `ever` won, whether proposed, probabilities by stretch.

    `stretched` (n, len(STRETCHES)): probability of being won within that multiple of the time ahead.
    """

    ever: Floats
    proposed: NDArray[np.bool_]
    stretched: Floats


@dataclass(frozen=True)
class NewWins:
    """Past wins of deals created in a window like the one ahead: what they depended on.

    `of_leads`, `of_appointments`: shares whose lead, or appointment, came after the window began.
    `stretched` (len(STRETCHES),): wins if the time from creation to win were divided by that factor.
    """

    of_leads: float
    of_appointments: float
    stretched: Floats


@dataclass(frozen=True)
class LeverModel:
    """A forecast's scenarios and the levers that change them; `levels` by lever."""

    simulation: Simulation
    levels: Mapping[str, Level]
    deals: OpenDeals
    new_wins: NewWins
    _now: dict[tuple[tuple[int, ...], float], Goal] = field(default_factory=dict, init=False, repr=False)

    def probability(self, shares: Mapping[str, float], people: Ints, target: float) -> float:
        """Probability of attainment with those shares of the way; without shares, the forecast's own."""
        probability = probability_of(self.with_shares(shares, people), people, target)
        assert probability is not None  # noqa: S101 - there is a target
        return probability

    def goal(self, shares: Mapping[str, float], people: Ints, target: float) -> Goal:
        """The goal of some people with those shares of the way, from the same scenarios."""
        if shares:
            return Goal.of(self.with_shares(shares, people), people, target)
        asked = (tuple(people.tolist()), target)
        if asked not in self._now:
            self._now[asked] = Goal.of(self.with_shares({}, people), people, target)
        return self._now[asked]

    def with_shares(self, shares: Mapping[str, float], people: Ints) -> Simulation:
        """The simulation with levers moved by `shares` (0 to 1) of the way to the top quartile."""
        steps = {
            name: level.step_towards_top(shares.get(name, 0.0), people) for name, level in self.levels.items()
        }
        return self.with_steps(steps, people)

    def with_level_times(self, lever: str, times: float, people: Ints) -> Simulation:
        """The simulation with one lever of some people at a multiple of its level."""
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
        simulation = self.simulation
        person = simulation.pipeline.person
        open_ratio, new_ratio = np.ones(len(person)), np.ones(len(simulation.new_rate))
        if "proposals" in step:
            person_ratio = self.level_ratio("proposals", step["proposals"])
            open_ratio *= np.where(self.deals.proposed, 1.0, person_ratio[person])
            new_ratio *= person_ratio
        if "win_rate" in step:
            person_ratio, ever = (
                self.level_ratio("win_rate", step["win_rate"]),
                np.clip(self.deals.ever, 1e-6, 1 - 1e-6),
            )
            proposed_ratio = expit(logit(ever) + step["win_rate"][person]) / ever
            open_ratio *= np.where(self.deals.proposed, proposed_ratio, person_ratio[person])
            new_ratio *= person_ratio
        if "cycle_time" in step:
            stretch = np.clip(np.exp(-step["cycle_time"]), 1.0, STRETCHES[-1])
            open_ratio *= _stretched_ratio(self.deals.stretched, stretch[person])
            new_ratio *= np.interp(stretch, STRETCHES, self.new_wins.stretched)
        new_ratio *= self.new_deal_ratio(step, people)
        amount_ratio = np.exp(step["amount"]) if "amount" in step else np.ones(len(new_ratio))
        return self.with_ratios(open_ratio, new_ratio, amount_ratio)

    def with_ratios(self, open_ratio: Floats, new_ratio: Floats, amount_ratio: Floats) -> Simulation:
        """The simulation with open deals' chances (n,), new business and amounts (people + 1,) multiplied."""
        simulation = self.simulation.with_win_probability_ratio(open_ratio)
        if (new_ratio == 1).all() and (amount_ratio == 1).all():
            return simulation
        rate = (simulation.new_rate * new_ratio[:, None]).astype(np.float32)
        return simulation.with_new_business(rate, amount_ratio)

    def level_ratio(self, name: str, step: Floats) -> Floats:
        """A person's level after a step, as a multiple of the level before."""
        level = self.levels[name]
        y = np.where(np.isnan(level.y), 0.0, level.y)  # people with an unknown level do not change
        return np.asarray(level.read(y + step) / level.read(y))

    def new_deal_ratio(self, step: Mapping[str, Floats], people: Ints) -> Floats:
        """Factor on new business (people + 1,) of more leads and appointments of those people."""
        ratio = {}
        for name in ("leads", "appointment_rate"):
            level = self.levels.get(name) if name in step else None
            level_now = None if level is None else level.of(people)
            level_then = None if level is None else level.of(people, step[name])
            ratio[name] = level_then / level_now if level_now and level_then else 1.0
        independent = 1 - self.new_wins.of_appointments
        of_known_leads = self.new_wins.of_appointments - self.new_wins.of_leads
        factor = np.ones(len(self.simulation.new_rate))
        factor[people] = independent + ratio["appointment_rate"] * (
            of_known_leads + self.new_wins.of_leads * ratio["leads"]
        )
        return factor


def new_wins_of(happenings: KpiEvents, remaining: RemainingPeriod) -> NewWins:
    """What new wins depended on in the past two years' windows of the same length."""
    created, won, lead_at, appointment_at = happenings.deal_times()
    length = max(remaining.end - remaining.start, DAY)
    counts = np.zeros(2 + len(STRETCHES))
    total = 0.0
    for back in range(_WINDOWS):
        begin = remaining.moment - length - back * _STEP
        created_inside = (won != NEVER) & (created >= begin) & (created < begin + length)
        won_inside = created_inside & (won < begin + length)
        total += won_inside.sum()
        counts[0] += (won_inside & (lead_at >= begin)).sum()
        counts[1] += (won_inside & (appointment_at >= begin)).sum()
        for number, stretch in enumerate(STRETCHES):
            earlier_win = created + (won - created) / stretch
            counts[2 + number] += (created_inside & (earlier_win < begin + length)).sum()
    if not total:
        return NewWins(0.0, 0.0, np.ones(len(STRETCHES)))
    return NewWins(
        min(counts[0], counts[1]) / total, counts[1] / total, np.maximum(counts[2:] / max(counts[2], 1), 1.0)
    )


def _stretched_ratio(stretched: Floats, stretch: Floats) -> Floats:
    """Probability at each deal's stretch, as a multiple of that without one."""
    grid = np.array(STRETCHES)
    at = np.clip(np.searchsorted(grid, stretch, side="right") - 1, 0, len(grid) - 2)
    part = (stretch - grid[at]) / (grid[at + 1] - grid[at])
    rows = np.arange(len(stretch))
    chance = stretched[rows, at] * (1 - part) + stretched[rows, at + 1] * part
    return np.asarray(np.where(stretched[:, 0] > 0, chance / np.maximum(stretched[:, 0], 1e-12), 1.0))
