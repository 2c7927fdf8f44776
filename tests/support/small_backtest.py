"""Which backtest do the tests of its parts look at? One of a small world, made once for all processes."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from crm.eventlog import EventLog
from models.snapshot_rows import SnapshotRows
from simulator import WorldSettings, crm_tables, simulate
from tests.support.made_once import once
from training import baselines
from training.backtest import Backtest, backtest
from training.baselines import panel
from training.config import TrainConfig

TOKYO = ZoneInfo("Asia/Tokyo")
SMALL = TrainConfig(trees=20, leaves=8, max_moments=6_000, max_questions=8_000, threads=1)
WEEKS = (4, 12)


class SmallBacktest(NamedTuple):
    """The backtest, and how many moments the baselines of each fold learned from."""

    found: Backtest
    panels: list[int]


def small_log() -> EventLog:
    """The world that is asked about."""
    world = simulate(WorldSettings(deals=900, seed=5, end=date(2026, 3, 31), days=820))
    return EventLog.of(crm_tables(world), TOKYO)


def small_backtest(shared: Path) -> SmallBacktest:
    """The backtest of the world; `shared` is the folder of all processes."""
    with once(shared / "backtest.pickle", _make).open("rb") as file:
        kept: SmallBacktest = pickle.load(file)
    return kept


def _make(file: Path) -> None:
    panels = []

    def counted(*given: Any) -> SnapshotRows:
        rows = panel(*given)
        panels.append(len(rows.at))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "panel", counted)
        found = backtest(small_log(), SMALL, periods=2, weeks=WEEKS, last_day=date(2025, 9, 30))
    file.write_bytes(pickle.dumps(SmallBacktest(found, panels)))
