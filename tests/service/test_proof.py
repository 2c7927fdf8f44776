"""Does the proof of a model say what trainings and backtests have kept, and which intervals may be shown?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.interval_proof import HELD, REFUTED, UNCHECKED, IntervalProof, interval_proof
from service.kept_backtests import FOLDER, kept_backtest, newest_backtest
from service.proof import summary
from service.settings import Settings
from tests.support.served import small_service
from training.outcomes_by_chance import ChanceGroup


def scores(crps: float) -> dict[str, Any]:
    return {"crps": {"mean": crps, "lo": None, "hi": None}}


def forecast_row(scope: str, probability: float | None, attained: bool | None) -> dict[str, Any]:
    return {"scope": scope, "attained": attained, "methods": {"sancho": {"probability": probability}}}


def a_backtest(covered: float = 0.8, hi: float = 0.9) -> dict[str, Any]:
    coverage = {"80": {"mean": covered, "lo": 0.5, "hi": hi}}
    company = {
        "rows": 24,
        "mean_actual": 100.0,
        "methods": {"sancho": {**scores(4.0), "coverage": coverage}, "last_year": scores(20.0)},
        "against": {"last_year": {"crps": {"mean": -16.0, "lo": -30.0, "hi": -2.0}}},
    }
    return {
        "format": 2,
        "settings": {"periods": ["2026-Q1", "2026-Q2"]},
        "methods": {
            "sancho": {"ja": "Sancho", "en": "Sancho"},
            "last_year": {"ja": "前年同期実績", "en": "Same period last year"},
        },
        "periods": {"company": {"overall": company}},
        "deals": {"by_period_end": {"overall": {}}},
        "forecasts": [
            forecast_row("company", 0.42, True),
            forecast_row("company", 0.48, False),
            forecast_row("company", 0.95, True),
            forecast_row("team:T1", 0.45, True),
            forecast_row("company", None, None),
        ],
    }


EVALUATION = {
    "deals": 500,
    "labels": {
        "model": {"ja": "このモデル", "en": "This model"},
        "stage_rates": {"ja": "段階別", "en": "Stages"},
    },
    "overall": {
        "model": {"rows": 900.0, "log_loss": 0.27},
        "stage_rates": {"rows": 900.0, "log_loss": 0.30},
    },
    "log_loss_against": {"stage_rates": {"mean": -0.03, "lo": -0.04, "hi": -0.02}},
    "by_chance": [
        {"predicted": 0.1, "observed": 0.08, "low": 0.05, "high": 0.12, "count": 400},
        {"predicted": 0.6, "observed": 0.58, "low": 0.48, "high": 0.67, "count": 100},
    ],
    "coverage": {
        "bins": 30,
        "deals": 1500,
        "levels": [
            {"level": 0.5, "covered": 0.6, "width": 0.1},
            {"level": 0.8, "covered": 0.4, "width": 0.2},
        ],
    },
    "findings": [
        {"code": "few", "serious": False, "ja": "商談は十分です。", "en": "There are enough deals."}
    ],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("proof")
    (home / FOLDER).mkdir()
    (home / FOLDER / "2026-11-01.json").write_text(json.dumps(a_backtest()), "utf-8")
    with small_service(home, warm=True) as service:
        service.cases.serving.registry.evaluated = EVALUATION
        yield service


@pytest.fixture(scope="module")
def proof(served) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {served.key('read')}", "Accept-Language": "en"}
    answer = TestClient(served.app, headers=headers).get("/v1/models/champion/proof")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_proof_tells_of_the_group_nearest_to_sixty_percent(proof) -> None:
    assert proof["summary"].startswith("Of the deals given 60%, 58% were won (100 of 500 deals")
    assert proof["reliability"] == {"deals": 500, "groups": EVALUATION["by_chance"]}


def test_few_deals_are_told_in_no_sentence() -> None:
    few = ChanceGroup(predicted=0.6, observed=0.5, low=0.1, high=0.9, count=29)
    assert "Too few deals" in summary([few], 29).en
    assert "60%" in summary([ChanceGroup(predicted=0.6, observed=0.5, low=0.4, high=0.6, count=30)], 30).en


def test_plain_methods_stand_beside_the_model_with_a_verdict(proof) -> None:
    model, stages = proof["deal_methods"]
    assert (model["score"], model["verdict"]) == (0.27, None)
    assert (stages["label"], stages["score"], stages["verdict"]) == ("Stages", 0.30, "better")
    sancho, last_year = proof["revenue_methods"]
    assert (sancho["score"], sancho["verdict"]) == (0.04, None)
    assert last_year["difference"] == {"mean": -0.16, "lo": -0.3, "hi": -0.02}
    assert last_year["label"] == "Same period last year"


def test_past_chances_of_the_companys_target_are_counted_by_tenths(proof) -> None:
    assert proof["targets"] == [
        {"low": 0.4, "high": 0.5, "forecasts": 2, "reached": 1},
        {"low": 0.9, "high": 1.0, "forecasts": 1, "reached": 1},
    ]
    assert proof["backtest"]["periods"] == ["2026-Q1", "2026-Q2"]


def test_intervals_that_held_less_often_than_they_say_are_refuted(proof) -> None:
    verdicts = {(row["kind"], row["level"]): row["verdict"] for row in proof["intervals"]}
    assert verdicts == {("deal", 0.5): HELD, ("deal", 0.8): REFUTED, ("company", 0.8): HELD}


def test_the_data_and_the_drift_of_the_model_in_service_are_told(proof) -> None:
    assert proof["data"]["quarantined_rows"] == 0
    assert [one["message"] for one in proof["data"]["findings"]] == ["There are enough deals."]
    assert proof["monitoring"]["retrain"] in (True, False)


def test_an_interval_that_was_never_checked_is_shown() -> None:
    assert IntervalProof().verdict("team", 0.8) == UNCHECKED
    assert IntervalProof().shows("team", 0.8)


def test_an_interval_is_refuted_where_even_its_upper_end_lies_below_the_level() -> None:
    for hi, verdict in ((0.79, REFUTED), (0.81, HELD)):
        backtest = kept_backtest(a_backtest(covered=0.7, hi=hi), datetime(2026, 11, 1, tzinfo=UTC))
        found = interval_proof(None, backtest)
        assert found.verdict("company", 0.8) == verdict
        assert found.shows("company", 0.8) == (verdict == HELD)


def test_pages_ask_the_same_proof_which_intervals_are_shown(served) -> None:
    intervals = served.cases.proofs.intervals()
    assert (intervals.shows("deal", 0.8), intervals.shows("company", 0.8)) == (False, True)


def test_a_version_that_does_not_exist_is_said_so(served) -> None:
    headers = {"Authorization": f"Bearer {served.key('read')}"}
    answer = TestClient(served.app, headers=headers).get("/v1/models/99/proof")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_version")


def test_without_records_the_proof_is_empty_and_says_what_to_do(tmp_path) -> None:
    with small_service(tmp_path) as served:
        proof = served.cases.proofs.proof("champion", "ja")
    assert (proof["reliability"], proof["backtest"], proof["intervals"]) == (None, None, [])
    assert "再学習すると" in proof["summary"]


def test_a_backtest_that_cannot_be_read_is_none(tmp_path) -> None:
    folder = tmp_path / FOLDER
    settings = Settings(home=tmp_path)
    assert newest_backtest(settings) is None
    folder.mkdir()
    (folder / "half.json").write_text("{", "utf-8")
    assert newest_backtest(settings) is None
    (folder / "older.json").write_text(json.dumps({**a_backtest(), "format": 1}), "utf-8")
    assert newest_backtest(settings) is None
