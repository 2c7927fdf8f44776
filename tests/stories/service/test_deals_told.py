"""What is said of one deal: stored, or sent with its events and activities?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from models.scoring import score_open
from service.schemas import (
    Insight,
)
from tests.support.story import AS_OF, PERIOD, ROOT, Service


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


def test_a_trend_is_the_sum_of_its_reasons(service: Service) -> None:
    for row in service.get(f"/v1/deals?as_of={AS_OF}&limit=10")["deals"]:
        trend = service.get(f"/v1/deals/{row['deal_id']}?as_of={AS_OF}")["win"]["trend"]
        assert sum(factor["effect_pp"] for factor in trend["factors"]) == pytest.approx(
            trend["change_pp"], abs=1e-5
        )


def test_a_closed_deal_says_when_it_closed(service: Service) -> None:
    state = service.use_cases.serving.current()
    closed = state.history.deal_ids[int(np.flatnonzero(state.history.outcome == 1)[0])]
    response = service.client.get(f"/v1/deals/{closed}?as_of={AS_OF}")
    assert (response.status_code, response.json()["code"]) == (422, "deal_closed")


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


def test_a_model_that_is_a_table_has_no_chance_without_the_owner(service: Service) -> None:
    assert service.use_cases.serving.current().bundle.win.is_table
    assert service.get(f"/v1/deals/{service.open_deal()}?as_of={AS_OF}")["blind"] is None


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
