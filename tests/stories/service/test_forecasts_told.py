"""What is said of a period's revenue: the forecast, its history and change, and a what-if?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.cli import run
from service.schemas import (
    Forecast,
    WhatIf,
)
from tests.support.story import AS_OF, PERIOD, Service


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
