"""Does the list of scopes name all that can be asked about, and no other?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from models.forecast.organisation import ScopeTree
from service.schemas import ScopeList
from service.scopes import scope_rows
from tests.support.fakes import PERIOD
from tests.support.served import Served, small_service

# T1 is above T2; P0 is of T1, P1 of T2, P2 of no team.
TREE = ScopeTree(("P0", "P1", "P2"), np.array([0, 1, -1]), ("T1", "T2"), np.array([-1, 0]))


def test_a_parent_comes_before_its_children() -> None:
    assert [(row["scope"], row["kind"], row["parent"]) for row in scope_rows(TREE)] == [
        ("company", "company", None),
        ("team:T1", "team", "company"),
        ("team:T2", "team", "team:T1"),
        ("person:P1", "person", "team:T2"),
        ("person:P0", "person", "team:T1"),
        ("person:P2", "person", "company"),
        ("unassigned", "unassigned", "company"),
    ]


def test_of_some_scopes_alone_nothing_above_is_named() -> None:
    seen = scope_rows(TREE, {"team:T2", "person:P1"})
    assert [(row["scope"], row["parent"]) for row in seen] == [("team:T2", None), ("person:P1", "team:T2")]
    assert scope_rows(TREE, set()) == []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("scopes")) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    client = TestClient(served.app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {served.key('read')}"
    return client


def test_every_scope_of_the_list_can_be_asked_about_by_its_name(client: TestClient) -> None:
    answer: Any = client.get(
        f"/v1/scopes?period={PERIOD}&as_of=2026-11-20", headers={"Accept-Language": "en"}
    )
    assert answer.status_code == 200, answer.text
    found = ScopeList.model_validate(answer.json())
    assert found.period == PERIOD
    assert {row.scope: row.name for row in found.scopes} == {
        "company": "Company",
        "team:T1": "営業",
        "person:P0": "佐藤",
        "person:P1": None,
        "unassigned": "Unassigned",
    }
    for row in found.scopes:
        asked = client.get(f"/v1/forecasts/{PERIOD}?as_of=2026-11-20&parts=headline&scope={row.scope}")
        assert asked.json()["scope"] == row.scope


def test_a_scope_that_did_not_exist_yet_is_not_in_the_list(client: TestClient) -> None:
    before = client.get("/v1/scopes?as_of=2026-03-01").json()["scopes"]
    assert "person:P0" not in {row["scope"] for row in before}
