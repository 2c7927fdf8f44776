"""Does the registry, asked without MLflow, say what MLflow says, and is MLflow asked where it may not?"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.bundle import Bundle
from tests.training.test_registry import with_versions
from training import registry_entry as entries
from training.champion_copy import keep_copy
from training.registry import SHADOW, Registry
from training.registry_entry import CHAMPION, NAME, MlflowNeededError, registry_entry


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URI", "USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    for name in entries._OWN_WAYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with two versions, of which the second is in service, with everything that may be said."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        registry = with_versions(folder, 2)
        registry.promote("2", by="Anna", because="It is better.")
        registry.set_shadow("1")
        with registry._mlflow.connected() as client:
            said = {"trained_at": "2026-11-20", "as_of": "17", "gate": "採用", "figure.log_loss": "0.25"}
            for key, value in said.items():
                client.set_model_version_tag(NAME, "2", key, value)
    return folder


def test_an_sqlite_registry_says_what_mlflow_says(home: Path):
    directly, by_mlflow = Registry(home), Registry(home)
    with by_mlflow._mlflow.connected():
        pass
    found = directly.champion()
    assert not directly._mlflow.is_open, "MLflow was not needed"
    assert found == by_mlflow.champion()
    assert found is not None
    assert (found.version, found.figures, found.promoted_by) == ("2", {"log_loss": 0.25}, "Anna")
    for which in ("1", "2", CHAMPION, SHADOW):
        entry = registry_entry(directly.uri, NAME, which)
        with by_mlflow._mlflow.connected() as client:
            version = by_mlflow._version(client, which)
            assert entry is not None
            assert (entry.version, set(entry.aliases)) == (
                version,
                set(client.get_model_version(NAME, version).aliases),
            )
            assert entry.location == client.get_model_version_download_uri(NAME, version)


def test_a_change_in_between_is_seen(tmp_path: Path):
    registry = with_versions(tmp_path, 2)
    reader = Registry(tmp_path)
    before = reader.champion()
    registry.rollback()
    after = reader.champion()
    assert before is not None
    assert after is not None
    assert (before.version, after.version) == ("2", "1")
    with registry._mlflow.connected() as client:
        client.delete_registered_model_alias(NAME, CHAMPION)
    assert reader.champion() is None
    assert not reader._mlflow.is_open


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE model_versions RENAME COLUMN source TO elsewhere",
        "ALTER TABLE registered_model_aliases RENAME TO renamed",
        "UPDATE registered_models SET workspace = 'ours'",
        "UPDATE model_versions SET current_stage = 'Deleted_Internal'",
    ],
)
def test_tables_that_are_not_as_expected_are_left_to_mlflow(home: Path, tmp_path: Path, change: str):
    file = tmp_path / "mlflow.db"
    file.write_bytes((home / "mlflow.db").read_bytes())
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(change)
        database.commit()
    with pytest.raises(MlflowNeededError):
        registry_entry(f"sqlite:///{file}", NAME, CHAMPION)


def test_a_file_that_is_missing_is_left_to_mlflow(tmp_path: Path):
    file = tmp_path / "mlflow.db"
    with pytest.raises(MlflowNeededError):
        registry_entry(f"sqlite:///{file}", NAME, CHAMPION)
    assert not file.exists()


def test_a_file_that_is_locked_or_no_database_is_said_at_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "mlflow.db"
    file.write_text("no database, however long the text may be " * 50)
    with pytest.raises(OSError, match="not a database"):
        registry_entry(f"sqlite:///{file}", NAME, CHAMPION)
    file.write_bytes((home / "mlflow.db").read_bytes())
    monkeypatch.setattr(entries, "_LOCKED_SECONDS", 0.01)
    with closing(sqlite3.connect(file)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked"):
            registry_entry(f"sqlite:///{file}", NAME, CHAMPION)


def _end_is_missing(data: bytes) -> bytes:
    return data[:-100]


def _last_page_is_zeros(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


@pytest.mark.parametrize("damage", [_end_is_missing, _last_page_is_zeros])
def test_a_file_whose_first_pages_still_read_is_damaged(
    home: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
):
    file = tmp_path / "mlflow.db"
    sound = (home / "mlflow.db").read_bytes()
    for data, is_sound in ((sound, True), (damage(sound), False), (sound, True)):
        file.write_bytes(data)
        if is_sound:
            assert registry_entry(f"sqlite:///{file}", NAME, CHAMPION, sound=True) is not None
            continue
        with pytest.raises(OSError, match="malformed"):
            registry_entry(f"sqlite:///{file}", NAME, CHAMPION, sound=True)


# a server


@contextmanager
def server(answers: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """The address of a server that answers paths with JSON, and the requests (path, authorization) so far."""
    asked: list[tuple[str, str | None]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            body = json.dumps(answers.get(self.path.split("?")[0], {})).encode()
            self.send_response(200 if self.path.split("?")[0] in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    served = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}", asked
    finally:
        served.shutdown()
        served.server_close()


_BY_ALIAS, _BY_NUMBER = (
    f"/api/2.0/mlflow/{path}" for path in ("registered-models/alias", "model-versions/get")
)


def stored(version: str = "3", run_id: str = "run") -> dict[str, Any]:
    return {
        "model_version": {
            "name": NAME,
            "version": version,
            "run_id": run_id,
            "source": "mlflow-artifacts:/1/models/m-1/artifacts",
            "aliases": [CHAMPION],
            "tags": [{"key": "figure.brier", "value": "0.1"}, {"key": "gate", "value": "ok"}],
        }
    }


def test_a_server_is_asked_over_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with server({_BY_ALIAS: stored()}) as (uri, asked):
        registry = Registry(tmp_path, uri)
        found = registry.champion()
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-token")
        assert registry.champion() == found
    assert not registry._mlflow.is_open
    assert found is not None
    assert (found.version, found.champion, found.figures, found.gate) == ("3", True, {"brier": 0.1}, "ok")
    path = f"{_BY_ALIAS}?name=sancho&alias=champion"
    assert asked == [(path, None), (path, "Bearer a-token")]


def test_a_name_and_password_are_sent_as_mlflow_sends_them(tmp_path: Path):
    with server({_BY_ALIAS: stored()}) as (uri, asked):
        Registry(tmp_path, uri.replace("http://", "http://anna:p%40ss@")).champion()
    assert asked[0][1] == "Basic YW5uYTpwQHNz"


@pytest.mark.parametrize("answer", [{}, {"model_version": {}}, {"model_version": 3}, ["no object"]])
def test_an_answer_that_is_not_as_expected_is_left_to_mlflow(answer: Any):
    with server({_BY_ALIAS: answer}) as (uri, _), pytest.raises(MlflowNeededError):
        registry_entry(uri, NAME, CHAMPION)


@pytest.mark.parametrize("name", entries._OWN_WAYS)
def test_ways_to_a_server_that_only_mlflow_knows_are_left_to_it(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "1")
    with server({_BY_ALIAS: stored()}) as (uri, asked), pytest.raises(MlflowNeededError):
        registry_entry(uri, NAME, CHAMPION)
    assert not asked


def test_other_registries_are_left_to_mlflow():
    with pytest.raises(MlflowNeededError):
        registry_entry("postgresql://somewhere/mlflow", NAME, CHAMPION)


def test_a_servers_champion_comes_from_the_copy_where_that_is_of_the_same_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Bundle, "load", lambda folder: SimpleNamespace(folder=folder))
    files = tmp_path / "files"
    files.mkdir()
    (files / "bundle.json").write_text("{}")
    with server({_BY_ALIAS: stored(), _BY_NUMBER: stored()}) as (uri, _):
        registry = Registry(tmp_path / "home", uri)
        champion = registry.champion()
        assert champion is not None
        assert registry._loaded_without_mlflow("3") is None, "there is no copy yet"
        keep_copy(registry.home, registry.address, vars(champion), files)
        for which in (CHAMPION, "3"):
            found = registry.load(which)
            assert found[1] == champion
        (registry.home / "champion" / "bundle" / "bundle.json").write_text('{"changed": 1}')
        assert registry._loaded_without_mlflow("3") is None, "the copy is damaged"
    keep_copy(registry.home, registry.address, vars(champion), files)
    for other in (stored("4"), stored(run_id="of another training")):
        with server({_BY_ALIAS: other}) as (uri, _):
            registry.uri = uri
            assert registry._loaded_without_mlflow(CHAMPION) is None
