"""Are the figures that models are judged by the ones in the books?"""

from __future__ import annotations

import numpy as np
import pytest

from training.comparison import LaterRows, compare
from training.metrics import (
    auc,
    calibration_error,
    calibration_fit,
    calibration_luck,
    calibration_slope,
    log_losses,
    paired_difference,
    reliability,
    summary,
)


def _draw(count: int = 6_000, seed: int = 0):
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.0, 3.0, count)
    return chance, (rng.random(count) < chance).astype(float), rng


def test_log_loss_and_brier_are_scikit_learns():
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    chance, won, _ = _draw()
    found = summary(chance, won)
    assert found["log_loss"] == pytest.approx(log_loss(won, chance), abs=1e-6)
    assert found["brier"] == pytest.approx(brier_score_loss(won, chance))
    assert auc(chance, won) == pytest.approx(roc_auc_score(won, chance))
    weight = np.random.default_rng(1).random(len(won))
    assert auc(chance, won, weight) == pytest.approx(roc_auc_score(won, chance, sample_weight=weight))


def test_certainty_that_fails_costs_much_but_not_infinitely():
    assert log_losses(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(13.8, abs=0.1)


def test_true_chances_are_calibrated():
    chance, won, _ = _draw()
    intercept, slope = calibration_slope(chance, won)
    assert intercept == pytest.approx(0.0, abs=0.1)
    assert slope == pytest.approx(1.0, abs=0.1)
    assert calibration_error(chance, won) < 0.03


def test_chances_too_far_apart_have_a_slope_below_one():
    chance, won, _ = _draw()
    odds = chance / (1 - chance)
    assert calibration_slope(odds**2 / (1 + odds**2), won)[1] == pytest.approx(0.5, abs=0.05)


def test_bins_hold_equal_mass_and_all_of_it():
    chance, won, _ = _draw()
    table = reliability(chance, won)
    assert len(table) == 15
    assert table[:, 2].sum() == 6_000
    assert np.ptp(table[:, 2]) <= 1
    assert (np.diff(table[:, 0]) > 0).all()


def test_a_paired_difference_is_ours_minus_theirs():
    rng = np.random.default_rng(0)
    theirs = rng.random(500)
    gap = paired_difference(theirs - 0.1, theirs, np.arange(500), rng)
    assert gap.mean == pytest.approx(-0.1)
    assert gap.better
    assert not paired_difference(theirs + 0.1, theirs, np.arange(500), rng).better


def test_rows_of_one_deal_are_one_observation():
    rng = np.random.default_rng(1)
    ours = rng.normal(size=40)
    wide = paired_difference(np.repeat(ours, 25), np.zeros(1_000), np.repeat(np.arange(40), 25), rng)
    narrow = paired_difference(np.repeat(ours, 25), np.zeros(1_000), np.arange(1_000), rng)
    assert wide.hi - wide.lo > 3 * (narrow.hi - narrow.lo)


def _errors_by_luck(chance: np.ndarray, deal: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Slow and obvious: calibration errors where outcomes are drawn from the chances, a lot for each deal."""
    rng = np.random.default_rng(3)
    lots = (rng.random(int(deal.max()) + 1)[deal] for _ in range(4_000))
    return np.array([calibration_error(chance, (lot < chance).astype(float), weight) for lot in lots])


@pytest.mark.parametrize(("deals", "rows"), [(30, 3), (300, 1), (100, 8)])
def test_luck_of_right_probabilities_is_what_drawing_outcomes_gives(deals: int, rows: int) -> None:
    rng = np.random.default_rng(3)
    chance, deal = rng.beta(1.0, 3.0, deals * rows), np.repeat(np.arange(deals), rows)
    weight = rng.integers(1, 4, deals * rows).astype(float)
    luck, slow = calibration_luck(chance, deal, weight), _errors_by_luck(chance, deal, weight)
    assert luck.mean == pytest.approx(slow.mean(), rel=0.04)
    assert luck.sd == pytest.approx(slow.std(), rel=0.1)
    assert luck.p_value(float(np.quantile(slow, 0.9))) == pytest.approx(0.1, abs=0.03)
    assert luck.p_value(float(np.quantile(slow, 0.99))) == pytest.approx(0.01, abs=0.008)


def test_luck_of_one_deal_in_one_bin_is_the_folded_normals() -> None:
    """Ten rows of one deal, of one chance: the variance of their sum is 100 p (1 - p)."""
    luck = calibration_luck(np.full(10, 0.2), np.zeros(10, int), bins=1)
    assert luck.mean == pytest.approx(0.4 * np.sqrt(2 / np.pi))
    assert luck.sd == pytest.approx(0.4 * np.sqrt(1 - 2 / np.pi))
    assert np.isnan(calibration_luck(np.zeros(0), np.zeros(0, int)).p_value(np.nan))
    certain = calibration_luck(np.array([0.0, 1.0]), np.arange(2))
    assert (certain.p_value(0.0), certain.p_value(0.5)) == (1.0, 0.0)


def test_the_same_rows_are_as_calibrated_whatever_is_drawn() -> None:
    chance, won, _ = _draw(400)
    rows = LaterRows(won, np.ones(400), np.arange(400))
    found = [compare(chance, chance**1.5, rows, np.random.default_rng(seed)) for seed in (1, 2)]
    assert found[0] == found[1]


def test_luck_shrinks_with_deals_and_not_with_the_rows_of_a_deal() -> None:
    chance = np.random.default_rng(4).beta(1.0, 3.0, 100)
    once = calibration_luck(chance, np.arange(100))
    ten_rows = calibration_luck(np.repeat(chance, 10), np.repeat(np.arange(100), 10))
    ten_times = calibration_luck(np.repeat(chance, 10), np.arange(1_000))
    assert ten_rows.mean == pytest.approx(once.mean, rel=0.1)
    assert ten_times.mean < 0.5 * once.mean


def test_standard_errors_of_the_slope_are_the_spread_over_samples_and_count_a_deal_once():
    rng = np.random.default_rng(5)
    slopes, errors = [], []
    for _ in range(200):
        chance = rng.beta(1.0, 3.0, 200)
        won = (rng.random(200) < chance).astype(float)
        fit = calibration_fit(np.repeat(chance, 4), np.repeat(won, 4), np.repeat(np.arange(200), 4))
        slopes.append(fit.slope)
        errors.append(fit.slope_se)
    assert np.mean(errors) == pytest.approx(np.std(slopes), rel=0.15)


def test_a_slope_that_is_not_determined_has_no_standard_error():
    fit = calibration_fit(np.array([0.2, 0.3]), np.array([0.0, 0.0]), np.array([0, 1]))
    assert np.isnan([fit.slope, fit.slope_se, fit.intercept_se]).all()


def test_an_interval_of_few_deals_is_expanded_by_hesterbergs_factor():
    losses = np.random.default_rng(6).normal(size=10)
    plain = paired_difference(losses, np.zeros(10), np.arange(10), np.random.default_rng(0), draws=20_000)
    wide = paired_difference(
        losses, np.zeros(10), np.arange(10), np.random.default_rng(0), draws=20_000, expanded=True
    )
    # sqrt(10 / 9) x 2.262 (t with 9 degrees of freedom) against 1.960.
    assert (wide.hi - wide.lo) / (plain.hi - plain.lo) == pytest.approx(1.2166, rel=0.03)
    assert wide.mean == plain.mean
