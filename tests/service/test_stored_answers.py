"""Is each answer made once, never for longer than it holds, and does nobody wait for another's question?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from crm.errors import SanchoError
from crm.i18n import Text
from service import stored_answers
from service.stored_answers import BEING_RENEWED, Question, StoredAnswers

PATIENCE = 30.0  # seconds after which a test that hangs fails


class FakeServing:
    """A state whose model, "now" and revisions a test sets."""

    def __init__(self) -> None:
        self.version, self.bundle, self.revision, self.past_revision = "1", object(), 1, 1
        self.now = 1_000
        self.reasons: list[Text] = []
        self.outages = SimpleNamespace(reasons=lambda: self.reasons)
        self.caught_up = 0

    def current(self) -> Any:
        return SimpleNamespace(
            info=SimpleNamespace(version=self.version), bundle=self.bundle, loaded_at=time.monotonic(),
            revision=self.revision, now=self.now,
            revision_at=lambda moment: self.revision if moment >= self.now else self.past_revision,
        )  # fmt: skip

    def moment(self, _state: Any, as_of: str | None) -> int:
        return self.now if as_of is None else int(as_of)

    def period(self, _state: Any, name: str | None, _moment: int) -> Any:
        return SimpleNamespace(name=name or "2026-Q4")

    def catch_up(self) -> None:
        self.caught_up += 1
        self.revision += 1


@pytest.fixture
def serving() -> FakeServing:
    return FakeServing()


@pytest.fixture
def answers(serving: FakeServing, monkeypatch: pytest.MonkeyPatch) -> StoredAnswers:
    """Answers whose thread is thought to be at work; a test does its rounds."""
    monkeypatch.setattr(stored_answers, "_CALM_SECONDS", -1.0)
    stored = StoredAnswers(serving)  # type: ignore[arg-type]
    stored._is_renewing = True
    return stored


class Asked:
    """A question that counts how often it is answered; its answer tells the revision."""

    def __init__(self, serving: FakeServing, name: str = "kpis", **given: Any) -> None:
        self.times = 0
        self.wait: Callable[[], object] = lambda: None
        self._serving = serving
        fields = {"about": (), "period": None, "as_of": None, "lang": "en", "is_slow": True, **given}
        self.question = Question(name=name, make=self._make, **fields)

    def _make(self) -> dict[str, Any]:
        self.times += 1
        self.wait()
        return {"revision": self._serving.revision, "warnings": []}


def test_an_answer_is_made_once_and_read_after_that(serving: FakeServing, answers: StoredAnswers):
    asked = Asked(serving)
    assert answers.stored(asked.question) is None
    made = answers.answer_to(asked.question)
    assert answers.stored(asked.question) is made
    assert answers.answer_to(asked.question) is made
    assert asked.times == 1
    by_name = Asked(serving, period="2026-Q4")
    assert answers.stored(by_name.question) is made, "the same period by its name"
    for other in ({"lang": "ja"}, {"period": "2027-Q1"}, {"about": ("team:T1",)}, {"as_of": "900"}):
        assert answers.stored(Asked(serving, **other).question) is None


@pytest.mark.parametrize("change", ["version", "bundle", "outage", "also"])
def test_an_answer_of_another_model_or_situation_is_never_read(
    serving: FakeServing, answers: StoredAnswers, change: str
):
    answers.answer_to(Asked(serving).question)
    if change == "version":
        serving.version = "2"
    if change == "bundle":
        serving.bundle = object()
    if change == "outage":
        serving.reasons.append(Text("届きません", "out of reach"))
    assert answers.stored(Asked(serving, also=1 if change == "also" else None).question) is None


def test_what_takes_long_is_read_without_the_newest_rows_for_a_while_and_says_so(
    serving: FakeServing, answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
):
    slow, quick = Asked(serving), Asked(serving, "deals", is_slow=False)
    for one in (slow, quick):
        answers.answer_to(one.question)
    serving.revision, serving.now = 2, 2_000
    assert answers.stored(quick.question) is None
    older = answers.stored(slow.question)
    assert older is not None
    read = orjson.loads(older.body)
    assert read["revision"] == 1
    assert [warning["code"] for warning in read["warnings"]] == [BEING_RENEWED]
    assert answers.stored(slow.question, outdated=False) is None, "who wants the newest rows waits for them"
    assert answers.renew() == 0.0
    made = answers.stored(slow.question)
    assert made is not None
    assert orjson.loads(made.body) == {"revision": 2, "warnings": []}
    serving.revision = 3
    assert answers.stored(slow.question) is not None
    monkeypatch.setattr(stored_answers, "_OUTDATED_SECONDS", -1.0)
    assert answers.stored(slow.question) is None, "not for ever"
    monkeypatch.undo()
    answers._is_renewing = False
    assert answers.stored(slow.question) is None, "nobody would make it anew"


def test_an_answer_as_of_the_past_holds_until_rows_say_more_of_it(
    serving: FakeServing, answers: StoredAnswers
):
    past = Asked(serving, as_of="900")
    made = answers.answer_to(past.question)
    serving.revision = 2
    assert answers.stored(past.question) is made
    serving.past_revision = 2
    assert answers.stored(past.question) is None


def test_the_newest_rows_are_taken_up_for_who_asks_for_them(serving: FakeServing, answers: StoredAnswers):
    asked = Asked(serving)
    answers.answer_to(asked.question)
    assert orjson.loads(answers.answer_to(asked.question, newest=True).body)["revision"] == 2
    assert serving.caught_up == 1


def test_an_answer_made_while_rows_came_is_made_anew(serving: FakeServing, answers: StoredAnswers):
    asked = Asked(serving)
    asked.wait = lambda: setattr(serving, "revision", serving.revision + 1)
    answers.answer_to(asked.question)
    assert answers.stored(asked.question, outdated=False) is None


def test_callers_with_one_question_wait_for_one_answer_and_nobody_else_waits(
    serving: FakeServing, answers: StoredAnswers
):
    slow, quick = Asked(serving), Asked(serving, "deals", is_slow=False)
    go_on = threading.Event()
    slow.wait = lambda: go_on.wait(PATIENCE)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(answers.answer_to, slow.question) for _ in range(3)]
        assert threads.submit(answers.answer_to, quick.question).result(PATIENCE)
        assert not any(one.done() for one in waiting)
        go_on.set()
        assert len({one.result(PATIENCE) for one in waiting}) == 1
    assert slow.times == 1


def test_what_somebody_waits_for_is_made_anew_first_then_what_is_usual_then_what_was_asked(
    serving: FakeServing, answers: StoredAnswers
):
    usual, asked, waited = (Asked(serving, name) for name in ("usual", "asked", "waited"))
    order: list[str] = []
    for name, one in (("usual", usual), ("asked", asked), ("waited", waited)):
        one.wait = lambda name=name: order.append(name)  # type: ignore[misc]
    answers.register(lambda _: [usual.question])
    for one in (asked, waited):
        answers.answer_to(one.question)
        answers.stored(one.question)
    serving.revision, serving.now, order[:] = 2, 2_000, []
    answers.stored(waited.question)
    while answers.renew() == 0.0:
        pass
    assert order == ["waited", "usual", "asked"]


def test_nothing_is_made_anew_before_rows_stop_coming(
    serving: FakeServing, answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stored_answers, "_CALM_SECONDS", PATIENCE)
    usual = Asked(serving)
    answers.register(lambda _: [usual.question])
    assert answers.renew() > 0
    assert usual.times == 0


@pytest.mark.parametrize(
    "error", [SanchoError(Text("ない", "unknown"), "unknown_scope"), ZeroDivisionError("a fault")]
)
def test_a_question_that_can_no_longer_be_answered_keeps_none_from_its_answer(
    serving: FakeServing, answers: StoredAnswers, error: Exception
):
    gone, usual = Asked(serving, "gone"), Asked(serving, "usual")

    def fail() -> None:
        raise error

    gone.wait = fail
    answers.register(lambda _: [gone.question, usual.question])
    while answers.renew() == 0.0:
        pass
    assert (gone.times, usual.times) == (1, 1)
    with pytest.raises(type(error)):
        answers.answer_to(gone.question)


def test_after_new_rows_the_foremost_questions_are_answered_anew_now_and_then_after_another_now_all(
    serving: FakeServing, answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
):
    rounds: list[bool] = []

    def usual(is_all: bool) -> list[Question]:
        rounds.append(is_all)
        return []

    answers.register(usual)
    answers.renew()
    for revision in (2, 3):
        serving.revision = revision
        answers.renew()
    assert rounds == [True], "not for each row"
    monkeypatch.setattr(stored_answers, "_ROUND_SECONDS", -1.0)
    answers.renew()
    answers.renew()
    assert rounds == [True, False]
    monkeypatch.undo()
    monkeypatch.setattr(stored_answers, "_CALM_SECONDS", -1.0)
    serving.now = 3_000
    answers.renew()
    serving.version = "2"
    answers.renew()
    assert rounds == [True, False, True, True]
