"""How is the model in service replaced: trained on the store when it is due, registered, promoted?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from service.settings import Settings
    from training.config import TrainConfig
    from training.data_quality import DataFinding
    from training.monitoring import MonitoringReport
    from training.promotion_gate import GateDecision
    from training.registry import ModelVersion

Step = Callable[[Text, int, int | None], None]
_PARTS = 1000  # into which a whole is cut to tell how much of it is done
_AGAIN_DAYS = 28  # after a training whose model was not taken


def train_and_register(
    settings: Settings,
    as_of: str | None,
    step: Step,
    dask: str | None = None,
    promote: bool = True,
    with_shares: bool = False,
) -> tuple[ModelVersion, GateDecision, list[DataFinding]]:
    """A new version of the model, the gate's decision on it, and what the data had and lacked.

    `with_shares`: each step says how much of the whole training is done, else that it has begun.
    """
    from features import Calendar
    from service.executor import workers
    from service.organisation import open_registry, open_store
    from training.executor import IN_PROCESS
    from training.promote import train_and_promote

    reading = Text("データを読み込んでいます", "Reading the data")
    with open_store(settings) as store:
        step(reading, 0, 1)
        log, fingerprint = store.read(), store.fingerprint()
        step(reading, 1, 1)
    registry = open_registry(settings)

    def tell(what: Text, share: float) -> None:
        step(what, *(of_whole(share) if with_shares else (0, None)))

    moment = log.instant(as_of)
    config = train_config(settings)
    with workers(dask, settings, log) as found:
        calendar = Calendar.of_organisation(log.organisations.at(moment))
        work = IN_PROCESS if found is None else found.executor(moment, calendar)
        info, decision, report = train_and_promote(
            log, moment, config, registry, fingerprint, tell, work, promote
        )
    return info, decision, report.findings


def of_whole(share: float) -> tuple[int, int]:
    """A share of a whole as a step tells it: so much of so much.

    >>> of_whole(0.3)
    (300, 1000)
    """
    return round(_PARTS * share), _PARTS


def watched(settings: Settings, as_of: str | None = None) -> MonitoringReport | None:
    """How the model in service has done up to a moment; None where there is none that can be used."""
    from features import compile_history
    from service.organisation import open_store, reasons_to_retrain
    from training.mlflow_connection import UNAVAILABLE
    from training.monitoring import monitor
    from training.registry import Registry

    registry = Registry(settings.home)
    try:
        bundle, _ = registry.load()
    except SanchoError as fault:
        if fault.code in ("no_model", "model_format"):
            return None
        last = registry.last_champion() if fault.code == UNAVAILABLE else None
        if last is None:
            raise
        bundle = last[0]
    with open_store(settings) as store:
        whole = store.read()
    moment = whole.instant(as_of)
    log = whole.as_of(moment)
    changed = reasons_to_retrain(bundle, log.organisation)
    history = compile_history(log, bundle.calendar, bundle.levels)
    return monitor(bundle, history, moment, zone=log.zone, reasons=changed)


def needed_training(settings: Settings, as_of: str | None = None) -> Text | None:
    """Why no training is needed now; None where one is."""
    seen = watched(settings, as_of)
    if seen is None:
        return None
    recent = recent_model(settings, seen.now) if seen.needed else None
    if seen.needed and recent is None:
        return None
    return seen.describe() if recent is None else recent.text


@dataclass(frozen=True)
class RecentModel:
    """A model of nearly the same data that is not in service; another one would be like it."""

    text: Text
    more: dict[str, int | str]
    waits: bool = False


def recent_model(settings: Settings, now: int) -> RecentModel | None:
    """A newer model than the one in service, refused or waiting, of data under four weeks old."""
    from crm.instants import DAY
    from training.mlflow_connection import UNAVAILABLE
    from training.registry import Registry
    from training.waiting_models import waiting_models

    try:
        versions = Registry(settings.home).list()
    except SanchoError as fault:
        if fault.code != UNAVAILABLE:
            raise
        waiting = [
            one for one in waiting_models(settings.home).models if now - one.record.as_of < _AGAIN_DAYS * DAY
        ]
        return (
            RecentModel(_WAITS.format(fault=fault.text), {"waiting": len(waiting)}, True) if waiting else None
        )
    newest = versions[0] if versions else None
    if newest is None or newest.champion or not newest.as_of.isdigit():
        return None
    lately = now - int(newest.as_of) < _AGAIN_DAYS * DAY
    return RecentModel(_refused_text(newest), {"refused": newest.version}) if lately else None


_WAITS = Text(
    "再学習しません：学習済みのモデルが登録を待っています。{fault}",
    "not retrained: a trained model waits to be registered. {fault}",
)


def _refused_text(info: ModelVersion) -> Text:
    return Text(
        "再学習しません：バージョン{v}を学習済みですが、採用されていません（{gate}）。"
        "そのデータの時点から{days}日たつと、再び学習します。",
        "not retrained: version {v} has been trained and is not in service ({gate}); the next is trained "
        "once its data are {days} days old.",
    ).format(v=info.version, gate=info.gate or "–", days=_AGAIN_DAYS)


def train_config(settings: Settings) -> TrainConfig:
    """How models are trained here: the settings of [train]; the calendar is the organisation's."""
    from training.config import TrainConfig

    return TrainConfig.of(settings.train)
