"""Do the compiled parts of one deal's answer say what slow and obvious versions say, digit for digit?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaincinv

from models.forecast.amount_interval import amount_intervals
from models.win.chance_interval import LEVELS, REACH, chance_intervals, hidden_share
from models.win.level import SIDES, Level
from models.win.mix_kernels import Mixes, close_days, mix
from models.win.stacking import Mix, Stack

EVER = 400.0
RNG = np.random.default_rng(11)


def a_mix() -> Mix:
    bands = np.abs(RNG.normal(size=len(Mix.weighted_mean(np.ones(4), EVER).bands)))
    return Mix(float(RNG.normal()), bands, *np.abs(RNG.normal(size=(3, 4))))


@pytest.mark.parametrize("fresh", [0.0, 0.4, 1.0])
def test_questions_about_one_deal_are_mixed_as_those_about_many(fresh: float) -> None:
    stacks = [Stack(a_mix(), a_mix(), EVER) for _ in SIDES]
    mixes, days = Mixes.of(stacks), np.array([0.0, 0.5, 3.0, 27.0, 90.0, 399.0, EVER])
    log_odds, levels = RNG.normal(size=(2, len(days), 4)) * 3.0, RNG.normal(size=(2, len(days)))
    log_days, is_fresh = np.log1p(days), np.full(len(days), fresh)
    total, weights = np.empty((2, len(days))), np.empty((len(days), 4))
    mix(mixes, log_odds, mixes.shifts(days, log_days), levels, days, log_days, is_fresh, total, weights)
    for side, stack in enumerate(stacks):
        assert (total[side] == stack(log_odds[side], days, is_fresh) + levels[side]).all()
    assert (weights == stacks[0].row_weights(log_odds[0], days, is_fresh)).all()


def test_both_sides_of_the_level_are_read_as_each_alone() -> None:
    shifts = RNG.normal(size=(2, 2, 4))
    level = Level(np.array([7.0, 28.0, 91.0, EVER]), shifts[0], shifts[1], 1_000, 30.0)
    moments, days = np.array([500, 1_000, 9**15]), np.array([3.0, 91.0, EVER])
    both = level.shifts(moments, days)
    for row, side in enumerate(SIDES):
        assert (both[row] == level.shift(side, moments, days)).all()


def test_close_days_lie_where_the_chance_reaches_their_share() -> None:
    won, edges = np.array([0.0, 0.1, 0.1, 0.3]), np.array([0.0, 10.0, 20.0, 30.0, 40.0, 100.0])
    out = np.empty(4)
    close_days(won, 0.4, edges, np.array([0.125, 0.25, 0.5, 0.875]), out)
    assert out == pytest.approx([15.0, 20.0, 35.0, 70.0])
    close_days(np.zeros(4), 0.0, edges, np.array([0.5]), out[:1])
    assert out[0] == 70.0  # all that is left comes between the grid's last day and "ever"


@pytest.mark.parametrize("chance", [1e-9, 0.004, 0.2, 0.5, 0.83, 0.999, 1.0])
def test_intervals_of_a_chance_are_the_shortest_of_all_that_are_tried(chance: float) -> None:
    sd = np.array([0.0, 0.5, 3.0])
    shown = np.full(3, chance)
    within = np.clip(shown, 1e-6, 1.0 - 1e-6)
    scale = 1.0 / hidden_share(within, sd) - 1.0
    found = chance_intervals(shown, sd)
    for row in range(3):
        lowest = highest = within[row]
        a, b = max(within[row] * scale[row], 1e-3), max((1.0 - within[row]) * scale[row], 1e-3)
        for level, (lo, hi) in zip(LEVELS, found, strict=True):
            mass = REACH[level]
            below = (1.0 - mass) * np.linspace(0.0, 1.0, 21)
            tried = zip(betaincinv(a, b, below), betaincinv(a, b, np.minimum(below + mass, 1.0)), strict=True)
            ends = [
                (1.0 + missing if (missing := max(low - within[row], 0.0) + max(within[row] - high, 0.0)) else
                 high - low, low, high)
                for low, high in tried
            ]  # fmt: skip
            _, low, high = min(ends, key=lambda one: one[0])
            lowest, highest = min(lowest, low), max(highest, high)
            assert lo[row] == min(np.clip(lowest, 1e-6, 1.0 - 1e-6), chance)
            assert hi[row] == max(np.clip(highest, 1e-6, 1.0 - 1e-6), chance)


@pytest.mark.parametrize("ties", [True, False])
def test_intervals_of_an_amount_are_the_shortest_that_hold_enough(ties: bool) -> None:
    for _ in range(20):
        drawn = np.sort(np.exp(RNG.normal(size=64)))
        if ties:
            drawn[20:50] = drawn[30]
            drawn.sort()
        edges = np.concatenate([drawn[:1], np.sqrt(drawn[:-1] * drawn[1:]), drawn[-1:]])
        inside = (np.inf, -np.inf)
        for level, (lo, hi) in zip(LEVELS, amount_intervals(drawn[None]), strict=True):
            tried = [
                (np.log(high) - np.log(low), low, high)
                for low in edges[edges <= inside[0]]
                for high in edges[edges >= max(low, inside[1])]
                if ((drawn >= low * (1 - 1e-9)) & (drawn <= high * (1 + 1e-9))).sum() >= round(level * 64)
            ]
            _, low, high = min(tried, key=lambda one: one[0])
            assert (lo[0], hi[0]) == (low, high)
            inside = (low, high)
