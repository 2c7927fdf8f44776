"""From canonical CSV to REST answers: one small organisation, imported, learned from and asked."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode, openapi
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from crm.periods import Period, later_periods
from models.actions import ActionEffect, Effects, Evidence
from models.scoring import score_open
from service.api import create_app
from service.cli import run
from service.schemas import (
    ActionList,
    BottleneckList,
    Forecast,
    Insight,
    KpiCheck,
    KpiList,
    PeopleList,
    Plan,
    RecommendationReport,
    Tree,
    WhatIf,
)
from service.schemas.forecasts import LaterPeriod
from service.serving_state import AnswerContext, Caches
from service.settings import Settings, read_settings
from service.settled import settled_fields
from service.use_cases import UseCases

ROOT = Path(__file__).parents[2]
AS_OF, PERIOD = "2026-11-20", "2026-Q4"
SMALL = "[train]\ntrees = 20\nleaves = 8\nmax_moments = 3000\nquestions = 1\n"


@dataclasses.dataclass(frozen=True)
class Service:
    """A running service of a small organisation."""

    client: TestClient
    use_cases: UseCases
    settings: Settings
    key: str
    folder: Path

    def get(self, path: str, **headers: str) -> Any:
        response = self.client.get(path, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    def open_deal(self) -> str:
        return str(self.get(f"/v1/deals?as_of={AS_OF}&limit=1")["deals"][0]["deal_id"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "sancho.toml").write_text(SMALL, "utf-8")
        assert run(["world", "world", "--deals", "300", "--seed", "3", "--end", AS_OF]) == 0
        assert run(["import", "world"]) == 0
        assert run(["train", "--as-of", AS_OF]) == 0
        found = read_settings()
        answers = UseCases.open(found)
        answers.serving.refresh(warm=True)
        app = create_app(found, answers, warm=False)
        key = app.state.keys.create("story")
        client = TestClient(app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {key}"
        yield Service(client, answers, found, key, folder)
        answers.close()


def test_the_service_is_ready_and_says_which_model_answers(service: Service) -> None:
    ready = service.get("/readyz")
    assert ready["status"] == "ready"
    assert ready["verified_rows"] > 0
    assert ready["model_version"] == service.get("/v1/models")["model"]["version"]


def test_readyz_is_503_where_a_kept_row_scores_differently(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = service.use_cases.serving.current()
    kept = dataclasses.replace(state.bundle.self_check, won_by=state.bundle.self_check.won_by + 1e-6)
    bent = dataclasses.replace(state, bundle=dataclasses.replace(state.bundle, self_check=kept))
    monkeypatch.setattr(service.use_cases.serving, "_state", bent)
    response = service.client.get("/readyz", headers={"Accept-Language": "en"})
    assert response.status_code == 503
    assert "sancho models rollback" in response.json()["detail"]


def test_a_stored_deal_gets_its_whole_insight(service: Service) -> None:
    insight = service.get(f"/v1/deals/{service.open_deal()}?as_of={AS_OF}")
    Insight.model_validate(insight)
    win = insight["win"]
    assert 0 <= win["interval"][0] <= win["probability"] <= win["interval"][1] <= 1
    ends = [win["intervals"][level] for level in ("95", "80", "50")]
    assert ends[1] == win["interval"]
    nested = [lo for lo, _ in ends] + [win["probability"]] + [hi for _, hi in reversed(ends)]
    assert nested == sorted(nested)
    amounts, attainment = insight["revenue"]["intervals"], insight["attainment"]
    low, high = zip(*(amounts[level] for level in ("95", "80", "50")), strict=True)
    assert list(low) == sorted(low)
    assert list(high) == sorted(high, reverse=True)
    assert low[-1] <= insight["revenue"]["p50"] <= high[-1]
    for lo, hi in attainment["probability_intervals"].values():
        assert 0 < lo <= attainment["probability"] <= hi < 1
    lo, hi = win["interval_by_period_end"]
    assert lo <= win["by_period_end"] <= hi
    assert win["by_period_end"] <= win["probability"] + 1e-12
    assert [point["won"] for point in win["curve"]] == sorted(point["won"] for point in win["curve"])
    for point in win["curve"]:
        assert point["won"] + point["lost"] + point["open"] == pytest.approx(1)
    assert insight["as_of"].startswith("2026-11-21T00:00:00")
    for action in insight["actions"]:
        low, high = action["interval"]  # of this deal; what is recommended helps such deals on average
        assert low <= action["uplift_pp"] <= high
        assert action["uplift_pp"] > 0
        assert low > 0 or action["reliability"] == "low"


def test_an_insight_and_its_score_row_name_the_same_close_date(service: Service) -> None:
    rows = service.get(f"/v1/deals?as_of={AS_OF}&limit=20")["deals"]
    insights = [service.get(f"/v1/deals/{row['deal_id']}?as_of={AS_OF}") for row in rows]
    assert [insight["close_date"]["p50"] for insight in insights] == [
        row["expected_close_date"] for row in rows
    ]


def test_factors_add_up_to_the_difference_from_their_reference(service: Service) -> None:
    insight = service.get(f"/v1/deals/{service.open_deal()}?as_of={AS_OF}")
    factors, by_end = insight["factors"], insight["win"]["by_period_end"]
    odds = np.log(by_end / (1 - by_end)) - sum(factor["contribution"] for factor in factors)
    reference = 1 / (1 + np.exp(-odds))
    assert sum(factor["effect_pp"] for factor in factors) == pytest.approx(
        100 * (by_end - reference), abs=1e-6
    )
    assert all((factor["effect_pp"] > 0) == (factor["direction"] == "up") for factor in factors)


def test_what_changed_since_a_week_ago_adds_up_to_the_change(service: Service) -> None:
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}", **{"Accept-Language": "en"})
    change = forecast["change"]
    assert change["since"].startswith("2026-11-14T00:00:00")
    assert change["to"] == forecast["probability"]
    assert sum(part["effect_pp"] for part in change["contributions"]) == pytest.approx(
        100 * (change["to"] - change["from"]), abs=1e-9
    )
    assert "Deals won" in {part["label"] for part in change["contributions"]}
    state = service.use_cases.serving.current()
    deals = state.log["deals"].set_index("deal_id")
    for code, outcome in (("won", "won"), ("lost", "lost")):
        part = next(part for part in change["contributions"] if part["code"] == code)
        assert {deals["outcome"][deal["deal_id"]] for deal in part["deals"]} <= {outcome}
    japanese = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")["change"]
    assert "受注した商談" in {part["label"] for part in japanese["contributions"]}
    assert service.get(f"/v1/forecasts/{PERIOD}?as_of=2020-01-01")["change"] is None


def test_the_history_of_a_forecast_is_written_down_day_by_day(service: Service) -> None:
    answers = service.use_cases
    period = answers.serving.context(None, None).forecast.period
    for _ in range(20):  # today, then the weeks since the quarter began, one at a time
        answers.forecasts.store_history()
    assert answers.forecasts._complete is not None
    for scope in ("company", "person:P001"):
        told = service.get(f"/v1/forecasts/{period.name}?scope={scope}")
        assert len(told["history"]) >= 1
        assert told["history"] == sorted(told["history"], key=lambda row: row["as_of"])
        last = told["history"][-1]
        assert (last["probability"], last["target"]) == (told["probability"], told["target"])
        assert last["mean"] == pytest.approx(told["revenue"]["mean"])
        assert not last["computed_later"]
    kept = service.get(f"/v1/forecasts/{period.name}")["history"]
    answers.forecasts.store_history()
    assert service.get(f"/v1/forecasts/{period.name}")["history"] == kept


def test_a_store_that_takes_no_history_stops_no_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = service.use_cases
    asked = []

    def full(*_: Any) -> bool:
        asked.append(1)
        raise OSError("disk full")

    monkeypatch.setattr("service.forecasts.store_missing_day", full)
    monkeypatch.setattr(answers.forecasts, "_complete", None)
    for _ in range(3):
        answers.forecasts.store_history_if_possible()
    assert len(asked) == 1, "it tries again tomorrow, not every second"
    assert answers.serving.readiness().error is None


def test_a_trend_is_the_sum_of_its_reasons(service: Service) -> None:
    for row in service.get(f"/v1/deals?as_of={AS_OF}&limit=10")["deals"]:
        trend = service.get(f"/v1/deals/{row['deal_id']}?as_of={AS_OF}")["win"]["trend"]
        assert sum(factor["effect_pp"] for factor in trend["factors"]) == pytest.approx(
            trend["change_pp"], abs=1e-5
        )


def test_a_deal_sent_scores_as_the_same_deal_stored(service: Service) -> None:
    deal_id = service.open_deal()
    state = service.use_cases.serving.current()
    known = state.log.as_of(service.use_cases.serving.moment(state, AS_OF))

    def rows(table: str) -> list[dict[str, Any]]:
        mine = known[table][known[table]["deal_id"] == deal_id]
        return [
            {name: _plain(value) for name, value in row.items() if _plain(value) is not None}
            for row in mine.astype(object).to_dict("records")
        ]

    events = rows("deal_events")
    body = {"deal": rows("deals")[0], "events": events, "activities": rows("activities"), "as_of": AS_OF}
    response = service.client.post("/v1/deals/score", json=body)
    assert response.status_code == 200, response.text
    stored = service.get(f"/v1/deals/{deal_id}?as_of={AS_OF}")
    for part in ("win", "flags", "close_date", "revenue", "factors"):
        assert _rounded(response.json()[part]) == _rounded(stored[part]), part


def test_a_stored_deal_is_told_its_chance_without_its_owner(service: Service) -> None:
    answer = service.get(f"/v1/deals/{service.open_deal()}?as_of={AS_OF}")
    state = service.use_cases.serving.current()
    if state.bundle.win.is_table:
        assert answer["blind"] is None
        return
    assert 0 < answer["blind"]["win_probability"] < 1
    assert (answer["blind"]["text"] is not None) == answer["blind"]["differs"]


def _plain(value: Any) -> Any:
    if value is None or value != value:
        return None
    return (
        value.isoformat()
        if hasattr(value, "isoformat")
        else bool(value)
        if isinstance(value, np.bool_)
        else value
    )


def _rounded(part: Any) -> Any:
    return json.loads(json.dumps(part), parse_float=lambda text: round(float(text), 9))


def test_a_sent_deal_is_answered_without_loading_lightgbm_or_mlflow(service: Service) -> None:
    code = (
        "import json, sys\n"
        "from service.schemas import ScoreRequest\n"
        "from service.settings import read_settings\n"
        "from service.use_cases import UseCases\n"
        "answers = UseCases.open(read_settings())\n"
        "answers.serving.refresh(warm=True)\n"
        "answer = answers.deals.score_deal(ScoreRequest.model_validate_json(sys.argv[1]), 'en')\n"
        "answers.close()\n"
        "print(json.dumps([answer['deal_id'], sorted({'lightgbm', 'mlflow'} & set(sys.modules))]))\n"
    )
    body = json.dumps(example())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, body],
        cwd=service.folder, env=environment, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [example()["deal"]["deal_id"], []]


def test_score_endpoint_stores_nothing(service: Service) -> None:
    before = service.use_cases.serving.store.counts()
    service.client.post("/v1/deals/score", json=example())
    assert service.use_cases.serving.store.counts() == before


def example() -> dict[str, Any]:
    return {
        "deal": {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案・見積", "amount": 2_400_000},
        "events": [{"at": "2026-10-20", "field": "stage", "value": "提案・見積", "old_value": "初回訪問"}],
        "activities": [{"at": "2026-10-12", "kind": "visit"}],
        "as_of": AS_OF,
    }


def test_what_is_wrong_with_a_sent_deal_is_told_by_place(service: Service) -> None:
    body = example()
    body["deal"] |= {"outcome": "won"}
    body["activities"].append({"at": "2099-01-01", "kind": "visit"})
    body["events"].append({"at": "2026-10-21", "field": "amount", "value": "plenty"})
    response = service.client.post("/v1/deals/score", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 422
    places = {error["location"] for error in response.json()["errors"]}
    assert places == {"deal.closed_at", "activities.1.at", "events.1.value"}


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("field", ["created_at", "expected_close_date"])
def test_a_day_beyond_our_time_is_one_problem_of_its_field(service: Service, field: str, day: str) -> None:
    body = example()
    body["deal"][field] = day
    response = service.client.post("/v1/deals/score", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [f"deal.{field}"]


@pytest.mark.parametrize("address", ["/v1/deals?as_of={day}", "/v1/forecasts/2026-Q4?as_of={day}"])
def test_a_moment_beyond_our_time_is_one_problem(service: Service, address: str) -> None:
    for day in ("9999-12-31", "0001-01-01", "9999-12-31T23:59:59-12:00"):
        response = service.client.get(address.format(day=day))
        assert (response.status_code, response.json()["code"]) == (422, "bad_as_of")


def test_a_row_about_another_deal_is_refused(service: Service) -> None:
    body = example()
    body["events"][0]["deal_id"] = "OTHER"
    response = service.client.post("/v1/deals/score", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == "events.0.deal_id"


def test_kinds_of_activity_may_be_named_in_japanese(service: Service) -> None:
    english, japanese = example(), example()
    japanese["activities"][0]["kind"] = "訪問"
    first, second = (service.client.post("/v1/deals/score", json=body).json() for body in (english, japanese))
    assert _rounded(first["win"]) == _rounded(second["win"])


def test_the_forecast_of_the_company_is_whole(service: Service) -> None:
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    Forecast.model_validate(forecast)
    assert forecast["target"] > 0
    assert 0 <= forecast["probability"] <= 1
    assert forecast["gap"] == pytest.approx(forecast["target"] - forecast["revenue"]["mean"])
    assert sum(part["mean"] for part in forecast["components"]) == pytest.approx(forecast["revenue"]["mean"])
    assert {deal["deal_id"] for deal in forecast["deals"]} == {
        row["deal_id"] for row in service.get(f"/v1/deals?as_of={AS_OF}&limit=1000")["deals"]
    }


def test_children_add_up_at_every_level(service: Service) -> None:
    scopes = ["company"]
    while scopes:
        forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}&scope={scopes.pop()}")
        children = forecast["children"]
        total = sum(child["revenue"]["mean"] for child in children)
        assert total == pytest.approx(forecast["revenue"]["mean"]), forecast["scope"]
        scopes += [child["scope"] for child in children if child["scope"].startswith("team:")]


def test_a_deals_insight_and_the_forecast_agree_on_its_swing(service: Service) -> None:
    early = "2026-10-05"  # nothing is decided yet
    deal = service.get(f"/v1/forecasts/{PERIOD}?as_of={early}")["deals"][0]
    attainment = service.get(f"/v1/deals/{deal['deal_id']}?as_of={early}")["attainment"]
    assert attainment["if_won_pp"] > 0 > attainment["if_lost_pp"]
    assert attainment["if_won_pp"] - attainment["if_lost_pp"] == pytest.approx(deal["swing_pp"])


def test_a_period_without_a_target_has_no_probability_and_says_so(service: Service) -> None:
    forecast = service.get(f"/v1/forecasts/2026-W50?as_of={AS_OF}", **{"Accept-Language": "en"})
    assert (forecast["target"], forecast["probability"], forecast["gap"]) == (None, None, None)
    assert "no_target" in {warning["code"] for warning in forecast["warnings"]}


def test_an_answer_as_of_a_past_day_does_not_see_what_came_later(service: Service) -> None:
    early = service.get(f"/v1/forecasts/{PERIOD}?as_of=2026-10-10")
    late = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    assert early["closed"] <= late["closed"]
    assert "model_newer_than_as_of" in {warning["code"] for warning in early["warnings"]}
    assert "model_newer_than_as_of" not in {warning["code"] for warning in late["warnings"]}


def test_labels_come_in_the_readers_language(service: Service) -> None:
    path = f"/v1/deals/{service.open_deal()}?as_of={AS_OF}"
    japanese, english = (service.get(path, **{"Accept-Language": lang}) for lang in ("ja", "en"))
    assert [f["feature"] for f in japanese["factors"]] == [f["feature"] for f in english["factors"]]
    assert japanese["factors"][0]["label"] != english["factors"][0]["label"]


def test_pages_of_deals_hold_each_once(service: Service) -> None:
    seen, path = [], f"/v1/deals?as_of={AS_OF}&limit=7&sort=-win_probability"
    cursor = ""
    while cursor is not None:
        page = service.get(path + (f"&cursor={cursor}" if cursor else ""))
        seen += page["deals"]
        cursor = page["next_cursor"]
    assert len({row["deal_id"] for row in seen}) == len(seen)
    chances = [row["win_probability"] for row in seen]
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/deals/NOPE", 404, "unknown_deal"),
        ("/v1/forecasts/2026-Q9", 422, "bad_period"),
        ("/v1/forecasts/2026-Q4?scope=team:NOPE", 404, "unknown_scope"),
        ("/v1/forecasts/2026-Q4?as_of=soon", 422, "bad_as_of"),
        ("/v1/forecasts/2026-Q4?as_of=0001-01-01", 422, "bad_as_of"),
        ("/v1/deals?sort=nope", 422, "bad_sort"),
        ("/v1/deals?limit=0", 422, "invalid_request"),
    ],
)
def test_api_answers_an_impossible_question_with_a_problem(
    service: Service, path: str, status: int, code: str
) -> None:
    response = service.client.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_closed_deal_says_when_it_closed(service: Service) -> None:
    state = service.use_cases.serving.current()
    closed = state.history.deal_ids[int(np.flatnonzero(state.history.outcome == 1)[0])]
    response = service.client.get(f"/v1/deals/{closed}?as_of={AS_OF}")
    assert (response.status_code, response.json()["code"]) == (422, "deal_closed")


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (["forecast", PERIOD], f"/v1/forecasts/{PERIOD}?"),
        (["forecast", "2026-12"], "/v1/forecasts/2026-12?"),
        (["score"], "/v1/deals?sort=-win_by_period_end&limit=1000&"),
    ],
)
def test_json_on_the_command_line_is_what_rest_answers(
    service: Service, command: list[str], path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert run([*command, "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    printed = capfd.readouterr().out
    answered = service.client.get(f"{path}as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert printed.strip() == answered.text


@pytest.mark.parametrize("scope", ["company", "team:T01", "unassigned"])
def test_scores_made_elsewhere_are_those_made_here(service: Service, scope: str) -> None:
    def asked(scorer: Any) -> list[dict[str, Any]]:
        question = (scope, AS_OF, PERIOD, "-win_by_period_end", None, None, "ja")
        return service.use_cases.deals.list_deals(*question, scorer)["deals"]

    def spread(bundle: Any, log: Any, *question: Any) -> Any:
        return score_open(bundle, log, *question).sample(frac=1.0, random_state=1)

    here, there = asked(None), asked(spread)
    assert (len(here) > 0) == (scope != "unassigned")
    assert [row["deal_id"] for row in there] == [row["deal_id"] for row in here]
    for ours, theirs in zip(here, there, strict=True):
        for name, value in ours.items():
            assert theirs[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12))


def test_what_if_says_the_same_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    deal = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")["deals"][0]
    body = {"won": [deal["deal_id"]], "as_of": AS_OF, "targets": [{"scope": "company", "value": 1e9}]}
    response = service.client.post(
        f"/v1/forecasts/{PERIOD}/what-if", json=body, headers={"Accept-Language": "en"}
    )
    assert response.status_code == 200, response.text
    answer = WhatIf.model_validate(response.json())
    assert answer.after.target == 1e9
    gained = deal["amount"] * (1 - deal["by_period_end"])
    assert answer.revenue_change == pytest.approx(gained, rel=0.1)
    assert sum(side.revenue_change for side in answer.children) == pytest.approx(answer.revenue_change)
    assert (answer.attainment_pp, answer.revenue) == (answer.effect_pp, answer.revenue_change)
    missing = answer.before.target - answer.before.revenue.mean
    expected = answer.revenue_change / missing if missing > 0 else None
    assert answer.gap_share == (None if expected is None else pytest.approx(expected))
    capfd.readouterr()
    asked = ["what-if", PERIOD, "--won", deal["deal_id"], "--target", "1e9", "--as-of", AS_OF]
    assert run([*asked, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run([*asked, "--lang", "ja"]) == 0
    shown = capfd.readouterr().out
    assert all(part in shown for part in ("現状→", "達成確率", "仮定後の"))
    assert run(["what-if", PERIOD, "--push", "D1", "--lang", "en"]) == 1
    assert "write it as ID:NUMBER" in capfd.readouterr().err
    unknown = service.client.post(f"/v1/forecasts/{PERIOD}/what-if", json={"lost": ["nope"]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_deal")


def test_a_newcomer_and_another_kpi_level_can_be_supposed(service: Service) -> None:
    body = {"as_of": "2026-10-05", "joining": [{}], "levels": [{"kpi": "win_rate", "multiplier": 1.3}]}
    address = f"/v1/forecasts/{PERIOD}/what-if"
    response = service.client.post(address, json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    both = WhatIf.model_validate(response.json())
    alone = [
        WhatIf.model_validate(service.client.post(address, json={**body, key: []}).json())
        for key in ("joining", "levels")
    ]
    assert [one.revenue_change > 0 for one in alone] == [True, True]
    assert both.revenue_change == pytest.approx(sum(one.revenue_change for one in alone), rel=0.3)
    assert sum(side.revenue_change for side in both.children) == pytest.approx(both.revenue_change)
    assert "person:new rep 1" in [side.scope for side in both.children]
    assert len(both.assumptions) == 2
    strange = service.client.post(address, json={"levels": [{"kpi": "joy", "multiplier": 2}]})
    assert (strange.status_code, strange.json()["code"]) == (422, "bad_request")


def test_kpis_say_the_same_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    response = service.client.get(f"/v1/kpis/{PERIOD}?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    rows = {kpi.kpi: kpi for kpi in KpiList.model_validate(response.json()).kpis}
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    assert rows["revenue"].value == pytest.approx(forecast["closed"])
    assert rows["revenue"].forecast is not None
    assert rows["revenue"].forecast.p50 == pytest.approx(forecast["revenue"]["p50"])
    assert rows["visits"].forecast is not None
    assert rows["visits"].value <= rows["visits"].forecast.p10
    aimed = [row for row in rows.values() if row.target is not None and row.value is not None]
    assert aimed
    assert all(row.probability is not None for row in aimed)
    capfd.readouterr()
    assert run(["kpis", PERIOD, "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["kpis", PERIOD, "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "受注率" in capfd.readouterr().out


def test_the_tree_and_the_plan_say_the_same_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    tree = service.client.get(f"/v1/trees/{PERIOD}?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert tree.status_code == 200, tree.text
    found = Tree.model_validate(tree.json())
    assert found.goal.probability == pytest.approx(forecast["probability"])
    assert [one.lever for one in found.branches] == [one["lever"] for one in forecast["drivers"]]
    strength = [
        one.attainment_pp if found.ranked_by == "attainment" else one.revenue for one in found.branches
    ]
    assert strength == sorted(strength, reverse=True)
    assert [one.revenue for one in found.branches] == [one["revenue"] for one in forecast["drivers"]]
    body = {"period": PERIOD, "as_of": AS_OF, "probability": 0.97}
    response = service.client.post("/v1/plans", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    plan = Plan.model_validate(response.json())
    assert plan.current_probability == pytest.approx(forecast["probability"])
    assert plan.attainable == (plan.maximum >= 0.97 or plan.current_probability >= 0.97)
    assert plan.probability >= plan.current_probability
    assert {row.kpi for one in plan.people for row in one.kpis} <= {"leads", "appointments", "proposals"}
    capfd.readouterr()
    assert run(["plan", PERIOD, "--probability", "0.97", "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["tree", PERIOD, "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == tree.text
    for command in (["tree", PERIOD], ["plan", PERIOD, "--lever", "leads"]):
        assert run([*command, "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "達成確率" in capfd.readouterr().out
    strange = service.client.post("/v1/plans", json={**body, "levers": ["luck"]})
    assert (strange.status_code, strange.json()["code"]) == (422, "bad_request")


def test_proposed_kpis_are_checked(service: Service) -> None:
    rows = service.get(f"/v1/kpis/{PERIOD}?as_of={AS_OF}")["kpis"]
    leads = next(row for row in rows if row["kpi"] == "leads")
    fair = {"kpi": "leads", "value": leads["forecast"]["p50"], "period": PERIOD}
    hopeless = {"kpi": "leads", "value": 100 * leads["forecast"]["p90"], "period": PERIOD, "unit": "円"}
    vague = {"kpi": "spirit", "scope": "tanaka"}
    body = {"as_of": AS_OF, "proposals": [fair, hopeless, vague]}
    response = service.client.post("/v1/kpis/check", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    first, second, third = KpiCheck.model_validate(response.json()).proposals
    assert first.smart["specific"].ok
    assert first.smart["measurable"].ok
    assert first.smart["achievable"].ok
    assert first.probability == pytest.approx(0.5, abs=0.05)
    assert not second.smart["achievable"].ok
    assert second.probability is not None
    assert 0.0 < second.probability < 0.001
    assert not second.smart["specific"].ok
    assert not any(finding.ok for finding in third.smart.values())
    assert "tanaka" in third.smart["specific"].why
    aimed = [row for row in rows if row["target"] is not None]
    assert all(set(row["smart"]) == set(first.smart) for row in aimed)


def test_people_are_compared_fairly_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    response = service.client.get(f"/v1/people/FY2026?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    people = PeopleList.model_validate(response.json()).people
    assert sum(row.expected_wins for row in people) == pytest.approx(sum(row.wins for row in people), rel=0.1)
    assert all(
        row.wins_above_expected.p10 <= row.wins_above_expected.p50 <= row.wins_above_expected.p90
        for row in people
    )
    assert any(row.stages for row in people)
    capfd.readouterr()
    assert run(["people", "FY2026", "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["people", "FY2026", "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "期待比" in capfd.readouterr().out


def test_a_target_may_be_tried_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    chances = []
    for target in ("1", "1000000000000"):
        capfd.readouterr()
        run(["forecast", "2026-12", "--as-of", AS_OF, "--target", target, "--json"])
        chances.append(json.loads(capfd.readouterr().out)["probability"])
    assert chances[0] > 0.5
    assert 0.0 < chances[1] < 0.001


def test_tables_for_people_can_be_printed(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    for lang in ("ja", "en"):
        for command in (
            ["forecast", PERIOD, "--as-of", AS_OF],
            ["score", "--as-of", AS_OF],
            ["models", "list"],
            ["models", "show", "1"],
        ):
            assert run([*command, "--lang", lang]) == 0
    assert "log loss" in capfd.readouterr().out


def test_scores_can_be_written_to_a_file(service: Service) -> None:
    assert run(["score", "--as-of", AS_OF, "--out", "scores.csv"]) == 0
    heading = (service.folder / "scores.csv").read_text("utf-8").splitlines()[0]
    assert heading == (
        "deal_id,as_of,period,win_probability,win_by_period_end,expected_revenue,"
        "revenue_p10,revenue_p50,revenue_p90,expected_close_date,model_version,name,account_name"
    )


def test_pushed_rows_are_answered_for_after_a_moment(service: Service) -> None:
    row = {"deal_id": "PUSHED", "created_at": "2026-11-01T09:00", "stage": "アポイント", "amount": 500_000}
    bad = {**row, "deal_id": "BAD", "amount": -5}
    body = "\n".join(json.dumps(one) for one in (row, bad))
    headers = {"Content-Type": "application/x-ndjson", "Accept-Language": "en"}
    first = service.client.put("/v1/tables/deals", content=body, headers=headers).json()
    assert (first["read"], first["imported"], first["quarantined"]) == (2, 1, 1)
    assert (first["errors"][0]["line"], first["errors"][0]["column"]) == (2, "amount")
    again = service.client.put("/v1/tables/deals", content=json.dumps(row), headers=headers).json()
    assert (again["imported"], again["unchanged"]) == (0, 1)
    service.use_cases.serving.refresh()
    assert service.get("/v1/deals/PUSHED")["deal_id"] == "PUSHED"


def test_rows_in_csv_are_taken_too(service: Service) -> None:
    body = "team_id,name\nTX,新設\n".encode()
    answer = service.client.put("/v1/tables/teams", content=body, headers={"Content-Type": "text/csv"})
    assert answer.json()["imported"] == 1


@pytest.mark.parametrize(
    ("table", "kind", "body", "status"),
    [
        ("nothing", "text/csv", b"a\n1\n", 404),
        ("deals", "image/png", b"", 415),
        ("deals", "application/x-ndjson", b"{", 400),
        ("deals", "application/x-ndjson", b"[1]", 400),
        ("deals", "text/csv", b"\xff\xfe", 422),
    ],
)
def test_api_answers_an_impossible_push_with_a_problem(
    service: Service, table: str, kind: str, body: bytes, status: int
) -> None:
    response = service.client.put(f"/v1/tables/{table}", content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@schemathesis.serializer("application/x-ndjson")
def _as_a_line(_context: Any, value: Any) -> bytes:
    return json.dumps(value).encode()


def _has_a_documented_code(_context: Any, response: Any, case: Any) -> None:
    """The code of a problem is one that the OpenAPI names for its status."""
    if response.status_code >= 400:
        code = json.loads(response.content)["code"]
        documented = case.operation.definition.raw["responses"][str(response.status_code)]["x-codes"]
        assert code in documented, f"{response.status_code} {code!r} is not documented: {documented}"


def test_answers_keep_to_their_openapi(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.attempts.MOST", 10**9)  # it tries out wrong keys, too
    generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    config = SchemathesisConfig.from_dict({})
    config.projects.default.generation = generation
    schema = openapi.from_asgi("/openapi.json", service.client.app, config=config)
    bounded = settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for result in schema.get_all_operations():
        _check_operation(result.ok(), bounded, service.key)


def _check_operation(operation: Any, bounded: Any, key: str) -> None:
    # A request may fit its schema and still name a day or a deal that is not there; a line of a batch that
    # does not fit is refused in its own place, beside the answers to the others.
    by_line = [negative_data_rejection] if operation.path.endswith("/score-batch") else []
    excluded = [positive_data_acceptance, *by_line]

    @bounded
    @_given(operation)
    def check(case: Any) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {key}"},
            additional_checks=[_has_a_documented_code],
            excluded_checks=excluded,
        )

    check()


def _given(operation: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy())


def test_bottlenecks_come_with_their_price_and_the_funnel(service: Service) -> None:
    for lang in ("ja", "en"):
        answer = service.get(f"/v1/bottlenecks?as_of={AS_OF}", **{"Accept-Language": lang})
        BottleneckList.model_validate(answer)
    for step in answer["funnel"]:
        assert step["entered"] == step["advanced"] + step["lost"] + step["open"]
    assert answer["bottlenecks"] or "no_bottleneck" in {one["code"] for one in answer["warnings"]}
    team = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")["children"][0]["scope"]
    mine = service.get(f"/v1/bottlenecks?as_of={AS_OF}&scope={team}")["funnel"]
    assert sum(step["entered"] for step in mine) <= sum(step["entered"] for step in answer["funnel"])


def aimed_at(service: Service, target: float, period: str = PERIOD) -> AnswerContext:
    """What an answer about the company is computed from, were this its target of the period."""
    context = service.use_cases.serving.context(AS_OF, period)
    facts = context.forecast.facts.with_target("company", target)
    forecast = dataclasses.replace(context.forecast, facts=facts)
    state = dataclasses.replace(context.state, caches=Caches())
    return dataclasses.replace(context, state=state, forecast=forecast)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_target_out_of_reach_says_what_is_reached_at_most_and_later(
    service: Service, lang: Literal["ja", "en"]
) -> None:
    context = aimed_at(service, 1e12)
    goals, total = service.use_cases.goals, context.forecast.company_revenue
    found = goals.settled(context, "company", lang)
    whole = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}") | found
    Forecast.model_validate(whole)
    for row in found["reachable"]:
        assert (total >= row["revenue"]).mean() == pytest.approx(row["confidence"], abs=0.01)
    most = found["maximum"]
    assert most["expected"] == pytest.approx(total.mean() + most["revenue"])
    assert most["gap_share"] == pytest.approx(most["revenue"] / (1e12 - total.mean()))
    assert found["margin"] is None
    assert found["next_period"] is None  # no later one at the same rate is within reach either
    drivers = goals.drivers(context, "company", lang)
    assert [row["revenue"] for row in drivers] == sorted((row["revenue"] for row in drivers), reverse=True)
    assert all(row["attainment_pp"] == pytest.approx(0.0, abs=0.01) for row in drivers)
    assert goals.settled(context, "company", lang) is found  # it is kept


def test_the_first_later_period_within_reach_comes_with_its_plan(service: Service) -> None:
    targets = {"2027-Q1": 1e12, "FY2027-H1": None, "FY2027": None}
    asked = []

    def later(period: Period) -> AnswerContext:
        asked.append(period.name)
        revenue = service.use_cases.serving.context(AS_OF, period.name).forecast.company_revenue
        return aimed_at(service, targets[period.name] or float(np.quantile(revenue, 0.15)), period.name)

    goals = service.use_cases.goals
    found = settled_fields(aimed_at(service, 1e12), "company", goals.kpi_context, later)["en"]
    LaterPeriod.model_validate(found["next_period"])
    plan = found["next_period"]["plan"]
    assert found["next_period"]["period"] == "FY2027-H1"
    assert found["next_period"]["target_from"] == "set"
    assert found["next_period"]["probability"] == plan["current_probability"] == pytest.approx(0.85, abs=0.01)
    assert plan["attainable"]
    assert "FY2027" not in asked


def test_a_later_period_without_a_target_is_asked_at_the_rate_of_this_one(service: Service) -> None:
    context = aimed_at(service, 1e9)
    found = service.use_cases.goals.settled(aimed_at(service, 1.0), "company", "en")["next_period"]
    assert found["target_from"] == "this_period"
    assert found["target"] == pytest.approx(90 / 92)
    assert found["period"] == "2027-Q1" == later_periods(context.forecast.period)[0].name


def test_a_safe_target_says_what_may_be_lost_and_what_to_start_for_the_next_period(service: Service) -> None:
    total = service.use_cases.serving.context(AS_OF, PERIOD).forecast.company_revenue
    target = 0.9 * float(total.min())
    found = service.use_cases.goals.settled(aimed_at(service, target), "company", "ja")
    assert found["margin"] >= 0.1 * total.min()
    assert (total - found["margin"] >= target - 1e-6).mean() >= 0.98
    assert found["reachable"] is found["maximum"] is None
    assert found["next_period"]["period"] == "2027-Q1"
    assert found["next_period"]["plan"]["levers"]


def test_an_undecided_target_says_neither(service: Service) -> None:
    middle = float(np.median(aimed_at(service, 1.0).forecast.company_revenue))
    found = service.use_cases.goals.settled(aimed_at(service, middle), "company", "ja")
    assert set(found.values()) == {None}


@pytest.fixture
def with_actions(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service with a model that knows of an action which helps; a world of 300 deals shows none."""
    state = service.use_cases.serving.current()
    stages = (500,) * len(state.bundle.levels["stage"])
    effects = Effects((), (), np.array([0.3]), np.array([[1e-4]]))
    helps = ActionEffect("demo", effects, 0.0, stages, 60.0, Evidence(200, 900, 0.4, 0.3, 0.5, 0.2))
    bundle = dataclasses.replace(state.bundle, actions=(helps,))
    told = dataclasses.replace(state, bundle=bundle, caches=Caches())
    monkeypatch.setattr(service.use_cases.serving, "_state", told)
    monkeypatch.setattr(service.use_cases.serving, "refresh", lambda warm=False: None)
    return service


def test_a_recommendation_is_made_kept_and_followed_to_its_outcome(with_actions: Service) -> None:
    service = with_actions
    answer = service.get("/v1/actions?limit=500")
    ActionList.model_validate(answer)
    assert answer["actions"]
    ranked = "attainment_pp" if answer["ranked_by"] == "attainment" else "revenue"
    hours = [one[ranked] or 0.0 for one in answer["actions"]]
    assert [round(one, 2) for one in hours] == sorted((round(one, 2) for one in hours), reverse=True)
    for one in answer["actions"]:
        assert one["revenue"] == one["expected_revenue"]
        assert (one["gap_share"] is None) == (service.get(f"/v1/forecasts/{PERIOD}")["gap"] <= 0)
    first = answer["actions"][0]
    path = f"/v1/recommendations/{first['recommendation_id']}/outcome"
    body = {"state": "dismissed", "reason": "予算がない"}
    for _ in range(2):
        response = service.client.post(path, json=body)
        assert response.status_code == 200, response.text
    report = service.get("/v1/recommendations/report")
    RecommendationReport.model_validate(report)
    mine = next(one for one in report["by_action"] if one["action"] == "demo")
    assert (mine["dismissed"], mine["reasons"]) == (1, {"予算がない": 1})
    assert mine["recommended"] >= len(answer["actions"])
    insight = service.get(f"/v1/deals/{first['deal_id']}")
    assert insight["actions"][0]["recommendation_id"] == first["recommendation_id"]
    assert {one["outcome"] for one in insight["actions"][0]["similar_deals"]} <= {"won", "lost"}


def test_actions_are_answered_while_the_store_is_full_and_written_later(
    with_actions: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_rows: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(with_actions.use_cases.serving.store, "save_recommendations", full)
        first = with_actions.get("/v1/actions?limit=1")["actions"][0]
        assert first["recommendation_id"] in with_actions.use_cases.recommendations._waiting
    response = with_actions.client.post(
        f"/v1/recommendations/{first['recommendation_id']}/outcome", json={"state": "shown"}
    )
    assert response.status_code == 200
    assert not with_actions.use_cases.recommendations._waiting


def test_actions_as_of_the_past_are_not_recorded_as_recommendations(with_actions: Service) -> None:
    before = with_actions.get("/v1/recommendations/report")["recommendations"]
    with_actions.get(f"/v1/actions?as_of={AS_OF}")
    with_actions.get(f"/v1/deals/{with_actions.open_deal()}?as_of={AS_OF}")
    assert with_actions.get("/v1/recommendations/report")["recommendations"] == before


def test_one_deal_is_told_why_actions_are_not_recommended(with_actions: Service) -> None:
    answer = with_actions.get(f"/v1/actions?as_of={AS_OF}&deal_id={with_actions.open_deal()}")
    assert {one["deal_id"] for one in answer["actions"]} <= {with_actions.open_deal()}
    assert len(answer["actions"]) + len(answer["not_recommended"]) == 1
    missing = with_actions.client.get("/v1/actions?deal_id=nobody")
    assert missing.status_code == 404


def test_an_outcome_of_what_was_never_recommended_is_refused(service: Service) -> None:
    response = service.client.post("/v1/recommendations/R0/outcome", json={"state": "done"})
    assert response.status_code == 404
    assert "recommendation_id" in response.json()["detail"]
