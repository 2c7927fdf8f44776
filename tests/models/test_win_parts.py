"""Do the parts of the win model keep their promises: rates, encoding, regression, calibration?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.logistic import bounded_logit, fit_logistic
from models.win.encoder import fit_encoder
from models.win.horizons import close_columns, ramps
from models.win.stacking import Answers, Mix, Stack, default_weights, fit_stack, recalibrate_intercept
from models.win.stage_rates import StageRates, fit_stage_rates, horizon_grid, interpolate, stated_prior
from models.win.trees import TreeSettings, fit_trees, parameters


def test_a_regression_without_penalty_finds_the_coefficients_that_made_the_data():
    rng = np.random.default_rng(1)
    design = np.concatenate([np.ones((40_000, 1)), rng.normal(size=(40_000, 2))], axis=1)
    truth = np.array([-0.5, 1.0, -2.0])
    outcome = (rng.random(40_000) < expit(design @ truth)).astype(float)
    found = fit_logistic(design, outcome, np.ones(40_000), np.zeros(3)).coefficients
    assert found == pytest.approx(truth, abs=0.06)


def test_a_regression_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    design = rng.normal(size=(500, 4))
    outcome = (rng.random(500) < expit(design @ np.array([1.0, -1, 0.5, 0]))).astype(float)
    ours = fit_logistic(design, outcome, np.ones(500), np.full(4, 2.0)).coefficients
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=1000).fit(design, outcome)
    assert ours == pytest.approx(theirs.coef_[0], abs=1e-4)


def test_a_coefficient_that_may_not_be_negative_stays_at_zero():
    rng = np.random.default_rng(3)
    design = rng.normal(size=(2_000, 2))
    outcome = (rng.random(2_000) < expit(design @ np.array([1.0, -1.0]))).astype(float)
    bounded = np.array([False, True])
    found = fit_logistic(design, outcome, np.ones(2_000), np.full(2, 0.1), not_negative=bounded).coefficients
    assert found[1] == 0.0
    alone = fit_logistic(design[:, :1], outcome, np.ones(2_000), np.full(1, 0.1)).coefficients
    assert found[0] == pytest.approx(alone[0], abs=1e-6)


def test_a_penalty_pulls_coefficients_to_their_centre():
    design, outcome = np.ones((50, 1)), np.ones(50)
    found = fit_logistic(design, outcome, np.ones(50), np.full(1, 50.0), np.array([0.7])).coefficients[0]
    # Where 50 (1 - expit(b)), the pull of the outcomes, equals 50 (b - 0.7), that of the penalty.
    assert 1 - expit(found) == pytest.approx(found - 0.7, abs=1e-6)


def test_many_columns_come_out_as_if_every_step_had_been_exact(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    design = np.concatenate([np.ones((3_000, 1)), rng.normal(size=(3_000, 70))], axis=1)
    outcome = (rng.random(3_000) < expit(design[:, 1] - 1.0)).astype(float)
    rough = fit_logistic(design, outcome, np.ones(3_000), np.full(71, 5.0))
    monkeypatch.setattr("models.logistic.MANY_COLUMNS", 1_000)
    exact = fit_logistic(design, outcome, np.ones(3_000), np.full(71, 5.0))
    assert rough.coefficients == pytest.approx(exact.coefficients, abs=1e-6)
    assert rough.curvature == pytest.approx(exact.curvature, rel=1e-6, abs=1e-5)


def test_log_odds_stay_within_15_at_impossible_and_certain_things():
    assert bounded_logit(np.array([0.0, 0.5, 1.0])) == pytest.approx([-15.0, 0.0, 15.0])
    assert expit(bounded_logit(np.array([0.001, 0.3, 0.9]))) == pytest.approx([0.001, 0.3, 0.9])


def _cohort(count: int, share: float, days: float) -> tuple[np.ndarray, np.ndarray]:
    event = (np.arange(count) < share * count).astype(int)
    return np.full(count, days), event


def test_stage_rates_of_many_deals_are_their_shares():
    grid = horizon_grid(60.0, 120.0)
    days, event = _cohort(20_000, 0.3, 9.0)
    rates = fit_stage_rates(np.ones(20_000), np.zeros(20_000), days, event, np.arange(20_000), grid)
    won, lost = rates.curve(np.array([1.0]), np.zeros(1), np.array([7.0, 10.0, 120.0]))
    assert won[0] == pytest.approx([0.0, 0.3, 0.3], abs=0.005)
    assert lost[0] == pytest.approx([0.0, 0.7, 0.7], abs=0.005)


def test_a_cut_off_deal_is_counted_only_while_it_was_watched():
    grid = horizon_grid(60.0, 120.0)
    days = np.r_[np.full(5_000, 6.0), np.full(5_000, 30.0)]
    event = np.r_[np.full(5_000, -1), np.ones(5_000, int)]
    rates = fit_stage_rates(np.ones(10_000), np.zeros(10_000), days, event, np.arange(10_000), grid)
    won, _ = rates.curve(np.array([1.0]), np.zeros(1), np.array([28.0, 42.0]))
    # Of those still watched all were won after 30 days; who left at 6 days says nothing against that.
    assert won[0, 0] < 0.01
    assert won[0, 1] > 0.98


def test_the_same_deal_many_times_counts_once():
    grid = horizon_grid(60.0, 120.0)
    days, event = _cohort(40, 0.5, 9.0)
    once = fit_stage_rates(np.ones(40), np.zeros(40), days, event, np.arange(40), grid)
    often = fit_stage_rates(
        np.ones(400), np.zeros(400), np.tile(days, 10), np.tile(event, 10), np.tile(np.arange(40), 10), grid
    )
    assert often.won == pytest.approx(once.won)


def test_without_deals_the_rates_are_the_stated_prior():
    grid = horizon_grid(180.0, 360.0)
    none = np.zeros(0)
    rates = fit_stage_rates(none, none, none, none.astype(int), none.astype(int), grid)
    assert rates.won[-1, 0] == pytest.approx(stated_prior(np.array([0.5]), grid)[0][0])


def test_few_deals_of_a_stage_stay_near_what_all_do():
    grid = horizon_grid(60.0, 120.0)
    days, event = _cohort(1_000, 0.2, 9.0)
    stage = np.r_[np.zeros(998), np.ones(2)]
    event[-2:] = 1
    rates = fit_stage_rates(stage, np.zeros(1_000), days, event, np.arange(1_000), grid)
    won, _ = rates.curve(np.array([1.0]), np.zeros(1), np.array([10.0]))
    assert 0.2 < won[0, 0] < 0.5


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_rates_never_fall_and_never_exceed_one(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 60))
    rates = fit_stage_rates(
        rng.integers(0, 4, count).astype(float),
        rng.exponential(30, count),
        rng.exponential(20, count),
        rng.integers(-1, 2, count),
        rng.integers(0, 20, count),
        horizon_grid(90.0, 180.0),
    )
    horizons = np.sort(rng.exponential(40, 9))
    won, lost = rates.curve(np.array([0.0, 9.0, np.nan]), np.array([1.0, 50, 3]), horizons)
    assert (np.diff(won, axis=1) >= -1e-12).all()
    assert (np.diff(lost, axis=1) >= -1e-12).all()
    assert (won + lost <= 1 + 1e-12).all()
    assert won.min() >= 0
    assert rates.won[..., -1] + rates.lost[..., -1] == pytest.approx(np.ones(rates.won.shape[:2]))


def test_values_beyond_the_grid_stay_flat():
    assert interpolate(np.array([[0.2, 0.4]]), np.array([10.0, 20.0]), np.array([[500.0]]))[0, 0] == 0.4


def test_encoding_scales_logs_names_levels_and_marks_gaps():
    rng = np.random.default_rng(4)
    x = np.stack(
        [rng.normal(5, 2, 1_000), np.exp(rng.normal(10, 2, 1_000)), rng.integers(0, 3, 1_000).astype(float)],
        axis=1,
    )
    x[:100, 0] = np.nan
    encoder = fit_encoder(x, [2])
    columns = encoder(x)
    assert encoder.sources.tolist() == [0, 1, 2, 2, 2, 0]
    assert encoder.logged.tolist() == [False, True]
    assert columns[:, :2].std(axis=0) == pytest.approx([0.95, 1.0], abs=0.06)
    assert columns[:100, 0].tolist() == [0.0] * 100
    assert columns[:, 2:5].sum(axis=1).tolist() == [1.0] * 1_000
    assert columns[:, 5].sum() == 100


def test_the_mean_of_encoded_rows_does_not_depend_on_the_parts_they_are_encoded_in(
    monkeypatch: pytest.MonkeyPatch,
):
    x = np.random.default_rng(6).lognormal(0, 3, (101, 3))
    x[::5, 1] = np.nan
    encoder = fit_encoder(x, [])
    monkeypatch.setattr("models.win.encoder.MEAN_ROWS", 7)
    assert encoder.mean(x) == pytest.approx(encoder(x).mean(axis=0), abs=1e-14)


def test_an_encoder_of_very_many_rows_looks_at_part_of_them(monkeypatch: pytest.MonkeyPatch):
    x = np.random.default_rng(7).normal(size=(1_000, 1))
    monkeypatch.setattr("models.win.encoder.LOOKED_AT", 200)
    assert fit_encoder(x, []).centre == pytest.approx(np.array([x[::5].mean()]), abs=0.01)


def test_an_unseen_level_has_no_column():
    encoder = fit_encoder(np.tile([[0.0], [1.0]], (50, 1)), [0])
    assert encoder(np.array([[7.0], [np.nan]])).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@given(st.lists(st.floats(0, 2_000), min_size=2, max_size=8), st.floats(-300, 300))
@settings(max_examples=50, deadline=None)
def test_horizon_columns_of_the_models_never_fall(days, close):
    ordered = np.sort(np.array(days))
    assert (np.diff(ramps(ordered, 400.0), axis=0) >= 0).all()
    assert (np.diff(close_columns(np.full(len(ordered), close), ordered), axis=0) >= 0).all()


def test_an_unknown_close_date_gives_no_columns():
    assert close_columns(np.array([np.nan]), np.array([30.0])).tolist() == [[0.0, 0.0, 0.0]]


def test_trees_have_no_say_before_300_closed_deals():
    assert default_weights(300, True, True)[2] == 0.0
    assert default_weights(600, True, True)[2] > 0.0
    assert default_weights(600, True, True, True)[3] > 0.0
    assert default_weights(29, False, False).tolist() == [1.0, 0.0, 0.0, 0.0]


def _later_deals(count: int, slope: float, seed: int) -> Answers:
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1.5, count)
    logits = np.stack([truth / slope, truth / slope, np.zeros(count), np.zeros(count)], axis=1)
    return Answers(
        logits=logits, clock=np.exp(rng.uniform(0, 6, count)),
        outcome=(rng.random(count) < expit(truth)).astype(float), weight=np.ones(count),
        deal=np.arange(count), fold=np.zeros(count, int), fresh=np.zeros(count),
        regular=np.ones(count, bool),
    )  # fmt: skip


HALVES = np.array([0.5, 0.5, 0.0, 0.0])


def test_calibration_undoes_overconfidence():
    answers = _later_deals(20_000, 0.5, 5)
    stack = fit_stack(answers, HALVES, 730.0)
    said = stack(answers.logits, answers.clock, answers.fresh)
    truth = 0.5 * answers.logits[:, 0]
    assert np.polyfit(truth, said, 1)[0] == pytest.approx(1.0, abs=0.06)
    assert said.mean() == pytest.approx(-1.0, abs=0.1)


def test_few_later_deals_leave_the_weights_as_they_were():
    stack = fit_stack(_later_deals(5, 0.5, 6), HALVES, 730.0)
    assert stack.weights == pytest.approx(HALVES, abs=0.1)


def test_a_member_that_is_missing_keeps_no_weight():
    answers = _later_deals(2_000, 1.0, 7)
    answers.logits[:, 2] = answers.logits[:, 0]
    stack = fit_stack(answers, HALVES, 730.0)
    assert stack.weights[2] == stack.quiet.within[2] == stack.fresh.soon[2] == 0.0


def test_fresh_moments_trust_another_base_model_where_later_deals_say_so():
    """Two base models, each right about one kind of moment and noise about the other."""
    answers, noise = _later_deals(20_000, 1.0, 8), np.random.default_rng(9).normal(-1, 1.5, 20_000)
    fresh = np.arange(20_000) % 2 == 0
    answers.logits[:, 0] = np.where(fresh, answers.logits[:, 0], noise)
    answers.logits[:, 1] = np.where(fresh, noise, answers.logits[:, 1])
    stack = fit_stack(replace(answers, fresh=fresh.astype(float), regular=~fresh), HALVES, 730.0)
    total = [mix.weights + mix.within for mix in (stack.fresh, stack.quiet)]
    assert total[0][0] > 0.7 > 0.2 > total[0][1]
    assert total[1][1] > 0.7 > 0.2 > total[1][0]


def test_few_fresh_moments_are_weighed_like_all_others():
    answers = _later_deals(5_000, 0.5, 10)
    few = np.arange(5_000) < 4
    stack = fit_stack(replace(answers, fresh=few.astype(float), regular=~few), HALVES, 730.0)
    assert stack.fresh.weights == pytest.approx(stack.quiet.weights, abs=0.05)


def test_each_kind_of_moment_keeps_its_own_promises():
    answers = _later_deals(4_000, 1.0, 11)
    fresh = np.arange(4_000) % 2 == 0
    answers = replace(answers, fresh=fresh.astype(float), regular=~fresh)
    answers.outcome[fresh] = (np.random.default_rng(1).random(2_000) < 0.7).astype(float)
    stack = recalibrate_intercept(Stack.weighted_mean(HALVES, 730.0), answers)
    for kind in (fresh, ~fresh):
        chance = expit(stack(answers.logits, answers.clock, answers.fresh))[kind]
        assert chance.mean() == pytest.approx(answers.outcome[kind].mean(), abs=1e-6)


def _some_stack(rng: np.random.Generator, ever_days: float = 400.0) -> Stack:
    width = ramps(np.ones(1), ever_days).shape[1]
    mixes = [
        Mix(rng.normal(), rng.exponential(1, width), *(rng.exponential(1, 4) for _ in range(3)))
        for _ in range(2)
    ]
    return Stack(*mixes, ever_days)


def test_a_stack_comes_back_from_its_json():
    stack, rng = _some_stack(np.random.default_rng(3)), np.random.default_rng(4)
    again = Stack.from_json(stack.to_json())
    asked = rng.normal(0, 2, (30, 4)), rng.exponential(60, 30), rng.uniform(0, 1, 30)
    assert again(*asked).tolist() == stack(*asked).tolist()
    assert again.ever_days == stack.ever_days


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_calibration_never_makes_a_longer_horizon_less_likely(seed, fresh):
    rng = np.random.default_rng(seed)
    stack = _some_stack(rng)
    days = np.append(np.sort(rng.exponential(40, 12)), 400.0)
    logits = np.sort(rng.normal(-1, 3, (13, 4)), axis=0)
    assert (np.diff(stack(logits, days, np.full(13, fresh))) >= -1e-12).all()


def test_log_odds_are_the_shift_and_the_weighted_log_odds_of_the_base_models():
    rng = np.random.default_rng(5)
    stack, logits = _some_stack(rng), rng.normal(-1, 3, (50, 4))
    days, fresh = rng.exponential(60, 50), rng.uniform(0, 1, 50)
    weights = stack.row_weights(logits, days, fresh)
    nothing = stack(np.zeros((50, 4)), days, fresh)
    assert (weights >= 0).all()
    assert stack(logits, days, fresh) == pytest.approx(nothing + (weights * logits).sum(axis=1), abs=1e-9)


def test_a_rate_of_few_deals_is_less_certain_than_one_of_many_and_the_prior_least():
    rng = np.random.default_rng(8)
    stage = np.repeat([1.0, 2.0], [30, 3_000])
    event = (rng.random(3_030) < 0.3).astype(int)
    grid = horizon_grid(100.0, 200.0)
    rates = fit_stage_rates(
        stage, np.zeros(3_030), np.full(3_030, 20.0), event, np.arange(3_030), grid, {3.0: 1.0}
    )
    assert rates.ended.tolist() == [30.0, 3_000.0, 0.0, 0.0]
    variance = rates.variance(np.full(4, 0.3), np.array([1.0, 2.0, 3.0, np.nan]), np.zeros(4))
    # 1 / (1 + deals x .3 x .7); without a deal, the prior's variance.
    assert variance.tolist() == pytest.approx([1 / 7.3, 1 / 631.0, 1.0, 1.0])


def test_a_stage_without_a_deal_is_unseen_and_one_that_is_not_stated_is_not():
    grid = horizon_grid(100.0, 200.0)
    one = np.ones(40)
    rates = fit_stage_rates(
        one, np.zeros(40), np.full(40, 9.0), one.astype(int), np.arange(40), grid, {1.0: 0.0, 2.0: 1.0}
    )
    assert rates.unseen(np.array([1.0, 2.0, 7.0, np.nan])).tolist() == [False, True, True, False]
    none = np.zeros(0)
    prior = fit_stage_rates(none, none, none, none.astype(int), none.astype(int), grid, {1.0: 0.0, 2.0: 1.0})
    assert prior.unseen(np.array([1.0, 2.0, 7.0, np.nan])).tolist() == [False, False, True, False]


def test_rates_stored_before_their_deals_were_counted_answer_as_they_did():
    grid = horizon_grid(100.0, 200.0)
    one = np.ones(40)
    rates = fit_stage_rates(one, np.zeros(40), np.full(40, 9.0), one.astype(int), np.arange(40), grid)
    stored = {name: value for name, value in rates.to_json().items() if name != "ended"}
    old = StageRates.from_json(stored)
    assert old.won.tolist() == rates.won.tolist()
    assert old.variance(np.array([0.4]), np.ones(1), np.zeros(1)).tolist() == [0.0]
    assert StageRates.from_json(rates.to_json()).ended.tolist() == rates.ended.tolist()


@pytest.mark.parametrize(
    ("allowed", "threads"), [("1", 1), ("3,2", 3), ("16", 4), ("", 4), ("0", 4), ("many", 4), (None, 4)]
)
def test_trees_use_no_more_threads_than_the_environment_allows(
    allowed: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    assert parameters(TreeSettings(threads=4), [], 3)["num_threads"] == threads


def test_trees_are_the_same_by_rows_by_columns_and_by_threads(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(3_000, 12))
    won = (rng.random(3_000) < expit(columns[:, 0] - columns[:, 1])).astype(float)
    settings = TreeSettings(count=2, threads=2)

    def grown(allowed: str) -> np.ndarray:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
        assert parameters(settings, [], 12)["force_col_wise"] == (allowed == "1")
        return fit_trees(columns, [won], np.ones(3_000), [], [], [settings])[0].score(columns)

    one, two = grown("1"), grown("2")
    assert one.tobytes() == two.tobytes()
