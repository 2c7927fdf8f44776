"""How does a log become the model in service: train, size the shared shocks, register, decide, promote?"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from features import build_features, compile_history
from models.bundle import Bundle
from models.scoring import feature_columns
from models.snapshot_rows import SnapshotRows
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import Progress, TrainingData
from training.executor import IN_PROCESS, Executor
from training.fit import train_on
from training.promotion_gate import GateDecision, decide, superseded, too_slow
from training.registry import ModelVersion, Registry
from training.report import Report

Floats = NDArray[np.float64]


def train_and_promote(
    log: EventLog,
    as_of: int,
    config: TrainConfig,
    registry: Registry,
    fingerprint: str = "",
    progress: Progress | None = None,
    work: Executor = IN_PROCESS,
) -> tuple[ModelVersion, GateDecision, Report]:
    """A new registered version, the gate's decision, and the report; promoted where the gate lets it pass.

    The decision is about the champion that was in service as the training began: where another has taken its
    place meanwhile, nothing is promoted. Nor where the registry cannot say which one is in service.
    """
    seen = registry.champion()
    champion = None if seen is None else _readable(registry, seen.version)
    data = TrainingData.of(log, as_of, config, progress, work)
    bundle, report = train_on(data, config, progress, None if champion is None else champion.as_of, work)
    if progress is not None:
        progress(Text("共通変動の大きさを推定しています", "Sizing what deals share"), 0.9)
    bundle = with_common_factors(bundle, data, config)
    if progress is not None:
        progress(Text("登録しています", "Registering"), 0.95)
    info = registry.log_and_register(bundle, report, fingerprint)
    challenger, _ = registry.load(info.version)
    challenger.check()  # what was stored scores the kept rows as the model made it did
    late = None if champion is None else too_slow(milliseconds(challenger), milliseconds(champion))
    decision = late or _judged(report, log, champion, config)
    with registry.champion_lock():
        current = registry.champion()
        if decision.promote and current is not None and (seen is None or current.version != seen.version):
            decision = superseded(current.version)
        if decision.promote:
            info = registry.promote(info.version, decision)
        else:
            registry.record_decision(info.version, decision)
    return info, decision, report


def put_in_service(registry: Registry, version: str) -> ModelVersion:
    """Makes a version the champion, once its kept rows have scored as in training; twice changes nothing."""
    registry.load(version)[0].check()  # a new model proves itself before the old one goes
    return registry.promote(version)


def roll_back(registry: Registry, from_version: str | None = None) -> ModelVersion:
    """From `from_version` (None: the champion as the call begins) back to the champion before, proven alike.

    The champion as it is afterwards; nothing happens where `from_version` is no longer the champion, so that
    of several calls about one version only the first goes back.
    """
    seen = registry.champion()
    if seen is not None and from_version is not None and seen.version != from_version:
        return seen
    with registry.champion_lock():
        current = registry.champion()
        if seen is None or current is None or current.version == seen.version:
            registry.load(registry.previous_champion())[0].check()
        return registry.rollback(None if seen is None else seen.version)


def milliseconds(bundle: Bundle) -> float:
    """How long a model takes for one of its kept rows, the median over them; caches warm."""
    kept, took = bundle.self_check, []
    for row in [0, *range(len(kept.at))]:
        began = time.perf_counter()
        bundle.win.won_by(kept.x[row : row + 1], kept.at[row : row + 1], kept.horizon[row : row + 1])
        took.append(1e3 * (time.perf_counter() - began))
    return float(np.median(took[1:])) if len(took) > 1 else 0.0


def _readable(registry: Registry, version: str) -> Bundle | None:
    """A version's model, None where another version of the format stored it: nothing can be compared."""
    try:
        return registry.load(version)[0]
    except SanchoError as fault:
        if fault.code == "model_format":
            return None
        raise


def _judged(report: Report, log: EventLog, champion: Bundle | None, config: TrainConfig) -> GateDecision:
    """The decision on later deals; beside the champion, only on moments that neither has learned from.

    A champion younger than the fold's own cut-off has seen more than the fold's model: then it is held
    against one made when it was, of the same data, on what came after.
    """
    rng = np.random.default_rng((config.seed, 5))
    if report.validation_fold is None or report.validation_chance is None:
        none, nobody = np.zeros(0), np.zeros(0, np.int64)
        return decide(none, none, none, nobody, None if champion is None else none, none > 0, rng)
    sets, ours = [report.validation_fold.valid], [report.validation_chance]
    if report.champion_refit is not None:
        sets, ours = [*sets, report.champion_refit[0].valid], [*ours, report.champion_refit[1]]
    outcome = np.concatenate([rows.won for rows in sets])
    weight = np.concatenate([rows.question_weight for rows in sets])
    deal = np.concatenate([rows.question_deal for rows in sets])
    theirs, fair = None, np.zeros(len(outcome), bool)
    if champion is not None:
        theirs = _chances(champion, log.as_of(report.as_of), sets)
        then = (
            report.validation_fold.train_until
            if report.champion_refit is None
            else report.champion_refit[0].train_until
        )
        if champion.as_of <= then:
            fair[-len(ours[-1]) :] = sets[-1].question_at >= champion.as_of
    return decide(np.concatenate(ours), outcome, weight, deal, theirs, fair, rng)


def _chances(model: Bundle, past: EventLog, sets: Sequence[SnapshotRows]) -> Floats:
    """How a model answers the questions of sets of rows, with features of its own, one set after another."""
    history = compile_history(past, model.calendar, model.levels)
    columns, answers = feature_columns(model, history), []
    for rows in sets:
        x = build_features(history, rows.deal, rows.at)[:, columns]
        # "Ever" is a horizon of each model's own.
        horizon = np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
        answers.append(model.win.won_by(x[rows.row], rows.question_at, horizon))
    return np.concatenate(answers)
