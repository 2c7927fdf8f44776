"""Does Prometheus see how the service does, without anybody's names, and can a call be found in the log?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store import Store
from service.app import create_app
from service.job_requests import JobRequests
from service.keys import ApiKeys
from service.logs import configure_logs
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import FakeRegistry, fake_bundle, small_store


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path)
    small_store(tmp_path / "sancho.db").close()
    store = Store.open(settings.store_url, settings.zone, settings.organisation)
    cases = UseCases.open(settings, store, FakeRegistry(fake_bundle(store.read())))  # type: ignore[arg-type]
    cases.serving.refresh()
    client = TestClient(create_app(settings, cases, warm=False), raise_server_exceptions=False)
    client.headers.update({"Authorization": f"Bearer {ApiKeys(settings.store_url).create('crm')}"})
    yield client
    cases.close()


def samples(client: TestClient) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by metric and labels."""
    answer = client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_calls_are_counted_by_route_and_no_id_is_told(client: TestClient):
    before = samples(client).get("sancho_requests_total", {}).get(("GET", "/v1/deals/{deal_id}", "404"), 0.0)
    for number in range(3):
        client.get(f"/v1/deals/secret-{number}")
    client.get("/secret-address")
    text = client.get("/metrics").text
    assert "secret" not in text
    found = samples(client)["sancho_requests_total"]
    assert found["GET", "/v1/deals/{deal_id}", "404"] - before == 3
    assert found["", "unmatched", "404"] >= 1


def test_age_of_data_model_and_the_queue_are_told(client: TestClient):
    client.post("/v1/trainings", json={})
    found = samples(client)
    assert found["sancho_model"]["1",] == 1
    assert found["sancho_deals_known"][()] == 8
    assert found["sancho_data_age_seconds"][()] != 0
    assert found["sancho_jobs"]["training", "queued"] == 1
    assert found["sancho_jobs"]["", "running"] == 0


def test_a_queue_that_is_away_hides_nothing_else(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> None:
        raise SanchoError(Text("届きません。", "out of reach."), "store_unavailable")

    monkeypatch.setattr(JobRequests, "open_jobs", away)
    found = samples(client)
    assert "sancho_jobs" not in found
    assert "sancho_ready" in found


def test_a_call_has_an_id_in_its_answer_and_in_the_log(
    client: TestClient, capsys: pytest.CaptureFixture[str]
):
    configure_logs()
    mine = client.get("/healthz", headers={"X-Request-ID": "crm-7.1"})
    assert mine.headers["X-Request-ID"] == "crm-7.1"
    other = client.get("/healthz", headers={"X-Request-ID": 'a"b\\n' + "x" * 100})
    assert re.fullmatch("[0-9a-f]{32}", other.headers["X-Request-ID"]), "what is no plain word is not logged"
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines() if '"request"' in line]
    assert [line["request_id"] for line in lines] == ["crm-7.1", other.headers["X-Request-ID"]]
