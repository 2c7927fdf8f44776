"""How does a log become the model in service: train, register, compare with the champion, promote?"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from models.bundle import Bundle
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import Progress, TrainingData
from training.executor import IN_PROCESS, Executor
from training.fit import train_on, with_table_only
from training.mlflow_connection import UNAVAILABLE
from training.promotion_gate import (
    GateDecision,
    decide,
    decide_first,
    held_back,
    not_learned,
    too_slow,
    worse_than_table,
)
from training.register import register_or_keep
from training.registry import ModelVersion, Registry
from training.report import Report
from training.training_record import TrainingRecord
from training.waiting_models import Verdict


def train_and_promote(
    log: EventLog,
    as_of: int,
    config: TrainConfig,
    registry: Registry,
    fingerprint: str = "",
    progress: Progress | None = None,
    executor: Executor = IN_PROCESS,
    promote: bool = True,
) -> tuple[ModelVersion, GateDecision, Report]:
    """A new registered version, the gate's decision on it, and the report; promoted if the gate allows it.

    The new model is compared with the champion at the start of the training. Where another version became the
    champion during the training, or where the registry could not say which one it is, nothing is promoted;
    nor without `promote`. Where the registry cannot be used in the end, the model waits in the home to be
    registered (`register_waiting`), and the error is `model_waiting`.
    """
    champion_version, champion, asked = _in_service(registry, progress)
    data = TrainingData.of(log, as_of, config, progress, executor)
    if champion is not None and champion.currency != data.past.organisation.currency:
        champion = None  # it cannot answer any more: its amounts are in another currency
    bundle, report = train_on(data, config, progress, champion, executor)
    if progress is not None:
        progress(Text("共通変動の大きさを推定しています", "Estimating the common factors"), 0.9)
    bundle, decision = gate(with_common_factors(bundle, data, config), report, champion)
    if progress is not None:
        progress(Text("登録しています", "Registering"), 0.95)
    refusal = (
        None if champion is None else too_slow(scoring_milliseconds(bundle), scoring_milliseconds(champion))
    )
    decision = refusal or decision
    verdict = Verdict(decision if promote else held_back(decision), champion_version, asked)
    record = TrainingRecord.of(bundle, report, fingerprint)
    info, decision = register_or_keep(registry, bundle, record, verdict)
    return info, decision, report


def put_in_service(registry: Registry, version: str, by: str = "", because: str = "") -> ModelVersion:
    """Makes a version the champion if it scores its kept rows as in training; idempotent.

    `by` and `because`, who decided so and why, are recorded on it.
    """
    registry.load(version)[0].check()
    return registry.promote(version, by=by, because=because)


def put_in_shadow(registry: Registry, version: str) -> ModelVersion:
    """Lets a version answer beside the champion without being shown, if it scores as in training.

    The champion itself cannot be its own shadow.
    """
    bundle, info = registry.load(version)
    bundle.check()
    if info.champion:
        raise SanchoError(_IS_CHAMPION.format(v=info.version), "is_champion")
    registry.set_shadow(info.version)
    return replace(info, shadow=True)


_IS_CHAMPION = Text(
    "バージョン{v}は使用中です。シャドーには別のバージョンを指定してください（sancho models list）。",
    "Version {v} is the one in service; let another one answer beside it (sancho models list).",
)


def roll_back(registry: Registry, from_version: str | None = None) -> ModelVersion:
    """Replaces `from_version` (None: the champion at the start of the call) by the champion before it.

    That one must score its kept rows as in training. Returns the champion after the call. Nothing changes
    where `from_version` is no longer the champion, so of several calls for one version only the first has an
    effect.
    """
    at_start = registry.champion()
    if at_start is not None and from_version is not None and at_start.version != from_version:
        return at_start
    with registry.champion_lock():
        current = registry.champion()
        if at_start is None or current is None or current.version == at_start.version:
            registry.load(registry.previous_champion())[0].check()
        return registry.rollback(None if at_start is None else at_start.version)


def scoring_milliseconds(bundle: Bundle) -> float:
    """The median time, in milliseconds, that a model takes to score one of its kept rows; caches warm."""
    kept, times = bundle.self_check, []
    for row in [0, *range(len(kept.at))]:
        began = time.perf_counter()
        bundle.win.won_by(kept.x[row : row + 1], kept.at[row : row + 1], kept.horizon[row : row + 1])
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times[1:])) if len(times) > 1 else 0.0


def _in_service(registry: Registry, progress: Progress | None) -> tuple[str | None, Bundle | None, bool]:
    """The champion's version and model, and whether one can be compared with what is in service now.

    The model is None where there is no champion, or one in another format, which cannot be compared. Where
    the registry cannot be used it is the copy of the one last in service here.
    """
    try:
        champion = registry.champion()
        return (
            (None, None, True)
            if champion is None
            else (champion.version, _readable(registry, champion), True)
        )
    except SanchoError as fault:
        if fault.code != UNAVAILABLE:
            raise
        if progress is not None:
            progress(fault.text, 0.0)
            progress(_TRAINS_ALL_THE_SAME, 0.0)
    last = registry.last_champion()
    return (None, None, False) if last is None else (last[1].version, last[0], True)


_TRAINS_ALL_THE_SAME = Text(
    "学習は続けます。登録できなければ、モデルをデータフォルダーに保存します",
    "Training all the same: if the model cannot be registered, it is kept in the data folder",
)


def _readable(registry: Registry, champion: ModelVersion) -> Bundle | None:
    """A version's model; None where it is stored in another format and cannot be compared."""
    try:
        return registry.load(champion.version)[0]
    except SanchoError as fault:
        if fault.code == "model_format":
            return None
        raise


def gate(bundle: Bundle, report: Report, champion: Bundle | None) -> tuple[Bundle, GateDecision]:
    """What would answer, and the gate's decision on it, against the model in service.

    Where no learned model is in service, the stage table answers unless the new model is shown to be no worse
    than it; the model that is returned then holds that table.
    """
    newer = champion is None or bundle.as_of >= champion.as_of
    if champion is None or (champion.win.is_table and newer):
        if bundle.win.is_table:
            return bundle, not_learned(bundle.win.closed_deals, promote=True)
        first = decide_first(report.proof)
        return (with_table_only(bundle, report) if first.table_only else bundle), first.decision
    if newer and bundle.win.is_table:
        return bundle, not_learned(bundle.win.closed_deals, promote=False)
    if report.proof is not None and report.proof.verdict == "worse":
        return bundle, worse_than_table(report.proof)
    same_recipe = champion.recipe in ("", bundle.recipe)  # "": stored before recipes were
    return bundle, decide(report.against_champion, same_recipe=same_recipe, newer=newer)
