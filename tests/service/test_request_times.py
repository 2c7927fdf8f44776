"""Is a number that is sent as a time refused, where it would be read as seconds since 1970?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.fakes import PERIOD
from tests.support.served import small_service

NUMBERS = (20261120, "20261120", 0, 1.5, True, "1790000000")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with small_service(tmp_path_factory.mktemp("times")) as served:
        client = TestClient(served.app)
        client.headers["Authorization"] = f"Bearer {served.key('admin')}"
        client.headers["Accept-Language"] = "en"
        yield client


def deal(**fields: Any) -> dict[str, Any]:
    return {"deal": {"deal_id": "N", "created_at": "2026-10-05", "stage": "提案", **fields}}


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("path", "place", "body"),
    [
        ("/deals/score", "body.deal.created_at", lambda n: deal(created_at=n)),
        ("/deals/score", "body.deal.expected_close_date", lambda n: deal(expected_close_date=n)),
        (
            "/deals/score",
            "body.events.0.at",
            lambda n: {**deal(), "events": [{"at": n, "field": "amount", "value": "1"}]},
        ),
        (
            "/deals/score",
            "body.activities.0.at",
            lambda n: {**deal(), "activities": [{"at": n, "kind": "call"}]},
        ),
        (f"/forecasts/{PERIOD}/what-if", "body.joining.0.start", lambda n: {"joining": [{"start": n}]}),
        (
            "/kpis/check",
            "body.proposals.0.last_reviewed",
            lambda n: {"proposals": [{"kpi": "leads", "last_reviewed": n}]},
        ),
    ],
)
def test_a_number_is_no_time(client: TestClient, path: str, place: str, body: Any, number: Any) -> None:
    answer = client.post(f"/v1{path}", json=body(number))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["location"] == place
    assert "2026-11-20" in error["message"]
