"""Is what a caller makes under a key of its own made once, however often it is sent?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.served import Served, small_service

FILE = b"deal_id,created_at,stage\nD-9,2026-11-02,x\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("keys")) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    client = TestClient(served.app)
    client.headers["Authorization"] = f"Bearer {served.key('admin')}"
    return client


def imported(client: TestClient, key: str | None, file: str = "deals.csv", **headers: str) -> Any:
    sent = headers if key is None else {**headers, "Idempotency-Key": key}
    return client.post(f"/v1/imports?file={file}", content=FILE, headers=sent)


def test_a_file_that_is_sent_again_is_the_same_job(client: TestClient) -> None:
    first, again = (imported(client, "a") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["job_id"] == again.json()["job_id"]
    client.post(f"/v1/jobs/{first.json()['job_id']}/cancel")
    assert imported(client, "a").json()["state"] == "cancelled", "also once it has ended"


def test_without_a_key_or_with_another_it_is_another_job(served: Served, client: TestClient) -> None:
    others = [imported(client, None), imported(client, None), imported(client, "b")]
    others.append(imported(client, "a", Authorization=f"Bearer {served.key('write')}"))
    assert len({answer.json()["job_id"] for answer in (*others, imported(client, "a"))}) == 5


def test_a_key_is_for_one_request(client: TestClient) -> None:
    imported(client, "c")
    other = imported(client, "c", file="leads.csv")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_is_a_word(client: TestClient, key: str) -> None:
    answer = imported(client, key)
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "header.Idempotency-Key")


def test_a_webhook_that_is_sent_again_is_the_same_with_its_secret(client: TestClient) -> None:
    body = {"url": "http://127.0.0.1:9/a"}
    first, again = (
        client.post("/v1/webhooks", json=body, headers={"Idempotency-Key": "a"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["webhook_id"] == again.json()["webhook_id"]
    assert first.json()["secret"] == again.json()["secret"]
    assert len(client.get("/v1/webhooks").json()["webhooks"]) == 1
    other = client.post(
        "/v1/webhooks", json={"url": "http://127.0.0.1:9/b"}, headers={"Idempotency-Key": "a"}
    )
    assert other.json()["code"] == "idempotency_key_reused"
    assert client.post("/v1/webhooks", json=body).json()["webhook_id"] != first.json()["webhook_id"]
