"""Can a model be promoted, rolled back and watched by REST and from cron, and can its scores be had again?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.cli import run
from service.settings import read_settings
from service.use_cases import UseCases
from training.baselines import LABELS
from training.registry import Registry

SMALL = "[train]\ntrees = 5\nleaves = 4\nmax_moments = 2000\nquestions = 1\n"
END = "2026-10-31"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose home holds a small organisation and two versions, the later one in service."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("SANCHO_LANGUAGE", raising=False)
        (folder / "sancho.toml").write_text(SMALL, "utf-8")
        assert run(["world", "world", "--deals", "400", "--seed", "8", "--end", END]) == 0
        assert run(["import", "world"]) == 0
        assert run(["train", "--as-of", "2026-05-31"]) == 0
        assert run(["train", "--as-of", "2026-10-25"]) in (0, 4), "whatever the gate says"
        Registry(folder / "home").promote("2")
        yield folder


@pytest.fixture
def client(place: Path) -> Iterator[TestClient]:
    settings = read_settings()
    answers = UseCases.open(settings)
    answers.serving.refresh(warm=True)
    app = create_app(settings, answers, warm=False)
    with_key = TestClient(app, raise_server_exceptions=False)
    with_key.headers.update(
        {
            "Authorization": f"Bearer {app.state.keys.create('models')}",
            "Accept-Language": "en",
        }
    )
    yield with_key
    answers.close()


def in_service(answer: dict) -> list[str]:
    return [one["version"] for one in answer["models"] if "champion" in one["aliases"]]


def test_a_version_is_promoted_and_rolled_back_and_answers_at_once(client: TestClient):
    assert in_service(client.get("/v1/models").json()) == ["2"]
    promoted = client.post("/v1/models/1/promote").json()
    assert (in_service(promoted), promoted["model"]["version"]) == (["1"], "1")
    assert client.get("/v1/forecasts/2026-Q4").json()["model"]["version"] == "1"
    again = client.post("/v1/models/1/promote").json()
    assert in_service(again) == ["1"]
    assert next(one for one in again["models"] if one["version"] == "1")["promoted_by"] == "models"
    told = {"by": "Sato", "because": "agreed in the review"}
    by_hand = client.post("/v1/models/1/promote", json=told).json()["models"]
    found = next(one for one in by_hand if one["version"] == "1")
    assert (found["promoted_by"], found["promoted_because"]) == ("Sato", "agreed in the review")
    assert next(one for one in by_hand if one["version"] == "2")["promoted_by"] is None
    back = client.post("/v1/models/rollback?from_version=1").json()
    assert (in_service(back), back["model"]["version"]) == (["2"], "2")
    sent_again = client.post("/v1/models/rollback?from_version=1")
    assert (sent_again.status_code, in_service(sent_again.json())) == (200, ["2"])


def test_a_version_shows_every_baseline_beside_it_in_the_language_asked_for(client: TestClient):
    shown = client.get("/v1/models/2").json()
    assert shown["version"]["version"] == "2"
    evaluation = shown["evaluation"]
    methods = {one["name"]: one for one in evaluation["methods"]}
    assert {"model", *LABELS} <= set(methods)
    assert methods["life_table"]["label"] == LABELS["life_table"].en
    gap = methods["base_rate"]["log_loss_difference"]
    assert gap["lo"] <= gap["mean"] <= gap["hi"]
    assert gap["mean"] == pytest.approx(methods["model"]["log_loss"] - methods["base_rate"]["log_loss"])
    ends = evaluation["in_the_end"]
    assert ends is None or ends["least"] <= ends["happened"] <= ends["most"]  # a table alone has none
    japanese = client.get("/v1/models/2", headers={"Accept-Language": "ja"}).json()["evaluation"]["methods"]
    assert [one["label"] for one in japanese if one["name"] == "life_table"] == [LABELS["life_table"].ja]
    unknown = client.get("/v1/models/99")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")


def test_a_broken_version_is_not_gone_back_to(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    client.post("/v1/models/1/promote")
    client.post("/v1/models/2/promote")
    monkeypatch.setattr("models.bundle.TOLERANCE", -1.0)
    for call in ("/v1/models/rollback", "/v1/models/1/promote"):
        assert client.post(call).json()["code"] == "model_check_failed"
    monkeypatch.undo()
    assert in_service(client.get("/v1/models").json()) == ["2"]


def test_new_data_do_not_make_the_registry_slow(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    """What became of the model is looked at when it is taken up and every quarter of an hour."""
    first = client.get("/v1/models").json()["monitoring"]

    def again(*_: object, **__: object) -> None:
        raise AssertionError("monitored again")

    monkeypatch.setattr("training.monitoring.monitor", again)
    row = {"deal_id": "MORE", "created_at": "2026-10-30", "stage": "アポイント"}
    client.put("/v1/tables/deals", content=json.dumps(row), headers={"Content-Type": "application/x-ndjson"})
    client.app.state.use_cases.serving.refresh(warm=True)
    assert client.get("/v1/models").json()["monitoring"] == first


def test_the_registry_is_asked_by_four_at_once_and_the_process_stays_as_it_was(client: TestClient):
    """Output swapped for quiet was once left closed, and the thread that refreshes died of it."""
    before = (sys.stdout, sys.stderr)
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(lambda _: client.get("/v1/models").status_code, range(8)))
    assert answered == [200] * 8
    assert (sys.stdout, sys.stderr) == before


def test_what_cannot_be_promoted_or_rolled_back_is_a_problem(client: TestClient):
    unknown = client.post("/v1/models/99/promote")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")
    while client.post("/v1/models/rollback").status_code == 200:
        pass
    nothing = client.post("/v1/models/rollback")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "no_earlier_model")
    assert "no earlier champion" in nothing.json()["detail"]
    client.post("/v1/models/2/promote")


def test_the_registry_says_in_the_readers_language_whether_to_train_anew(client: TestClient):
    client.post("/v1/models/1/promote")
    found = client.get("/v1/models").json()["monitoring"]
    assert found["retrain"]
    assert any("deals have closed since" in reason for reason in found["reasons"])
    assert found["quality"]["log_loss"] < found["quality"]["constant_log_loss"]
    japanese = client.get("/v1/models", headers={"Accept-Language": "ja"}).json()["monitoring"]
    assert any("決着しました" in reason for reason in japanese["reasons"])
    client.post("/v1/models/rollback")


def test_doctor_and_cron_go_by_the_same_verdict(place: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["train", "--if-needed", "--as-of", END, "--json", "--lang", "en"]
    assert run(asked) == 0
    kept = json.loads(capsys.readouterr().out)
    assert kept["model"] is None
    assert not kept["monitoring"]["retrain"]
    Registry(place / "home").promote("1")
    assert run(["doctor", "--json", "--lang", "en"]) == 1
    checks = {one["check"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert not checks["retraining needed?"]["ok"]
    assert "retrain (sancho train)" in checks["retraining needed?"]["detail"]
    assert run(asked) == 0
    assert json.loads(capsys.readouterr().out)["refused"] == "2", "version 2 is of nearly the same data"
    assert run([*asked, "--as-of", "2026-11-30"]) in (0, 4), "whatever the gate says"
    assert json.loads(capsys.readouterr().out)["model"]["version"] == "3"
    Registry(place / "home").promote("2")


def test_a_candidate_is_compared_with_a_version_registered_and_answers_unseen(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    """From the terminal: what neither has seen is five months of deals; then it is the shadow."""
    registry = Registry(place / "home")
    asked = ["models", "compare", "1", "--trees", "3", "--exclude", "deals.確度", "--until", END]
    assert run([*asked, "--register", "--json", "--lang", "en"]) == 0
    told = json.loads(capsys.readouterr().out)
    candidate = registry.list()[0]
    assert (told["a"]["version"], told["b"]["version"]) == (candidate.version, "1")
    assert told["a"]["as_of"] == told["b"]["as_of"], "it was fitted on no more data"
    assert told["parts"][0]["basis"] == "later_rows"
    assert told["deals"] >= 30
    logged = registry.show(candidate.version)["metrics"]
    gap = told["log_loss_difference"]
    assert logged["compare.log_loss_difference"] == pytest.approx(gap["mean"])
    assert logged["compare.log_loss_difference.hi"] == pytest.approx(gap["hi"])
    assert run(["models", "compare", candidate.version, "1", "--until", END, "--no-log", "--lang", "ja"]) == 0
    shown = capsys.readouterr().out
    assert "セグメント" in shown
    assert "どちらの学習データよりも後の時点" in shown
    assert run(["models", "compare", candidate.version, "2", "--until", "2026-10-26"]) == 1
    assert "週間後" in capsys.readouterr().err
    assert run(["models", "shadow", candidate.version, "--lang", "en"]) == 0
    assert "has not answered anything yet" in capsys.readouterr().out
    shadow = registry.shadow()
    assert shadow is not None
    assert shadow.version == candidate.version
    assert run(["models", "shadow", "--off"]) == 0
    assert registry.shadow() is None


def test_cron_command_without_a_model_trains_one(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(place)
    monkeypatch.setenv("SANCHO_DATABASE_URL", f"sqlite:///{place / 'home' / 'sancho.db'}")
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "new"))
    assert run(["train", "--if-needed", "--as-of", END, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["version"] == "1"


def test_an_old_score_can_be_had_again_from_its_version_and_time(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Version and time of data are in each row; later data changes no digit of what was said then."""
    Registry(place / "home").promote("1")
    asked = ["score", "--as-of", "2026-06-15", "--period", "2026-Q2", "--out"]
    assert run([*asked, "then.csv"]) == 0
    then = pd.read_csv("then.csv", dtype=str)
    assert set(then["model_version"]) == {"1"}
    assert then["as_of"].str.startswith("2026-06-16T00:00").all()
    shown = Registry(place / "home").show("1")
    assert len(shown["parameters"]["data_fingerprint"]) > 8
    more = tmp_path / "more"
    more.mkdir()
    rows = "deal_id,created_at,stage,amount\nNEW-1,2026-11-01,アポイント,100\n"
    (more / "deals.csv").write_text(rows, "utf-8")
    calls = then["deal_id"].head(5).map(lambda one: f"LATE-{one},2026-11-02T10:00,call,{one}\n")
    (more / "activities.csv").write_text("activity_id,at,kind,deal_id\n" + "".join(calls), "utf-8")
    Registry(place / "home").promote("2")
    assert run(["import", str(more)]) == 0
    Registry(place / "home").promote("1")
    assert run([*asked, "again.csv"]) == 0
    pd.testing.assert_frame_equal(pd.read_csv("again.csv", dtype=str), then)
