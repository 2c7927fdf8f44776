"""What data is a training based on? The past of a log, compiled once, and the snapshots drawn from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import DAY
from features import Calendar, History, change_moments, compile_history
from models.snapshot_rows import Silence, SnapshotRows
from training.config import TrainConfig, max_rows
from training.executor import IN_PROCESS, Executor
from training.leakage import Screening
from training.log_age import QUIET_DAYS, newest_deal_record
from training.silence import SignsOfLife
from training.snapshots import Cycle, DealOutcomes, cycle_of, deal_outcomes, draw_horizons, make_rows

Progress = Callable[[Text, float], None]


@dataclass(frozen=True)
class Snapshots:
    """The training rows of a history, with the deal outcomes and the sales cycle that they depend on.

    `complete`: every moment at which a deal changed has a row; otherwise they are a random sample.
    """

    rows: SnapshotRows
    cycle: Cycle
    outcomes: DealOutcomes
    complete: bool


@dataclass(frozen=True)
class TrainingData:
    """A log as of a cut-off: its past, the compiled history and the snapshots to train on.

    Computed once and shared by validation, fitting, common factors and the baselines of a backtest. `as_of`
    is in microseconds UTC: the moment that was asked for or, where nothing was recorded for weeks before it
    although deals were open, the end of the records: that nothing is known of a deal after it does not mean
    that nothing happened. `seconds` is the time taken, by step; `screened` keeps what the screens for leaks
    have found, by the day until which they looked and the columns that were vouched for.
    """

    past: EventLog
    history: History
    snapshots: Snapshots
    as_of: int
    seconds: Mapping[str, float] = field(repr=False)
    _random_state: Mapping[str, Any] = field(repr=False)
    screened: dict[tuple[int, tuple[str, ...]], Screening] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        log: EventLog,
        as_of: int,
        config: TrainConfig,
        progress: Progress | None = None,
        executor: Executor = IN_PROCESS,
    ) -> TrainingData:
        """Compiles what was known at `as_of` and draws the snapshots; `executor` computes their features."""
        step = Steps(progress)
        step(Text("商談の履歴を読み込んでいます", "Compiling histories"), 0.0)
        past = log.as_of(as_of)
        _refuse_an_empty_log(past)
        newest = newest_deal_record(past, as_of)
        if as_of - newest > QUIET_DAYS * DAY and past["deals"]["closed_at"].isna().any():
            as_of = newest + 1
            past = past.as_of(as_of)
        calendar = Calendar.of_organisation(past.organisation)
        history = compile_history(past, calendar)
        step(Text("過去の時点の特徴量を計算しています", "Computing features of past moments"), 0.1)
        rng = np.random.default_rng(config.seed)
        snapshots = draw_snapshots(past, history, as_of, config, rng, executor)
        step.end()
        return cls(past, history, snapshots, as_of, step.seconds, rng.bit_generator.state)

    def generator(self) -> np.random.Generator:
        """A generator in the state in which drawing the snapshots left it; the same at every call."""
        rng = np.random.default_rng()
        rng.bit_generator.state = self._random_state
        return rng


def draw_snapshots(
    past: EventLog,
    history: History,
    as_of: int,
    config: TrainConfig,
    rng: np.random.Generator,
    executor: Executor = IN_PROCESS,
    reuse: Snapshots | None = None,
) -> Snapshots:
    """Training rows of all deals: moments, features, horizons and outcomes.

    `reuse`: snapshots of the same history; where they are complete, their features are reused.
    """
    if reuse is None:
        outcomes = deal_outcomes(past, history)
        cycle = cycle_of(outcomes, as_of)
        silence: Silence | None = SignsOfLife.of(past, history, outcomes, as_of)
    else:
        outcomes, cycle, silence = reuse.outcomes, reuse.cycle, reuse.rows.silence
    computed = reuse.rows if reuse is not None and reuse.complete else None
    deal, at = change_moments(history, as_of) if computed is None else (computed.deal, computed.at)
    x = None if computed is None else computed.x
    most = config.max_moments or max_rows(len(outcomes))
    complete = len(deal) <= most
    if not complete:
        sample = np.sort(rng.choice(len(deal), most, replace=False))
        deal, at = deal[sample], at[sample]
        x = None if x is None else x[sample]
    if x is None:
        x = executor.features(history, deal, at)
    calendar = history.calendar
    to_quarter_end = (calendar.start_of(calendar.quarter_end[calendar.day_of(at)] + 1) - at) / DAY
    questions = draw_horizons(at, as_of, to_quarter_end, cycle, config.questions, rng)
    rows = make_rows(outcomes, deal, at, x, questions, cycle, as_of)
    return Snapshots(replace(rows, silence=silence), cycle, outcomes, complete)


def _refuse_an_empty_log(past: EventLog) -> None:
    if len(past["deals"]):
        return
    raise SanchoError(
        Text(
            "学習に使える商談がありません。"
            "sancho import で商談を取り込むか、--as-of の日付を確認してください。",
            "There are no deals to train on at this time; import some (sancho import) or check --as-of.",
        ),
        "no_deals",
    )


class Steps:
    """Reports the progress of a training and keeps the seconds of each step."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._last: tuple[str, float] | None = None

    def __call__(self, text: Text, share: float) -> None:
        """Starts a step; `share` is the part of the training that is done."""
        self.end()
        self._last = (text.en, time.perf_counter())
        if self._progress is not None:
            self._progress(text, share)

    def end(self) -> None:
        """Ends the present step."""
        if self._last is not None:
            name, began = self._last
            self.seconds[name] = round(time.perf_counter() - began, 3)
            self._last = None
