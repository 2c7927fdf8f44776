"""Does each router answer from a store and a model: status, schema, language, refusals? Nothing is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from crm.importing import push_rows
from crm.instants import as_of_instant
from service import schemas
from service.app import create_app
from service.problems import MEDIA_TYPE, Problem
from service.recommendations import Recommendations
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

DEAL: dict[str, Any] = {
    "deal": {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案"},
    "as_of": AS_OF,
}
FOURTH = {"deal_id": "D4", "created_at": "2026-09-29", "stage": "提案", "owner_id": "P0", "amount": 5e6}
FIRST = {
    **{"deal_id": "D0", "created_at": "2026-09-01", "stage": "受注", "owner_id": "P0", "amount": 1e6},
    **{"closed_at": "2026-10-11", "outcome": "won"},
}
NAME_OF_SCOPE = {
    "company": "Company",
    "unassigned": "Unassigned",
    "team:T1": "営業",
    "person:P0": "佐藤",
    "person:P1": None,
}
ROW = {"deal_id": "D9", "created_at": "2026-10-05", "stage": "提案"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application around a store written by hand and a model that states the prior."""
    home = tmp_path_factory.mktemp("answers")
    store = small_store(home / "store.db")
    named: list[tuple[str, dict[str, Any]]] = [
        ("accounts", {"account_id": "C1", "name": "Acme"}),
        ("people", {"person_id": "P0", "name": "佐藤", "team_id": "T1", "active_from": "2026-04-01"}),
        ("deals", {**FOURTH, "name": "Acme rollout", "account_id": "C1"}),
        ("deals", {**FIRST, "name": "Acme pilot"}),
    ]
    for table, row in named:
        result = push_rows(store, table, [row], TOKYO, now=as_of_instant("2026-11-19", TOKYO))
        assert not result.quarantined, (table, result.errors)
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    cases = UseCases.open(Settings(home=home), store, registry)  # type: ignore[arg-type]
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('answers')}"
    cases.serving.refresh(warm=False)
    yield client
    cases.close()
    app.state.keys.close()
    store.close()


# One address of each router; the body of a question, the schema of its answer.
ADDRESSES: list[tuple[str, str, Any, type[BaseModel]]] = [
    ("GET", f"/deals?as_of={AS_OF}&period={PERIOD}", None, schemas.DealList),
    ("GET", f"/deals/D4?as_of={AS_OF}&period={PERIOD}", None, schemas.Insight),
    ("POST", "/deals/score", DEAL, schemas.Insight),
    ("GET", f"/forecasts/{PERIOD}?as_of={AS_OF}", None, schemas.Forecast),
    ("POST", f"/forecasts/{PERIOD}/what-if", {"won": ["D4"], "as_of": AS_OF}, schemas.WhatIf),
    ("GET", f"/kpis/{PERIOD}?as_of={AS_OF}", None, schemas.KpiList),
    ("POST", "/kpis/check", {"proposals": [{"kpi": "leads"}]}, schemas.KpiCheck),
    ("GET", f"/trees/{PERIOD}?as_of={AS_OF}", None, schemas.Tree),
    ("POST", "/plans", {"period": PERIOD, "probability": 0.9, "as_of": AS_OF}, schemas.Plan),
    ("GET", f"/people/{PERIOD}?as_of={AS_OF}", None, schemas.PeopleList),
    ("GET", f"/bottlenecks?as_of={AS_OF}", None, schemas.BottleneckList),
    ("GET", f"/actions?as_of={AS_OF}", None, schemas.ActionList),
    ("GET", "/recommendations/report", None, schemas.RecommendationReport),
    ("GET", "/models", None, schemas.ModelList),
    ("PUT", "/tables/deals", [ROW], schemas.TableResult),
]
ids = [f"{method} {path.partition('?')[0]}" for method, path, _, _ in ADDRESSES]


@pytest.mark.parametrize(("method", "path", "body", "schema"), ADDRESSES, ids=ids)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_router_answers_by_its_schema_in_the_readers_language(
    client: TestClient, method: str, path: str, body: Any, schema: type[BaseModel], language: str
):
    response = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": language})
    assert response.status_code == 200, response.text
    assert response.headers["content-language"] == language
    schema.model_validate(response.json())


@pytest.mark.parametrize(("method", "path", "body", "schema"), ADDRESSES, ids=ids)
def test_router_refuses_a_caller_without_a_credential(
    client: TestClient, method: str, path: str, body: Any, schema: type[BaseModel]
):
    response = client.request(method, f"/v1{path}", json=body, headers={"Authorization": ""})
    assert (response.status_code, response.headers["content-type"]) == (401, MEDIA_TYPE)
    assert Problem.model_validate(response.json()).code == "no_credential"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/deals?period=2026-Q7", None),
        ("GET", "/deals/D4?period=2026-Q7", None),
        ("POST", "/deals/score", {**DEAL, "period": "2026-Q7"}),
        ("GET", "/forecasts/2026-Q7", None),
        ("POST", "/forecasts/2026-Q7/what-if", {"won": ["D4"]}),
        ("GET", "/kpis/2026-Q7", None),
        ("GET", "/trees/2026-Q7", None),
        ("POST", "/plans", {"period": "2026-Q7", "probability": 0.9}),
        ("GET", "/people/2026-Q7", None),
        ("GET", "/bottlenecks?period=2026-Q7", None),
        ("GET", "/actions?period=2026-Q7", None),
    ],
)
def test_router_refuses_a_period_that_no_calendar_has(client: TestClient, method: str, path: str, body: Any):
    response = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": "en"})
    assert (response.status_code, response.headers["content-type"]) == (422, MEDIA_TYPE)
    problem = Problem.model_validate(response.json())
    assert problem.code == "bad_period"
    assert "2026-Q7" in problem.detail


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/forecasts/1990-01-01..2059-12-31", None),
        ("GET", "/kpis/1990-01-01..2059-12-31", None),
        ("GET", "/trees/2026-01-01..2031-12-31", None),
        ("GET", "/actions?period=2026-01-01..2031-12-31", None),
        ("POST", "/plans", {"period": "2026-01-01..2031-12-31", "probability": 0.9}),
        ("POST", "/kpis/check", {"proposals": [{"kpi": "leads", "period": "1990-01-01..2059-12-31"}]}),
    ],
)
def test_router_refuses_a_period_of_more_than_five_years_and_says_so(
    client: TestClient, method: str, path: str, body: Any
):
    response = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 422
    problem = Problem.model_validate(response.json())
    assert problem.code == "bad_period"
    assert "up to 5 years" in problem.detail


def test_router_refuses_a_deal_of_too_many_columns_and_names_the_limit(client: TestClient):
    columns = {f"own {n}": n for n in range(1_000)}
    response = client.post("/v1/deals/score", json={**DEAL, "deal": {**DEAL["deal"], **columns}},
                           headers={"Accept-Language": "en"})  # fmt: skip
    assert response.status_code == 422
    errors = response.json()["errors"]
    assert [error["location"] for error in errors] == ["body.deal"]
    assert "at most 1,000 fields" in errors[0]["message"]


def test_a_deal_of_many_own_columns_is_read_by_one_look_at_their_names(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    from crm.importing import columns

    calls = []
    headings = columns.headings
    monkeypatch.setattr(columns, "headings", lambda *given: (calls.append(1), headings(*given))[1])
    own = {f"column {n}": "x" for n in range(900)}
    response = client.post("/v1/deals/score", json={**DEAL, "deal": {**DEAL["deal"], **own}})
    assert response.status_code == 200
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/deals/nobody", None, "unknown_deal"),
        ("GET", f"/forecasts/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", f"/kpis/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", f"/people/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", "/bottlenecks?scope=team:nobody", None, "unknown_scope"),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"scope": "team:nobody"}, "unknown_scope"),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"scope": "company:x"}, "unknown_scope"),
        ("POST", "/recommendations/R0/outcome", {"state": "done"}, "unknown_recommendation"),
        ("PUT", "/tables/nothing", [ROW], "unknown_table"),
    ],
)
def test_router_does_not_find_what_is_not_there(
    client: TestClient, method: str, path: str, body: Any, code: str
):
    response = client.request(method, f"/v1{path}", json=body)
    assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)
    assert Problem.model_validate(response.json()).code == code


NAMED: list[tuple[str, str, Any]] = [
    (method, path, body)
    for method, path, body, _ in ADDRESSES
    if "/models" not in path and "/tables" not in path
]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within an answer."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


@pytest.mark.parametrize(
    ("method", "path", "body"), NAMED, ids=[path.partition("?")[0] for _, path, _ in NAMED]
)
def test_wherever_an_id_stands_in_an_answer_its_name_stands_too(
    client: TestClient, method: str, path: str, body: Any
):
    answer = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": "en"}).json()
    for node in nodes(answer):
        if "deal_id" in node:
            said = "Acme rollout" if node["deal_id"] == "D4" else None
            assert (node["name"], node["account_name"]) == (said, said and "Acme")
        if "scope" in node:
            assert node["name"] == NAME_OF_SCOPE[node["scope"]]
        if "owner_id" in node:
            assert node["owner_name"] == NAME_OF_SCOPE[f"person:{node['owner_id']}"]


def test_a_sent_deal_is_called_what_the_request_says_else_what_the_store_knows(client: TestClient):
    deal = {**DEAL["deal"], "name": "New one", "account_id": "C1"}
    answer = client.post("/v1/deals/score", json={**DEAL, "deal": deal}).json()
    assert (answer["name"], answer["account_name"]) == ("New one", "Acme")
    account = {"account_id": "C1", "name": "Acme Ltd."}
    answer = client.post("/v1/deals/score", json={**DEAL, "deal": deal, "account": account}).json()
    assert answer["account_name"] == "Acme Ltd."


def test_a_forecast_says_how_far_it_is_and_how_it_compares_with_last_year(client: TestClient):
    answer = client.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}").json()
    assert answer["progress"] == answer["closed"] / answer["target"]
    assert answer["vs_last_year"] is None  # the record begins this year
    assert sum(child["closed"] for child in answer["children"]) == answer["closed"]
    assert {child["progress"] for child in answer["children"]} == {None}  # no team has a target


def test_a_name_is_shown_only_from_when_it_was_known(client: TestClient):
    for as_of, name in (("2026-11-19", None), (AS_OF, "Acme rollout")):
        answer = client.get(f"/v1/deals/D4?as_of={as_of}&period={PERIOD}").json()
        assert answer["name"] == name


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/deals/D0?as_of={AS_OF}", None),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"won": ["D0"], "as_of": AS_OF}),
    ],
)
def test_a_refusal_calls_a_deal_by_its_name_and_the_id_that_was_asked_for(
    client: TestClient, method: str, path: str, body: Any
):
    for lang, called in (("en", "Acme pilot (D0)"), ("ja", "Acme pilot（D0）")):
        answer = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": lang})
        assert answer.status_code in (404, 422)
        assert called in answer.json()["detail"]


STORED = ("list_deals", "forecast", "kpis", "tree", "plan", "people", "bottlenecks", "actions")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_an_answer_that_is_stored_is_sent_again_without_being_made(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, lang: str
):
    cases = client.app.state.use_cases  # type: ignore[attr-defined]
    asked = [
        (method, path, body)
        for method, path, body, _ in ADDRESSES
        if path.split("?")[0].split("/")[1] in ("forecasts", "kpis", "trees", "plans", "people", "actions")
        and not path.endswith(("what-if", "check"))
    ]
    asked += [("GET", f"/bottlenecks?as_of={AS_OF}", None), ("GET", f"/deals?as_of={AS_OF}", None)]
    head = {"Accept-Language": lang}
    first = [client.request(method, f"/v1{path}", json=body, headers=head) for method, path, body in asked]
    for use_case in (cases.deals, cases.forecasts, cases.goals, cases.recommendations):
        for name in STORED:
            if hasattr(use_case, name):
                monkeypatch.setattr(use_case, name, lambda *_: pytest.fail("made again"))
    for (method, path, body), answer in zip(asked, first, strict=True):
        again = client.request(method, f"/v1{path}", json=body, headers=head)
        assert again.status_code == 200, path
        assert again.content == answer.content, path
        assert again.headers["Content-Language"] == lang


def test_who_sends_no_cache_gets_the_rows_that_were_stored_a_moment_ago(client: TestClient):
    path = f"/v1/kpis/{PERIOD}?scope=person:P0"
    client.get(path)
    target = {"metric": "revenue", "scope": "person:P0", "period": PERIOD, "value": 7e6}
    assert client.put("/v1/tables/targets", json=[target]).status_code == 200
    for headers, expected in (({"Cache-Control": "no-cache"}, 7e6), ({}, 7e6)):
        rows = client.get(path, headers=headers).json()["kpis"]
        assert next(row["target"] for row in rows if row["kpi"] == "revenue") == expected


def test_of_very_many_faults_the_first_hundred_are_told_and_all_are_counted(client: TestClient):
    events = [{"at": "never", "field": "amount"}] * 150
    response = client.post(
        "/v1/deals/score", json={**DEAL, "events": events}, headers={"Accept-Language": "en"}
    )
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 100
    assert "150 fields are invalid; errors has the first 100" in response.json()["detail"]


def test_json_nested_beyond_reading_is_bad_json(client: TestClient):
    body = b'{"deal":' * 1_500
    response = client.post("/v1/deals/score", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_json")


def test_of_very_many_bad_rows_the_first_thousand_are_told_and_all_are_counted(client: TestClient):
    rows = "deal_id,created_at,stage\n" + "".join(f"B{n},never,提案\n" for n in range(1_200))
    answer = client.put(
        "/v1/tables/deals", content=rows, headers={"Content-Type": "text/csv", "Accept-Language": "en"}
    ).json()
    assert (answer["quarantined"], len(answer["errors"])) == (1_200, 1_000)
    assert any("there are 1,200 errors" in warning["message"] for warning in answer["warnings"])


def test_a_question_for_actions_waits_for_nobody_who_writes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    written: list[int] = []
    monkeypatch.setattr(Recommendations, "flush", lambda _self: written.append(1))
    assert client.get("/v1/actions").status_code == 200
    assert written == []
