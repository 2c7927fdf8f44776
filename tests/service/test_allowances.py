"""Who calls too often, or has too much computed, is told so; and is a count that of all processes?"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.i18n import Text
from service.access_rules import READ, SCORE
from service.allowance import charge, paid_by
from service.api.counts import SECONDS, Counts
from service.app import create_app
from service.serving_state import ServingState
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store


def test_counts_begin_anew_a_minute_after_their_first():
    now = [5.0]
    counts = Counts(lambda: now[0])
    assert [counts.note("a").number for _ in range(3)] == [1, 2, 3]
    now[0] = 64.0
    assert (counts.of("a").number, round(counts.of("a").seconds_left, 6)) == (3, 1.0)
    assert counts.of("b").number == 0
    now[0] = 5.0 + SECONDS
    assert counts.of("a").number == 0
    assert counts.note("a", 4).number == 4


def test_processes_that_are_forked_share_their_counts():
    counts = Counts()
    counts.note("a")
    here = multiprocessing.get_context("fork").Process(target=lambda: counts.note("a", 2))
    here.start()
    here.join()
    assert counts.of("a").number == 3


def test_nothing_is_charged_to_nobody_and_all_inside_to_who_pays():
    paid = []
    charge()
    with paid_by(lambda: paid.append(1)):
        charge()
        charge()
    charge()
    assert len(paid) == 2


# The application: eight calls and two computations a minute


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    store = small_store(tmp_path / "sancho.db")
    bundle = fake_bundle(store.read(TOKYO))
    settings = Settings(home=tmp_path, calls_per_minute=8, computations_per_minute=2, job_workers=False)
    use_cases = UseCases.open(settings, store, FakeRegistry(bundle))  # type: ignore[arg-type]
    use_cases.serving.refresh()
    app = create_app(settings, use_cases, warm=False)
    yield app
    use_cases.close()
    app.state.keys.close()


def _ask(app: FastAPI, text: str, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {text}", "Accept-Language": "en"}
    return TestClient(app, raise_server_exceptions=False).get(path, headers=headers, **more)


def test_a_key_has_so_many_calls_a_minute_and_is_told_how_many_are_left(app: FastAPI):
    key, other = app.state.keys.create("crm", [READ]), app.state.keys.create("other", [READ])
    answers = [_ask(app, key, "/v1/jobs/none") for _ in range(9)]
    assert [one.status_code for one in answers] == [404] * 8 + [429]
    assert [one.headers["ratelimit"].split(";")[1] for one in answers[:3]] == ["r=7", "r=6", "r=5"]
    assert answers[0].headers["ratelimit-policy"] == '"calls";q=8;w=60'
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_calls"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "'crm' has made more than 8 calls within a minute" in refused.json()["detail"]
    assert _ask(app, other, "/v1/jobs/none").status_code == 404
    assert _ask(app, key, "/healthz").status_code == 200


def test_what_a_key_may_not_ask_is_not_counted_as_its_calls(app: FastAPI):
    key = app.state.keys.create("card", [SCORE])
    assert {_ask(app, key, "/v1/jobs/none").status_code for _ in range(12)} == {403}


def test_each_new_moment_is_a_computation_and_what_is_known_is_none(app: FastAPI):
    key, other = app.state.keys.create("crm", [READ]), app.state.keys.create("other", [READ])
    path = f"/v1/forecasts/{PERIOD}"
    days = ["2026-11-10", "2026-11-11", "2026-11-10", "2026-11-12"]
    answers = [_ask(app, key, path, params={"as_of": day}) for day in days]
    assert [one.status_code for one in answers[:1]] == [200]
    last = answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "too_many_computations")
    assert "fewer moments" in last.json()["detail"]
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert _ask(app, key, path, params={"as_of": "2026-11-10"}).status_code == 200, "it is known by now"
    assert _ask(app, other, path, params={"as_of": "2026-11-10"}).status_code == 200


def test_what_the_service_makes_for_itself_is_charged_to_nobody(app: FastAPI):
    serving: ServingState = app.state.use_cases.serving
    for day in range(10, 16):
        serving.context(f"2026-11-{day}", PERIOD)
    with paid_by(_refuse), pytest.raises(SanchoError):
        serving.context("2026-11-16", PERIOD)


def _refuse() -> None:
    raise SanchoError(Text("多すぎます。", "too much."), "too_many_computations")
