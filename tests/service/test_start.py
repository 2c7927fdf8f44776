"""Do commands that answer load only what they need, and answer from copies as they do from the store?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from service import goals
from service.cli import run
from service.recommendations import Recommendations
from tests.support.fakes import PERIOD, TOKYO, fake_bundle, small_store
from tests.training.test_registry_out_of_reach import record
from training.registry import Registry

ROOT = Path(__file__).parents[2]
DAY = "2026-11-20"
QUESTIONS = (
    ["forecast", PERIOD, "--as-of", DAY, "--json"],
    ["kpis", PERIOD, "--as-of", DAY, "--json"],
    ["score", "--as-of", DAY, "--json"],
    ["actions", "--as-of", DAY, "--json"],
)
# What takes long to load, and is not needed to answer from a model without trees.
HEAVY = (
    *("alembic", "distributed", "fastapi", "httpx", "jinja2", "lightgbm", "mlflow", "openpyxl", "plotly"),
    *(
        "rich",
        "scipy.signal",
        "scipy.stats",
        "sklearn",
        "starlette",
        "structlog",
        "training.model_comparison",
    ),
    *("training.monitoring", "training.promote", "crm.importing", "uvicorn"),
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small organisation and a model in service."""
    home = tmp_path_factory.mktemp("home")
    with small_store(home / "sancho.db") as store, pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        registry = Registry(home)
        version = registry.register_bundle(fake_bundle(store.read(TOKYO)), record()).version
        registry.promote(version)
    return home


@pytest.fixture
def home(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home, in which nothing is kept yet; the model's files stay where they are."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("sancho.db", "mlflow.db"):
        shutil.copy(prepared / name, folder / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = []
    for words in QUESTIONS:
        assert run(words) == 0
        found.append(json.loads(capsys.readouterr().out))
    return found


def test_commands_load_nothing_that_they_do_not_need(home: Path):
    code = (
        "import sys\nfrom service.cli import run\n"
        f"print([run(words) for words in {QUESTIONS!r}], file=sys.stderr)\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    *_, statuses, modules = done.stderr.strip().splitlines()
    assert statuses == "[0, 0, 0, 0]"
    assert not set(HEAVY) & set(modules.split())
    assert {path.name.split("-")[0] for path in (home / "compiled").iterdir()} == {
        "tables",
        "history",
        "answers",
    }


def test_answers_from_copies_are_those_from_the_store(home: Path, capsys: pytest.CaptureFixture[str]):
    fresh = answers(capsys)
    assert (home / "compiled").is_dir()
    assert answers(capsys) == fresh
    shutil.rmtree(home / "compiled")
    assert answers(capsys) == fresh


def test_a_pushed_row_is_in_the_next_answer(home: Path, capsys: pytest.CaptureFixture[str]):
    before = answers(capsys)
    with Store.open(str(home / "sancho.db")) as store:
        now = as_of_instant("2026-11-19", TOKYO)
        push_rows(store, "deals", [{"deal_id": "D7", "amount": 5e8}], TOKYO, now=now)
    after = answers(capsys)
    assert after != before
    assert next(deal for deal in after[0]["deals"] if deal["deal_id"] == "D7")["amount"] > 4e8
    shutil.rmtree(home / "compiled")
    assert answers(capsys) == after


def test_a_folder_for_copies_that_is_a_file_changes_no_answer(home: Path, capsys: pytest.CaptureFixture[str]):
    fresh = answers(capsys)
    shutil.rmtree(home / "compiled")
    (home / "compiled").write_text("no folder")
    assert answers(capsys) == fresh


def test_two_commands_at_once_both_answer(home: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = f"from service.cli import run; run({QUESTIONS[0]!r})"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    (one, _), (other, _) = (process.communicate(timeout=300) for process in started)
    assert [process.returncode for process in started] == [0, 0]
    assert json.loads(one) == json.loads(other)


def test_the_table_of_a_deals_actions_looks_for_no_similar_deals(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    asked: list[str] = []
    monkeypatch.setattr(Recommendations, "similar_deals", lambda *_: asked.append("once") or [])
    question = ["actions", "--deal", "D4", "--as-of", DAY]
    assert run(question) == 0
    assert asked == []
    assert run([*question, "--json"]) == 0
    assert asked == ["once"]
    assert capsys.readouterr().out


def test_a_table_computes_no_drivers_that_it_does_not_show(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    computed: list[str] = []
    monkeypatch.setattr(goals, "driver_rows", lambda *_: computed.append("once") or [])
    for words, table in ((words, words[:-1]) for words in QUESTIONS[:2]):
        assert run(words) == 0
        assert json.loads(capsys.readouterr().out)
        assert computed == ["once"], "JSON has them, or findings that name the strongest"
        computed.clear()
        assert run(table) == 0
        assert capsys.readouterr().out
        assert computed == [], f"{words[0]} shows none"
