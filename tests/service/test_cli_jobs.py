"""Do the commands around the queue and backups say what is there, in both languages, and what to do?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crm.i18n import Text
from service.cli import run
from service.jobs import JobQueue
from service.jobs.worker import Worker
from service.settings import read_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "home"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints, with its exit status checked."""

    def ask(*words: str, lang: str = "en", status: int = 0) -> str:
        assert run([*words, "--lang", lang]) == status
        printed = capsys.readouterr()
        return printed.out + printed.err

    return ask


def an_import(rows: bytes = b"deal_id,created_at,stage\nD-1,2026-04-01,x\nD-2,nonsense,x\n") -> str:
    with JobQueue(read_settings().store_url) as queue:
        return queue.add("import", {"file": "deals.csv"}, contents=[rows])[0].job_id


def test_an_empty_queue_says_how_jobs_come_about(said: Callable[..., str]):
    assert "POST /v1/imports" in said("jobs", "list")
    assert "ジョブはありません" in said("jobs", "list", lang="ja")


def test_a_job_is_shown_from_its_queue_to_its_result(said: Callable[..., str]):
    job = an_import()
    assert "queued" in said("jobs", "list")
    settings = read_settings()
    with JobQueue(settings.store_url) as queue:
        assert Worker(settings, queue).work_once()
    assert "1 rows imported, 1 rejected" in said("jobs", "show", job)
    listed = said("jobs", "list", lang="ja")
    assert "完了" in listed
    assert "取込1行、エラー1行" in "".join(listed.split())
    told = json.loads(said("jobs", "show", job, "--json"))
    assert told["result"]["tables"]["deals"]["imported"] == 1
    assert json.loads(said("jobs", "list", "--json"))["jobs"][0]["job_id"] == job
    assert "has ended (done)" in said("jobs", "cancel", job, status=1)


def test_a_job_that_runs_fails_or_is_cancelled_says_so(said: Callable[..., str]):
    waiting, failing = an_import(), an_import()
    assert "cancelled" in said("jobs", "cancel", waiting)
    with JobQueue(read_settings().store_url) as queue:
        taken = queue.take(["import"])
        assert taken is not None
        queue.beat(taken, (Text("読んでいます", "Reading"), 2, 8))
        assert "Reading 2/8" in said("jobs", "show", failing)
        assert "stop soon" in said("jobs", "cancel", failing)
        queue.end(failing, taken.attempts, error=("no_files", Text("ない。", "there is no file.")))
    assert "there is no file." in said("jobs", "show", failing, status=1)
    assert "no job" in said("jobs", "show", "nothing", status=1)


def test_a_schedule_is_made_listed_and_ended(said: Callable[..., str]):
    assert "training is scheduled" in said("jobs", "schedule", "training", "--every", "7d")
    assert "168" in said("jobs", "schedules")
    assert "終了しました" in said("jobs", "unschedule", "training", lang="ja")
    assert "no schedule" in said("jobs", "unschedule", "training", status=1)
    said("jobs", "schedule", "scoring", "--every", "1d")
    with JobQueue(read_settings().store_url) as queue:
        [made] = queue.schedules()
    assert (made.kind, made.payload) == ("scoring", {})
    for wrong in ("7", "d", "0d", "1.5h", "7m"):
        assert "12h, 7d or 1w" in said("jobs", "schedule", "training", "--every", wrong, status=1)


def test_a_job_asked_for_by_its_kind_is_queued_once(said: Callable[..., str]):
    assert "is queued" in said("jobs", "add", "scoring")
    assert "まだ終わっていません" in said("jobs", "add", "scoring", lang="ja")
    assert "it is one of training, scoring" in said("jobs", "add", "import", status=1)


def test_a_worker_ends_where_its_service_is_gone_and_knows_its_kinds(
    said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("service.jobs.process.yield_to_others", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    job = an_import()
    said("jobs", "work", "--beside", "999999999")
    with JobQueue(read_settings().store_url) as queue:
        assert queue.find(job).state == "queued", "it is left for the next service"
    assert "it is one of import, training" in said("jobs", "work", "--kind", "sync", status=1)


def test_a_backup_is_made_and_put_back_by_commands(
    said: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = tmp_path / "deals.csv"
    rows.write_text("deal_id,created_at,stage\nD-1,2026-04-01,x\n")
    assert run(["import", str(rows)]) == 0
    made = said("backup", str(tmp_path / "kept"))
    assert "no model in service" in made
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "elsewhere"))
    restored = json.loads(said("restore", str(tmp_path / "kept"), "--json").splitlines()[0])
    assert restored["rows"]["deals"] == 1
    assert "空ではありません" in said("restore", str(tmp_path / "kept"), lang="ja", status=1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "registry" in said("backup", str(tmp_path / "other"), status=1), "who is in service is not known"
    assert not (tmp_path / "other").exists()
