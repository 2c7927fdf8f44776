"""Is the money right: ratios by stage, products for deals without an amount, monotone quantiles?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.revenue import RevenueModel, fit_revenue

NONE = np.array([np.nan])


def _model(count: int = 4_000, seed: int = 0) -> RevenueModel:
    """Stage 0 sells at 80 % of its amount, stage 1 as it stands; product 0 costs 1e5, product 1 1e6."""
    rng = np.random.default_rng(seed)
    stage, product = rng.integers(0, 2, count).astype(float), rng.integers(0, 2, count).astype(float)
    amount = np.where(product == 0, 1e5, 1e6) * np.exp(rng.normal(0, 0.1, count))
    final = amount * np.where(stage == 0, 0.8, 1.0) * np.exp(rng.normal(0, 0.05, count))
    return fit_revenue(np.stack([stage, product], axis=1), amount, final, np.arange(count), (0, 1, -1))


def test_the_final_amount_follows_the_stage_it_is_in():
    model = _model()
    x = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert model.quantiles(x, np.array([2e5, 2e5]), [0.5])[:, 0] == pytest.approx([1.6e5, 2e5], rel=0.02)


def test_a_deal_without_an_amount_is_worth_what_its_product_brought():
    model = _model()
    x = np.array([[0.0, 0.0], [0.0, 1.0]])
    assert model.quantiles(x, np.full(2, np.nan), [0.5])[:, 0] == pytest.approx([0.9e5, 0.9e6], rel=0.1)


def test_an_amount_of_zero_is_no_amount():
    model = _model()
    x = np.array([[0.0, 1.0]])
    assert model.quantiles(x, np.zeros(1), [0.5]).tolist() == model.quantiles(x, NONE, [0.5]).tolist()


def test_an_unseen_product_is_worth_what_all_brought():
    model = _model()
    low, high = model.quantiles(np.array([[0.0, 9.0]]), NONE, [0.1, 0.9])[0]
    assert low < 1.5e5
    assert high > 7e5


def test_few_won_deals_of_a_stage_stay_near_the_pooled_ratio():
    x = np.r_[np.zeros(500), np.ones(2)][:, None]
    final = np.r_[np.full(500, 1e5), np.full(2, 3e5)]
    model = fit_revenue(x, np.full(502, 1e5), final, np.arange(502), (0, -1, -1))
    assert model.quantiles(np.ones((1, 1)), np.array([1e5]), [0.5])[0, 0] < 1.1e5


def test_revenue_model_without_won_deals_takes_the_amount_as_it_is():
    none = np.zeros(0)
    model = fit_revenue(np.zeros((0, 1)), none, none, none.astype(int), (0, -1, -1))
    assert model.quantiles(np.zeros((1, 1)), np.array([5e5]), [0.5])[0, 0] == pytest.approx(5e5)


def test_a_final_amount_of_zero_teaches_no_ratio():
    x = np.zeros((200, 1))
    final = np.r_[np.zeros(100), np.full(100, 1e5)]
    model = fit_revenue(x, np.full(200, 1e5), final, np.arange(200), (0, -1, -1))
    assert model.won_deals == 100
    assert model.mean(np.zeros((1, 1)), np.array([1e5]))[0] == pytest.approx(1e5, rel=0.05)


def test_the_mean_is_the_mean_of_the_draws():
    model, x, now = _model(), np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([3e5, np.nan])
    assert model.draws(x, now).mean(axis=1).tolist() == model.mean(x, now).tolist()
    assert model.draws(x, now).shape == (2, 64)


@given(st.integers(0, 1_000), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6))
@settings(max_examples=30, deadline=None)
def test_quantiles_never_fall_with_the_level(seed, levels):
    model = _model(60, seed)
    asked = np.sort(np.array(levels))
    found = model.quantiles(np.array([[0.0, 0.0], [5.0, np.nan]]), np.array([1e5, np.nan]), asked)
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found > 0).all()


def test_revenue_model_comes_back_from_its_json_and_arrays():
    model = _model()
    again = RevenueModel.restored(model.to_json(), model.arrays())
    x, now = np.array([[0.0, 1.0]]), np.array([3e5])
    assert again.draws(x, now).tolist() == model.draws(x, now).tolist()
