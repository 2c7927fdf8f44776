"""Is the win curve one coherent story, and do its explanations add up to it?"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.special import expit

from crm.instants import DAY
from features import Calendar
from models.forecast.pipeline import ScoredPipeline, _changed_rows, _won
from models.forecast.simulate import Pipeline
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout, _products
from models.win.calibrating import each_alone
from models.win.fitting import WinSettings, fit_win
from models.win.horizons import HorizonWindows
from models.win.model import WinModel, table_only, tree_columns
from models.win.one_deal import OneDeal
from models.win.stacking import Mix, Stack
from models.win.trees import PLAIN_TREES, Trees, TreeSettings, fit_trees

START = 20_000 * DAY
LAYOUT = FeatureLayout.of(("stage", "age_days", "days_to_close_date", "quality", "team"), (0, 4))
HORIZONS = np.array([0.5, 3.0, 7.0, 20.0, 45.0, 90.0, 200.0, np.inf])


def make_rows(deals: int, seed: int = 0) -> SnapshotRows:
    """Deals of known quality: better ones are won more often, later stages sooner; one moment each."""
    rng = np.random.default_rng(seed)
    stage = rng.integers(0, 3, deals).astype(float)
    quality = rng.normal(size=deals)
    close = rng.uniform(5, 80, deals)
    close[rng.random(deals) < 0.3] = np.nan
    won_ever = rng.random(deals) < 1 / (1 + np.exp(-(quality - 0.5 + 0.5 * stage)))
    days = rng.exponential(40 - 10 * stage)
    x = np.stack(
        [stage, rng.uniform(0, 50, deals), close, quality, rng.integers(0, 3, deals).astype(float)], axis=1
    )
    at = (START + rng.uniform(0, 300, deals) * DAY).astype(np.int64)
    row = np.repeat(np.arange(deals), 2)
    horizon = np.exp(rng.uniform(0, np.log(120.0), len(row)))
    ever = rng.random(len(row)) < 0.2
    horizon[ever] = 240.0
    won = won_ever[row] & ((days[row] < horizon) | ever)
    lost = np.where(ever, ~won, ~won_ever[row] & (days[row] < horizon))
    return SnapshotRows(
        x=x, at=at, deal=np.arange(deals), days=days, event=won_ever.astype(np.int64), weight=np.ones(deals),
        regular=np.ones(deals, bool),
        row=row, horizon=horizon, won=won.astype(float), lost=lost.astype(float),
        matures_after_days=np.where(ever, 120.0, horizon), longest_days=120.0, ever_days=240.0,
    )  # fmt: skip


def fit(rows: SnapshotRows, trees: bool = True, level: bool = True) -> WinModel:
    windows = HorizonWindows(Calendar(ZoneInfo("Asia/Tokyo")), rows.longest_days)
    settings = WinSettings(
        TreeSettings(count=60, threads=1),
        replace(PLAIN_TREES, count=60, threads=1),
        with_trees=trees,
        with_level=level,
    )
    return fit_win(rows, LAYOUT, np.arange(5), windows, settings, np.random.default_rng(0))


@pytest.fixture(scope="module")
def rows() -> SnapshotRows:
    return make_rows(1_500)


@pytest.fixture(scope="module")
def model(rows: SnapshotRows) -> WinModel:
    return fit(rows)


def test_won_and_lost_never_fall_and_never_exceed_one_together(model: WinModel, rows: SnapshotRows):
    curve = model.curve(rows.x[:300], rows.at[:300], HORIZONS)
    assert (np.diff(curve.won, axis=1) >= -1e-12).all()
    assert (np.diff(curve.lost, axis=1) >= -1e-12).all()
    assert (curve.won + curve.lost <= 1 + 1e-12).all()
    assert (curve.open >= 0).all()
    assert curve.open + curve.won + curve.lost == pytest.approx(np.ones(curve.won.shape))


def any_stack(model: WinModel, seed: int, missing: int | None = None) -> Stack:
    """Any weights at all, other ones at fresh moments; none for a base model that is missing."""
    rng, width = np.random.default_rng(seed), len(model.won.stack.quiet.bands)
    there = np.arange(4) != (-1 if missing is None else missing)
    quiet, fresh = (
        Mix(rng.normal(), rng.exponential(1, width), *(rng.exponential(0.4, 4) * there for _ in range(3)))
        for _ in range(2)
    )
    return Stack(quiet, fresh, model.ever_days)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_weights_chances_never_fall_and_explanations_add_up(
    model: WinModel, rows: SnapshotRows, seed: int
):
    some = replace(
        model,
        won=replace(model.won, stack=any_stack(model, seed)),
        lost=replace(model.lost, stack=any_stack(model, 100 + seed, missing=3)),
    )
    assert some.won.plain is not None
    x, at = rows.x[:200].copy(), rows.at[:200]
    x[:, 1] = np.resize([0.0, 0.7, 1.4, 2.9, 30.0], 200)  # from just created to long ago
    curve = some.curve(x, at, HORIZONS)
    assert (np.diff(curve.won, axis=1) >= -1e-12).all()
    assert (np.diff(curve.lost, axis=1) >= -1e-12).all()
    assert (curve.won + curve.lost <= 1 + 1e-12).all()
    for days in (2.0, 45.0, np.inf):
        asked = np.full(200, days)
        parts, chance = some.contributions(x, at, asked), some.won_by(x, at, asked)
        assert expit(parts.log_odds) == pytest.approx(chance, abs=1e-9)


def test_each_ensemble_is_explained_by_its_own_shap_values(model: WinModel, rows: SnapshotRows):
    """LightGBM's own contributions are the referee; of the horizon's columns only the last counts."""
    days, x, at = np.full(50, 20.0), rows.x[:50], rows.at[:50]
    columns = tree_columns(x, LAYOUT, model.windows.terms(at, days, model.ever_days))
    for number, trees in ((2, model.won.trees), (3, model.won.plain)):
        only = Stack.weighted_mean(np.eye(4)[number], model.ever_days)
        parts = replace(model, won=replace(model.won, stack=only)).contributions(x, at, days)
        referee = trees.booster.predict(columns, pred_contrib=True)
        expected = referee[:, :5]
        expected[:, LAYOUT.close] += referee[:, columns.shape[1] - 1]
        assert parts.values == pytest.approx(expected, abs=1e-9)


def test_plain_trees_learn_from_regular_moments_alone(rows: SnapshotRows):
    lively = np.arange(len(rows.at)) % 3 == 0
    told = replace(rows, regular=~lively)
    other = replace(told, won=np.where(lively[rows.row], 1.0 - told.won, told.won))
    one, two = fit(told, level=False), fit(other, level=False)
    assert one.won.plain is not None
    assert one.won.plain.text == two.won.plain.text
    assert one.won.trees.text != two.won.trees.text


def test_each_base_model_alone_keeps_the_promises_of_its_training_rows(model: WinModel, rows: SnapshotRows):
    alone = each_alone(model, rows, np.random.default_rng(1))
    assert list(alone) == ["table", "regression", "trees", "plain_trees"]
    days = np.full(len(rows.at), 45.0)
    whole = model.won_by(rows.x, rows.at, days).mean()
    for name, one in alone.items():
        weights = one.won.stack.weights
        assert weights.tolist() == [float(name == other) for other in alone]
        assert one.won_by(rows.x, rows.at, days).mean() == pytest.approx(whole, abs=0.03)
        unlevelled = one.without_level()
        said = unlevelled.won_by(rows.x[rows.row], rows.question_at, rows.horizon)
        assert said.mean() == pytest.approx(rows.won.mean(), abs=2e-3)


def test_standard_errors_are_the_same_with_and_without_contributions(model: WinModel, rows: SnapshotRows):
    days = np.full(50, 45.0)
    parts = model.contributions(rows.x[:50], rows.at[:50], days)
    assert model.log_odds_sd(rows.x[:50], rows.at[:50], days).tolist() == parts.sd.tolist()


def test_base_models_without_a_weight_are_not_asked(
    model: WinModel, rows: SnapshotRows, monkeypatch: pytest.MonkeyPatch
):
    days = np.full(len(rows.at), 45.0)
    linear = replace(model, won=replace(model.won, stack=Stack.weighted_mean(np.eye(4)[1], model.ever_days)))
    said = linear.base_log_odds("won", rows.x, rows.at, days)[0][:, 1]
    called = []

    def counted(trees: Trees, columns: np.ndarray) -> np.ndarray:
        called.append(trees)
        return np.zeros(len(columns))

    monkeypatch.setattr(Trees, "score", counted)
    chance = linear.without_level().won_by(rows.x, rows.at, days)
    assert chance.tolist() == expit(said).tolist()
    assert called == []
    model.won_by(rows.x, rows.at, days)
    assert called == [model.won.trees, model.won.plain]


def test_a_small_organisations_model_has_fewer_parts(rows: SnapshotRows):
    few = make_rows(120, seed=2)
    assert list(each_alone(fit(few, trees=False), few, np.random.default_rng(1))) == ["table", "regression"]
    fewer = make_rows(20, seed=2)
    assert list(each_alone(fit(fewer), fewer, np.random.default_rng(1))) == ["table"]


def test_trees_of_two_outcomes_are_those_grown_one_by_one(rows: SnapshotRows):
    columns = np.column_stack([rows.x[rows.row], np.log1p(rows.horizon)])
    weight, sizes = (
        rows.question_weight,
        [TreeSettings(count=4, threads=1), TreeSettings(count=3, learning_rate=0.2)],
    )
    both = fit_trees(columns, (rows.won, rows.lost), weight, [5], [0, 4], sizes)
    for outcome, size, one in zip((rows.won, rows.lost), sizes, both, strict=True):
        assert fit_trees(columns, [outcome], weight, [5], [0, 4], [size])[0].text == one.text


def test_many_questions_are_learned_from_and_answered_part_by_part_all_the_same(
    model: WinModel, rows: SnapshotRows, monkeypatch: pytest.MonkeyPatch
):
    whole = model.question_log_odds(rows)
    days, x = rows.horizon, rows.x[rows.row]
    assert whole[1] == pytest.approx(model.base_log_odds("lost", x, rows.question_at, days)[0], abs=1e-12)
    monkeypatch.setattr("models.win.model.QUESTIONS_PER_PART", 700)
    for side, part in zip(whole, model.question_log_odds(rows), strict=True):
        assert part == pytest.approx(side, abs=1e-12)
    again = fit(rows)
    assert (again.won.trees.text, again.lost.trees.text) == (model.won.trees.text, model.lost.trees.text)


def test_promises_are_kept_at_regular_moments_whatever_happens_just_after_changes(rows: SnapshotRows):
    lively = np.arange(len(rows.at)) % 2 == 0
    moved = replace(rows, regular=~lively, won=np.where(lively[rows.row], 1.0, rows.won))
    moved = replace(moved, lost=np.where(lively[rows.row], 0.0, rows.lost))
    made = fit(moved, trees=False, level=False)
    mine = ~lively[rows.row]
    said = made.won_by(rows.x[rows.row[mine]], rows.question_at[mine], rows.horizon[mine])
    assert said.mean() == pytest.approx(rows.won[mine].mean(), abs=1e-3)


def test_for_ever_nothing_is_open(model: WinModel, rows: SnapshotRows):
    curve = model.curve(rows.x[:50], rows.at[:50], np.array([np.inf]))
    assert curve.open == pytest.approx(np.zeros((50, 1)), abs=1e-12)


def test_win_chance_is_zero_where_no_time_is_left(model: WinModel, rows: SnapshotRows):
    assert model.curve(rows.x[:5], rows.at[:5], np.array([0.0])).won.tolist() == [[0.0]] * 5


def test_a_horizon_asked_alone_gets_the_answer_it_gets_among_others(model: WinModel, rows: SnapshotRows):
    together = model.curve(rows.x[:40], rows.at[:40], HORIZONS)
    alone = model.curve(rows.x[:40], rows.at[:40], HORIZONS[4:5])
    assert alone.won[:, 0].tolist() == together.won[:, 4].tolist()
    assert alone.lost[:, 0].tolist() == together.lost[:, 4].tolist()
    assert model.won_by(rows.x[:40], rows.at[:40], np.full(40, 45.0)).tolist() == together.won[:, 4].tolist()


def test_chances_to_be_won_are_those_of_the_curve(model: WinModel, rows: SnapshotRows):
    x, at = rows.x[:70], rows.at[:70]
    np.testing.assert_array_equal(
        model.chances_won(x, at, HORIZONS), model.curve(x, at, HORIZONS).won, strict=True
    )


@pytest.mark.parametrize(("before", "now"), [(70, 70), (70, 69), (64, 70), (70, 64), (16, 33), (5, 2)])
@pytest.mark.parametrize("horizons", [HORIZONS, HORIZONS[:3]])
def test_deals_that_changed_are_scored_as_among_all(
    model: WinModel, rows: SnapshotRows, before: int, now: int, horizons: np.ndarray
):
    """Digit for digit, also where some come or go at the end."""
    at, x = np.full(90, START), rows.x[:90].copy()
    was = pipeline_of(x[:before].copy(), model.chances_won(x[:before], at[:before], horizons), horizons)
    x[[3, 17, 40]] += 1.0
    again = _changed_rows(was.x, x[:now])
    assert set(range(now)) & {3, 17, 40} <= set(again.tolist())
    assert len(again) < now or now <= 48 or before != now
    found = _won(model, x[:now], at[:now], horizons, was)
    np.testing.assert_array_equal(found, model.chances_won(x[:now], at[:now], horizons), strict=True)


def pipeline_of(x: np.ndarray, won: np.ndarray, days: np.ndarray) -> ScoredPipeline:
    """Scored deals of which only features and chances are asked."""
    none = np.zeros(len(x))
    pipeline = Pipeline(np.array([""] * len(x), object), none.astype(np.int64), won, won)
    return ScoredPipeline(none.astype(np.int64), x, none, none, none, pipeline, won, days)


def test_a_product_of_many_rows_has_the_digits_of_its_parts():
    rng = np.random.default_rng(4)
    rows, weights = rng.normal(size=(5000, 130)), rng.normal(size=130)
    whole = _products(rows, weights)
    np.testing.assert_allclose(whole, rows @ weights, rtol=1e-12)
    for first in (0, 16, 4800):
        part = _products(rows[first : first + 320], weights)
        np.testing.assert_array_equal(part, whole[first : first + 320])


def test_win_score_of_a_deal_alone_equals_the_score_among_many(model: WinModel, rows: SnapshotRows):
    days = np.full(60, 30.0)
    many = model.won_by(rows.x[:60], rows.at[:60], days)
    alone = [model.won_by(rows.x[i : i + 1], rows.at[i : i + 1], days[:1])[0] for i in range(60)]
    assert np.array(alone) == pytest.approx(many, abs=1e-12)


def test_contributions_add_up_to_the_calibrated_log_odds(model: WinModel, rows: SnapshotRows):
    days = np.exp(np.linspace(0, 5, 100))
    parts = model.contributions(rows.x[:100], rows.at[:100], days)
    chance = model.won_by(rows.x[:100], rows.at[:100], days)
    assert parts.log_odds == pytest.approx(np.log(chance) - np.log1p(-chance), abs=1e-9)


def test_win_contributions_credit_the_quality_of_a_better_deal(model: WinModel, rows: SnapshotRows):
    x = np.repeat(rows.x[:1], 2, axis=0)
    x[:, 3] = [-2.0, 2.0]
    parts = model.contributions(x, rows.at[[0, 0]], np.full(2, 60.0))
    assert parts.values[1, 3] > 0.5
    assert parts.values[0, 3] < -0.5


def test_a_feature_that_is_not_used_contributes_nothing(rows: SnapshotRows):
    windows = HorizonWindows(Calendar(ZoneInfo("Asia/Tokyo")), 120.0)
    layout = FeatureLayout(("stage", "age_days"), (0,), 0, 1, -1)
    used = rows.with_columns(np.array([0, 1]))
    small = fit_win(
        used, layout, np.array([0, 1]), windows, WinSettings(with_trees=False), np.random.default_rng(0)
    )
    parts = small.contributions(rows.x[:20], rows.at[:20], np.full(20, 30.0))
    assert parts.values.shape == (20, 5)
    assert not parts.values[:, 2:].any()


def test_features_of_the_regression_average_to_nothing_over_its_training_moments(
    model: WinModel, rows: SnapshotRows
):
    days = np.full(len(rows.x), 45.0)
    assert model.won.linear is not None
    parts = model.won.linear.contributions(
        LAYOUT, rows.x, model.windows.terms(rows.at, days, model.ever_days)
    )
    assert parts.mean(axis=0)[[0, 1, 3, 4]] == pytest.approx(np.zeros(4), abs=1e-9)


def test_the_average_training_moment_owes_little_to_any_feature(model: WinModel, rows: SnapshotRows):
    parts = model.contributions(rows.x, rows.at, np.full(len(rows.x), 45.0))
    assert np.abs(parts.values.mean(axis=0)).max() < 0.1


def test_the_interval_holds_the_chance_and_widens_with_the_level(model: WinModel, rows: SnapshotRows):
    days = np.full(100, 45.0)
    chance = model.won_by(rows.x[:100], rows.at[:100], days)
    why = model.contributions(rows.x[:100], rows.at[:100], days)
    lo, hi = why.interval()
    lower, higher = why.interval(0.95)
    assert ((lo < chance) & (chance < hi)).all()
    assert ((lower > 0) & (lower <= lo) & (hi <= higher) & (higher < 1)).all()
    assert (higher - lower > hi - lo).all()


def test_fewer_deals_make_wider_intervals(model: WinModel, rows: SnapshotRows):
    few = fit(make_rows(120, seed=2), trees=False)
    days = np.full(100, 45.0)
    ends = [one.contributions(rows.x[:100], rows.at[:100], days).interval() for one in (few, model)]
    width = [(hi - lo).mean() for lo, hi in ends]
    assert width[0] > width[1] + 0.03, "in points, as they are shown"


def test_the_model_has_learned_what_made_the_deals(model: WinModel):
    later = make_rows(4_000, seed=9)
    chance = model.won_by(later.x, later.at, np.full(4_000, np.inf))
    truth = 1 / (1 + np.exp(-(later.x[:, 3] - 0.5 + 0.5 * later.x[:, 0])))
    assert np.abs(chance - truth).mean() < 0.5 * np.abs(truth - truth.mean()).mean()


def test_below_thirty_closed_deals_only_the_stated_prior_speaks(rows: SnapshotRows):
    a, b = (fit(make_rows(29, seed=seed)) for seed in (3, 4))
    asked = (rows.x[:9], rows.at[:9], np.full(9, 30.0))
    assert a.won_by(*asked).tolist() == b.won_by(*asked).tolist()
    assert a.won.linear is None
    assert a.won.trees is None


@pytest.mark.parametrize("only", [0, 1])
def test_of_one_outcome_only_the_stated_prior_speaks(rows: SnapshotRows, only: int):
    a, b = (fit(replace(many, event=np.full(300, only))) for many in (make_rows(300, 3), make_rows(300, 4)))
    asked = (rows.x[:9], rows.at[:9], np.full(9, np.inf))
    assert a.is_table
    assert a.won_by(*asked).tolist() == b.won_by(*asked).tolist()
    assert (a.won_by(*asked) <= 0.5).all()
    lo, hi = a.contributions(*asked).interval()
    assert (hi - lo > 0.3).all()


def test_the_table_of_a_model_answers_by_stage_and_age_alone(model: WinModel, rows: SnapshotRows):
    table = table_only(model)
    assert table.is_table
    assert not model.is_table
    days = np.full(len(rows.x), 45.0)
    other = rows.x.copy()
    other[:, 2:] = np.nan
    assert table.won_by(other, rows.at, days).tolist() == table.won_by(rows.x, rows.at, days).tolist()
    why = table.contributions(rows.x, rows.at, days)
    assert (why.values[:, 2:] == 0.0).all()
    assert (why.sd > 0.0).all()


def test_open_deals_do_not_count_as_closed():
    rows = make_rows(100)
    still = replace(rows, event=np.where(np.arange(100) < 80, -1, rows.event))
    assert fit(still).closed_deals == 20


def test_trees_join_from_300_closed_deals():
    windows = HorizonWindows(Calendar(ZoneInfo("Asia/Tokyo")), 120.0)
    settings = WinSettings(TreeSettings(count=3, threads=1), replace(PLAIN_TREES, count=3, threads=1))
    for deals, joined in ((299, False), (300, True)):
        model = fit_win(make_rows(deals), LAYOUT, np.arange(5), windows, settings, np.random.default_rng(0))
        assert (model.won.trees is not None) is joined


def test_the_same_rows_and_seed_give_the_same_model(rows: SnapshotRows, model: WinModel):
    again = fit(rows)
    asked = (rows.x[:50], rows.at[:50], np.full(50, 30.0))
    assert again.won_by(*asked).tolist() == model.won_by(*asked).tolist()


def test_an_unseen_stage_is_answered_with_the_pooled_rates(model: WinModel, rows: SnapshotRows):
    x = rows.x[:1].copy()
    x[0, 0] = 77.0
    assert 0 < model.won_by(x, rows.at[:1], np.array([45.0]))[0] < 1


def test_a_row_of_unknowns_is_still_answered(model: WinModel, rows: SnapshotRows):
    curve = model.curve(np.full((1, 5), np.nan), rows.at[:1], HORIZONS)
    assert not np.isnan(curve.won).any()
    assert not np.isnan(curve.lost).any()


def kinds_of_models(model: WinModel) -> dict[str, WinModel]:
    """The same model with more and fewer base models, and with other weights."""
    return {
        "all": model,
        "no level": model.without_level(),
        "any weights": replace(
            model,
            won=replace(model.won, stack=any_stack(model, 3)),
            lost=replace(model.lost, stack=any_stack(model, 4, missing=3)),
        ),
        "no trees": replace(
            model,
            won=replace(model.won, trees=None, plain=None),
            lost=replace(model.lost, trees=None),
        ),
        "table": table_only(model),
    }


@pytest.mark.parametrize("kind", ["all", "no level", "any weights", "no trees", "table"])
@pytest.mark.parametrize("left", [45.0, 0.3, 500.0, 0.0])
def test_one_deal_alone_is_answered_and_explained_as_among_many(
    model: WinModel, rows: SnapshotRows, kind: str, left: float
):
    """The arrays of all deals are the referee of the kernel for one."""
    asked, one = kinds_of_models(model)[kind], OneDeal.of(kinds_of_models(model)[kind])
    days = np.unique(np.append(HORIZONS, [left] if left > 0 else []))
    for row in range(0, 60, 3):
        x, at = rows.x[row : row + 2].copy(), rows.at[row : row + 2]
        x[0, row % 5] = np.nan if row % 2 else x[0, row % 5]
        x[1, 0] = 77.0 if row % 4 == 0 else x[1, 0]
        moments = (int(at[0]), int(at[1]))
        said = one.ask(x, moments, days, left)
        curve = asked.curve(x[:1], at[:1], days)
        assert said.curve.won == pytest.approx(curve.won, abs=1e-12)
        assert said.curve.lost == pytest.approx(curve.lost, abs=1e-12)
        three = np.array([left, np.inf, np.inf])
        why = asked.contributions(x[[0, 0, 1]], at[[0, 0, 1]], three)
        assert said.contributions.values == pytest.approx(why.values, abs=1e-9)
        assert said.contributions.base == pytest.approx(why.base, abs=1e-9)
        assert said.contributions.sd == pytest.approx(why.sd, abs=1e-9)


def test_rows_share_a_leaf_where_lightgbm_says_so(model: WinModel, rows: SnapshotRows):
    columns = tree_columns(
        rows.x[:80],
        LAYOUT,
        model.windows.terms(rows.at[:80], np.full(80, model.ever_days), model.ever_days),
    )
    leaves = model.leaves(rows.x[:80], rows.at[:80])
    referee = model.won.trees.booster.predict(columns, pred_leaf=True)
    same = leaves[:, None] == leaves[None, :]
    assert (same == (referee[:, None] == referee[None, :])).all()
