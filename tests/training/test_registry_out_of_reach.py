"""Is a registry out of reach said in a sentence, a training kept meanwhile, and nothing promoted unseen?"""

from __future__ import annotations

import errno
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.exclusion import one_at_a_time
from models.bundle import Bundle
from training import mlflow_access, promote, register
from training.config import TrainConfig
from training.mlflow_access import quietly
from training.mlflow_connection import UNAVAILABLE
from training.promotion_gate import GateDecision
from training.register import WAITING, register_waiting
from training.registry import ELSEWHERE, Registry
from training.training_record import TrainingRecord
from training.waiting_models import Verdict, keep, waiting_models

TAKEN = GateDecision(True, Text("採用", "taken"), code="not_worse")
REFUSED = GateDecision(False, Text("不採用", "refused"), code="worse")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", mlflow_access._TIMEOUT, mlflow_access._RETRIES):
        monkeypatch.delenv(name, raising=False)


# what is said


@contextmanager
def answering(status: int, body: bytes = b"no") -> Iterator[str]:
    """The address of a server that answers everything with one status."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://anna:hush-word@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes every connection and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://anna:hush-word@127.0.0.1:{listening.getsockname()[1]}"


def said(home: Path, uri: str) -> Text:
    with pytest.raises(SanchoError) as caught:
        Registry(home, uri).champion()
    assert caught.value.code == UNAVAILABLE
    assert "hush-word" not in caught.value.text.both()
    assert "anna:***@" in caught.value.text.en
    return caught.value.text


@pytest.mark.parametrize(
    ("status", "english", "japanese"),
    [
        (401, "refuses access (HTTP 401). Check MLFLOW_TRACKING_USERNAME", "アクセスを拒否"),
        (403, "refuses access (HTTP 403)", "アクセスを拒否"),
        (500, "answers with HTTP 500", "HTTP 500"),
        (503, "answers with HTTP 503", "HTTP 503"),
        (404, "no MLflow server", "MLflowサーバーではありません"),
        (200, "no MLflow server", "MLflowサーバーではありません"),
    ],
)
def test_what_a_server_answers_is_said_and_never_taken_for_no_model(
    status: int, english: str, japanese: str, tmp_path: Path
):
    with answering(status) as uri:
        text = said(tmp_path, uri)
    assert english in text.en
    assert japanese in text.ja


def test_a_server_that_is_not_there_is_said(tmp_path: Path):
    assert "connection refused" in said(tmp_path, "http://anna:hush-word@127.0.0.1:9").en


def test_a_host_that_does_not_exist_is_said(tmp_path: Path):
    assert "no host of this name" in said(tmp_path, "http://anna:hush-word@no-such-host.invalid:5000").en


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mlflow_access, "ANSWER_SECONDS", 0.2)
    with silent() as uri:
        assert "does not answer" in said(tmp_path, uri).en


def test_a_database_that_is_the_registry_is_tried_once(tmp_path: Path):
    text = said(tmp_path, "postgresql+psycopg://anna:hush-word@127.0.0.1:9/mlflow")
    assert "refused" in text.en


def test_limits_hold_inside_only_and_a_users_own_settings_win(monkeypatch: pytest.MonkeyPatch):
    """MLflow's calls of a notebook's user keep their seven retries of two minutes each."""
    from mlflow.utils import rest_utils

    sent: list[tuple[object, ...]] = []

    def request(self: requests.Session, method: str, url: str, **named: object) -> requests.Response:
        sent.append((self.get_adapter(url).max_retries.total, named["timeout"]))
        return requests.Response()

    monkeypatch.setattr(requests.Session, "request", request)
    creds = rest_utils.MlflowHostCreds("http://127.0.0.1:9")
    with quietly():
        rest_utils.http_request(creds, "/a", "GET")
        rest_utils.http_request(creds, "/a", "PUT")
    rest_utils.http_request(creds, "/a", "GET")
    monkeypatch.setenv(mlflow_access._TIMEOUT, "77")
    monkeypatch.setenv(mlflow_access._RETRIES, "2")
    with quietly():
        rest_utils.http_request(creds, "/a", "GET")
    connect, answer, upload = (
        mlflow_access.CONNECT_SECONDS,
        mlflow_access.ANSWER_SECONDS,
        mlflow_access.UPLOAD_SECONDS,
    )
    assert sent == [(0, (connect, answer)), (0, (connect, upload)), (7, 120), (2, 77)]
    assert connect + answer < 10


def test_a_locked_database_is_waited_for_less_inside_only(tmp_path: Path):
    registry = Registry(tmp_path)
    registry.champion()
    asked: list[int] = []

    def timeout(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20000;")
        asked.append(int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()))

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'mlflow.db'}")
    with engine.connect() as connection:
        with quietly():
            timeout(connection)
        timeout(connection)
    engine.dispose()
    assert asked == [1000 * mlflow_access.ANSWER_SECONDS, 20_000]


def test_what_changes_nothing_is_asked_again_where_a_kept_connection_broke(monkeypatch: pytest.MonkeyPatch):
    from mlflow.exceptions import MlflowException
    from mlflow.utils import rest_utils

    sent: list[str] = []

    def request(self: requests.Session, method: str, url: str, **_: object) -> requests.Response:
        sent.append(method)
        if len(sent) in (1, 3):
            raise requests.ConnectionError("Connection aborted.")
        return requests.Response()

    monkeypatch.setattr(requests.Session, "request", request)
    creds = rest_utils.MlflowHostCreds("http://127.0.0.1:9")
    with quietly():
        rest_utils.http_request(creds, "/a", "GET")
        with pytest.raises(MlflowException):
            rest_utils.http_request(creds, "/a", "POST")
    assert sent == ["GET", "GET", "POST"], "what was perhaps done is not done twice"


# the model that waits


class Model:
    """A model without a training, which can be saved."""

    def __init__(self, name: str = "model") -> None:
        self.name, self.as_of, self.currency = name, 0, "JPY"

    def check(self) -> float:
        return 0.0

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bundle.json").write_text(f'{{"name": "{self.name}"}}', "utf-8")


def record(number: int = 1) -> TrainingRecord:
    return TrainingRecord(
        training_id=f"{number:032x}",
        trained_at=f"2026-11-{number:02d}T03:00:00+09:00",
        as_of=1_700_000_000_000_000,
        fingerprint="abc",
        parameters={"seed": "1"},
        metrics={"log_loss": 0.5},
        cards={"en": "<html></html>"},
        features={},
        evaluation=None,
    )


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """An empty registry; the files of its models are not read."""
    monkeypatch.setattr(Bundle, "load", lambda folder: Model())
    return Registry(tmp_path)


def in_service(registry: Registry, count: int) -> None:
    """Versions 1 to `count` have been champion, one after another."""
    for number in range(1, count + 1):
        registry.promote(registry.register_bundle(Model(), record(20 + number)).version)


def down(*_: object, **__: object) -> None:
    raise SanchoError(Text("停止中。", "stopped."), UNAVAILABLE)


def train(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, decision: GateDecision = TAKEN, **named: object
) -> tuple[object, GateDecision, object]:
    """A training whose model is there already; the gate has decided."""
    data = SimpleNamespace(past=SimpleNamespace(organisation=SimpleNamespace(currency="JPY")))
    monkeypatch.setattr(promote.TrainingData, "of", lambda *args: data)
    monkeypatch.setattr(promote, "train_on", lambda *args: (Model(), SimpleNamespace()))
    monkeypatch.setattr(promote, "with_common_factors", lambda bundle, *args: bundle)
    monkeypatch.setattr(promote, "scoring_milliseconds", lambda bundle: 1.0)
    monkeypatch.setattr(promote, "gate", lambda bundle, *args: (bundle, decision))
    monkeypatch.setattr(TrainingRecord, "of", lambda *args: record())
    return promote.train_and_promote(None, 0, TrainConfig(), registry, **named)


def test_a_training_whose_registry_dies_is_kept_and_registered_later(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as outage:
        outage.setattr(Registry, "register_bundle", down)
        with pytest.raises(SanchoError, match="waits in") as caught:
            train(registry, outage)
    assert caught.value.code == WAITING
    assert registry.list() == []
    (done,) = register_waiting(registry)
    assert (done.info.version, done.info.champion, done.decision.code) == ("1", True, "not_worse")
    assert done.info.figures == {"log_loss": 0.5}
    assert registry.show("1")["parameters"] == {"seed": "1"}
    assert waiting_models(registry.home).models == ()
    assert list(register_waiting(registry)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_what_could_not_be_compared_is_promoted_only_where_there_is_no_model(
    count: int, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    """During the training nobody could say which model is in service; the gate took it for the first."""
    in_service(registry, count)
    shutil.rmtree(registry.home / "champion", ignore_errors=True)
    with monkeypatch.context() as outage:
        outage.setattr(Registry, "champion", down)
        outage.setattr(Registry, "register_bundle", down)
        with pytest.raises(SanchoError):
            train(registry, outage)
    (done,) = register_waiting(registry)
    if count:
        assert done.decision.code == "not_compared"
        assert registry.champion().version == "1"
    else:
        assert registry.champion().version == done.info.version == "1"


def test_a_registry_that_comes_back_during_the_training_promotes_nothing_that_was_not_compared(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    in_service(registry, 1)
    shutil.rmtree(registry.home / "champion", ignore_errors=True)
    asked: list[int] = []
    champion = Registry.champion

    def once_down(self: Registry) -> object:
        asked.append(1)
        return down() if len(asked) == 1 else champion(self)

    monkeypatch.setattr(Registry, "champion", once_down)
    info, decision, _ = train(registry, monkeypatch)
    assert (info.version, decision.promote, decision.code) == ("2", False, "not_compared")
    assert registry.champion().version == "1"


def test_the_copy_of_the_champion_is_compared_with_while_the_registry_is_away(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    in_service(registry, 1)
    registry.load()
    with monkeypatch.context() as outage:
        outage.setattr(Registry, "champion", down)
        outage.setattr(Registry, "register_bundle", down)
        with pytest.raises(SanchoError):
            train(registry, outage)
    (done,) = register_waiting(registry)
    assert (done.info.version, done.decision.code) == ("2", "not_worse")
    assert registry.champion().version == "2"


def test_a_comparison_with_a_version_of_another_registry_does_not_count(registry: Registry):
    """Its version 1 is another model."""
    in_service(registry, 1)
    keep(registry.home, "http://anna:***@elsewhere:5000", Model(), record(), Verdict(TAKEN, "1"))
    (done,) = register_waiting(registry)
    assert (done.decision.code, registry.champion().version) == ("not_compared", "1")


def test_two_that_wait_are_registered_in_turn_and_only_the_compared_one_is_promoted(registry: Registry):
    in_service(registry, 1)
    for number in (2, 1):
        keep(registry.home, registry.address, Model(), record(number), Verdict(TAKEN, "1"))
    first, second = register_waiting(registry)
    assert (first.info.trained_at[:10], first.info.champion) == ("2026-11-01", True)
    assert (second.info.trained_at[:10], second.decision.code) == ("2026-11-02", "superseded")
    assert [one.champion for one in registry.list()] == [False, True, False]


def test_one_that_is_damaged_stays_and_the_others_go_on(registry: Registry):
    for number in (1, 2):
        folder = keep(registry.home, registry.address, Model(), record(number), Verdict(REFUSED, None))
        if number == 1:
            (folder / "bundle" / "bundle.json").write_text("{}", "utf-8")
            damaged = folder
    told, done = register_waiting(registry)
    assert (told.code, str(damaged) in told.text.en) == ("folder_damaged", True)
    assert (done.info.version, done.decision.code) == ("1", "worse")
    assert damaged.is_dir()
    assert [one.version for one in registry.list()] == ["1"]


@pytest.mark.parametrize("stopped", ["record_decision", "champion", "remove"])
def test_a_crash_between_registering_and_removing_registers_nothing_twice(
    stopped: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    in_service(registry, 1)
    verdict = Verdict(REFUSED, "1") if stopped == "record_decision" else Verdict(TAKEN, "1")
    keep(registry.home, registry.address, Model(), record(), verdict)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(register.WaitingModel if stopped == "remove" else Registry, stopped, stop)
        with pytest.raises(KeyboardInterrupt):
            list(register_waiting(registry))
    assert len(waiting_models(registry.home).models) == 1
    (done,) = register_waiting(registry)
    assert [one.version for one in registry.list()] == ["2", "1"]
    assert registry.champion().version == ("1" if stopped == "record_decision" else "2")
    assert next(one.gate for one in registry.list() if one.version == "2") == done.decision.text.both()
    assert waiting_models(registry.home).models == ()


def test_a_registry_that_dies_before_the_gate_keeps_the_decision(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    """The version is registered, and whether to promote it must not be lost."""
    in_service(registry, 1)
    with monkeypatch.context() as outage:
        outage.setattr(Registry, "promote", down)
        with pytest.raises(SanchoError) as caught:
            train(registry, outage)
    assert caught.value.code == WAITING
    assert registry.champion().version == "1"
    (done,) = register_waiting(registry)
    assert [one.version for one in registry.list()] == ["2", "1"]
    assert registry.champion().version == done.info.version == "2"


def test_waiting_goes_on_while_the_registry_is_away(registry: Registry, monkeypatch: pytest.MonkeyPatch):
    keep(registry.home, registry.address, Model(), record(), Verdict(TAKEN, None))
    monkeypatch.setattr(Registry, "register", down)
    with pytest.raises(SanchoError) as caught:
        list(register_waiting(registry))
    assert caught.value.code == UNAVAILABLE
    assert len(waiting_models(registry.home).models) == 1


def test_a_home_without_room_for_the_model_is_said(registry: Registry, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Model, "save", full)
    with pytest.raises(SanchoError, match="No space left on device") as caught:
        keep(registry.home, registry.address, Model(), record(), Verdict(TAKEN, None))
    assert caught.value.code == "home_not_writable"
    assert [one.name for one in (registry.home / "waiting").iterdir()] == [], "no half of it is left"


def test_no_promotion_is_made_where_none_is_wanted(registry: Registry, monkeypatch: pytest.MonkeyPatch):
    info, decision, _ = train(registry, monkeypatch, promote=False)
    assert (info.version, decision.code, registry.champion()) == ("1", "not_wanted", None)
    assert "The gate: taken" in registry.list()[0].gate


# the copy of the champion


def test_the_model_last_in_service_is_kept_and_checked(registry: Registry):
    assert registry.last_champion() is None
    in_service(registry, 1)
    assert registry.last_champion()[1] == registry.champion()
    assert Registry(registry.home, "http://anna:x@other:5000").last_champion() is None, "of another registry"
    (registry.home / "champion" / "bundle" / "bundle.json").write_text("{}", "utf-8")
    assert registry.last_champion() is None, "changed since"
    registry.load()
    assert registry.last_champion() is not None


def test_a_version_that_is_not_in_service_is_not_kept(registry: Registry):
    in_service(registry, 2)
    registry.load("1")
    assert registry.last_champion()[1].version == "2"


def test_a_copy_in_another_format_does_not_answer(registry: Registry, monkeypatch: pytest.MonkeyPatch):
    in_service(registry, 1)
    registry.load()

    def other_format(_folder: Path) -> None:
        raise SanchoError(Text("形式", "format"), "model_format")

    monkeypatch.setattr(Bundle, "load", other_format)
    assert registry.last_champion() is None


def test_a_home_that_cannot_be_written_to_keeps_no_copy_and_answers(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("training.champion_copy.write_sealed", denied)
    in_service(registry, 1)
    assert registry.load()[1].version == "1"
    assert registry.last_champion() is None


def test_who_promoted_by_hand_and_why_is_kept(registry: Registry):
    in_service(registry, 2)
    promote.put_in_service(registry, "1", "Sato", "the newer one misjudges renewals")
    found = registry.show("1")
    assert (found["promoted_by"], found["promoted_because"]) == ("Sato", "the newer one misjudges renewals")
    assert found["promoted_at"] > "2026"
    assert registry.show("2")["promoted_by"] == ""


# the model in service, while the registry is locked


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process writes to an SQLite file and does not end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_a_locked_registry_is_said_without_loading_mlflow_and_a_copy_answers(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.registry._BUSY_SECONDS", 0.01)
    in_service(registry, 1)
    opened = Registry(registry.home)
    with locked(registry.home / "mlflow.db"):
        for ask in (opened.champion, opened.load):
            with pytest.raises(SanchoError, match="database is locked") as caught:
                ask()
            assert caught.value.code == UNAVAILABLE
        kept = opened.last_champion()
    assert not opened._mlflow.is_open
    assert kept is not None, "the copy is there since the promotion, whether or not anybody loaded it"
    assert kept[1].version == "1"


def test_a_home_that_was_moved_keeps_the_copy_of_its_model(registry: Registry, tmp_path: Path):
    in_service(registry, 2)
    moved = tmp_path / "moved"
    shutil.copytree(registry.home, moved, ignore=shutil.ignore_patterns("moved"))
    kept = Registry(moved).last_champion()
    assert kept is not None
    assert kept[1].version == "2"
    assert Registry(moved, "http://127.0.0.1:9").last_champion() is None, "of another registry"


# another machine changes the model in service at the same moment


def test_a_promotion_that_another_machine_overtakes_says_which_version_holds(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    in_service(registry, 3)
    registry.promote("1")
    client = registry._mlflow.client()
    move = client.set_registered_model_alias

    def overtaken(name: str, alias: str, version: str) -> None:
        move(name, alias, version)
        move(name, alias, "3")

    monkeypatch.setattr(client, "set_registered_model_alias", overtaken)
    with pytest.raises(SanchoError, match="version 3 holds") as caught:
        registry.promote("2")
    assert caught.value.code == ELSEWHERE
    assert registry.champion().version == "3"
    monkeypatch.setattr(client, "set_registered_model_alias", move)
    assert registry._champions(client)[-2:] == ["2", "3"], "both were in service, and neither is forgotten"


def test_a_gate_decision_is_void_where_another_machine_promoted_meanwhile(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    in_service(registry, 2)
    fresh = registry.register_bundle(Model(), record(1))
    asked = registry.champion()
    registry.promote("1")
    champions = iter([asked])
    true = registry.champion
    monkeypatch.setattr(registry, "champion", lambda: next(champions, None) or true())
    info, decision = register._decided(registry, fresh, Verdict(TAKEN, "2"))
    assert decision.code == "superseded"
    assert true().version == "1"
    assert not info.champion


def test_machines_that_share_a_store_change_the_champion_one_at_a_time(
    postgres: str, registry: Registry, tmp_path: Path
):
    def of(home: str, seconds: float) -> Registry:
        return Registry(tmp_path / home, "http://127.0.0.1:9", lambda: one_at_a_time(postgres, seconds))

    with of("one", 5.0).champion_lock(), pytest.raises(SanchoError, match="another machine is changing"):
        of("two", 0.05).champion_lock().__enter__()
    with of("two", 0.05).champion_lock():
        pass
    gone = "postgresql://nobody:x@127.0.0.1:9/none"
    with one_at_a_time(gone), one_at_a_time(f"sqlite:///{tmp_path / 'store.db'}"):
        pass
