"""Are meetings kept as they were held, agreements settled by what was recorded, and calls marked?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import last_known_day
from crm.store import StoredAgreement, StoredCall
from service import schemas
from tests.support.fakes import TOKYO
from tests.support.served import Served, small_service

PERIOD = "2026-Q4"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("meetings")) as made:
        made.know_an_action()
        yield made


@pytest.fixture(scope="module")
def today(served: Served) -> date:
    return last_known_day(served.cases.serving.current().now, TOKYO)


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read', 'recommend')}", "Accept-Language": "en"}
    return TestClient(served.app, headers=headers)


def asked(client: TestClient, method: str, path: str, body: Any = None, status: int = 200, **headers: str):
    answer = client.request(method, f"/v1{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def agreed(client: TestClient, today: date, status: int = 201, key: str | None = None, **said: Any) -> Any:
    body = {
        "person_id": "P0",
        "what": "visit the buyer",
        "due": str(today + timedelta(5)),
        "week": "this-week",
    }
    headers = {} if key is None else {"Idempotency-Key": key}
    return asked(client, "POST", "/agreements", {**body, **said}, status, **headers)


def week(day: date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def record(served: Served, table: str, *rows: dict[str, Any]) -> None:
    result = push_rows(served.cases.serving.store, table, list(rows), TOKYO)
    assert not result.errors, result.errors
    served.cases.serving.refresh()
    served.know_an_action()


def test_notes_are_saved_and_another_tab_that_read_before_is_refused(client: TestClient) -> None:
    path = "/reviews/this-week?scope=team:T1"
    assert asked(client, "GET", path)["version"] == 0
    first = {"notes": {"decisions": "go along to D6", "kpis": "  "}, "version": 0}
    answer = schemas.Review.model_validate(asked(client, "PUT", path, first))
    assert (answer.notes, answer.version) == ({"decisions": "go along to D6"}, 1)
    other = {"notes": {"decisions": "something else"}, "version": 0}
    assert asked(client, "PUT", path, other, 409)["code"] == "saved_elsewhere"
    assert asked(client, "PUT", path, first)["version"] == 1, "the same request, sent again, is no other one"
    assert asked(client, "GET", path)["notes"] == {"decisions": "go along to D6"}


def test_a_review_is_of_a_week_and_of_known_blocks_alone(client: TestClient) -> None:
    assert asked(client, "GET", "/reviews/2026-Q4", status=422)["code"] == "bad_period"
    assert asked(client, "GET", "/people/P0/one-on-one?day=soon", status=422)["code"] == "bad_as_of"
    asked(client, "PUT", "/reviews/this-week", {"notes": {"gossip": "…"}, "version": 0}, 422)
    assert asked(client, "GET", "/people/P9/one-on-one", status=404)["code"] == "unknown_scope"


def test_what_is_agreed_stands_in_its_week_and_is_carried_to_the_next_until_it_is_settled(
    client: TestClient, today: date
) -> None:
    made = agreed(client, today, scope="company", what="call D5")
    assert made["agreement_id"] in ids(asked(client, "GET", "/reviews/this-week")["agreements"])
    following, after = (f"/reviews/{week(today + timedelta(days))}" for days in (7, 14))
    assert made["agreement_id"] in ids(asked(client, "GET", following)["carried"])
    assert made["agreement_id"] in ids(asked(client, "GET", after)["carried"])
    change = {"result": "not_done", "version": made["version"]}
    told = asked(client, "PUT", f"/agreements/{made['agreement_id']}", change)
    assert (told["result"], told["is_found"], told["version"]) == ("not_done", False, 2)
    carried = asked(client, "GET", following)["carried"]
    assert [one["result"] for one in carried if one["agreement_id"] == made["agreement_id"]] == ["not_done"]
    open_ones = asked(client, "GET", "/agreements?result=open")["agreements"]
    assert made["agreement_id"] not in ids(open_ones)


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["agreement_id"] for row in rows}


def test_a_change_of_what_was_changed_meanwhile_is_refused_and_one_sent_twice_changes_nothing(
    client: TestClient, today: date
) -> None:
    made = agreed(client, today)
    path = f"/agreements/{made['agreement_id']}"
    done = asked(client, "PUT", path, {"result": "done", "version": 1})
    assert asked(client, "PUT", path, {"result": "done", "version": 1})["version"] == done["version"] == 2
    assert asked(client, "PUT", path, {"what": "x", "version": 1}, 409)["code"] == "saved_elsewhere"
    reopened = asked(client, "PUT", path, {"result": "open", "version": 2})
    assert (reopened["result"], reopened["result_at"], reopened["result_by"]) == ("open", None, None)
    assert asked(client, "PUT", "/agreements/none", {"version": 1}, 404)["code"] == "unknown_agreement"


def test_a_key_makes_one_agreement_however_often_it_is_sent(client: TestClient, today: date) -> None:
    first = agreed(client, today, key="k1", what="one")
    assert agreed(client, today, key="k1", what="one")["agreement_id"] == first["agreement_id"]
    assert agreed(client, today, 422, key="k1", what="two")["code"] == "idempotency_key_reused"
    settle = {"result": "done", "version": 1}
    asked(client, "PUT", f"/agreements/{first['agreement_id']}", settle)
    again = agreed(client, today, key="k1", what="one")
    assert (again["agreement_id"], again["result"]) == (first["agreement_id"], "done")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"person_id": "P9"}, "unknown_scope"),
        ({"deal_id": "D99"}, "unknown_deal"),
        ({"account_id": "nobody"}, "unknown_account"),
        ({"activity": "karaoke"}, "unknown_activity"),
        ({"day": "2026-11-20"}, "bad_request"),
        ({"week": None}, "bad_request"),
    ],
)
def test_what_is_agreed_names_what_there_is_and_one_meeting(
    client: TestClient, today: date, said: dict[str, Any], code: str
) -> None:
    answer = client.post(
        "/v1/agreements",
        json={"person_id": "P0", "what": "x", "due": str(today), "week": "this-week", **said},
    )
    assert answer.json()["code"] == code, answer.text


def test_activities_show_that_something_is_done_or_was_not_in_time(
    served: Served, client: TestClient, today: date
) -> None:
    with_deal = agreed(client, today, activity="visit", deal_id="D6", times=2)
    own = agreed(client, today, activity="demo", person_id="P1")
    missed = agreed(client, today, activity="seminar", due=str(today - timedelta(1)))
    assert (with_deal["result"], with_deal["times_found"]) == ("open", 0)
    assert (missed["result"], missed["is_found"]) == ("not_done", True)
    morning = f"{today}T00:00:01+09:00"
    visit = {"kind": "visit", "at": morning, "deal_id": "D6", "actor_id": "P1"}
    record(
        served,
        "activities",
        {"activity_id": "V1", **visit},
        {"activity_id": "V2", **visit, "at": f"{today}T00:00:02+09:00"},
        {"activity_id": "V3", **visit, "deal_id": "D5"},
        {"activity_id": "X1", "kind": "demo", "at": morning, "deal_id": "D4", "actor_id": "P1"},
    )
    rows = {row["agreement_id"]: row for row in asked(client, "GET", "/agreements")["agreements"]}
    found = rows[with_deal["agreement_id"]]
    assert (found["result"], found["times_found"], found["result_by"]) == ("done", 2, None)
    assert found["result_at"] == f"{today}T00:00:02+09:00"
    assert rows[own["agreement_id"]]["result"] == "done"
    said = asked(client, "PUT", f"/agreements/{own['agreement_id']}", {"result": "not_done", "version": 1})
    assert (said["result"], said["is_found"]) == ("not_done", False), "what somebody says holds"


def test_a_taken_action_is_the_outcome_of_its_recommendation_and_done_with_its_agreement(
    served: Served, client: TestClient, today: date
) -> None:
    action = asked(client, "GET", "/actions?limit=1")["actions"][0]
    taken = {"recommendation_id": action["recommendation_id"], "deal_id": action["deal_id"]}
    made = agreed(client, today, activity="demo", **taken)
    asked(client, "PUT", f"/agreements/{made['agreement_id']}", {"result": "done", "version": 1})
    states = [one.state for one in served.cases.serving.store.recommendations()[1]]
    assert sorted(states) == ["accepted", "done"]
    unknown = agreed(client, today, 404, recommendation_id="R0")
    assert unknown["code"] == "unknown_recommendation"


def test_a_one_on_one_has_the_facts_of_the_week_and_what_was_agreed_before(
    served: Served, client: TestClient, today: date
) -> None:
    yesterday = f"{today - timedelta(1)}T10:00:00+09:00"
    record(
        served,
        "deals",
        {"deal_id": "N1", "created_at": yesterday, "stage": "提案", "owner_id": "P0", "amount": 7e6},
    )
    record(
        served,
        "deals",
        {"deal_id": "D4", "stage": "受注", "outcome": "won", "closed_at": yesterday},
    )
    record(served, "deals", {"deal_id": "N1", "amount": 8e6, "stage": "最終交渉"})
    sheet = schemas.OneOnOne.model_validate(asked(client, "GET", "/people/P0/one-on-one"))
    changes = {(one.deal_id, one.change): (one.old_value, one.value) for one in sheet.moves}
    assert ("D4", "won") in changes
    assert ("N1", "created") in changes
    assert changes["N1", "stage"] == ("提案", "最終交渉")
    assert [float(value or 0) for value in changes["N1", "amount"]] == [7e6, 8e6]
    assert sheet.counts["won"] == 1
    assert {one.deal_id for one in sheet.quiet} == set(), "D6 was visited today"
    other = asked(client, "GET", "/people/P1/one-on-one")
    assert {one["deal_id"] for one in other["quiet"]} <= {"D5", "D7"}
    assert {one["owner_id"] for one in other["moves"]} <= {"P1"}
    made = agreed(client, today, week=None, day=str(today))
    assert made["agreement_id"] in ids(asked(client, "GET", "/people/P0/one-on-one")["agreements"])
    following = asked(client, "GET", f"/people/P0/one-on-one?day={today + timedelta(7)}")
    assert following["previous_day"] == str(today)
    assert made["agreement_id"] in ids(following["carried"])


def test_a_past_meeting_is_seen_as_of_its_day(client: TestClient, today: date) -> None:
    past = asked(client, "GET", f"/reviews/{week(today - timedelta(14))}")
    assert past["is_past"] is True
    assert past["as_of"] < str(today - timedelta(6))
    assert ("D4", "won") not in {(one["deal_id"], one["change"]) for one in past["moves"]}
    assert asked(client, "GET", "/reviews/this-week")["is_past"] is False


def test_a_call_is_kept_beside_the_forecast_of_its_moment(client: TestClient) -> None:
    path, said = f"/calls/{PERIOD}", {"amount": 1.9e7, "confidence": "medium"}
    ours = asked(client, "GET", f"/forecasts/{PERIOD}")["revenue"]
    asked(client, "PUT", path, said)
    again = asked(client, "PUT", path, said, **{"Idempotency-Key": "c1"})
    assert len(again["calls"]) == 1
    told = schemas.RevenueCallList.model_validate(asked(client, "PUT", path, {**said, "amount": 2e7}))
    assert [one.amount for one in told.calls] == [1.9e7, 2e7]
    assert (told.calls[0].p50, told.calls[0].confidence) == (ours["p50"], "medium")
    if not told.is_over:
        assert told.actual is told.calls[0].error is None
    asked(client, "PUT", path, {**said, "amount": 3e7}, **{"Idempotency-Key": "c2"})
    reused = asked(client, "PUT", path, {**said, "amount": 4e7}, 422, **{"Idempotency-Key": "c2"})
    assert reused["code"] == "idempotency_key_reused"


def test_calls_of_a_period_that_is_over_are_marked_beside_the_forecast(
    served: Served, client: TestClient
) -> None:
    period = "2026-10-01..2026-10-31"
    made = StoredCall(
        call_id="past", scope="company", period=period, amount=2e6, confidence="low", made_at=1, made_by="P0",
        p10=1e6, p50=3e6, p90=4e6, model_version="1",
    )  # fmt: skip
    served.cases.serving.store.meetings.add_call(made)
    told = asked(client, "GET", "/calls/2026-10")
    won = asked(client, "GET", "/forecasts/2026-10")["closed"]
    assert told["is_over"] is True
    assert told["actual"] == won > 0
    [call] = told["calls"]
    assert (call["error"], call["forecast_error"]) == (2e6 - won, 3e6 - won)


def test_all_of_the_last_meeting_is_carried_and_of_those_before_it_what_is_open_alone(
    served: Served, client: TestClient, today: date
) -> None:
    for weeks in (1, 2):
        made = StoredAgreement(
            agreement_id=f"settled {weeks} weeks before", person_id="P0", what="x", due="2026-10-01",
            scope="team:T1", meeting=week(today - timedelta(7 * weeks)), made_at=1, made_by="P0",
            result="done", result_at=2, result_by="P0",
        )  # fmt: skip
        served.cases.serving.store.meetings.add_agreement(made)
    carried = ids(asked(client, "GET", "/reviews/this-week?scope=team:T1")["carried"])
    assert "settled 1 weeks before" in carried
    assert "settled 2 weeks before" not in carried
