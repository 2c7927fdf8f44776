"""Does a training on a small world hold together: proof, no future, round trip, registry, gate?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import DAY, end_of_day
from crm.periods import parse_period
from features import Calendar, compile_history, deal_states, open_at
from models.bundle import Bundle
from models.forecast.common_factors import CommonFactors
from models.scoring import COLUMNS, close_days, feature_columns, score_open
from models.win.blind import is_seen
from simulator import WorldSettings, crm_tables, simulate
from training import head_to_head
from training.config import TrainConfig
from training.fit import train
from training.model_card import model_card
from training.promote import train_and_promote
from training.registry import Registry
from training.report import Report

pytestmark = pytest.mark.slow
TOKYO = ZoneInfo("Asia/Tokyo")
SMALL = TrainConfig(trees=20, leaves=8, max_moments=8_000, max_questions=8_000, threads=1)
AS_OF = end_of_day(date(2026, 2, 15), TOKYO)
PERIOD = parse_period("2026-Q1")


@pytest.fixture(scope="module")
def log() -> EventLog:
    world = simulate(WorldSettings(deals=1_000, seed=8, end=date(2026, 3, 31), days=700))
    return EventLog.of(crm_tables(world), TOKYO)


@pytest.fixture(scope="module")
def longer_log() -> EventLog:
    """Of an organisation where the model is soon shown to beat the stage table."""
    world = simulate(WorldSettings(deals=2_000, seed=8, end=date(2026, 3, 31), days=700))
    return EventLog.of(crm_tables(world), TOKYO)


@pytest.fixture(scope="module")
def trained(log: EventLog) -> tuple[Bundle, Report]:
    return train(log, AS_OF, SMALL)


@pytest.fixture(scope="module")
def bundle(trained: tuple[Bundle, Report]) -> Bundle:
    return trained[0]


@pytest.fixture(scope="module")
def report(trained: tuple[Bundle, Report]) -> Report:
    return trained[1]


@pytest.fixture(scope="module")
def scores(bundle: Bundle, log: EventLog) -> pd.DataFrame:
    return score_open(bundle, log, AS_OF, PERIOD, "7")


def test_trained_model_beats_the_base_rate_on_later_deals(report: Report):
    assert report.evaluation is not None
    assert report.evaluation.log_loss_against["base_rate"].better
    assert len(report.folds) == 2
    assert all(fold.startswith("train until ") for fold in report.folds)


def test_training_leaves_out_the_planted_leaks_and_reports_them(bundle: Bundle, report: Report):
    leaks = {leak.attribute for leak in report.leaks}
    assert {"確度", "受注理由", "競合受注"} <= leaks
    assert not {f"deals.{name}" for name in leaks} & set(bundle.win.layout.names)
    assert {f"leak_{name}" for name in leaks} <= {warning.code for warning in bundle.warnings}


@pytest.fixture(scope="module")
def again(log: EventLog) -> tuple[Bundle, list[tuple[Text, float]]]:
    """A training on a log that ends at the cut-off, and what it told of its progress."""
    told: list[tuple[Text, float]] = []
    made, _ = train(log.as_of(AS_OF), AS_OF, SMALL, lambda text, share: told.append((text, share)))
    return made, told


def test_training_ignores_all_records_after_its_cut_off(
    bundle: Bundle, again: tuple[Bundle, list[tuple[Text, float]]], log: EventLog
):
    made, _ = again
    period = score_open(made, log.as_of(AS_OF), AS_OF, PERIOD)
    assert period.drop(columns="model_version").equals(
        score_open(bundle, log, AS_OF, PERIOD).drop(columns="model_version")
    )


def test_progress_is_told_in_both_languages_and_never_goes_back(
    again: tuple[Bundle, list[tuple[Text, float]]],
):
    _, told = again
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(text.ja and text.en and text.ja != text.en for text, _ in told)


def test_every_open_deal_has_one_row_of_the_contract(scores: pd.DataFrame, log: EventLog):
    deals = log.as_of(AS_OF)["deals"]
    assert tuple(scores.columns) == COLUMNS
    assert sorted(scores["deal_id"]) == sorted(deals["deal_id"][deals["outcome"].isna()])
    assert set(scores["model_version"]) == {"7"}
    assert set(scores["period"]) == {"2026-Q1"}


def test_scores_are_in_order_and_in_bounds(scores: pd.DataFrame):
    assert scores["win_by_period_end"].is_monotonic_decreasing
    assert scores["win_probability"].between(0, 1).all()
    assert (scores["win_by_period_end"] <= scores["win_probability"] + 1e-12).all()
    assert (scores["revenue_p10"] <= scores["revenue_p50"]).all()
    assert (scores["revenue_p50"] <= scores["revenue_p90"]).all()
    assert (scores["expected_close_date"] >= "2026-02-15").all()


def test_a_period_that_is_over_leaves_no_chance(bundle: Bundle, log: EventLog):
    over = score_open(bundle, log, AS_OF, parse_period("2025-Q4"))
    assert (over["win_by_period_end"] == 0).all()
    assert (over["expected_revenue"] == 0).all()


def test_close_days_grow_with_the_share(bundle: Bundle):
    kept = bundle.self_check
    days = close_days(bundle.win, kept.x, kept.at, (0.1, 0.5, 0.9))
    assert (np.diff(days, axis=1) >= 0).all()
    assert (days > 0).all()


def test_a_saved_model_scores_the_same_digit_for_digit(
    bundle: Bundle, scores: pd.DataFrame, log: EventLog, tmp_path
):
    bundle.save(tmp_path / "m")
    again = Bundle.load(tmp_path / "m")
    assert score_open(again, log, AS_OF, PERIOD, "7").equals(scores)
    assert again.check() == 0.0
    asked = (bundle.self_check.x, bundle.self_check.at, bundle.self_check.horizon)
    ours, theirs = (one.win.contributions(*asked) for one in (bundle, again))
    assert np.array_equal(vars(ours)["values"], vars(theirs)["values"])
    assert np.array_equal(ours.base, theirs.base)
    ends = [one.win.contributions(*asked).interval()[0].tolist() for one in (again, bundle)]
    assert ends[0] == ends[1]
    assert again.warnings == bundle.warnings
    assert again.new_business is not None
    assert again.new_business.to_json() == bundle.new_business.to_json()


def test_the_owner_blind_variant_is_not_moved_by_what_an_owner_can_write(bundle: Bundle, log: EventLog):
    assert bundle.blind is not None
    history = compile_history(log.as_of(AS_OF), bundle.calendar, bundle.levels)
    kept, columns = bundle.self_check, feature_columns(bundle, history)
    seen = [is_seen(history.features[column]) for column in columns]
    assert 10 < sum(seen) < len(seen) - 40
    other = np.where(seen, kept.x, np.random.default_rng(1).permutation(kept.x, axis=0) + 1.0)
    assert np.array_equal(bundle.blind.chance(other, kept.at), bundle.blind.chance(kept.x, kept.at))
    ever = np.full(len(kept.at), np.inf)
    assert not np.array_equal(
        bundle.win.won_by(other, kept.at, ever), bundle.win.won_by(kept.x, kept.at, ever)
    )


def test_the_owner_blind_variant_is_stored_with_the_model_and_models_of_before_have_none(
    bundle: Bundle, tmp_path: Path
):
    assert bundle.blind is not None
    bundle.save(tmp_path)
    again, kept = Bundle.load(tmp_path), bundle.self_check
    assert again.blind is not None
    assert again.blind.much == bundle.blind.much
    assert np.array_equal(again.blind.chance(kept.x, kept.at), bundle.blind.chance(kept.x, kept.at))
    stored = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    del stored["blind"]
    (tmp_path / "bundle.json").write_text(json.dumps(stored), "utf-8")
    before = Bundle.load(tmp_path)
    assert before.blind is None
    assert before.check() == 0.0


def test_saved_bundle_holds_no_code(bundle: Bundle, tmp_path: Path):
    bundle.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".npz", ".txt"}
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_a_model_that_scores_otherwise_than_in_training_is_not_ready(bundle: Bundle, tmp_path: Path):
    bundle.save(tmp_path)
    text = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    text["win"]["sides"]["won"]["stack"]["quiet"]["shift"] += 0.01
    (tmp_path / "bundle.json").write_text(json.dumps(text), "utf-8")
    with pytest.raises(SanchoError, match="stored deals score"):
        Bundle.load(tmp_path).check()


def test_a_model_of_another_format_says_what_to_do(bundle: Bundle, tmp_path: Path):
    bundle.save(tmp_path)
    text = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    (tmp_path / "bundle.json").write_text(json.dumps({**text, "format": 999}), "utf-8")
    with pytest.raises(SanchoError, match="retrain"):
        Bundle.load(tmp_path)


def test_the_model_card_tells_figures_and_leaks_in_both_languages(bundle: Bundle, report: Report):
    japanese, english = model_card(bundle, report, "ja"), model_card(bundle, report, "en")
    assert "モデルカード" in japanese
    assert "Stage-rate table" in english
    assert "受注理由" in english
    assert f"{report.evaluation.overall['model']['log_loss']:.4f}" in english
    assert report.coverage is not None
    for level, covered in report.coverage.covered.items():
        assert f"{level:.0%}区間：後の商談を確率順に約50件ずつ分けた{report.coverage.bins}組" in japanese
        assert f"agrees with the outcomes of {covered:.0%} of {report.coverage.bins} groups" in english


def test_few_deals_are_said_and_answered_by_the_prior(log: EventLog):
    early = end_of_day(date(2024, 6, 15), TOKYO)
    small, report = train(log, early, SMALL)
    assert small.win.closed_deals < 30
    assert "too_few_deals" in {warning.code for warning in small.warnings}
    assert report.evaluation is None
    assert len(score_open(small, log, early, parse_period("2024-Q2"))) > 0


def test_an_empty_log_is_refused_in_one_sentence():
    with pytest.raises(SanchoError, match="no deals to train on"):
        train(EventLog.of({}, TOKYO), AS_OF, SMALL)


@pytest.fixture(scope="module")
def registry(bundle: Bundle, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    home = tmp_path_factory.mktemp("home")
    registry = Registry(home, uri=f"sqlite:///{home / 'mlflow.db'}")
    assert registry.champion() is None
    with pytest.raises(SanchoError, match="no model"):
        registry.load()
    for _ in range(2):
        registry.log_and_register(bundle, report, "abc")
    return registry


def test_a_registered_model_comes_back_by_version_and_by_alias(
    registry: Registry, scores: pd.DataFrame, log: EventLog
):
    registry.promote("1")
    again, info = registry.load()
    assert (info.version, info.champion) == ("1", True)
    assert score_open(again, log, AS_OF, PERIOD, "7").equals(scores)
    assert [one.version for one in registry.list()] == ["2", "1"]
    assert registry.load("2")[1].version == "2"
    shown = registry.show("1")
    assert shown["parameters"]["data_fingerprint"] == "abc"
    assert shown["metrics"]["log_loss"] > 0


def test_rollback_brings_the_earlier_champion_back(registry: Registry):
    registry.promote("1")
    registry.promote("2")
    assert registry.champion().version == "2"
    assert registry.rollback().version == "1"
    assert registry.champion().version == "1"
    with pytest.raises(SanchoError, match="no earlier champion"):
        registry.rollback()


def test_an_unknown_version_is_told(registry: Registry):
    with pytest.raises(SanchoError, match="no model '9'"):
        registry.load("9")


def test_mlflow_pyfunc_scores_as_the_model_does(
    registry: Registry, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    model = mlflow.pyfunc.load_model("models:/sancho/1")
    kept = bundle.self_check
    asked = pd.DataFrame(kept.x, columns=list(bundle.features)).assign(
        moment=kept.at, horizon_days=kept.horizon
    )
    assert model.predict(asked)["won_by"].tolist() == kept.won_by.tolist()


def test_a_registry_used_does_not_decide_where_the_next_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert Registry(tmp_path / "first").champion() is None
    second = tmp_path / "second"
    assert Registry(second).uri == f"sqlite:///{second.resolve() / 'mlflow.db'}"


def test_mlflow_stays_in_the_home_and_holds_no_pickle(registry: Registry):
    files = [path for path in registry.home.rglob("*") if path.is_file()]
    assert registry.home / "mlflow.db" in files
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib")]
    assert [path for path in files if path.name == "model_card.ja.html"]


@pytest.fixture(scope="module")
def versions(longer_log: EventLog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, list[Any]]:
    """A registry with four trainings one after another, each past the gate or not."""
    home = tmp_path_factory.mktemp("gate")
    registry, found = Registry(home, uri=f"sqlite:///{home / 'mlflow.db'}"), []
    stump = replace(
        SMALL, exclude=tuple(name for name in names_of_features(longer_log) if name != "age_days")
    )
    for day, config in (
        (date(2025, 6, 30), SMALL),
        (date(2025, 8, 31), SMALL),
        (date(2025, 8, 31), stump),
        (date(2025, 7, 31), SMALL),
    ):
        found.append(train_and_promote(longer_log, end_of_day(day, TOKYO), config, registry))
    return registry, found


def names_of_features(log: EventLog) -> list[str]:
    return [feature.name for feature in compile_history(log.as_of(AS_OF), Calendar(TOKYO)).features]


def test_a_first_model_that_is_not_shown_to_beat_the_stage_table_leaves_the_answer_to_it(
    versions: tuple[Registry, list[Any]], longer_log: EventLog
):
    registry, found = versions
    info, decision, report = found[0]
    assert report.proof.verdict == "cannot_tell"
    assert (decision.promote, decision.code) == (True, "stage_table")
    stored, _ = registry.load(info.version)
    stored.check()
    warnings = {one.code: one.message for one in stored.warnings}
    assert "from that table" in warnings["model_not_proved"].en
    assert "表" in warnings["model_not_proved"].ja
    scores = score_open(stored, longer_log, stored.as_of, parse_period("2025-Q3"))
    history = compile_history(longer_log.as_of(stored.as_of), stored.calendar, stored.levels)
    now = deal_states(history, open_at(history, stored.as_of), np.full(len(scores), stored.as_of))
    assert scores["win_probability"].nunique() <= 4 * len(np.unique(now.stage)), "by stage and age band alone"
    kept = stored.self_check
    sure = stored.win.contributions(kept.x, kept.at, kept.horizon)
    assert (sure.sd > 0).all(), "a rate of a few deals is not certain"


def test_a_model_that_beats_the_stage_table_takes_its_place(versions: tuple[Registry, list[Any]]):
    registry, found = versions
    info, decision, report = found[1]
    assert report.proof.passes
    assert (decision.promote, decision.code) == (True, "first_model")
    stored, _ = registry.load(info.version)
    assert not stored.win.is_table
    assert "model_not_proved" not in {one.code for one in stored.warnings}


def test_a_crippled_model_of_the_same_day_is_held_against_the_champions_proof(
    versions: tuple[Registry, list[Any]],
):
    """No row is later than the champion's data; before, any such model was promoted."""
    registry, found = versions
    champion, _ = registry.load(found[1][0].version)
    _, decision, report = found[2]
    assert report.against_champion.deals == len(champion.proof.deal_ids)
    assert report.against_champion.rows == len(champion.proof.chance)
    assert decision.difference.mean > 0.0
    assert not decision.promote
    assert decision.code in ("worse", "cannot_tell")
    assert registry.champion().version == found[1][0].version


def test_a_model_of_older_data_does_not_take_the_champions_place(versions: tuple[Registry, list[Any]]):
    registry, found = versions
    _, decision, _ = found[3]
    assert (decision.promote, decision.code) == (False, "older_data")
    assert registry.champion().version == found[1][0].version


def test_the_proof_holds_what_the_fold_was_asked_and_said(bundle: Bundle, report: Report, tmp_path: Path):
    proof, valid = bundle.proof, report.validation_fold.valid
    assert proof.cut == report.validation_fold.train_until
    assert proof.chance.tolist() == report.validation_chance.tolist()
    assert proof.outcome.tolist() == valid.won.tolist()
    assert np.isinf(proof.horizon[valid.horizon == valid.ever_days]).all()
    bundle.save(tmp_path)
    again = Bundle.load(tmp_path)
    assert again.recipe == bundle.recipe == SMALL.recipe
    for name, value in proof.arrays().items():
        np.testing.assert_array_equal(again.proof.arrays()[name], value)


def test_nothing_later_than_the_champion_is_learned_from_where_it_is_compared(
    log: EventLog, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    """A young champion is held against a model made of no more data than it, here itself: nearly equal."""
    folds = []
    refit = head_to_head.refit_as_of

    def seen(fitter, validation, fold):
        folds.append(fold)
        return refit(fitter, validation, fold)

    monkeypatch.setattr(head_to_head, "refit_as_of", seen)
    later = end_of_day(date(2026, 3, 31), TOKYO)
    _, report = train(log, later, SMALL, champion=bundle)
    young, proof = folds
    assert young.train_until == bundle.as_of
    assert (young.valid.question_at >= bundle.as_of).all()
    assert proof.train_until == bundle.proof.cut
    ids = np.asarray(log.as_of(later)["deals"]["deal_id"])
    assert not set(ids[np.unique(proof.train.deal)]) & set(bundle.proof.deal_ids)
    for fold in folds:
        until = (fold.train_until - fold.train.at) / DAY
        assert (fold.train.days <= until + 1e-6).all(), "nothing later was learned from"
    found = report.against_champion
    assert found.verdict != "worse"
    assert abs(found.difference.mean) < 0.02


def test_settings_that_change_the_model_are_its_recipe_and_others_are_not():
    assert replace(SMALL, threads=8, seed=5).recipe == SMALL.recipe
    assert replace(SMALL, leaves=2).recipe != SMALL.recipe
    assert replace(SMALL, exclude=("amount",)).recipe != SMALL.recipe


def test_sizes_of_common_factors_are_stored_with_the_model(bundle: Bundle, tmp_path: Path):
    assert bundle.common_factors.to_json() == CommonFactors.prior().to_json()
    measured = CommonFactors(np.array([2.0, 65.0]), np.array([0.31, 0.12]), np.array([0.2, 0.1]), 9)
    replace(bundle, common_factors=measured).save(tmp_path)
    assert Bundle.load(tmp_path).common_factors.to_json() == measured.to_json()


def test_a_model_of_an_older_format_says_to_train_again(bundle: Bundle, tmp_path: Path):
    bundle.save(tmp_path)
    stored = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    (tmp_path / "bundle.json").write_text(json.dumps({**stored, "format": 6}), "utf-8")
    with pytest.raises(SanchoError, match="sancho train"):
        Bundle.load(tmp_path)
