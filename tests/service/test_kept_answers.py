"""Does a command that asks again read its answer, and never one that anything has changed since?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from crm.store.tables import IMPORTS, OUTLOOKS
from crm.store_state import store_state
from service import kept_answers
from service.cli import answer, run
from service.settings import read_settings
from service.use_cases import UseCases
from tests.service.test_start import DAY, QUESTIONS, home, prepared
from tests.support.fakes import PERIOD, TOKYO
from tests.training.test_registry_out_of_reach import record
from training.registry import Registry

__all__ = ["home", "prepared"]  # fixtures

TABLES = (
    *(words[:-1] for words in QUESTIONS),
    ["actions", "--deal", "D4", "--as-of", DAY],
    ["tree", PERIOD, "--as-of", DAY],
    ["people", PERIOD, "--as-of", DAY],
    ["bottlenecks", "--as-of", DAY],
    ["what-if", PERIOD, "--won", "D4", "--as-of", DAY],
)
ONE = QUESTIONS[0]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the service was opened."""
    seen: list[str] = []
    real = UseCases.open

    def counted(*given: Any, **named: Any) -> UseCases:
        seen.append("once")
        return real(*given, **named)

    monkeypatch.setattr(UseCases, "open", counted)
    return seen


def test_who_asks_again_reads_the_same_and_nothing_is_opened(
    home: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
):
    for words in (*TABLES, *QUESTIONS):
        for lang in ("ja", "en"):
            asked = [*words, "--lang", lang]
            assert run(asked) == 0
            first = capsys.readouterr()
            assert opened == ["once"]
            assert run(asked) == 0
            assert capsys.readouterr() == first
            assert opened == ["once"], words
            opened.clear()


def test_every_question_has_an_answer_of_its_own(home: Path, opened: list[str]):
    for words in (
        ONE,
        [*ONE, "--target", "5"],
        [*ONE, "--scope", "team:T1"],
        [*ONE, "--lang", "en"],
        ONE[:-1],
    ):
        assert run(words) == 0
    assert len(opened) == 4, "of what JSON tells, a table shows less"


def test_a_table_of_kept_json_is_the_one_that_is_made(
    home: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
):
    for words in QUESTIONS:
        assert run(words) == 0
        capsys.readouterr()
        assert run(words[:-1]) == 0
        shown = capsys.readouterr()
        assert len(opened) == 1
        shutil.rmtree(home / "compiled" / "answers")
        assert run(words[:-1]) == 0
        assert capsys.readouterr() == shown
        opened.clear()


def test_commands_read_what_a_service_of_the_same_home_has_answered(
    home: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
):
    service = UseCases.open(read_settings(port=8123))
    service.serving.refresh()
    assert service.answers is not None
    service.answers.make_usual(300)
    opened.clear()
    of_quarter = [[name, "this-quarter"] for name in ("forecast", "kpis", "tree", "people")]
    for words in (*of_quarter, ["actions"], ["bottlenecks"]):
        for more in ([], ["--json"], ["--lang", "en"]):
            assert run([*words, *more]) == 0
            assert not opened, words
    capsys.readouterr()
    assert run(["forecast", "this-quarter", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    service.close()
    shutil.rmtree(home / "compiled")
    assert run(["forecast", "this-quarter", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert opened == ["once"]
    for one in (said, made):
        one.pop("history")  # the command stored today's
    assert said == made


def test_an_answer_that_a_service_made_while_rows_came_is_not_kept(home: Path, opened: list[str]):
    service = UseCases.open(read_settings())
    service.serving.refresh()
    assert service.answers is not None
    push(home)  # the service has not looked since
    service.answers.make_usual(300)
    service.close()
    opened.clear()
    assert run(["kpis", "this-quarter"]) == 0
    assert opened == ["once"]


def push(home: Path) -> None:
    with Store.open(str(home / "sancho.db")) as store:
        now = as_of_instant("2026-11-19", TOKYO)
        push_rows(store, "deals", [{"deal_id": "D7", "amount": 5e8}], TOKYO, now=now)


def store_a_forecast(home: Path) -> None:
    with Store.open(str(home / "sancho.db")) as store, store._engine.begin() as connection:
        row = dict.fromkeys(("as_of", "kept_at", "mean", "p10", "p50", "p90"), 1)
        names = {"period": "2026-10-01..2026-12-31", "scope": "company", "day": "2026-10-08"}
        connection.execute(sa.insert(OUTLOOKS).values(**names, **row, model_version="1"))


def promote_another(home: Path) -> None:
    registry = Registry(home)
    bundle, _ = registry.load()
    again = record()
    version = registry.register_bundle(bundle, type(again)(**{**vars(again), "training_id": "again"})).version
    registry.promote(version)


def damage(home: Path) -> None:
    for file in (home / "compiled" / "answers").iterdir():
        head, body = file.read_bytes().split(b"\n", 1)
        file.write_bytes(head + b"\n" + body.replace(b"company", b"society"))


def cut_short(home: Path) -> None:
    for file in (home / "compiled" / "answers").iterdir():
        file.write_bytes(file.read_bytes()[:40])


def change_settings(home: Path) -> None:
    Path("sancho.toml").write_text("grades = [0.7, 0.3, 0.1]\n", "utf-8")


@pytest.mark.parametrize(
    "change", [push, store_a_forecast, promote_another, damage, cut_short, change_settings]
)
def test_what_was_said_before_a_change_is_not_said_again(
    home: Path, opened: list[str], change: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
):
    assert run(ONE) == 0
    change(home)
    opened.clear()
    capsys.readouterr()
    assert run(ONE) == 0
    said = json.loads(capsys.readouterr().out)
    assert opened == ["once"]
    shutil.rmtree(home / "compiled")
    assert run(ONE) == 0
    assert json.loads(capsys.readouterr().out) == said


def test_another_now_or_other_code_has_answers_of_its_own(
    home: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
):
    assert run(ONE) == 0
    with monkeypatch.context() as patch:
        later = as_of_instant(None, TOKYO) + 3600 * 1_000_000
        patch.setattr(kept_answers, "as_of_instant", lambda *_: later)
        assert run(ONE) == 0
    assert run(ONE) == 0
    assert opened == ["once", "once"], "of another now; the last reads again"
    monkeypatch.setattr(kept_answers, "_code", lambda: "another version's")
    assert run(ONE) == 0
    assert len(opened) == 3


@pytest.mark.parametrize("change", [push, promote_another])
def test_what_changes_while_the_answer_is_made_is_in_the_next_one(
    home: Path, opened: list[str], change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
):
    """What is kept names the rows and the model that it was made from."""
    real = answer.open_service

    def changed_after(*given: Any, **named: Any) -> UseCases:
        service = real(*given, **named)
        change(home)
        return service

    with monkeypatch.context() as patch:
        patch.setattr(answer, "open_service", changed_after)
        assert run(ONE) == 0
    opened.clear()
    assert run(ONE) == 0
    assert opened == ["once"]


def test_the_oldest_answers_go(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_answers, "_MOST", 3)
    for target in range(1, 6):
        assert run([*ONE, "--target", str(target)]) == 0
    assert len(list((home / "compiled" / "answers").iterdir())) == 3


def test_a_store_that_cannot_be_asked_this_way_has_no_kept_answers(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert store_state(f"sqlite:///{home / 'sancho.db'}") is not None
    assert store_state("postgresql://somewhere/sancho") is None
    assert store_state(f"sqlite:///{tmp_path / 'none.db'}") is None
    (tmp_path / "other.db").write_bytes(b"no database")
    assert store_state(f"sqlite:///{tmp_path / 'other.db'}") is None
    assert kept_answers.basis_of(read_settings()) is not None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert kept_answers.basis_of(read_settings()) is None, "nobody waits for a server"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (home / "mlflow.db").unlink()
    assert kept_answers.basis_of(read_settings()) is None


def test_the_state_of_a_store_is_named_by_every_import(home: Path):
    url = f"sqlite:///{home / 'sancho.db'}"
    before = store_state(url)
    with Store.open(url) as store:
        assert store_state(url) == before, "opened"
        with store._engine.begin() as connection:
            connection.execute(sa.update(IMPORTS).values(digest="other"))
    assert store_state(url) != before


def test_a_table_fills_no_missing_week_that_only_json_shows(home: Path):
    def days_stored() -> int:
        with Store.open(str(home / "sancho.db")) as store, store._engine.connect() as connection:
            days = sa.select(sa.func.count(sa.distinct(OUTLOOKS.c.day)))
            return int(connection.scalar(days) or 0)

    asked = ["forecast", "this-quarter"]
    stored = []
    for words in (asked, asked, [*asked, "--json"], [*asked, "--json"]):
        shutil.rmtree(home / "compiled" / "answers", ignore_errors=True)
        assert run(words) == 0
        stored.append(days_stored())
    assert stored[:2] == [1, 1], "today's"
    assert stored[2] > 1
    assert stored[3] > stored[2]
