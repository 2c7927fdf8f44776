"""Is the whole win model ever worse than its best part? Each base model alone, on deals that came later.

    python benchmarks/base_models.py FOLDER                      # all cases, one after another
    python benchmarks/base_models.py FOLDER "world 311" "loans 2011-12-01"
    python benchmarks/base_models.py FOLDER --beside OTHER       # and the whole of another version's run

A case is trained as of its cut-off and asked at regular moments (the weekly grid) after it, with horizons
drawn as in training, of which the outcome is known at the end of the log. Questions weigh the weeks that
their moment stands for. A base model alone has its own intercept and level, fitted on the same training rows.
FOLDER, outside the checkout, keeps one file per case; finished cases are not repeated. Differences are whole
minus part, with the 95 % interval over deals and times. Worlds 11 to 14 and all data before a cut-off served
development; worlds from 100 on judge.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from leakage_lists import bank_calls
from numpy.typing import NDArray
from real_logs import imported

from crm.eventlog import EventLog
from crm.instants import as_of_instant, end_of_day
from features import build_features, compile_history
from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.calibrating import each_alone
from models.win.model import WinModel
from simulator import WorldSettings, crm_tables, simulate
from training import metrics
from training.comparison import origin_of
from training.config import TrainConfig
from training.data import TrainingData
from training.stages import stage_names
from training.validation import Fitter, Validation, validate

TOKYO = ZoneInfo("Asia/Tokyo")
WORLD_END, WORLD_LATER, WORLD_DEALS = date(2026, 9, 30), timedelta(days=270), 3_000
WORLDS = (11, 12, 13, 14, 311, 312, 313)
WHOLE = "whole"
SHORT, LONG = "within 28 days", "beyond"


@dataclass(frozen=True)
class Trained:
    """A model as of a cut-off, what it was made of, and its validation."""

    model: WinModel
    data: TrainingData
    fitter: Fitter
    validation: Validation


@dataclass(frozen=True)
class Later:
    """Questions (m,) about deals after the cut-off: `x` has the used features only."""

    x: Floats
    at: Ints
    horizon: Floats
    won: Floats
    weight: Floats
    deal: Ints


def cases() -> dict[str, Callable[[], tuple[EventLog, int]]]:
    """The log of each case and its cut-off."""

    def loans(day: str) -> tuple[EventLog, int]:
        log = imported("loan_applications")
        return log, as_of_instant(day, log.zone)

    def calls(day: str) -> tuple[EventLog, int]:
        log = bank_calls()
        return log, as_of_instant(day, log.zone)

    found: dict[str, Callable[[], tuple[EventLog, int]]] = {}
    for day in ("2011-11-24", "2011-12-01"):
        found[f"loans {day}"] = partial(loans, day)
    for day in ("2008-07-15", "2008-08-15"):
        found[f"calls {day}"] = partial(calls, day)
    for seed in WORLDS:
        found[f"world {seed}"] = partial(world, seed)
    return found


def world(seed: int) -> tuple[EventLog, int]:
    """A simulated world, cut nine months before its end."""
    settings = WorldSettings(deals=WORLD_DEALS, seed=seed, end=WORLD_END)
    return EventLog.of(crm_tables(simulate(settings)), TOKYO), end_of_day(WORLD_END - WORLD_LATER, TOKYO)


def trained(log: EventLog, cut: int) -> Trained:
    """The win model as `training.fit` makes it."""
    config = TrainConfig(threads=1)
    data = TrainingData.of(log, cut, config)
    fitter = Fitter.of(data, config)
    validation = validate(fitter, data.as_of, len(data.snapshots.outcomes), stage_names(data.history))
    model = fitter.fit(fitter.rows, fitter.choice.chosen, 3, validation.stacks)
    return Trained(model, data, fitter, validation)


def later_questions(log: EventLog, made: Trained, cut: int) -> Later:
    """The regular moments after the cut-off, with the features as the model's history reads them."""
    end = int(max(log["deals"]["created_at"].max().value, log["deal_events"]["at"].max().value)) // 1000 + 1
    rows: SnapshotRows = TrainingData.of(log, end, TrainConfig(threads=1)).snapshots.rows
    use = rows.regular & (rows.at >= cut)
    rows = rows.where(use)
    history = compile_history(log, made.data.history.calendar, made.data.history.levels)
    x = build_features(history, rows.deal, rows.at)
    names = [feature.name for feature in history.features]
    columns = [names.index(made.data.history.features[index].name) for index in made.model.used]
    horizon = np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
    return Later(
        x[rows.row][:, columns], rows.question_at, horizon, rows.won, rows.question_weight, rows.question_deal
    )


def said(model: WinModel, later: Later) -> Floats:
    """Chances (m,) of the questions, of which the used features are given."""
    everything = np.full((len(later.x), int(model.used.max()) + 1), np.nan)
    everything[:, model.used] = later.x
    return model.won_by(everything, later.at, later.horizon)


def run(name: str, file: Path) -> None:
    """One case, kept in its file."""
    log, cut = cases()[name]()
    made = trained(log, cut)
    later = later_questions(log, made, cut)
    alone = each_alone(made.model, made.fitter.rows, np.random.default_rng(0))
    chances = {WHOLE: said(made.model, later), **{part: said(one, later) for part, one in alone.items()}}
    stack = made.model.won.stack
    kept: dict[str, Any] = {f"chance.{part}": chance for part, chance in chances.items()}
    kept |= {name: value for name, value in vars(later).items() if name != "x"}
    np.savez(file, weights=np.stack([stack.quiet.weights, stack.fresh.weights]), **kept)


def show(name: str, kept: dict[str, NDArray[Any]], before: dict[str, NDArray[Any]]) -> None:
    """The log loss of the whole and of each part, and their paired differences."""
    won, deal, weight, origin = kept["won"], kept["deal"], kept["weight"], origin_of(kept["at"])
    chances = {key.removeprefix("chance."): kept[key] for key in kept if key.startswith("chance.")}
    if before and len(before["won"]) == len(won):
        chances["whole, beside"] = before["chance.whole"]
    whole = metrics.log_losses(chances[WHOLE], won)
    quiet, fresh = kept["weights"].round(2).tolist()
    print(f"{name}: {len(won)} questions of {len(np.unique(deal))} deals; weights {quiet}, fresh {fresh}")
    for part, chance in chances.items():
        losses, line = metrics.log_losses(chance, won), ""
        if part != WHOLE:
            gap = metrics.paired_difference(
                whole, losses, deal, np.random.default_rng(0), weight, origin=origin
            )
            line = f"  whole minus it {gap.mean:+.4f} [{gap.lo:+.4f}, {gap.hi:+.4f}]"
            line += "  WORSE" if gap.lo > 0 else ""
        near = kept["horizon"] <= 28.0
        bands = [
            f"{label} {np.average(losses[band], weights=weight[band]):.4f}"
            for label, band in ((SHORT, near), (LONG, ~near))
            if band.any()
        ]
        mean = np.average(chance, weights=weight)
        print(
            f"  {part:14s} {np.average(losses, weights=weight):.4f} ({', '.join(bands)}; "
            f"says {mean:.3f} of {np.average(won, weights=weight):.3f}){line}"
        )


def main() -> None:
    """Run what is missing, then print all that is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where results are kept, outside the checkout")
    parser.add_argument("cases", nargs="*", help="which cases; all without any")
    parser.add_argument("--beside", type=Path, help="the folder of another version's run")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.cases or cases():
        file = options.folder / f"{name}.npz"
        if not file.exists():
            run(name, file)
        other = options.beside / f"{name}.npz" if options.beside else None
        before = dict(np.load(other)) if other and other.exists() else {}
        show(name, dict(np.load(file)), before)


if __name__ == "__main__":
    main()
