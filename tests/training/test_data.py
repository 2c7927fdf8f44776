"""Is the past of a log compiled and its features computed once, however often snapshots are drawn from it?"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import as_of_instant
from features import compile_history
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
