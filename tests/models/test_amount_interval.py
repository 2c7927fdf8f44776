"""Does the interval of an amount hold as many amounts as it says, also where many are the same?"""

from __future__ import annotations

import numpy as np
import pytest

from models.forecast.amount_interval import amount_intervals

LEVELS = (0.5, 0.8, 0.95)


def held(amounts: np.ndarray, lo: float, hi: float) -> float:
    return float(((amounts >= lo) & (amounts <= hi)).mean())


def test_an_amount_that_many_deals_keep_does_not_make_the_interval_hold_more_than_it_says() -> None:
    # 30 % are won at the amount on the quote, 60 % below it, 10 % above: the upper quartile is on the quote.
    rng = np.random.default_rng(3)
    ratios = np.concatenate([rng.uniform(0.7, 1.0, 6_000), np.ones(3_000), rng.uniform(1.0, 1.2, 1_000)])
    amounts = np.quantile(ratios, (np.arange(64) + 0.5) / 64)[None] * 500.0
    for level, (lo, hi) in zip(LEVELS, amount_intervals(amounts, LEVELS), strict=True):
        assert held(ratios * 500.0, lo[0], hi[0]) == pytest.approx(level, abs=0.03)
    central = np.quantile(amounts[0], [0.25, 0.75])
    assert held(ratios * 500.0, *central) > 0.6
    lo, hi = amount_intervals(amounts, [0.5])[0]
    assert hi[0] - lo[0] < 0.8 * (central[1] - central[0])


def test_without_equal_amounts_the_interval_is_the_shortest_of_its_mass() -> None:
    amounts = np.exp(
        np.quantile(np.random.default_rng(1).gamma(2.0, 1.0, 50_000), (np.arange(64) + 0.5) / 64)
    )
    for level, (lo, hi) in zip(LEVELS, amount_intervals(amounts[None], LEVELS), strict=True):
        assert held(amounts, lo[0], hi[0]) == pytest.approx(level, abs=1 / 64)
    lo, hi = amount_intervals(amounts[None], [0.5])[0]
    central = np.quantile(amounts, [0.25, 0.75])
    assert np.log(hi[0] / lo[0]) < np.log(central[1] / central[0])


def test_each_level_contains_the_one_before_and_the_median() -> None:
    rng = np.random.default_rng(2)
    amounts = np.sort(np.exp(rng.normal(0.0, rng.uniform(0.1, 2.0, (50, 1)), (50, 64))), axis=1)
    inner_lo = inner_hi = np.median(amounts, axis=1)
    for lo, hi in amount_intervals(amounts, LEVELS):
        assert (lo <= inner_lo).all()
        assert (hi >= inner_hi).all()
        inner_lo, inner_hi = lo, hi


def test_an_amount_without_doubt_is_its_own_interval() -> None:
    for value in (0.0, 120.5):
        for lo, hi in amount_intervals(np.full((2, 64), value), LEVELS):
            assert lo.tolist() == hi.tolist() == [value, value]


def test_no_deals_have_no_intervals() -> None:
    for lo, hi in amount_intervals(np.zeros((0, 64)), LEVELS):
        assert len(lo) == len(hi) == 0
