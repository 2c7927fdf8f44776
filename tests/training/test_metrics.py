"""Are the figures that models are judged by the ones in the books?"""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics import (
    auc,
    calibration_error,
    calibration_slope,
    log_losses,
    paired_difference,
    reliability,
    summary,
)
from training.promotion_gate import decide


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


def _decision(chance, won, champion, rng, comparable=True):
    count = len(won)
    return decide(chance, won, np.ones(count), np.arange(count), champion, np.full(count, comparable), rng)


def test_the_first_model_is_promoted():
    chance, won, rng = _draw()
    assert _decision(chance, won, None, rng).promote


def test_a_challenger_as_good_as_the_champion_is_promoted():
    chance, won, rng = _draw()
    decision = _decision(chance, won, chance, rng)
    assert decision.promote
    assert decision.difference is not None
    assert decision.difference.mean == 0.0


def test_a_worse_challenger_is_not_promoted_and_the_reason_is_said():
    chance, won, rng = _draw()
    decision = _decision(np.full(len(won), won.mean()), won, chance, rng)
    assert not decision.promote
    assert "worse than the champion" in decision.text.en
    assert "予測誤差が大きい" in decision.text.ja


def test_a_challenger_that_is_not_calibrated_is_not_promoted():
    chance, won, rng = _draw()
    decision = _decision(np.clip(chance + 0.2, 0, 0.99), won, np.full(len(won), 0.5), rng)
    assert not decision.promote
    assert "calibration on later deals is insufficient" in decision.text.en


def test_with_too_few_later_deals_the_newer_model_is_promoted():
    chance, won, rng = _draw(100)
    assert _decision(np.full(100, 0.9), won, chance, rng).promote


def test_where_no_comparison_is_fair_a_calibrated_model_is_promoted_without_one():
    chance, won, rng = _draw()
    decision = _decision(chance, won, np.full(len(won), 0.5), rng, comparable=False)
    assert decision.promote
    assert decision.difference is None
    assert "too few later deals to compare on (0 rows)" in decision.text.en


def test_where_no_comparison_is_fair_an_uncalibrated_model_is_not_promoted():
    chance, won, rng = _draw()
    assert not _decision(np.clip(chance + 0.2, 0, 0.99), won, chance, rng, comparable=False).promote


def test_the_champion_is_compared_on_fair_rows_alone():
    chance, won, rng = _draw()
    fair = np.arange(len(won)) % 2 == 0
    champion = np.where(fair, 0.5, np.where(won > 0, 0.999, 0.001))
    decision = decide(chance, won, np.ones(len(won)), np.arange(len(won)), champion, fair, rng)
    assert decision.promote
    assert decision.difference is not None
    assert decision.difference.better
