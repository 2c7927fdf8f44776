"""Is the past of a log compiled and its features computed once, however often snapshots are drawn from it?"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import DAY, as_of_instant
from features import compile_history
from models.snapshot_rows import drawn_wins
from simulator import WorldSettings, crm_tables, simulate
from training import data as training_data
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import Snapshots, TrainingData, draw_snapshots
from training.executor import Executor
from training.fit import train_on

TOKYO = ZoneInfo("Asia/Tokyo")
SMALL = TrainConfig(trees=2)
AS_OF = as_of_instant("2026-08-31", TOKYO)


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.of(crm_tables(simulate(WorldSettings(deals=300, seed=5, end=date(2026, 9, 30)))), TOKYO)


@pytest.fixture(scope="module")
def data(log: EventLog) -> TrainingData:
    return TrainingData.of(log, AS_OF, SMALL)


def refuse(*_: object) -> np.ndarray:
    raise AssertionError("features are computed again")


def assert_same(one: Snapshots, other: Snapshots) -> None:
    assert (one.cycle, one.complete) == (other.cycle, other.complete)
    for field in fields(one.rows):
        np.testing.assert_array_equal(getattr(one.rows, field.name), getattr(other.rows, field.name))


@pytest.mark.parametrize("config", [replace(SMALL, questions=1), replace(SMALL, max_moments=500)])
def test_snapshots_drawn_from_known_ones_are_those_drawn_from_the_history(
    data: TrainingData, config: TrainConfig
):
    assert data.snapshots.complete
    fresh = draw_snapshots(data.past, data.history, AS_OF, config, np.random.default_rng(3))
    known = draw_snapshots(
        data.past,
        data.history,
        AS_OF,
        config,
        np.random.default_rng(3),
        Executor(features=refuse),
        reuse=data.snapshots,
    )
    assert_same(known, fresh)
    assert fresh.complete == (config.max_moments == 0)


def test_snapshots_that_are_a_sample_are_no_source_of_others(data: TrainingData):
    rng = np.random.default_rng
    sample = draw_snapshots(data.past, data.history, AS_OF, replace(SMALL, max_moments=500), rng(3))
    again = draw_snapshots(data.past, data.history, AS_OF, SMALL, rng(4), reuse=sample)
    assert_same(again, draw_snapshots(data.past, data.history, AS_OF, SMALL, rng(4)))


def test_a_training_and_its_common_factors_compile_the_past_once(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
):
    calls = []

    def counted(*given: object) -> object:
        calls.append(given)
        return compile_history(*given)

    monkeypatch.setattr(training_data, "compile_history", counted)
    made = TrainingData.of(log, AS_OF, SMALL)
    bundle, report = train_on(made, SMALL)
    assert with_common_factors(bundle, made, SMALL) is not bundle
    assert len(calls) == 1
    assert list(report.seconds)[:2] == ["Compiling histories", "Computing features of past moments"]


def test_the_generator_starts_at_the_same_place_at_every_call(data: TrainingData):
    assert data.generator().random(3).tolist() == data.generator().random(3).tolist()


def test_an_empty_past_is_refused_before_anything_is_compiled(log: EventLog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training_data, "compile_history", refuse)
    with pytest.raises(SanchoError, match="no deals to train on"):
        TrainingData.of(log, as_of_instant("2001-01-01", TOKYO), SMALL)


DAYS, FOLD = 400, 200  # of the made-up log, and the day of a fold's cut-off in it


@pytest.fixture(scope="module")
def calls() -> EventLog:
    """Five kinds of deals, one of each every other day until the fold, with a call a week while they live.

    They (0) close after 20 days; (1) are called for ever; (2) are heard of no more after ten days; (3) not
    after the fold; (4) not after ten days, until they are lost in the end. One is won late, before the fold.
    """
    start = pd.Timestamp("2025-01-01", tz=TOKYO)
    kinds = [(kind, first) for first in range(0, FOLD, 2) for kind in range(5)]
    deals, activities = [], []
    for kind, first in [*kinds, (5, 0)]:
        last = (first + 20, DAYS, first + 10, FOLD, first + 10, 120)[kind]
        closed = {0: last, 4: DAYS - 5, 5: last}.get(kind)
        outcome = None if closed is None else "lost" if kind == 4 or first % 10 == 4 else "won"
        deals.append(
            {
                "deal_id": f"{kind}-{first}",
                "created_at": start + pd.Timedelta(days=first),
                "stage": {None: "初回訪問", "won": "受注", "lost": "失注"}[outcome],
                "closed_at": pd.NaT if closed is None else start + pd.Timedelta(days=closed),
                "outcome": outcome,
            }
        )
        activities += [
            {"at": start + pd.Timedelta(days=day, hours=1), "deal_id": f"{kind}-{first}", "kind": "call"}
            for day in range(first, last, 7)
        ]
    stages = {"stage": ["初回訪問", "受注", "失注"], "position": [1, 2, 3], "outcome": [None, "won", "lost"]}
    calls = pd.DataFrame(activities).assign(direction="out")
    calls["activity_id"] = [str(number) for number in range(len(calls))]
    tables = {
        "stages": pd.DataFrame({**stages, "kpi": [None] * 3}),
        "deals": pd.DataFrame(deals),
        "activities": calls,
    }
    return EventLog.of(tables, TOKYO)


def test_whether_a_deal_was_abandoned_at_a_fold_is_told_by_what_was_known_then(calls: EventLog) -> None:
    """What became of a deal after a fold's cut-off, even that no more was heard of it, is in no label."""
    start = pd.Timestamp("2025-01-01", tz=TOKYO)
    end, cut = (int((start + pd.Timedelta(days=days)).timestamp()) * 1_000_000 for days in (DAYS, FOLD))
    found = TrainingData.of(calls, end, SMALL)
    known = found.snapshots.rows.known_at(cut)
    ever = (known.horizon == known.ever_days) & ((cut - known.question_at) / DAY > 60)
    kind = found.history.deal_ids[known.question_deal].str[0].to_numpy()
    silent, alive = (ever & np.isin(kind, kinds) for kinds in (["2", "4"], ["1", "3"]))
    assert min(silent.sum(), alive.sum()) > 100
    assert not known.won[silent].any()
    # One of the deals had closed so late, and was won: with one loss more, half of those alive are won.
    assert known.won[alive].tolist() == drawn_wins(known.question_deal[alive], 0.5).tolist()
    assert 0.4 < known.won[alive].mean() < 0.6


def test_labels_as_known_at_the_cut_off_itself_are_those_of_the_training(data: TrainingData) -> None:
    rows = data.snapshots.rows
    assert rows.known_at(AS_OF).won.tolist() == rows.won.tolist()
    once = rows.known_at(AS_OF - 100 * DAY)
    assert once.known_at(AS_OF - 100 * DAY).won.tolist() == once.won.tolist()
