"""Are shrinkage and intervals by resampling what the books say?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from models.statistics import (
    Z80,
    Z90,
    clustered_means,
    means_of,
    pooled_with_prior,
    shrunk,
    variance_beyond_chance,
)


def test_the_variance_beyond_chance_is_dersimonian_and_lairds_by_hand() -> None:
    effect, noise = np.array([1.0, 2.0, 4.0]), np.array([0.5, 1.0, 0.25])
    # w = 2, 1, 4; mean 20 / 7; Q = 2 (13/7)^2 + (6/7)^2 + 4 (8/7)^2; c = 7 - 21 / 7
    expected = ((2 * 169 + 36 + 4 * 64) / 49 - 2) / 4
    assert variance_beyond_chance(effect, noise) == pytest.approx(expected)


def test_on_average_the_true_variance_is_found() -> None:
    rng = np.random.default_rng(2)
    noise = rng.uniform(0.2, 2.0, 30)
    found = [
        variance_beyond_chance(0.7 * rng.normal(size=30) + np.sqrt(noise) * rng.normal(size=30), noise)
        for _ in range(2_000)
    ]
    assert np.mean(found) == pytest.approx(0.49, abs=0.02)


def test_effects_of_little_evidence_lie_nearer_the_mean_of_all() -> None:
    effect = shrunk(np.array([-2.0, 2.0, 2.0]), np.array([0.1, 0.1, 3.0]))
    assert -2.0 < effect[0] < 0.0 < effect[2] < effect[1] < 2.0
    assert shrunk(np.array([3.0]), np.array([9.0])).tolist() == [3.0]


def test_a_belief_weighs_like_as_many_values_as_it_says() -> None:
    assert pooled_with_prior(0.0, 0.0, 0.3, 4.0) == 0.3
    assert pooled_with_prior(1.0, 3.0, 0.0, 1.0) == 0.75


def test_a_clustered_interval_has_the_width_that_the_cluster_means_have() -> None:
    rng = np.random.default_rng(0)
    of_cluster, cluster = rng.normal(size=400), np.repeat(np.arange(400), 5)
    found = means_of(of_cluster[cluster][:, None], np.ones(2_000), cluster, rng, draws=4_000)[0]
    reach = norm.ppf(0.975) * of_cluster.std() / np.sqrt(400)
    assert [found.lo, found.hi] == pytest.approx([found.mean - reach, found.mean + reach], abs=0.006)


def test_z80_and_z90_hold_80_and_90_percent_of_a_normal() -> None:
    assert [norm.cdf(z) - norm.cdf(-z) for z in (Z80, Z90)] == pytest.approx([0.8, 0.9])


def test_intervals_of_rows_that_share_the_luck_of_their_period_hold_what_they_promise() -> None:
    rng = np.random.default_rng(5)
    held, by_deal_only = [], []
    for _ in range(400):
        deal = np.repeat(np.arange(300), 2)
        period = np.clip(rng.integers(0, 8, 300).repeat(2) + np.tile([0, 1], 300), 0, 7)
        luck, fate = 0.3 * rng.normal(size=8), rng.normal(size=300)
        values = (luck[period] + fate[deal] + rng.normal(size=600))[:, None]
        both = clustered_means(values, np.ones(600), deal, period)[0]
        deals = clustered_means(values, np.ones(600), deal)[0]
        held.append(both.lo <= 0.0 <= both.hi)
        by_deal_only.append(deals.lo <= 0.0 <= deals.hi)
    assert 0.91 <= np.mean(held) <= 0.99
    assert np.mean(by_deal_only) < 0.85


def test_without_shared_luck_of_periods_the_interval_is_that_of_the_deals() -> None:
    rng = np.random.default_rng(6)
    held = []
    for _ in range(400):
        values, period = rng.normal(size=(300, 1)), rng.integers(0, 8, 300)
        found = clustered_means(values, np.ones(300), np.arange(300), period)[0]
        held.append(found.lo <= 0.0 <= found.hi)
    assert 0.92 <= np.mean(held) <= 0.985
    one_period = clustered_means(values, np.ones(300), np.arange(300), np.zeros(300, int))[0]
    assert one_period == clustered_means(values, np.ones(300), np.arange(300))[0]
    assert np.isnan(clustered_means(values, np.ones(300), np.zeros(300, int))[0].lo)
