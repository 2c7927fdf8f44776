"""Are a day's scores stored once, and does a deal's timeline show them beside what happened to it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import as_of_instant
from service.app import create_app
from service.daily_scores import SCORED, SCORED_ALREADY, store_scores_of_today
from service.jobs import JobQueue
from service.jobs import kinds as module
from service.jobs.kinds import SCORING
from service.jobs.worker import Worker
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, TOKYO, FakeRegistry, fake_bundle, small_store
from tests.support.served import small_service

OPEN, WON = "D6", "D0"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UseCases]:
    home = tmp_path_factory.mktemp("days")
    store = small_store(home / "sancho.db")
    events = [
        {"at": "2026-10-20T10:00", "field": "stage", "value": "提案", "old_value": "A", "actor_id": "P0"},
        {"at": "2026-11-02", "field": "owner_id", "value": "P0", "old_value": "P1"},
    ]
    events = [{"deal_id": OPEN, **event} for event in events]
    people = [{"person_id": "P0", "name": "佐藤"}]
    for table, rows in (("deal_events", events), ("people", people)):
        push_rows(store, table, rows, TOKYO, now=as_of_instant("2026-11-19", TOKYO))
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    found = UseCases.open(Settings(home=home), store, registry)  # type: ignore[arg-type]
    found.serving.refresh(warm=False)
    yield found
    found.close()
    store.close()


@pytest.fixture(scope="module")
def client(cases: UseCases) -> Iterator[TestClient]:
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('days')}"
    yield client
    app.state.keys.close()


def timeline(client: TestClient, deal_id: str, lang: str = "en", **asked: Any) -> Any:
    answer = client.get(f"/v1/deals/{deal_id}/timeline", params=asked, headers={"Accept-Language": lang})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_days_scores_are_stored_once_and_stay_as_they_were(cases: UseCases):
    steps: list[int] = []
    first = store_scores_of_today(cases.serving, lambda _, done, __: steps.append(done))
    again = store_scores_of_today(cases.serving, lambda _, done, __: steps.append(done))
    listed = cases.deals.list_deals("company", None, None, "deal_id", None, None, "en")["deals"]
    assert (first["code"], first["deals"]) == (SCORED, len(listed))
    assert (again["code"], again["deals"]) == (SCORED_ALREADY, 0)
    assert steps == [0, len(listed)], "the second time there is nothing to do"
    [stored] = cases.serving.store.deal_scores(OPEN, cases.serving.current().now)
    said = next(row for row in listed if row["deal_id"] == OPEN)
    names = ("win_probability", "win_by_period_end", "expected_revenue", "expected_close_date", "period")
    assert [getattr(stored, name) for name in names] == [said[name] for name in names]
    assert cases.serving.store.deal_scores(OPEN, stored.as_of - 1) == []
    assert cases.serving.store.deal_scores(WON, stored.as_of) == []


def test_old_days_are_removed(cases: UseCases):
    store, now = cases.serving.store, cases.serving.current().now
    store_scores_of_today(cases.serving, lambda *_: None)
    [stored] = store.deal_scores(OPEN, now)
    store.save_deal_scores([], stored.day)
    assert store.deal_scores(OPEN, now), "of its own day it stays"
    store.save_deal_scores([], "9999-12-31")
    assert not store.deal_scores(OPEN, now)
    assert not store.has_deal_scores(stored.day)


def test_a_timeline_shows_what_happened_and_what_was_said_newest_first(cases: UseCases, client: TestClient):
    store_scores_of_today(cases.serving, lambda *_: None)
    told = timeline(client, OPEN)
    assert [(one["kind"], one["field"], one["value"]) for one in told["entries"]] == [
        ("changed", "owner_id", "P0"),
        ("changed", "stage", "提案"),
        ("activity", None, "visit"),
        ("created", None, None),
    ]
    owner, stage, visit, _ = told["entries"]
    assert (owner["label"], owner["value_name"], owner["old_value"]) == ("Owner ID", "佐藤", "P1")
    assert (stage["at"], stage["actor_name"]) == ("2026-10-20T10:00:00+09:00", "佐藤")
    assert (visit["label"], timeline(client, OPEN, "ja")["entries"][2]["label"]) == ("Visit", "訪問")
    [score] = told["scores"]
    assert 0 < score["win_probability"] < 1
    assert score["model_version"] == "1"


def test_a_timeline_knows_nothing_of_later(client: TestClient):
    told = timeline(client, OPEN, as_of="2026-10-25")
    assert [one["kind"] for one in told["entries"]] == ["changed", "activity", "created"]
    assert told["scores"] == []
    unknown = client.get(f"/v1/deals/{OPEN}/timeline", params={"as_of": "2026-09-01"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_deal")
    assert client.get("/v1/deals/nothing/timeline").status_code == 404


def test_a_closed_deal_has_a_timeline_too_and_a_limit_keeps_the_newest(client: TestClient):
    told = timeline(client, WON, as_of=AS_OF)
    assert (told["entries"][0]["kind"], told["entries"][0]["label"]) == ("closed", "Won")
    short = timeline(client, WON, as_of=AS_OF, limit=1)
    assert short["entries"] == told["entries"][:1]
    assert short["entries_left_off"] == len(told["entries"]) - 1


def test_the_job_stores_what_the_service_would_say(cases: UseCases, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.serving_state.ServingState", lambda *_: cases.serving)
    monkeypatch.setattr("training.registry.Registry", lambda *_, **__: None)
    monkeypatch.setattr(cases.serving, "close", lambda: None)
    store = cases.serving.store
    store.save_deal_scores([], "9999-12-31")
    with JobQueue(cases.settings.store_url) as queue:
        job, _ = queue.add(SCORING, {}, unique_key=SCORING)
        assert Worker(cases.settings, queue, [SCORING]).work_once()
        done = queue.find(job.job_id)
    assert done.state == "done"
    assert done.result is not None
    assert done.result["code"] == SCORED
    assert len(store.deal_scores(OPEN, cases.serving.current().now)) == 1
    assert module.KINDS[SCORING].is_long, "it does not hold up imports"


def test_a_timeline_tells_what_became_of_the_deals_recommendations(tmp_path):
    with small_service(tmp_path) as served:
        served.know_an_action()
        bearer = f"Bearer {served.key('read', 'recommend')}"
        client = TestClient(served.app, headers={"Authorization": bearer, "Accept-Language": "en"})
        [action] = client.get(f"/v1/deals/{OPEN}").json()["actions"]
        told = {"state": "dismissed", "reason": "too early"}
        address = f"/v1/recommendations/{action['recommendation_id']}/outcome"
        for _ in range(2):
            assert client.post(address, json=told).status_code == 200
        [outcome] = client.get(f"/v1/deals/{OPEN}/timeline").json()["outcomes"]
        assert outcome.pop("at") > "2026"
        names = ("recommendation_id", "action", "label")
        assert outcome == {**{name: action[name] for name in names}, **told}
        assert client.get("/v1/deals/D5/timeline").json()["outcomes"] == [], "of another deal"
        before = client.get(f"/v1/deals/{OPEN}/timeline", params={"as_of": "2026-11-19"}).json()
        assert before["outcomes"] == [], "nobody had told it then"
