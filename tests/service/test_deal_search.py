"""Does the list of open deals say of each what other answers say, and find what is looked for?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from models.bottlenecks import Bottleneck, Condition
from service.deal_facts import DealFacts, searchable
from tests.support.served import small_service

ASKED = {"as_of": "2026-11-20", "period": "2026-Q4"}
STALLED = {"stalled", "no_contact"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("search")) as service:
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read", "recommend")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"})


def found(reader: TestClient, **asked: Any) -> dict[str, Any]:
    answer = reader.get("/v1/deals", params={**ASKED, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer: dict[str, Any]) -> list[str]:
    return [deal["deal_id"] for deal in answer["deals"]]


def insight(reader: TestClient, deal_id: str) -> dict[str, Any]:
    return reader.get(f"/v1/deals/{deal_id}", params=ASKED).json()


def test_a_deal_has_its_row_beside_its_scores(reader) -> None:
    [deal] = found(reader, deal_id="D6")["deals"]
    assert deal["name"] == "基幹システム更新"
    assert (deal["owner_id"], deal["owner_name"]) == ("P0", "佐藤")
    assert (deal["stage"], deal["amount"], deal["planned_close_date"]) == ("アポイント", 7e6, None)
    assert [one["deal_id"] for one in found(reader)["deals"] if one["owner_name"] is None] == ["D5", "D7"]


def test_flags_are_those_of_the_deals_own_insight(reader) -> None:
    deals = found(reader)["deals"]
    assert len(deals) == 4
    for deal in deals:
        assert deal["flags"] == insight(reader, deal["deal_id"])["flags"]
    assert any(deal["flags"] for deal in deals)


def test_the_swing_of_a_deal_is_that_of_the_forecast(reader) -> None:
    forecast = reader.get("/v1/forecasts/2026-Q4", params={"as_of": ASKED["as_of"]}).json()
    expected = {deal["deal_id"]: deal["swing_pp"] for deal in forecast["deals"]}
    assert {deal["deal_id"]: deal["swing_pp"] for deal in found(reader)["deals"]} == expected
    assert found(reader)["ranked_by"] == forecast["ranked_by"]


def test_a_deal_of_a_scope_without_a_target_has_no_swing(reader) -> None:
    answer = found(reader, scope="person:P1")
    assert [deal["swing_pp"] for deal in answer["deals"]] == [None, None]
    assert answer["attention_deals"] == 0


def test_the_change_is_what_the_chance_was_a_week_ago(reader) -> None:
    before = {deal["deal_id"]: deal for deal in found(reader, as_of="2026-11-13")["deals"]}
    for deal in found(reader)["deals"]:
        expected = 100 * (deal["win_by_period_end"] - before[deal["deal_id"]]["win_by_period_end"])
        assert deal["change_pp"] == pytest.approx(expected, abs=1e-9)
        assert expected != 0


def test_a_deal_that_was_not_there_a_week_ago_has_no_change(reader) -> None:
    answer = found(reader, as_of="2026-10-20")
    assert {deal["deal_id"]: deal["change_pp"] is None for deal in answer["deals"]}["D7"] is True
    assert {deal["deal_id"]: deal["change_pp"] is None for deal in answer["deals"]}["D4"] is False


def test_the_next_action_is_the_first_of_the_deals_own(reader) -> None:
    actions = {deal["deal_id"]: deal["next_action"] for deal in found(reader)["deals"]}
    for deal_id, action in actions.items():
        own = insight(reader, deal_id)["actions"]
        expected = {name: own[0][name] for name in action} if action else None
        assert action == expected
        assert bool(own) == (action is not None)
    assert any(actions.values())


@pytest.mark.parametrize(("flag", "count"), [("no_contact", 3), ("new_deal", 1), ("stalled", 0)])
def test_a_flag_finds_the_deals_that_have_it_and_no_others(reader, flag, count) -> None:
    every, some = (found(reader, as_of="2026-10-25", **more) for more in ({}, {"flag": flag}))
    expected = [one["deal_id"] for one in every["deals"] if flag in [each["code"] for each in one["flags"]]]
    assert ids(some) == expected
    counts = {one["code"]: one["deals"] for one in every["flag_counts"]}
    assert counts[flag] == some["deals_found"] == len(expected) == count
    assert (some["open_deals"], some["flag_counts"]) == (5, every["flag_counts"])


def test_attention_is_needed_where_something_is_wrong_and_the_goal_is_moved(reader) -> None:
    every, some = (found(reader, as_of="2026-10-25", **more) for more in ({}, {"flag": "attention"}))
    assert every["ranked_by"] == "attainment"
    expected = [
        deal["deal_id"]
        for deal in every["deals"]
        if {flag["code"] for flag in deal["flags"]} & STALLED and deal["swing_pp"] >= 1
    ]
    assert ids(some) == expected != []
    assert some["attention_deals"] == some["deals_found"] == len(expected)
    assert [deal["deal_id"] for deal in every["deals"] if deal["needs_attention"]] == expected


@pytest.mark.parametrize(
    ("words", "expected"), [("基幹", ["D6"]), ("d6", ["D6"]), ("Ｄ６ 更新", ["D6"]), ("D6 D7", [])]
)
def test_words_are_looked_for_in_names_and_ids(reader, words, expected) -> None:
    assert ids(found(reader, q=words)) == expected


def test_a_bottleneck_finds_the_deals_in_it(served, reader, monkeypatch) -> None:
    state = served.cases.serving.current()
    one = Bottleneck(
        condition=Condition("interval", "アポイント", "提案", 21), segment={}, effect=-0.2, low=-0.3,
        high=-0.1, q=0.01, deals=90, rate_with=0.2, rate_without=0.4,
    )  # fmt: skip
    bundle = replace(state.bundle, bottlenecks=(one,), bottlenecks_looked_for=7)
    monkeypatch.setattr(served.cases.serving, "_state", replace(state, bundle=bundle))
    listed = reader.get("/v1/bottlenecks", params=ASKED).json()
    assert (listed["looked_for"], listed["false_share"]) == (7, 0.05)
    [told] = listed["bottlenecks"]
    assert found(reader, bottleneck=told["id"])["deals_found"] == told["open_deals"] == 1


def test_an_unknown_bottleneck_is_said_to_be_unknown(reader) -> None:
    answer = reader.get("/v1/deals", params={**ASKED, "bottleneck": "B0"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_bottleneck")
    assert "GET /v1/bottlenecks" in answer.json()["detail"]


def test_pages_lead_forth_and_back_to_the_same_rows(reader) -> None:
    first = found(reader, limit=1, sort="-amount")
    assert (first["rows_before"], first["previous_cursor"]) == (0, None)
    second = found(reader, limit=1, sort="-amount", cursor=first["next_cursor"])
    assert (second["rows_before"], second["previous_cursor"]) == (1, None), "the first page needs no cursor"
    third = found(reader, limit=1, sort="-amount", cursor=second["next_cursor"])
    back = found(reader, limit=1, sort="-amount", cursor=third["previous_cursor"])
    assert ids(first) + ids(second) + ids(third) == ["D7", "D6", "D5"]
    assert (ids(back), back["rows_before"]) == (ids(second), 1)


def test_a_cursor_of_another_search_is_refused(reader) -> None:
    cursor = found(reader, limit=1, sort="-amount")["next_cursor"]
    answer = reader.get("/v1/deals", params={**ASKED, "sort": "-amount", "q": "D", "cursor": cursor})
    assert answer.json()["code"] == "bad_cursor"


def test_facts_of_no_deals_find_nothing() -> None:
    facts = DealFacts({}, [], [])
    assert facts.has_worry.shape == facts.has_flag("stalled").shape == facts.has_words("x").shape == (0,)


def test_words_are_compared_in_one_width_and_case() -> None:
    facts = DealFacts({}, [[], []], [searchable("ＡＢＣ商事"), searchable("山田")])
    assert np.array_equal(facts.has_words("abc"), [True, False])
