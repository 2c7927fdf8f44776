"""Do new data and models appear whatever happens in the refreshing thread, and is memory bounded?"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.importing import push_rows
from crm.instants import NEVER, as_of_instant
from crm.store.held_tables import Renewal
from features import Calendar
from service import serving_state, state_maker
from service.model_state import PERIODS, ModelState
from service.outages import REGISTRY, STORE
from service.serving_state import ServingState
from service.settings import Settings
from service.watched_thread import WatchedThread
from tests.support import fakes
from tests.support.fakes import TOKYO, fake_bundle, small_store

PATIENCE = 30.0  # seconds after which a test that hangs fails


class FakeStore:
    """A store without rows whose revision a test sets."""

    def __init__(self) -> None:
        self.now_at = 1
        self.before_revision: Callable[[], None] = lambda: None

    def revision(self) -> int:
        self.before_revision()
        return self.now_at

    def read(self, zone: ZoneInfo, _tables: object = None) -> EventLog:
        return EventLog.of({}, zone)

    def read_held(self, _folder: Path, zone: ZoneInfo) -> tuple[EventLog, str, Any]:
        return self.read(zone), "state", SimpleNamespace(revision=self.now_at)

    def read_again(self, _held: Any, zone: ZoneInfo, _whole: bool) -> tuple[EventLog, Any]:
        held = SimpleNamespace(revision=self.now_at)
        return self.read(zone), Renewal(held, NEVER)  # type: ignore[arg-type]

    def close(self) -> None: ...


class FakeRegistry:
    """A registry of models without content whose champion a test sets."""

    def __init__(self) -> None:
        self.version = "1"

    def champion(self) -> Any:
        return SimpleNamespace(name="sancho", version=self.version, trained_at="2026-11-20")

    def load(self, _version: str) -> tuple[Any, Any]:
        bundle = SimpleNamespace(
            check=lambda: None,
            calendar=Calendar(ZoneInfo("Asia/Tokyo")),
            check_currency=lambda _organisation: None,
            levels={},
            warnings=(),
            self_check=SimpleNamespace(at=[1, 2]),
        )
        return bundle, self.champion()


def empty_histories(patch: pytest.MonkeyPatch) -> None:
    """Histories without deals are compiled from now on."""
    history = SimpleNamespace(features=[], levels={}, deal_ids=pd.Index([]))
    patch.setattr(state_maker, "compile_history", lambda *_: history)
    patch.setattr(state_maker, "feature_columns", lambda *_: [])


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServingState]:
    empty_histories(monkeypatch)
    monkeypatch.setattr(state_maker, "newest_deal_record", lambda _log, before: before)
    settings = Settings(home=tmp_path, refresh_seconds=0.0)
    serving = ServingState(settings, FakeStore(), FakeRegistry())  # type: ignore[arg-type]
    yield serving
    serving.close()


class Rounds:
    """Counts rounds of the thread, and lets a test wait for them."""

    def __init__(self, serving: ServingState) -> None:
        self._count, self._changed = 0, threading.Condition()
        serving.register((), (self._end,))

    def _end(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Until two more rounds have ended: the second of them began after the call."""
        with self._changed:
            wanted = self._count + 2
            assert self._changed.wait_for(lambda: self._count >= wanted, PATIENCE), "no round ends any more"


# the thread


def test_refresh_takes_up_new_data_and_models(serving: ServingState):
    assert serving.readiness().error is not None
    assert serving._keep_ready() == 0.0
    assert (serving.current().revision, serving.current().info.version) == (1, "1")
    serving.store.now_at, serving.registry.version = 2, "2"  # type: ignore[attr-defined]
    serving._maker.forget_champion()
    serving._keep_ready()
    assert (serving.current().revision, serving.current().info.version) == (2, "2")
    assert serving.readiness().model_version == "2"


def test_refresh_whose_log_cannot_be_written_ends_nothing(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    class Closed:
        def write(self, _text: str) -> int:
            raise ValueError("I/O operation on closed file.")

        flush = close = lambda self: None

    monkeypatch.setattr(sys, "stderr", Closed())
    monkeypatch.setattr(sys, "stdout", Closed())
    rounds = Rounds(serving)
    serving.start()
    rounds.wait()
    assert serving.readiness().error is None
    serving.store.now_at = 2  # type: ignore[attr-defined]
    rounds.wait()
    assert serving.current().revision == 2


def test_refresh_failing_where_the_log_cannot_be_written_is_tried_again(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    def closed(*_: object) -> Any:
        raise ValueError("I/O operation on closed file.")

    def fail_once() -> None:
        serving.store.before_revision = lambda: None  # type: ignore[attr-defined]
        raise OSError("disk full")

    monkeypatch.setattr("structlog.get_logger", closed)
    monkeypatch.setattr(serving_state, "_RETRY_SECONDS", 0.0)
    serving.store.before_revision = fail_once  # type: ignore[attr-defined]
    rounds = Rounds(serving)
    serving.start()
    rounds.wait()
    assert serving.readiness().error is None


def test_refresh_that_wants_to_end_the_process_ends_nothing(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    def leave_once() -> None:
        serving.store.before_revision = lambda: None  # type: ignore[attr-defined]
        raise SystemExit(2)

    monkeypatch.setattr(serving_state, "_RETRY_SECONDS", 0.0)
    rounds = Rounds(serving)
    serving.start()
    rounds.wait()
    serving.store.before_revision = leave_once  # type: ignore[attr-defined]
    serving.store.now_at = 2  # type: ignore[attr-defined]
    rounds.wait()
    assert serving.current().revision == 2
    assert serving.readiness().error is None


def test_readiness_ends_where_the_thread_has_died(serving: ServingState, monkeypatch: pytest.MonkeyPatch):
    rounds = Rounds(serving)
    serving._keep_ready()
    assert serving.readiness().error is None, "nobody started a thread"
    with monkeypatch.context() as patch:
        patch.setattr(WatchedThread, "_repeat", lambda self: None)  # it ends at once
        serving._thread.revive()
        serving._thread._thread.join(PATIENCE)  # type: ignore[union-attr]
    error = serving.readiness().error
    assert error is not None
    assert "being started again" in error.en
    serving._thread.revive()
    rounds.wait()
    assert serving.readiness().error is None


def test_watched_thread_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.watched_thread._LOOK_SECONDS", 0.0)
    worked, deaths = threading.Event(), []
    repeat = WatchedThread._repeat

    def die_twice(self: WatchedThread) -> None:
        if len(deaths) < 2:
            deaths.append(1)
        else:
            repeat(self)

    def work() -> float:
        worked.set()
        return PATIENCE

    monkeypatch.setattr(WatchedThread, "_repeat", die_twice)
    thread = WatchedThread("test", work)
    thread.start()
    assert worked.wait(PATIENCE)
    assert not thread.is_dead
    thread.stop()
    assert not thread.is_dead, "it was stopped"
    assert thread._watcher is not None
    assert not thread._watcher.is_alive()


# the store or the registry out of reach


def out_of_reach(code: str) -> Callable[..., Any]:
    """Something that does not answer."""

    def fail(*_: object) -> Any:
        raise SanchoError(Text("届きません。", "out of reach."), code)

    return fail


def warned(serving: ServingState) -> dict[str, str]:
    """What the service says that it cannot do."""
    return {code: text.en for code, text in serving.readiness().warnings}


def test_fresh_data_are_shown_while_the_registry_is_out_of_reach(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    serving._keep_ready()
    serving.store.now_at = 2  # type: ignore[attr-defined]
    serving._maker.forget_champion()
    monkeypatch.setattr(FakeRegistry, "champion", out_of_reach(REGISTRY))
    serving._keep_ready()
    assert serving.current().revision == 2
    assert serving.readiness().error is None
    said = warned(serving)[REGISTRY]
    assert "version 1 goes on answering" in said
    monkeypatch.undo()
    empty_histories(monkeypatch)
    serving._keep_ready()
    assert warned(serving)[REGISTRY] == said, "since when does not move, and it is not asked all the time"
    serving._maker.forget_champion()
    serving._keep_ready()
    assert warned(serving) == {}


def test_new_data_do_not_wait_for_a_registry_that_takes_its_time(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    serving._keep_ready()
    serving.store.now_at = 2  # type: ignore[attr-defined]
    serving._maker.forget_champion()
    answered: list[int] = []
    champion = FakeRegistry.champion

    def slow(registry: FakeRegistry) -> Any:
        answered.append(serving.current().revision)
        return champion(registry)

    monkeypatch.setattr(FakeRegistry, "champion", slow)
    serving._keep_ready()
    assert answered == [2], "they answer before the registry has"


def test_the_model_last_in_service_answers_at_a_start_without_the_registry(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    kept = FakeRegistry().load("1")
    monkeypatch.setattr(FakeRegistry, "champion", out_of_reach(REGISTRY))
    monkeypatch.setattr(FakeRegistry, "last_champion", lambda self: kept, raising=False)
    serving._keep_ready()
    assert serving.current().info.version == "1"
    assert REGISTRY in warned(serving)


def test_a_start_without_registry_and_copy_says_why(serving: ServingState, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(FakeRegistry, "champion", out_of_reach(REGISTRY))
    monkeypatch.setattr(FakeRegistry, "last_champion", lambda self: None, raising=False)
    serving._keep_ready()
    assert serving.readiness().error.en == "out of reach."  # type: ignore[union-attr]


def test_the_copy_is_checked_before_it_answers(serving: ServingState, monkeypatch: pytest.MonkeyPatch):
    bundle, info = FakeRegistry().load("1")
    bundle.check = out_of_reach("model_check_failed")
    monkeypatch.setattr(FakeRegistry, "champion", out_of_reach(REGISTRY))
    monkeypatch.setattr(FakeRegistry, "last_champion", lambda self: (bundle, info), raising=False)
    serving._keep_ready()
    assert serving.readiness().error is not None


def test_answers_go_on_from_memory_while_the_store_is_out_of_reach(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    chores: list[int] = []
    serving.register((), (lambda: chores.append(1),))
    serving._keep_ready()
    serving.store.before_revision = out_of_reach(STORE)  # type: ignore[attr-defined]
    assert serving._keep_ready() == serving_state._RETRY_SECONDS
    assert (serving.current().revision, serving.readiness().error) == (1, None)
    assert "answers are from the data known until then" in warned(serving)[STORE]
    assert chores == [1], "nothing is written meanwhile"
    assert serving.from_store(lambda: pytest.fail("it is not asked"), "otherwise") == "otherwise"
    serving.registry.version = "2"  # type: ignore[attr-defined]
    serving.switch_to_champion()
    assert serving.current().info.version == "2", "a model can be promoted all the same"
    before = serving.current().loaded_at
    monkeypatch.setattr(state_maker, "moment_of_now", lambda clock, _zone: clock)
    serving._keep_ready()
    assert serving.current().loaded_at > before, "now moves on"
    serving.store.before_revision, serving.store.now_at = (lambda: None), 2  # type: ignore[attr-defined]
    serving._keep_ready()
    assert (serving.current().revision, warned(serving)) == (2, {})
    assert chores == [1, 1]


def test_a_store_that_goes_away_in_an_answer_is_said_in_it(serving: ServingState):
    serving._keep_ready()
    assert serving.from_store(out_of_reach(STORE), []) == []
    assert STORE in warned(serving)
    serving.outages.ended(STORE)
    with pytest.raises(ZeroDivisionError):
        serving.from_store(lambda: 1 / 0, 0.0)


def test_a_start_without_the_store_says_why(serving: ServingState):
    serving.store.before_revision = out_of_reach(STORE)  # type: ignore[attr-defined]
    serving._keep_ready()
    assert serving.readiness().error.en == "out of reach."  # type: ignore[union-attr]


def test_an_outage_is_logged_once_at_each_end(serving: ServingState, monkeypatch: pytest.MonkeyPatch):
    events: list[str] = []
    monkeypatch.setattr("service.outages.log_event", lambda _name, _level, event, **_: events.append(event))
    serving._keep_ready()
    serving.store.before_revision = out_of_reach(STORE)  # type: ignore[attr-defined]
    for _ in range(3):
        serving._keep_ready()
    serving.store.before_revision = lambda: None  # type: ignore[attr-defined]
    for _ in range(3):
        serving._keep_ready()
    assert events == [STORE, f"{STORE}_ended"]


# memory


def test_any_number_of_periods_can_be_asked_about_as_of_now(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    opened: list[str] = []

    def forecast_of(*question: Any, **_: Any) -> Any:
        opened.append(question[-1].name)
        return SimpleNamespace(period=question[-1])

    monkeypatch.setattr(serving_state, "simulate_period", forecast_of)
    serving.refresh()
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    for _ in range(2):
        for month in months:
            assert serving.context(None, month).forecast.period.name == month
    assert len(serving.current().caches.forecasts) == PERIODS
    serving.context(None, months[-1])
    assert len(opened) == 24, "the last one asked about is kept"


def test_a_question_is_quick_once_its_forecast_is_kept(
    serving: ServingState, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        serving_state, "simulate_period", lambda *question, **_: SimpleNamespace(period=question[-1])
    )
    assert serving.is_quick("2026-11-20", None), "what is refused is refused at once"
    serving.refresh()
    assert not serving.is_quick(None, None)
    serving.context(None, None)
    assert serving.is_quick(None, None)
    assert not serving.is_quick("2026-11-20", None)
    assert not serving.is_quick(None, "2026-Q4")


def test_states_that_rows_have_replaced_are_not_kept_for_ever(tmp_path: Path):
    store = small_store(tmp_path / "sancho.db")
    registry = fakes.FakeRegistry(fake_bundle(store.read(TOKYO)))
    serving = ServingState(Settings(home=tmp_path), store, registry)  # type: ignore[arg-type]

    def states() -> int:
        gc.collect()
        return sum(isinstance(one, ModelState) for one in gc.get_objects())

    counts = []
    for number in range(9):
        rows, now = [{"account_id": f"A{number}", "name": "x"}], as_of_instant("2026-11-19", TOKYO) + number
        push_rows(store, "accounts", rows, TOKYO, now=now)
        serving.refresh(warm=False)
        counts.append(states())
    assert counts[-1] == counts[-4], "each push had kept the state before it, and all before that"
    serving.close()
