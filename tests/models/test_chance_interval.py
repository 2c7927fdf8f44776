"""Does the interval of a chance hold the true one as often as it says, and only as wide as it must be?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit, ndtri

from features.arrays import Floats
from models.win.chance_interval import LEVELS, chance_interval, chance_intervals, hidden_share

DEALS = 20_000


def deals_with_a_hidden_part(
    mean_chance: float, hidden: float, sd: float, seed: int
) -> tuple[Floats, Floats]:
    """What is shown of deals and what is true: truths spread around what is recorded, which is estimated.

    The hidden share of an outcome's variance is `hidden` x p (1 - p): less where little is open.
    """
    rng = np.random.default_rng(seed)
    shown = expit(logit(mean_chance) + rng.normal(0.0, 0.7, DEALS))
    recorded = expit(logit(shown) + rng.normal(0.0, sd, DEALS))
    size = 1.0 / (hidden * recorded * (1.0 - recorded)) - 1.0
    truth = rng.beta(recorded * size, (1.0 - recorded) * size)
    return shown, truth


@pytest.mark.parametrize(("mean_chance", "sd"), [(0.1, 0.5), (0.3, 0.5), (0.3, 0.9), (0.6, 0.5)])
def test_the_interval_holds_true_chances_that_hidden_things_spread(mean_chance: float, sd: float):
    shown, truth = deals_with_a_hidden_part(mean_chance, 0.9, sd, seed=3)
    for level, (lo, hi) in zip(LEVELS, chance_intervals(shown, np.full(DEALS, sd)), strict=True):
        assert ((lo <= truth) & (truth <= hi)).mean() == pytest.approx(level, abs=0.08)
        # The standard error alone leaves out what no column shows.
        reach = ndtri(0.5 + level / 2.0) * sd
        plain = np.abs(logit(np.clip(truth, 1e-12, 1 - 1e-12)) - logit(shown)) <= reach
        assert plain.mean() < level - 0.08


def test_each_level_contains_the_one_before_and_the_shown_chance():
    chance = np.tile(np.append(np.linspace(0.0005, 0.9995, 199), [1e-9, 1 - 1e-9]), 3)
    sd = np.repeat([0.0, 0.8, 4.0], 201)
    inner_lo, inner_hi = chance, chance
    for lo, hi in chance_intervals(chance, sd, (0.1, 0.5, 0.8, 0.9, 0.95, 0.99)):
        assert ((lo > 0) & (lo <= inner_lo) & (inner_hi <= hi) & (hi < 1)).all()
        assert (hi - lo >= inner_hi - inner_lo).all()
        inner_lo, inner_hi = lo, hi


def test_one_level_alone_is_the_same_as_among_others():
    chance, sd = np.linspace(0.01, 0.99, 50), np.full(50, 0.7)
    for level, among in zip(LEVELS, chance_intervals(chance, sd), strict=True):
        alone = chance_interval(chance, sd, level)
        assert alone[0].tolist() == among[0].tolist()
        assert alone[1].tolist() == among[1].tolist()


def test_less_evidence_makes_wider_intervals():
    chance = np.full(5, 0.3)
    lo, hi = chance_interval(chance, np.array([0.0, 0.4, 0.8, 1.2, 1.6]), 0.8)
    assert (np.diff(hi - lo) > 0).all()


def test_the_hidden_share_of_a_certain_model_is_the_stated_prior_and_is_bounded():
    shares = hidden_share(np.array([0.5, 0.5, 0.1]), np.array([0.0, 20.0, 0.0]))
    assert shares.tolist() == pytest.approx([0.3, 0.6, 0.108])


def test_a_chance_near_0_has_an_interval_near_0():
    lo, hi = chance_interval(np.array([0.01]), np.array([0.5]), 0.8)
    assert lo[0] < 0.005
    assert hi[0] < 0.03
