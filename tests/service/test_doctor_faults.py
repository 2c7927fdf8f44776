"""Does the doctor find what is really wrong with store, registry, clock and temporary folder, and go on?"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crm.importing import push_rows
from crm.store import Store, engine
from service.cli import run
from tests.support.fakes import TOKYO

TEAM = {"team_id": "T1", "name": "x"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("SANCHO_DATABASE_URL", raising=False)
    with Store.open(str(tmp_path / "home" / "sancho.db")) as store:
        push_rows(store, "teams", [{"team_id": f"T{n}", "name": "x" * 200} for n in range(2_000)], TOKYO)
    return tmp_path / "home"


def examined(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, str]]:
    """What the doctor says of each thing."""
    capsys.readouterr()
    run(["doctor", "--json", "--lang", "en"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    return {check["check"]: (check["ok"], check["detail"]) for check in checks}


def test_a_sound_store_is_said_to_be_sound(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = examined(capsys)
    assert found["database's soundness"] == (True, "undamaged, can be written to")
    assert found["temporary folder"][0]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _overwritten(data: bytes) -> bytes:
    return b"\0" * 4096 + data[4096:]


def _inside(data: bytes) -> bytes:
    return data[:-40_960] + b"\xff" * 40_960


@pytest.mark.parametrize("change", [_cut, _overwritten, _inside])
def test_a_damaged_store_is_found_and_what_to_do_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], change: Callable[[bytes], bytes]
) -> None:
    file = home / "sancho.db"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    file.write_bytes(change(file.read_bytes()))
    said = [detail for ok, detail in examined(capsys).values() if not ok]
    assert any("damaged" in detail and "sancho restore" in detail for detail in said), said


def test_a_store_that_another_process_writes_to_is_found(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(home / "sancho.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ok, detail = examined(capsys)["database's soundness"]
    other.close()
    assert not ok
    assert "another process is writing to it" in detail


def test_a_clock_that_was_set_back_is_found(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(str(home / "sancho.db")) as store:
        push_rows(store, "teams", [TEAM], TOKYO, now=time.time_ns() // 1000 + 3_600_000_000)
    ok, detail = examined(capsys)["database's soundness"]
    assert not ok
    assert "59 minutes in the future" in detail or "60 minutes in the future" in detail


def test_a_temporary_folder_that_is_gone_is_found(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    ok, detail = examined(capsys)["temporary folder"]
    assert not ok
    assert "set TMPDIR" in detail


@pytest.mark.parametrize("data", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 4_000])
def test_a_damaged_registry_is_found_and_the_rest_is_checked(
    home: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    (home / "mlflow.db").write_bytes(data)
    found = examined(capsys)
    ok, detail = found["model"]
    assert not ok
    assert "damaged" in detail
    assert "sancho restore" in detail.replace("Restore", "restore")
    assert "compiled kernels" in found
