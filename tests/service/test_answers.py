"""Does each router answer from a store and a model: status, schema, language, refusals? Nothing is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from service import schemas
from service.api import create_app
from service.problems import MEDIA_TYPE, Problem
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

DEAL = {"deal": {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案"}, "as_of": AS_OF}
ROW = {"deal_id": "D9", "created_at": "2026-10-05", "stage": "提案"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application around a store written by hand and a model that states the prior."""
    home = tmp_path_factory.mktemp("answers")
    store = small_store(home / "store.db")
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
    ("method", "path", "body", "code"),
    [
        ("GET", "/deals/nobody", None, "unknown_deal"),
        ("GET", f"/forecasts/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", f"/kpis/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", f"/people/{PERIOD}?scope=team:nobody", None, "unknown_scope"),
        ("GET", "/bottlenecks?scope=team:nobody", None, "unknown_scope"),
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
