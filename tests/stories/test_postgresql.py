"""Do two replicas on PostgreSQL and an MLflow server answer alike, whoever is asked?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from fastapi.testclient import TestClient

from crm.store import Store
from service.app import create_app
from service.cli import run
from service.settings import read_settings
from service.use_cases import UseCases
from tools.installation import free_port, started, wait_until_ready
from training.registry import Registry
from training.training_record import TrainingRecord

SMALL = "[train]\ntrees = 5\nleaves = 4\nmax_moments = 1500\nquestions = 1\n"
END, TOKYO = "2026-10-31", ZoneInfo("Asia/Tokyo")
QUARTER, AS_OF = "2026-Q4", "2026-10-31T12:00"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def place(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder from which a small organisation was imported and trained; two versions of its model."""
    folder, port = tmp_path_factory.mktemp("replicas"), free_port()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE replicas")
    (folder / "address").write_text(postgres.replace("/postgres?", "/replicas?"), "utf-8")
    server = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    server += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    server += ["--artifacts-destination", str(folder / "artifacts")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.setenv("SANCHO_DATABASE_URL_FILE", str(folder / "address"))
        patch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        patch.delenv("SANCHO_LANGUAGE", raising=False)
        patch.setattr("service.state_maker._CHAMPION_SECONDS", 0.0)  # between two looks for a promotion
        (folder / "sancho.toml").write_text(SMALL, "utf-8")
        with started(server, folder, "mlflow.txt", dict(os.environ)) as process:
            assert run(["world", "world", "--deals", "250", "--seed", "8", "--end", END]) == 0
            assert run(["import", "world"]) == 0
            wait_until_ready(port, process, 120, "/health")
            assert run(["train", "--as-of", "2026-10-25"]) == 0
            registry = Registry(folder / "home")
            bundle, first = registry.load()
            assert first.version == "1"
            record = TrainingRecord(
                training_id="again",
                trained_at=bundle.trained_at,
                as_of=int(bundle.as_of),
                fingerprint="",
                parameters={},
                metrics={},
                cards={},
                features={},
                evaluation=None,
            )
            assert registry.register_bundle(bundle, record).version == "2"
            yield folder


@pytest.fixture(scope="module")
def replicas(place: Path) -> Iterator[tuple[TestClient, TestClient]]:
    """Two replicas, each with a home of its own and the first one's key."""
    opened = [UseCases.open(read_settings(home=place / name)) for name in ("first", "second")]
    clients = []
    for answers in opened:
        answers.serving.refresh(warm=True)
        app = create_app(answers.settings, answers, warm=False)
        clients.append(TestClient(app, raise_server_exceptions=False))
    key = clients[0].app.state.keys.create("both")  # type: ignore[attr-defined]
    for client in clients:
        client.headers.update({"Authorization": f"Bearer {key}", "Accept-Language": "en"})
    yield clients[0], clients[1]
    for client, answers in zip(clients, opened, strict=True):
        client.app.state.keys.close()  # type: ignore[attr-defined]
        answers.close()


def ask(replica: TestClient, path: str) -> dict[str, Any]:
    """What a replica answers once it has looked for what is new."""
    replica.app.state.use_cases.serving.refresh()  # type: ignore[attr-defined]
    answer = replica.get(f"/v1/{path}", headers={"Cache-Control": "no-cache"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def push(replica: TestClient, rows: list[dict[str, Any]]) -> dict[str, Any]:
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    answer = replica.put("/v1/tables/deals", content=body.encode(), headers=NDJSON)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_two_replicas_answer_alike_before_and_after_pushes_to_either(
    replicas: tuple[TestClient, TestClient],
) -> None:
    first, second = replicas
    before = [ask(replica, f"forecasts/{QUARTER}?as_of={AS_OF}") for replica in replicas]
    assert before[0] == before[1]
    row = {"deal_id": "NEW", "created_at": "2026-10-01", "stage": "アポイント", "amount": 9e7}
    assert push(first, [row])["imported"] == 1
    assert ask(second, "deals/NEW")["deal_id"] == "NEW"
    after = [ask(replica, f"forecasts/{QUARTER}") for replica in replicas]
    assert after[0] == after[1] != before[0]


def test_pushes_at_once_to_both_are_all_kept_and_each_change_begins_where_the_last_ended(
    replicas: tuple[TestClient, TestClient],
) -> None:
    deals = [f"AT-ONCE-{number}" for number in range(4)]

    def body(number: int) -> list[dict[str, Any]]:
        ordered = deals[number % 4 :] + deals[: number % 4]
        new = {"created_at": "2026-10-02", "stage": "アポイント", "amount": 1000 + number}
        return [{"deal_id": deal, **new} for deal in ordered]

    with ThreadPoolExecutor(8) as pool:
        pushed = list(pool.map(lambda number: push(replicas[number % 2], body(number)), range(16)))
    assert [one["imported"] for one in pushed] == [4] * 16
    with Store.open(read_settings().store_url, TOKYO) as store:
        log = store.read()
    events = log["deal_events"]
    for deal in deals:
        steps = events[events["deal_id"] == deal].sort_values("at")
        assert len(steps) == 15
        assert steps["old_value"].tolist()[1:] == steps["value"].tolist()[:-1]
        end = log["deals"].set_index("deal_id").loc[deal, "amount"]
        assert steps["value"].iloc[-1] == f"{end:.0f}"


def test_a_model_promoted_at_one_answers_at_the_other_and_is_rolled_back_there(
    replicas: tuple[TestClient, TestClient],
) -> None:
    first, second = replicas
    for promoting, other, version in ((first, second, "2"), (second, first, "1"), (first, second, "2")):
        promoted = promoting.post(f"/v1/models/{version}/promote")
        assert promoted.json()["model"]["version"] == version, promoted.text
        assert ask(other, f"forecasts/{QUARTER}")["model"]["version"] == version
    assert second.post("/v1/models/rollback?from_version=2").json()["model"]["version"] == "1"
    answers = [ask(replica, f"forecasts/{QUARTER}") for replica in replicas]
    assert answers[0] == answers[1]
    assert answers[0]["model"]["version"] == "1"
