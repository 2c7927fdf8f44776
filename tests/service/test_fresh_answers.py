"""Does an answer that takes in pushed rows say what one made from the whole store says, digit for digit?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.importing import push_rows, remove_rows
from crm.instants import NEVER, SECOND, as_of_instant
from crm.store import Store, held_tables
from service import questions, serving_state, state_maker, stored_answers
from service.period_forecast import simulate_period
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

CLOCK = as_of_instant("2026-11-20T10:00", TOKYO)
PAST = "2026-11-13T12:00"
PUSHES: list[tuple[str, Any]] = [
    ("activities", {"activity_id": "B1", "deal_id": "D4", "at": "2026-11-20T09:50", "kind": "call"}),
    ("activities", {"activity_id": "B2", "deal_id": "D5", "at": "2026-11-12T09:50", "kind": "見学"}),
    ("deals", {"deal_id": "D5", "amount": 9e6}),
    ("deals", {"deal_id": "D6", "owner_id": "P0", "stage": "最終交渉"}),
    ("deals", {"deal_id": "D7", "stage": "受注", "closed_at": "2026-11-20T09:30", "outcome": "won"}),
    ("deals", {"deal_id": "A1", "created_at": "2026-11-20T09:00", "stage": "アポイント", "amount": 1e6}),
    ("deals", {"deal_id": "N1", "created_at": "2026-11-20T09:00", "stage": "アポイント", "owner_id": "P9"}),
    ("deal_events", {"deal_id": "D4", "at": "2026-11-20T08:00", "field": "amount", "value": "7000000"}),
    ("targets", {"metric": "revenue", "scope": "company", "period": PERIOD, "value": 3e7}),
    ("people", {"person_id": "P1", "team_id": "T1", "name": "鈴木"}),
    ("deals", "D5"),
    ("activities", "A4"),
]


@contextmanager
def opened(store: Store, registry: FakeRegistry, home: Path) -> Iterator[UseCases]:
    cases = UseCases.open(Settings(home=home), store, registry)  # type: ignore[arg-type]
    cases.serving.refresh()
    yield cases


def write(store: Store, table: str, row: Any, now: int) -> None:
    if isinstance(row, str):
        remove_rows(store, table, [row], TOKYO, now=now)
    else:
        result = push_rows(store, table, [row], TOKYO, now=now)
        assert not result.quarantined, result.errors


def answers(cases: UseCases) -> dict[str, Any]:
    """All that is said now and of the past."""
    said: dict[str, Any] = {}
    for as_of in (None, PAST):
        said |= {
            f"forecast {as_of}": cases.forecasts.forecast(PERIOD, "company", as_of, "en"),
            f"team {as_of}": cases.forecasts.forecast(PERIOD, "team:T1", as_of, "ja"),
            f"kpis {as_of}": cases.goals.kpis(PERIOD, "company", as_of, "en"),
            f"tree {as_of}": cases.goals.tree(PERIOD, "team:T1", as_of, "en"),
            f"people {as_of}": cases.goals.people(PERIOD, "company", as_of, "en"),
            f"actions {as_of}": cases.recommendations.actions("company", None, None, as_of, 20, "en"),
            f"bottlenecks {as_of}": cases.recommendations.bottlenecks("company", None, as_of, "en"),
            f"deals {as_of}": cases.deals.list_deals("company", as_of, None, "deal_id", None, 100, "en"),
        }
        for row in said[f"deals {as_of}"]["deals"]:
            deal = row["deal_id"]
            said[f"deal {deal} {as_of}"] = cases.deals.get_deal(deal, as_of, None, "en")
    return said


def arrays(cases: UseCases) -> list[np.ndarray]:
    """Features, scores and draws of the current quarter."""
    forecast = cases.serving.context(None, None).forecast
    scored, simulation = forecast.scored, forecast.simulation
    return [
        scored.x, scored.ever, scored.by_end, scored.pipeline.won_by, scored.pipeline.amounts,
        simulation.closed, simulation.open_draws, simulation.new_draws, simulation.odds, simulation.new_rate,
    ]  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from(PUSHES), min_size=1, max_size=3), min_size=1, max_size=2))
def test_answers_that_take_in_pushed_rows_are_those_of_the_whole_store(rounds: list[list[tuple[str, Any]]]):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_tables, "_FEW", 0)
        patch.setattr(state_maker, "as_of_instant", lambda *_: CLOCK)
        store = small_store(Path(folder) / "store.db")
        registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
        with store, opened(store, registry, Path(folder) / "one") as fresh:
            answers(fresh)
            now = CLOCK - 1800 * SECOND
            for number, pushes in enumerate(rounds):
                for table, row in pushes:
                    now += SECOND
                    write(store, table, row, now)
                before = fresh.serving.current()
                fresh.serving.refresh()
                state = fresh.serving.current()
                assert state.revision == store.revision()
                assert state is before or state.caches.renewable, "made from the state before"
                with opened(store, registry, Path(folder) / f"other{number}") as whole:
                    for one, other in zip(arrays(fresh), arrays(whole), strict=True):
                        np.testing.assert_array_equal(one, other, strict=True)
                    assert answers(fresh) == answers(whole)


def test_what_was_said_of_a_past_moment_stays_until_a_row_says_more_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(state_maker, "as_of_instant", lambda *_: CLOCK)
    simulated: list[int] = []

    def counted(*inputs: Any, **more: Any) -> Any:
        simulated.append(inputs[3])
        return simulate_period(*inputs, **more)

    monkeypatch.setattr(serving_state, "simulate_period", counted)
    store = small_store(tmp_path / "store.db")
    past = as_of_instant(PAST, TOKYO)
    with store, opened(store, FakeRegistry(fake_bundle(store.read(TOKYO))), tmp_path) as cases:
        serving = cases.serving
        revisions = []
        for number, (table, row, again) in enumerate(
            [
                ("deals", {"deal_id": "A1", "created_at": "2026-11-20T09:58", "stage": "提案"}, True),
                ("deals", {"deal_id": "A2", "created_at": "2026-11-20T09:58", "stage": "提案"}, False),
                ("deals", {"deal_id": "D5", "amount": 9e6}, False),
                (
                    "activities",
                    {"activity_id": "B1", "deal_id": "D4", "at": "2026-11-20", "kind": "call"},
                    False,
                ),
                ("people", {"person_id": "P1", "team_id": "T1", "name": "鈴木"}, False),
                (
                    "activities",
                    {"activity_id": "B2", "deal_id": "D4", "at": "2026-11-12", "kind": "call"},
                    True,
                ),
            ]
        ):
            write(store, table, row, CLOCK - 60 * SECOND + number)
            serving.refresh()
            serving.context(PAST, None)
            assert (past in simulated) == again, (table, row)
            simulated.clear()
            revisions.append(serving.current().revision_at(past))
        assert len(set(revisions[:-1])) == 1
        assert revisions[0] < revisions[-1] == serving.current().revision


def test_many_changes_of_the_past_are_told_apart_up_to_a_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state_maker, "_SETTLED", 3)
    settled = ((40, 5), (30, 4), (20, 3), (NEVER, 2))
    assert state_maker._at_most(settled) == ((40, 5), (30, 4), (NEVER, 3))
    assert state_maker._at_most(settled[:3]) == settled[:3]


def test_the_quarter_is_answered_before_anybody_asks_the_company_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(state_maker, "as_of_instant", lambda *_: CLOCK)
    monkeypatch.setattr(stored_answers, "_CALM_SECONDS", -1.0)
    store = small_store(tmp_path / "store.db")
    with store, opened(store, FakeRegistry(fake_bundle(store.read(TOKYO))), tmp_path) as cases:
        assert cases.answers is not None
        while cases.answers.renew() == 0.0:
            pass
        for lang in ("ja", "en"):
            for question in (
                questions.forecast(cases.forecasts, PERIOD, "company", None, lang),
                questions.kpis(cases.goals, PERIOD, "team:T1", None, lang),
                questions.people(cases.goals, "this-quarter", "company", None, lang),
                questions.actions(cases.recommendations, "company", None, None, None, 20, lang),
                questions.kpis(cases.goals, PERIOD, "person:P1", None, lang),
            ):
                assert cases.answers.stored(question) is not None, question
        write(store, "deals", {"deal_id": "D5", "amount": 9e6}, CLOCK - SECOND)
        cases.serving.refresh()
        assert cases.answers.stored(questions.kpis(cases.goals, PERIOD, "company", None, "ja")) is None
