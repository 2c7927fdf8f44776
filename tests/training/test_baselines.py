"""Do the plain methods that the model is compared with say what their data say?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crm.instants import DAY
from features.arrays import Floats
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from training import metrics
from training.baselines import LABELS, Effort, baseline_methods, chances_of, fit_baselines
from training.baselines.boosting import grown
from training.baselines.closed_deals import naive_bayes, scaled
from training.baselines.past_moments import Incidence, PastMoments, RipeSums, questions_at
from training.baselines.rates import base_rate, share_of_all, share_of_ripe, stage_table
from training.evaluate import Evaluation, FoldFacts, evaluate

LONGEST, EVER, NOW = 60.0, 120.0, 400
LAYOUT = FeatureLayout.of(("stage", "age_days", "days_in_stage", "size"), (0,))


def moments(count: int = 4000, seed: int = 0, per_deal: int = 2) -> SnapshotRows:
    """Weekly moments of deals that are won at a rate that depends on stage and size; some are still open."""
    rng = np.random.default_rng(seed)
    deal = np.repeat(np.arange(count // per_deal), per_deal)
    at = rng.integers(0, NOW, len(deal)) * DAY
    stage, size = rng.integers(0, 3, len(deal)).astype(float), rng.normal(size=len(deal))
    chance = 1.0 / (1.0 + np.exp(2.0 - stage - 0.8 * size))
    won = rng.random(len(deal)) < chance
    ends = rng.exponential(20.0, len(deal))
    seen = NOW - at / DAY
    event = np.where(ends < seen, won.astype(np.int64), -1)
    days = np.minimum(ends, seen)
    none = np.zeros(0)
    return SnapshotRows(
        x=np.stack([stage, rng.uniform(0, 50, len(deal)), rng.uniform(0, 9, len(deal)), size], axis=1),
        at=at,
        deal=deal,
        days=days,
        event=event,
        weight=np.ones(len(deal)),
        regular=np.ones(len(deal), bool),
        row=np.zeros(0, np.int64),
        horizon=none,
        won=none,
        lost=none,
        matures_after_days=none,
        longest_days=LONGEST,
        ever_days=EVER,
    )


def asked(rows: SnapshotRows, horizon: float) -> SnapshotRows:
    """Every moment, asked about one horizon."""
    count = len(rows.at)
    return replace(
        rows,
        row=np.arange(count),
        horizon=np.full(count, horizon),
        won=np.full(count, np.nan),
        lost=np.full(count, np.nan),
        matures_after_days=np.full(count, np.inf),
    )


@pytest.mark.parametrize("horizon", [0.5, 7.0, 11.3, 59.0, EVER])
def test_the_share_of_ripe_moments_is_counted_for_exactly_the_horizon_asked(horizon: float):
    past = PastMoments(moments(), NOW * DAY)
    ripe, won = past.ripe(horizon), past.won(horizon)
    sums = RipeSums.of(past)
    at = np.array([horizon])
    assert sums.ripe_weight(at)[0] == pytest.approx(past.weight[ripe].sum())
    assert sums.won_weight(at)[0] == pytest.approx((past.weight * won)[ripe].sum())
    # Close horizons are not put together.
    if horizon < LONGEST:
        assert sums.won_weight(at + 0.5)[0] > sums.won_weight(at)[0]


def test_the_base_rate_is_what_happened_at_moments_like_those_it_is_asked_about():
    rows = moments()
    # As many moments again just after changes, at which deals are about to be won.
    busy = replace(
        rows,
        event=np.ones(len(rows.at), np.int64),
        days=np.full(len(rows.at), 3.0),
        regular=np.zeros(len(rows.at), bool),
    )
    names = ("x", "at", "deal", "days", "event", "weight", "regular")
    both = replace(
        rows, **{name: np.concatenate([getattr(one, name) for one in (rows, busy)]) for name in names}
    )
    past = PastMoments.of(both, NOW * DAY)
    ripe = rows.at + 7 * DAY <= NOW * DAY
    happened = ((rows.event == 1) & (rows.days < 7.0))[ripe].mean()
    chance = base_rate(share_of_ripe)(past, ())(asked(rows, 7.0))
    assert chance[0] == pytest.approx(happened, abs=0.002)


def test_open_deals_count_as_long_as_they_were_seen():
    rows = moments(20_000, seed=3)
    past = PastMoments(rows, NOW * DAY)
    for horizon in (10.0, 30.0):
        ripe, every = share_of_ripe(past), share_of_all(past)
        assert every(np.array([horizon]))[0] == pytest.approx(ripe(np.array([horizon]))[0], abs=0.01)
    by_hand = replace(
        rows.where(np.arange(len(rows.at)) < 4),
        days=np.array([1.0, 2.0, 5.0, 5.0]),
        event=np.array([1, -1, 1, 0]),
        weight=np.ones(4),
    )
    share = Incidence.of(PastMoments(by_hand, NOW * DAY))
    assert share(np.array([1.5, 9.0])).tolist() == pytest.approx([0.25, 0.625])


def test_a_stage_table_tells_stages_apart_and_leans_on_all_where_a_stage_is_new():
    rows = moments()
    past = PastMoments(rows, NOW * DAY)
    chance = stage_table(LAYOUT, 2.0)(past, ())(asked(rows, 14.0))
    ripe = past.ripe(14.0)
    for stage in (0.0, 1.0, 2.0):
        inside = ripe & (rows.x[:, 0] == stage)
        assert chance[rows.x[:, 0] == stage][0] == pytest.approx(past.won(14.0)[inside].mean(), abs=0.01)
    new = replace(rows, x=np.full_like(rows.x, 9.0))
    assert stage_table(LAYOUT, 2.0)(past, ())(asked(new, 14.0))[0] == pytest.approx(
        base_rate(share_of_ripe)(past, ())(asked(rows, 14.0))[0]
    )


def test_a_score_of_closed_deals_is_right_on_average_at_exactly_the_horizon():
    rows = moments()
    past = PastMoments(rows, NOW * DAY)
    for score in (lambda x: np.full(len(x), 0.9), lambda x: 0.1 + 0.2 * x[:, 0]):
        for horizon in (5.0, 23.0):
            ripe = past.ripe(horizon)
            chance = scaled(past, (), score)(asked(rows, horizon))[ripe]
            assert chance.mean() == pytest.approx(past.won(horizon)[ripe].mean(), abs=0.002)
    bayes = naive_bayes([0])(past, ())(asked(rows, 23.0))
    ripe = past.ripe(23.0)
    assert bayes[ripe].mean() == pytest.approx(past.won(23.0)[ripe].mean(), abs=0.01)


@pytest.mark.parametrize("exact", [True, False])
def test_every_method_is_right_on_average_on_later_moments_at_the_horizons_asked(exact: bool):
    rows = moments(6000, seed=1)
    later = moments(6000, seed=2)
    horizons = (10.0, 40.0)
    methods = baseline_methods(LAYOUT, None, Effort(most=4000, threads=1, exact=exact))
    fitted = fit_baselines(rows, NOW * DAY, methods, horizons, np.random.default_rng(0))
    assert set(fitted) == set(LABELS)
    questions = questions_at(PastMoments(later, NOW * DAY), horizons)
    said = chances_of(fitted, questions)
    best = metrics.log_losses(said["base_rate"], questions.won).mean()
    for name, chance in said.items():
        for horizon in horizons:
            of = questions.horizon == horizon
            assert chance[of].mean() == pytest.approx(questions.won[of].mean(), abs=0.03), (name, horizon)
        if name != "base_rate":
            assert metrics.log_losses(chance, questions.won).mean() < best, name


def test_a_variant_is_chosen_within_the_training_time_on_the_horizons_asked():
    rows = moments(3000, seed=5)
    fitted = fit_baselines(
        rows,
        NOW * DAY,
        [one for one in baseline_methods(LAYOUT, None, Effort(threads=1)) if one.name == "stage_rates"],
        (7.0,),
        np.random.default_rng(0),
    )["stage_rates"]
    assert len(fitted.inner_losses) == 3
    assert fitted.variant == min(fitted.inner_losses, key=fitted.inner_losses.__getitem__)


def test_trees_on_closed_deals_are_grown_once_for_all_ways_to_level_them(monkeypatch: pytest.MonkeyPatch):
    rows, grown_of = moments(1500, seed=6), []

    def counted(*given: object) -> object:
        grown_of.append(given[-1])
        return grown(*given)

    monkeypatch.setattr("training.baselines.closed_deals.grown", counted)
    methods = baseline_methods(LAYOUT, None, Effort(most=1000, threads=1, exact=False))
    closed = [one for one in methods if one.name == "lightgbm_closed"]
    fitted = fit_baselines(rows, NOW * DAY, closed, (20.0,), np.random.default_rng(0))["lightgbm_closed"]
    assert [name.split(",")[0] for name in fitted.inner_losses] == ["scaled", "scaled", "recalibrated"]
    assert len(set(fitted.inner_losses.values())) == 3
    # Two sizes to choose by, then the chosen one on all moments.
    assert len(grown_of) == 3


def with_questions(rows: SnapshotRows, seed: int) -> SnapshotRows:
    """One question of its own horizon for each moment that is ripe for it."""
    horizon = np.random.default_rng(seed).uniform(1.0, 50.0, len(rows.at))
    ripe = np.flatnonzero(rows.at + horizon * DAY <= NOW * DAY)
    won = ((rows.event == 1) & (rows.days < horizon)).astype(float)[ripe]
    lost = ((rows.event == 0) & (rows.days < horizon)).astype(float)[ripe]
    return replace(
        rows, row=ripe, horizon=horizon[ripe], won=won, lost=lost, matures_after_days=horizon[ripe]
    )


@pytest.fixture(scope="module")
def judged() -> tuple[SnapshotRows, Evaluation, Floats]:
    """Later rows, the evaluation of what a model says of them, and what it says: always the mean."""
    train, valid = (with_questions(moments(3000, seed=seed), seed) for seed in (7, 8))
    chance = np.full(len(valid.row), float(train.won.mean()))
    facts = FoldFacts(as_of=NOW * DAY, alone={"trees": chance}, threads=1)
    return valid, evaluate(chance, train, valid, LAYOUT, np.random.default_rng(0), {}, facts), chance


def test_an_evaluation_has_the_same_methods_as_a_backtest_with_their_names_in_both_languages(
    judged: tuple[SnapshotRows, Evaluation, Floats],
):
    _, found, _ = judged
    assert set(found.overall) == {"model", *LABELS, "alone_trees"}
    stored = found.to_json()
    assert stored["labels"]["life_table"]["ja"]
    assert stored["labels"]["life_table"]["en"]
    assert set(stored["variants"]) == set(LABELS)
    assert found.log_loss_against["alone_trees"].mean == pytest.approx(0.0)


def test_a_model_without_the_stage_is_worse_than_a_table_that_has_it(
    judged: tuple[SnapshotRows, Evaluation, Floats],
):
    _, found, _ = judged
    gap = found.log_loss_against["stage_rates"]
    assert gap.lo > 0.0


def test_another_models_evaluation_on_the_same_rows_does_not_fit_the_baselines_again(
    judged: tuple[SnapshotRows, Evaluation, Floats],
):
    valid, found, chance = judged
    again = evaluate(1.0 - chance, valid, valid, LAYOUT, np.random.default_rng(1), {}, known=found)
    assert again.overall["logistic"] == found.overall["logistic"]
    assert again.overall["model"]["log_loss"] != found.overall["model"]["log_loss"]
