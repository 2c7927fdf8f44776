"""Does a fold know nothing of what came after its cut-off, not even which columns are worth using?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import end_of_day
from simulator import WorldSettings, crm_tables, simulate
from training import metrics
from training.choice import Chooser
from training.config import TrainConfig
from training.data import TrainingData
from training.leakage import Screening, screening
from training.stages import stage_names
from training.validation import Fitter, Validation, fold_cuts, validate

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF = end_of_day(date(2026, 3, 31), TOKYO)
SMALL = TrainConfig(trees=6, leaves=6, max_moments=6_000, max_questions=6_000, threads=1)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return dict(crm_tables(simulate(WorldSettings(deals=700, seed=9, end=date(2026, 3, 31), days=700))))


def fitter_of(tables: dict[str, pd.DataFrame], config: TrainConfig = SMALL) -> tuple[Fitter, TrainingData]:
    data = TrainingData.of(EventLog.of(tables, TOKYO), AS_OF, config)
    return Fitter.of(data, config), data


def validated(fitter: Fitter, data: TrainingData, judged: bool = False) -> Validation:
    return validate(fitter, AS_OF, len(data.snapshots.outcomes), stage_names(data.history), judged)


@pytest.fixture(scope="module")
def plain(tables: dict[str, pd.DataFrame]) -> tuple[Fitter, Validation]:
    fitter, data = fitter_of(tables)
    return fitter, validated(fitter, data, judged=True)


def with_column(
    tables: dict[str, pd.DataFrame], name: str, values: np.ndarray | pd.Series
) -> dict[str, pd.DataFrame]:
    return {**tables, "deals": tables["deals"].assign(**{name: values})}


def filled_after(tables: dict[str, pd.DataFrame], cut: int) -> np.ndarray:
    """A type of deal that tells much of the outcome, and is recorded only of deals created after a cut."""
    deals, rng = tables["deals"], np.random.default_rng(1)
    told = np.where(rng.random(len(deals)) < 0.8, deals["outcome"] == "won", rng.random(len(deals)) < 0.3)
    created = pd.to_datetime(deals["created_at"], utc=True).astype("datetime64[us, UTC]").astype(np.int64)
    return np.where(created >= cut, np.where(told, "new", "renewal"), None)


@pytest.mark.slow
def test_a_column_that_predicts_only_after_the_cut_does_not_touch_the_folds_model(
    tables: dict[str, pd.DataFrame], plain: tuple[Fitter, Validation]
):
    bare = with_column(tables, "deal_type", np.full(len(tables["deals"]), None))
    cut = fold_cuts(plain[0].all_rows, AS_OF)[-1][0]
    fitters = [
        fitter_of(some) for some in (bare, with_column(tables, "deal_type", filled_after(tables, cut)))
    ]
    names = [one.choice.chosen.layout.names for one, _ in fitters]
    assert "deal_type" in names[1], "it is chosen on all data"
    assert "deal_type" not in names[0]
    without, with_it = (validated(*one).predictions[-1] for one in fitters)
    assert with_it.fold.choice.chosen.layout == without.fold.choice.chosen.layout
    assert with_it.fold.train_until == cut
    assert with_it.model.won.trees.text == without.model.won.trees.text
    assert with_it.won.tolist() == without.won.tolist()


def test_a_leak_that_shows_only_later_is_in_the_fold_and_not_in_the_final_model(
    tables: dict[str, pd.DataFrame], plain: tuple[Fitter, Validation]
):
    deals, rng = tables["deals"], np.random.default_rng(2)
    created = pd.to_datetime(deals["created_at"], utc=True).astype("datetime64[us, UTC]").astype(np.int64)
    cut = fold_cuts(plain[0].all_rows, AS_OF)[-1][0]
    honest = rng.choice(["東", "西", "南"], len(deals))
    ended = np.where(deals["outcome"].isna(), None, np.where(deals["outcome"] == "won", "済", "否"))
    changed = with_column(tables, "顧客ランク", np.where(created < cut, honest, ended))
    fitter, data = fitter_of(changed)
    fold = validated(fitter, data).predictions[-1].fold
    assert "顧客ランク" in {leak.attribute.removeprefix("deals.") for leak in fitter.choice.screened.leaks}
    assert "顧客ランク" not in {leak.attribute.removeprefix("deals.") for leak in fold.choice.screened.leaks}
    own = [name for name in fold.choice.chosen.layout.names if "顧客ランク" in name]
    assert own
    assert not [name for name in fitter.choice.chosen.layout.names if "顧客ランク" in name]


@pytest.mark.slow
def test_a_model_without_the_stage_is_judged_against_a_table_that_has_it(
    tables: dict[str, pd.DataFrame], plain: tuple[Fitter, Validation]
):
    fitter, data = fitter_of(tables, replace(SMALL, exclude=("stage", "days_to_close_date")))
    found = validated(fitter, data, judged=True)
    assert fitter.choice.chosen.layout.stage < 0 <= fitter.baseline_layout.stage
    stage, close = fitter.baseline_layout.stage, fitter.baseline_layout.close
    assert not np.isnan(fitter.baseline_rows.x[:, stage]).all()
    assert close >= 0
    ours, other = found.evaluation, plain[1].evaluation
    assert ours.overall["stage_rates"] == other.overall["stage_rates"]
    assert ours.stages.keys() == other.stages.keys() != set()
    assert ours.overall["model"] != other.overall["model"]


def test_baselines_may_look_at_the_rep_although_the_model_does_not(tables: dict[str, pd.DataFrame]):
    fitter, _ = fitter_of(tables, replace(SMALL, owner_blind=True, exclude=("amount",)))
    names = fitter.baseline_layout.names
    assert "seller_win_rate" in names
    assert "seller_win_rate" not in fitter.choice.chosen.layout.names
    assert "amount" not in names
    assert set(fitter.choice.chosen.layout.names) < set(names)


def test_a_day_is_screened_once_for_the_model_and_the_baselines_beside_it(
    tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    days = []

    def counted(past: EventLog, cut: int, vouched: tuple[str, ...]) -> Screening:
        days.append((cut, vouched))
        return screening(past, cut, vouched)

    monkeypatch.setattr("training.choice.screening", counted)
    fitter, data = fitter_of(tables)
    again = Chooser.of(data, SMALL).choose(data.snapshots.rows, AS_OF)
    assert again.screened is fitter.choice.screened
    vouched = replace(SMALL, include=("deals.確度",))
    Chooser.of(data, vouched).choose(data.snapshots.rows, AS_OF)
    assert days == [(AS_OF, ()), (AS_OF, ("deals.確度",))]


def test_each_base_model_alone_answers_at_the_whole_level(plain: tuple[Fitter, Validation]):
    found = plain[1]
    valid = found.validation_fold.valid
    assert list(found.alone) == ["table", "regression", "trees", "plain_trees"]
    for chance in found.alone.values():
        said = float(np.average(chance, weights=valid.question_weight))
        whole = float(np.average(found.validation_chance, weights=valid.question_weight))
        assert said == pytest.approx(whole, abs=0.05)
        assert (chance > 0).all()
        assert (chance < 1).all()
    losses = {name: metrics.summary(chance, valid.won)["log_loss"] for name, chance in found.alone.items()}
    assert len(set(losses.values())) == 4


def test_weights_are_learned_from_changes_too_and_judged_on_the_weekly_grid_alone(
    plain: tuple[Fitter, Validation],
):
    for one in plain[1].predictions:
        won, _ = one.answers
        valid = one.fold.valid
        assert valid.regular.all()
        assert not one.fold.changed.regular.any()
        assert len(one.won) == len(valid.row)
        assert len(won.clock) == len(valid.row) + len(one.fold.changed.row) > len(valid.row)
        assert won.regular.sum() == len(valid.row)
        held = set(np.unique(one.fold.train.deal).tolist())
        assert not held & set(np.unique(one.fold.changed.deal).tolist())
        assert (won.fresh[~won.regular] > 0.999).mean() > 0.9
