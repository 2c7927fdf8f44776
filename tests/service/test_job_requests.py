"""Can a caller of the API put work into the queue, follow it, and take it back?"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from service import job_requests
from service.app import create_app
from service.job_requests import JobRequests
from service.jobs import JobQueue
from service.jobs.worker import Worker
from service.keys import ApiKeys
from service.settings import Settings
from service.use_cases import UseCases


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def queue(settings: Settings) -> JobQueue:
    return JobQueue(settings.store_url)


@pytest.fixture
def client(settings: Settings, queue: JobQueue) -> TestClient:
    serving = SimpleNamespace(zone=lambda: ZoneInfo("Asia/Tokyo"))
    other = dict.fromkeys(field.name for field in fields(UseCases))
    asked = JobRequests(cast("Any", serving), queue)
    cases = UseCases(**cast("dict[str, Any]", {**other, "settings": settings, "jobs": asked}))
    client = TestClient(create_app(settings, cases, warm=False), raise_server_exceptions=False)
    key = ApiKeys(settings.store_url).create("crm")
    client.headers.update({"Authorization": f"Bearer {key}", "Accept-Language": "en"})
    return client


def test_a_file_is_sent_followed_and_its_bad_rows_are_told(
    client: TestClient, settings: Settings, queue: JobQueue
):
    rows = "deal_id,created_at,stage\nD-1,2026-04-01,提案\nD-2,nonsense,提案\n"
    sent = client.post("/v1/imports?file=deals.csv", content=rows.encode())
    assert sent.status_code == 202
    job = sent.json()
    assert (job["state"], job["kind"], job["requested_by"]) == ("queued", "import", "crm")
    assert Worker(settings, queue).work_once()
    done = client.get(sent.headers["Location"]).json()
    assert done["state"] == "done"
    assert done["result"]["tables"]["deals"] == {"read": 2, "imported": 1, "unchanged": 0, "quarantined": 1}
    assert "nonsense" in str(done["result"]["errors"][0])
    assert "ja" not in done["result"]["errors"][0]["reason"]
    assert client.get("/v1/jobs?state=done").json()["jobs"][0]["job_id"] == job["job_id"]
    assert client.get("/v1/jobs?state=failed").json()["jobs"] == []


def test_what_cannot_be_imported_is_refused_at_once_or_told_by_the_job(
    client: TestClient, settings: Settings, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
):
    empty = client.post("/v1/imports?file=deals.csv", content=b"")
    assert (empty.status_code, empty.json()["code"]) == (400, "no_file")
    monkeypatch.setattr(job_requests, "MAX_FILE", 1024)
    large = client.post("/v1/imports?file=deals.csv", content=b"x" * 1025)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert client.get("/v1/jobs").json()["jobs"] == [], "nothing was queued"
    job = client.post("/v1/imports?file=deals.csv&table=dealz", content=b"deal_id\nD-1\n").json()
    Worker(settings, queue).work_once()
    failed = client.get(f"/v1/jobs/{job['job_id']}", headers={"Accept-Language": "ja"}).json()
    assert failed["state"] == "failed"
    assert failed["error"]["code"] == "unknown_table"
    assert "表「dealz」はありません" in failed["error"]["message"]


def test_a_training_that_is_open_is_not_asked_for_twice(client: TestClient):
    first = client.post("/v1/trainings", json={"if_needed": True})
    again = client.post("/v1/trainings", json={})
    assert first.status_code == again.status_code == 202
    assert first.json()["job_id"] == again.json()["job_id"]
    assert again.json()["request"] == {"as_of": None, "if_needed": True, "promote": True}
    assert client.post("/v1/trainings", json={"trees": 1}).status_code == 422


def test_a_job_is_cancelled_once_and_what_has_ended_is_not(
    client: TestClient, settings: Settings, queue: JobQueue
):
    job = client.post("/v1/trainings", json={}).json()["job_id"]
    assert client.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    done = client.post("/v1/imports?file=deals.csv", content=b"deal_id,created_at,stage\n").json()["job_id"]
    assert Worker(settings, queue).work_once()
    refused = client.post(f"/v1/jobs/{done}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_ended")
    assert client.get("/v1/jobs/nothing").status_code == 404


def test_pages_of_jobs_neither_skip_nor_repeat(client: TestClient):
    asked = [
        client.post("/v1/imports?file=deals.csv", content=b"deal_id\n").json()["job_id"] for _ in range(5)
    ]
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get(f"/v1/jobs?limit=2{cursor}").json()
        seen += [job["job_id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == asked[::-1]
    for wrong in ("x", "W10", "bnVsbA", "WyJhIiwgImIiXQ"):
        assert client.get(f"/v1/jobs?cursor={wrong}").json()["code"] == "bad_cursor"


def test_nobody_without_a_key_reaches_the_queue(client: TestClient):
    for method, path in (("POST", "/v1/imports?file=a.csv"), ("POST", "/v1/trainings"), ("GET", "/v1/jobs")):
        assert client.request(method, path, headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("field", ["promote", "if_needed"])
@pytest.mark.parametrize("value", [0, "no", "false", None])
def test_only_true_and_false_say_whether_a_model_may_be_promoted(
    client: TestClient, field: str, value: object
):
    refused = client.post("/v1/trainings", json={field: value})
    assert (refused.status_code, refused.json()["errors"][0]["location"]) == (422, f"body.{field}")
