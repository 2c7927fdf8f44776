"""How does a log become the model in service: train, size the shared shocks, register, judge, promote?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog
from sancho.crm.text import SanchoError, Text
from sancho.features import build, compile_history
from sancho.models.bundle import Bundle
from sancho.training.config import TrainConfig
from sancho.training.fit import Progress, train
from sancho.training.gate import Verdict, judge
from sancho.training.registry import ModelInfo, Registry
from sancho.training.report import Report
from sancho.training.score import feature_columns
from sancho.training.shocks import with_common_factors

Floats = NDArray[np.float64]


def train_and_promote(
    log: EventLog,
    as_of: int,
    config: TrainConfig,
    registry: Registry,
    fingerprint: str = "",
    progress: Progress | None = None,
) -> tuple[ModelInfo, Verdict, Report]:
    """A new registered version, the gate's verdict, and the report; promoted where the gate lets it pass."""
    bundle, report = train(log, as_of, config, progress)
    if progress is not None:
        progress(Text("共通変動の大きさを推定しています", "Sizing what deals share"), 0.9)
    bundle = with_common_factors(bundle, log, as_of, config)
    if progress is not None:
        progress(Text("登録しています", "Registering"), 0.95)
    info = registry.log_and_register(bundle, report, fingerprint)
    verdict = _judged(report, log, _champion(registry), config)
    if verdict.promote:
        info = registry.promote(info.version, verdict)
    else:
        registry.note(info.version, verdict)
    return info, verdict, report


def _champion(registry: Registry) -> Bundle | None:
    try:
        return registry.load()[0]
    except SanchoError as fault:
        if fault.code in ("no_model", "model_format"):
            return None
        raise


def _judged(report: Report, log: EventLog, champion: Bundle | None, config: TrainConfig) -> Verdict:
    """The verdict on later deals; beside the champion, only on moments that neither has learned from.

    A champion younger than the fold's own cut-off has seen more than the fold's model: then no comparison is
    fair, and the challenger, which has seen more than either, need only be calibrated.
    """
    rng = np.random.default_rng((config.seed, 5))
    if report.later is None or report.later_chance is None:
        none, nobody = np.zeros(0), np.zeros(0, np.int64)
        return judge(none, none, none, nobody, None if champion is None else none, none > 0, rng)
    rows, chance = report.later.valid, report.later_chance
    theirs, fair = None, np.zeros(len(chance), bool)
    if champion is not None:
        if champion.as_of <= report.later.train_until:
            fair = rows.question_at >= champion.as_of
        # "Ever" is a horizon of each model's own.
        horizon = np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
        ask = _chances(champion, log.as_of(report.as_of), rows.deal, rows.at)
        theirs = ask(rows.row, rows.question_at, horizon)
    return judge(chance, rows.won, rows.question_weight, rows.question_deal, theirs, fair, rng)


def _chances(model: Bundle, past: EventLog, deal: NDArray[np.int64], at: NDArray[np.int64]):  # type: ignore[no-untyped-def]
    """How a model answers questions about moments (n,) of deals (n,), with features of its own."""
    history = compile_history(past, model.calendar, model.levels)
    x = build(history, deal, at)[:, feature_columns(model, history)]

    def ask(row: NDArray[np.int64], moment: NDArray[np.int64], horizon: Floats) -> Floats:
        return model.win.won_by(x[row], moment, horizon)

    return ask
