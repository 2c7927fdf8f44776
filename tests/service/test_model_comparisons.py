"""Is a comparison computed once, off the event loop, and refused in plain words where there is none?"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from rich.cells import cell_len

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows
from crm.instants import DAY, as_of_instant
from service import schemas
from service.app import create_app
from service.cli import model_comparison
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, TOKYO, FakeRegistry, fake_bundle, small_store
from training.comparison import LaterRows, compare
from training.comparison_rows import Part
from training.comparison_segments import Segment
from training.metrics import Difference
from training.model_comparison import Contestant, ModelComparison, Side


def found(a: Contestant, b: Contestant, _log: object, until: int) -> ModelComparison:
    """A comparison by hand: forty deals, of which A says a little less than B."""
    rows = LaterRows(np.tile([0.0, 1.0], 20), np.ones(40), np.arange(40))
    judged = compare(np.full(40, 0.45), np.full(40, 0.5), rows, np.random.default_rng(0))
    gap = Difference(0.01, -0.02, 0.04)
    stage = (Text("ステージ", "Stage"), Text("初回訪問", "First visit"))
    return ModelComparison(
        a=Side(a.name, a.version, a.model.as_of, 0.7, 0.25),
        b=Side(b.name, b.version, b.model.as_of, 0.69, 0.25),
        until=until,
        comparison=judged,
        brier=gap,
        parts=(Part("later_rows", 40, 40, until - 9 * DAY, until - DAY, (a.model.as_of, b.model.as_of)),),
        segments=[Segment("stage", "初回訪問", *stage, 40, 40, gap, 0.4, "worse")],
    )


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[UseCases]:
    store = small_store(tmp_path / "store.db")
    bundle = fake_bundle(store.read(TOKYO))
    registry = FakeRegistry(bundle, replace(bundle, as_of=bundle.as_of - DAY))
    opened = UseCases.open(Settings(home=tmp_path), store, registry)  # type: ignore[arg-type]
    opened.serving.refresh(warm=False)
    yield opened
    opened.close()


@pytest.fixture
def client(cases: UseCases) -> TestClient:
    app = create_app(cases.settings, cases, warm=False)
    with_key = TestClient(app, raise_server_exceptions=False)
    with_key.headers["Authorization"] = f"Bearer {app.state.keys.create('compare')}"
    with_key.headers["Accept-Language"] = "en"
    return with_key


def test_a_comparison_is_computed_once_for_a_pair_and_a_state_of_the_data(
    client: TestClient, cases: UseCases, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def counting(a: Contestant, b: Contestant, log: object, until: int) -> ModelComparison:
        asked.append((a.version, b.version))
        return found(a, b, log, until)

    monkeypatch.setattr("training.model_comparison.compare_models", counting)
    first = client.get("/v1/models/compare?a=2")
    schemas.ModelComparison.model_validate(first.json())
    assert first.json()["text"].startswith("These rows cannot tell version 2 and version 1 apart")
    assert client.get("/v1/models/compare?a=2&b=champion").json() == first.json()
    japanese = client.get("/v1/models/compare?a=2", headers={"Accept-Language": "ja"}).json()
    assert (japanese["a"]["name"], japanese["segments"][0]["kind_label"]) == ("バージョン2", "ステージ")
    assert asked == [("2", "1")]
    assert client.get("/v1/models/compare?a=1&b=2").json()["a"]["version"] == "1"
    row = {"deal_id": "D9", "created_at": "2026-10-05", "stage": "提案"}
    push_rows(cases.serving.store, "deals", [row], TOKYO, now=as_of_instant(AS_OF, TOKYO))
    cases.serving.refresh(warm=False)
    client.get("/v1/models/compare?a=2")
    assert asked == [("2", "1"), ("1", "2"), ("2", "1")]


def test_what_cannot_be_compared_is_a_problem_in_words(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    same = client.get("/v1/models/compare?a=1&b=champion")
    assert (same.status_code, same.json()["code"]) == (422, "same_model")
    unset = client.get("/v1/models/compare?a=shadow")
    assert (unset.status_code, unset.json()["code"]) == (404, "no_shadow")
    assert client.get("/v1/models/compare?a=settings:x.toml").status_code == 422
    few = client.get("/v1/models/compare?a=2")
    assert (few.status_code, few.json()["code"]) == (409, "nothing_to_compare")
    assert "nothing yet that both models are new to" in few.json()["detail"]


def test_while_a_comparison_is_computed_other_questions_are_answered(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = threading.Event(), threading.Event()

    def held_up(a: Contestant, b: Contestant, log: object, until: int) -> ModelComparison:
        begun.set()
        assert go_on.wait(60)
        return found(a, b, log, until)

    monkeypatch.setattr("training.model_comparison.compare_models", held_up)
    app = create_app(cases.settings, cases, warm=False)
    key = {"Authorization": f"Bearer {app.state.keys.create('compare')}"}

    async def both() -> tuple[int, int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=key) as asking:
            compared = asyncio.create_task(asking.get("/v1/models/compare?a=2"))
            assert await asyncio.to_thread(begun.wait, 60)
            health = await asking.get("/healthz")
            go_on.set()
            return health.status_code, (await compared).status_code

    assert asyncio.run(both()) == (200, 200)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_screen_of_a_comparison_fits_its_columns(
    cases: UseCases, lang: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("training.model_comparison.compare_models", found)
    answer = cases.comparisons.compare("2", "1", None, lang)
    model_comparison.show(answer, lang)
    shown = capsys.readouterr().out.splitlines()
    tables = [line for line in shown if line[:1] in "│┃┏┡└"]
    assert all(cell_len(line) <= 80 for line in tables)
    text = "\n".join(shown)
    assert "+0.010 [-0.020, +0.040]" in text
    assert ("×" in text, ("初回訪問" if lang == "ja" else "First visit") in text) == (True, True)
    assert {"ja": "どちらの学習データよりも後の時点", "en": "Later than both models' data"}[lang] in text


def test_the_command_wants_one_model_in_question(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    settings = SimpleNamespace(train={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.settings.read_settings", lambda: settings)
        with pytest.raises(SanchoError, match="Say which model is in question"):
            model_comparison.compare()
        with pytest.raises(SanchoError, match="give only the model that the candidate is held against"):
            model_comparison.compare("3", "4", trees=40)
        with pytest.raises(SanchoError, match="Give one of a version, --off and --report"):
            model_comparison.shadow("3", off=True)


def test_json_has_the_form_that_pages_read(cases: UseCases, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.model_comparison.compare_models", found)
    answer = json.loads(json.dumps(cases.comparisons.compare("2", "1", None, "en")))
    assert set(answer) >= {
        "a", "b", "until", "verdict", "text", "rows", "deals", "log_loss_difference", "brier_difference",
        "parts", "segments", "false_discovery_rate", "as_of", "model", "warnings",
    }  # fmt: skip
    assert set(answer["segments"][0]["log_loss_difference"]) == {"mean", "lo", "hi"}
