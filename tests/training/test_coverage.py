"""Does the check of intervals by outcomes tell right intervals from narrow ones?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom

from models.win.chance_interval import LEVELS
from training.coverage import BIN_DEALS, FEWEST_BINS, coverage_by_outcomes, held_share


def test_a_count_inside_what_the_interval_allows_is_held_and_one_outside_is_not():
    assert held_share(10, 50, 0.15, 0.25, 0.8) == 1.0
    assert held_share(40, 50, 0.15, 0.25, 0.8) == 0.0
    assert held_share(0, 50, 0.15, 0.25, 0.8) == 0.0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("chance", [0.01, 0.2, 0.5])
def test_where_luck_is_all_bins_are_held_exactly_as_often_as_the_level_says(level: float, chance: float):
    weight = binom.pmf(np.arange(51), 50, chance)
    held = [held_share(wins, 50, chance, chance, level) for wins in range(51)]
    assert weight @ held == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [3.0, 30.0])
def test_bins_whose_chance_lies_in_the_interval_as_often_as_it_says_are_held_at_least_so_often(
    level: float, size: float
):
    rng = np.random.default_rng(5)
    shape = (0.25 * size, 0.75 * size)
    lo, hi = beta.ppf([0.5 - level / 2, 0.5 + level / 2], *shape)
    drawn = rng.binomial(50, rng.beta(*shape, 4_000)).tolist()
    assert np.mean([held_share(wins, 50, lo, hi, level) for wins in drawn]) > level - 0.015


def test_an_interval_around_the_wrong_chance_covers_fewer_bins_than_its_level():
    rng = np.random.default_rng(6)
    said = np.full(2_000, 0.15)
    won = (rng.random(2_000) < 0.75).astype(float)
    found = coverage_by_outcomes(said, np.full(2_000, 0.1), won, np.arange(2_000))
    assert found is not None
    assert found.bins == 2_000 // BIN_DEALS
    assert all(found.covered[level] < level for level in LEVELS)


def test_right_chances_cover_at_least_what_the_level_says():
    rng = np.random.default_rng(7)
    said = rng.uniform(0.05, 0.9, 3_000)
    won = (rng.random(3_000) < said).astype(float)
    found = coverage_by_outcomes(said, np.full(3_000, 0.5), won, np.arange(3_000))
    assert found is not None
    assert all(found.covered[level] >= level for level in LEVELS)
    assert list(found.width.values()) == sorted(found.width.values())


def test_a_deal_counts_once_and_too_few_deals_say_nothing():
    count = FEWEST_BINS * BIN_DEALS
    said, sd, won = np.full(2 * count, 0.3), np.full(2 * count, 0.5), np.zeros(2 * count)
    found = coverage_by_outcomes(said, sd, won, np.repeat(np.arange(count), 2))
    assert found is not None
    assert found.deals == count
    assert coverage_by_outcomes(said[1:count], sd[1:count], won[1:count], np.arange(count - 1)) is None
