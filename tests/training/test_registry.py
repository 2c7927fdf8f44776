"""Is the registry quiet, safe from several threads and processes, and plain about what it cannot say?"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crm.errors import SanchoError
from training import promote
from training.config import TrainConfig
from training.mlflow_access import inside
from training.mlflow_connection import MlflowConnection
from training.registry import Registry
from training.registry_entry import NAME

MLFLOW_LOGGERS = ("mlflow", "alembic", "mlflow.store.db.utils")


class FakeBundle:
    """A model that passes its check, without a training."""

    def __init__(self, version: str, checked: list[str] | None = None) -> None:
        self.version, self.checked = version, checked if checked is not None else []

    def check(self) -> float:
        self.checked.append(self.version)
        return 0.0


@pytest.fixture(autouse=True)
def no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@cache
def blank() -> bytes:
    """An empty MLflow database: its many migrations are run once."""
    with tempfile.TemporaryDirectory() as folder:
        Registry(Path(folder)).champion()
        return (Path(folder) / "mlflow.db").read_bytes()


def with_versions(home: Path, count: int, fresh: bool = False) -> Registry:
    """A registry whose versions 1 to `count` have been champion, one after another; no model is in them."""
    if not fresh:
        (home / "mlflow.db").write_bytes(blank())
    registry = Registry(home)
    with registry._mlflow.connected() as client:
        client.create_registered_model(NAME)
        for _ in range(count):
            client.create_model_version(NAME, source=home.as_uri())
    for number in range(1, count + 1):
        registry.promote(str(number))
    return registry


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """What calls gave that began together, each in a thread of its own."""
    barrier = threading.Barrier(len(calls))

    def together(call: Callable[[], object]) -> object:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(together, call) for call in calls]]


def process_state() -> tuple[object, ...]:
    levels = tuple(logging.getLogger(name).level for name in MLFLOW_LOGGERS)
    return sys.stdout, sys.stderr, levels, list(warnings.filters), os.environ.get("MLFLOW_TRACKING_URI")


def test_overlapping_calls_leave_the_process_as_it_was(tmp_path: Path):
    registry = with_versions(tmp_path, 3)
    before = process_state()

    def ask() -> list[str]:
        return [one.version for _ in range(5) for one in Registry(tmp_path).list()]

    assert at_once([ask] * 8) == [["3", "2", "1"] * 5] * 8
    assert process_state() == before
    assert not sys.stdout.closed
    assert not sys.stderr.closed
    assert registry.champion().version == "3"


def test_a_call_under_way_changes_nothing_for_other_threads(tmp_path: Path):
    """While one thread is inside, another one's output, log levels and warnings are as ever."""
    registry = with_versions(tmp_path, 1)
    before = process_state()
    with registry._mlflow.connected():
        assert process_state() == before


def test_no_usage_data_leaves_the_machine(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from training.registry import Registry; "
        "Registry(Path(sys.argv[1])).champion(); "
        "from mlflow.telemetry.client import get_telemetry_client; print(get_telemetry_client())"
    )
    shy = ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS")
    env = {name: value for name, value in os.environ.items() if name not in shy}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "None\n"


def test_registries_of_several_homes_do_not_cross(tmp_path: Path):
    """Also on first use, when MLflow makes its tables in each of them."""
    homes = [tmp_path / str(number) for number in range(4)]

    def fill(home: Path, count: int) -> Callable[[], object]:
        return lambda: [one.version for one in with_versions(home, count, fresh=True).list()]

    found = at_once([fill(home, count) for count, home in enumerate(homes, 1)])
    assert found == [["1"], ["2", "1"], ["3", "2", "1"], ["4", "3", "2", "1"]]
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_a_run_is_logged_where_its_registry_is_whatever_others_do_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another home's registry is asked between this run's start and its figures."""
    (tmp_path / "other").mkdir()
    registry, other = with_versions(tmp_path, 1), with_versions(tmp_path / "other", 1)
    experiment = MlflowConnection.experiment

    def meanwhile(self: MlflowConnection, client: Any) -> str:
        found = experiment(self, client)
        other.champion()
        return found

    monkeypatch.setattr(MlflowConnection, "experiment", meanwhile)
    run_id = registry.log_backtest({"settings": {"seed": 1}, "deals": {}, "periods": {}}, "<html></html>")
    with registry._mlflow.connected() as client:
        run = client.get_run(run_id)
        assert (run.data.params["seed"], run.data.tags["sancho.champion"]) == ("1", "1")
        assert run.info.status == "FINISHED"
        assert {one.path for one in client.list_artifacts(run_id)} == {"backtest.json", "backtest.html"}


def test_mlflow_is_quiet_inside_and_only_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """A new home's tables are made without a word; a user's own MLflow in another thread is heard."""
    Registry(tmp_path).champion()
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    logger = logging.getLogger("mlflow.store.db.utils")
    logger.info("outside")
    token = inside.set(True)
    logger.info("inside")
    other = threading.Thread(target=logger.info, args=("another thread",))
    other.start()
    other.join()
    logger.error("a fault inside")
    inside.reset(token)
    heard = capfd.readouterr().err
    assert "outside" in heard
    assert "another thread" in heard
    assert "a fault inside" in heard
    assert " inside" not in heard.replace("a fault inside", "")


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Registry, list[str]]:
    """Three versions, the third in service, and the versions that were checked."""
    checked: list[str] = []
    with_versions(tmp_path, 3)
    monkeypatch.setattr(
        Registry, "load", lambda self, which: (FakeBundle(which, checked), self.champion()), raising=True
    )
    return Registry(tmp_path), checked


def test_two_rollbacks_at_once_go_back_once(
    versions: tuple[Registry, list[str]], monkeypatch: pytest.MonkeyPatch
):
    """Both saw version 3; the second goes on when the first is done, as in another process."""
    registry, _ = versions
    ask, first_done = Registry.champion, []

    def champion(self: Registry) -> object:
        seen = ask(self)
        if not first_done:
            first_done.append(True)
            assert promote.roll_back(Registry(registry.home)).version == "2"
        return seen

    monkeypatch.setattr(Registry, "champion", champion)
    assert promote.roll_back(registry).version == "2"
    assert ask(registry).version == "2"


def test_a_rollback_goes_back_from_the_version_that_was_seen(versions: tuple[Registry, list[str]]):
    registry, checked = versions
    assert registry.rollback("3").version == "2"
    assert registry.rollback("3").version == "2", "sent again it does nothing"
    assert promote.roll_back(registry, "3").version == "2"
    assert checked == [], "nothing was gone back to"
    assert promote.roll_back(registry, "2").version == "1"
    assert checked == ["1"]
    with pytest.raises(SanchoError, match="no earlier champion"):
        promote.roll_back(registry)


def test_a_rollback_without_a_model_says_so(tmp_path: Path):
    with pytest.raises(SanchoError, match="no model") as caught:
        promote.roll_back(Registry(tmp_path))
    assert caught.value.code == "no_model"


def test_promotions_at_once_all_stay_in_the_history(tmp_path: Path):
    with_versions(tmp_path, 6)
    start = [lambda number=number: Registry(tmp_path).promote(str(number)) for number in range(1, 6)]
    at_once(start)
    with Registry(tmp_path)._mlflow.connected() as client:
        past = Registry(tmp_path)._champions(client)
    assert past[:6] == ["1", "2", "3", "4", "5", "6"]
    assert sorted(past[6:]) == ["1", "2", "3", "4", "5"]
    assert past[-1] == Registry(tmp_path).champion().version


def test_the_lock_holds_for_other_processes(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from training import registry as module;"
        "module._LOCK_SECONDS = 0.0; from crm.errors import SanchoError\n"
        "try:\n"
        "    with module.Registry(Path(sys.argv[1])).champion_lock(): print('in')\n"
        "except SanchoError as fault: print(fault.code, fault)\n"
    )
    with Registry(tmp_path).champion_lock():
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
        )
    assert other.stdout.startswith("registry_unavailable")
    assert "locked by another process" in other.stdout


def test_an_alias_set_by_hand_is_part_of_the_history(tmp_path: Path):
    """In MLflow's own pages, say; or a promotion was stopped between its two writes."""
    registry = with_versions(tmp_path, 3)
    with registry._mlflow.connected() as client:
        client.set_registered_model_alias(NAME, "champion", "1")
    assert registry.rollback().version == "3"
    assert registry.rollback().version == "2"


def test_a_locked_database_is_not_a_missing_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    registry = with_versions(tmp_path, 2)

    def locked(*args: object, **kwargs: object) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

        raise MlflowException("(sqlite3.OperationalError) database is locked", TEMPORARILY_UNAVAILABLE)

    monkeypatch.setattr(registry._mlflow.client(), "get_model_version_by_alias", locked)
    with pytest.raises(SanchoError, match="database is locked") as caught:
        registry.champion()
    assert caught.value.code == "registry_unavailable"
    assert "database is locked" in caught.value.text.ja


def test_a_file_that_is_no_database_is_said(tmp_path: Path):
    (tmp_path / "mlflow.db").write_text("this is not a database, however long the text may be " * 20)
    with pytest.raises(SanchoError, match="not a database") as caught:
        Registry(tmp_path).champion()
    assert caught.value.code == "registry_unavailable"


def test_a_stopped_server_is_not_a_missing_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry(tmp_path, "http://somebody:secret@127.0.0.1:9")
    for call in (registry.champion, registry.list, registry.rollback, lambda: registry.load("1")):
        with pytest.raises(SanchoError, match="MLFLOW_TRACKING_URI") as caught:
            call()
        assert caught.value.code == "registry_unavailable"
        assert "secret" not in caught.value.text.both()


def test_missing_files_are_not_a_missing_model(tmp_path: Path):
    registry = with_versions(tmp_path, 1)
    with pytest.raises(SanchoError, match=r"no bundle\.json") as caught:
        registry.load()
    assert caught.value.code == "registry_unavailable"


def test_registry_says_no_model_for_what_mlflow_does_not_know(tmp_path: Path):
    registry = Registry(tmp_path)
    assert registry.champion() is None
    with_versions(tmp_path, 1)
    codes = {"2": "unknown_version", "9" * 30: "unknown_version", "champion2": "no_model", "a b/": "no_model"}
    for which, code in codes.items():
        with pytest.raises(SanchoError) as caught:
            registry.load(which)
        assert caught.value.code == code


@pytest.mark.parametrize("before", [0, 1])
def test_a_champion_promoted_during_a_training_stays(
    before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of two first trainings at once the second would otherwise be the "first model" too, past the gate."""
    registry = with_versions(tmp_path, before)
    with registry._mlflow.connected() as client:
        for _ in range(2):
            client.create_model_version(NAME, source=tmp_path.as_uri())
    mine, other = str(before + 1), str(before + 2)
    model = FakeBundle(mine)
    monkeypatch.setattr(model, "as_of", 0, raising=False)

    def trained(*args: object) -> tuple[FakeBundle, None]:
        Registry(tmp_path).promote(other)
        return model, None

    data = SimpleNamespace(past=SimpleNamespace(organisation=SimpleNamespace(currency="JPY")))
    monkeypatch.setattr(model, "currency", "JPY", raising=False)
    monkeypatch.setattr(promote.TrainingData, "of", lambda *args: data)
    monkeypatch.setattr(promote, "train_on", trained)
    monkeypatch.setattr(promote, "with_common_factors", lambda bundle, *args: bundle)
    monkeypatch.setattr(promote, "scoring_milliseconds", lambda bundle: 1.0)
    monkeypatch.setattr(
        promote,
        "gate",
        lambda bundle, *args: (bundle, promote.GateDecision(True, promote.Text("採用", "taken"))),
    )
    monkeypatch.setattr(Registry, "load", lambda self, which="champion": (model, None))
    listed = {one.version: one for one in registry.list()}
    monkeypatch.setattr(Registry, "register_bundle", lambda *args: listed[mine])
    monkeypatch.setattr(promote.TrainingRecord, "of", lambda *args: None)
    _, decision, _ = promote.train_and_promote(None, 0, TrainConfig(), registry)
    assert not decision.promote
    assert f"version {other}" in decision.text.en
    assert registry.champion().version == other
    assert next(one.gate for one in registry.list() if one.version == mine) == decision.text.both()


def test_code_that_is_gone_is_said_by_the_logged_model(monkeypatch: pytest.MonkeyPatch):
    """MLflow keeps the code that reads a model: where what it imports has moved, it says what to do."""
    from training.pyfunc_code import SanchoModel

    monkeypatch.setitem(sys.modules, "models.bundle", None)
    with pytest.raises(ImportError, match="retrain") as caught:
        SanchoModel().load_context(None)
    assert "再学習" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_a_forked_process_locks_the_champion_by_itself(tmp_path: Path):
    registry = Registry(tmp_path)
    with registry.champion_lock():
        pass
    child = os.fork()
    if not child:
        try:
            with registry.champion_lock():
                os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with registry.champion_lock(), registry.champion_lock():
        pass
