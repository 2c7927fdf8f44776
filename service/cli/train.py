"""What does `train` do? Fits a new version of the model, registers it, and promotes it past the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import note_disagreements
from service.cli.command import AsOf, Command, Dask, Json, Lang, option
from service.cli.executor import workers
from service.cli.figures import figure_label
from service.cli.output import Step, note, print_json, print_line, print_table, progress
from service.cli.waiting import gate_code, register_what_waits

if TYPE_CHECKING:
    from crm.i18n import Language
    from service.settings import Settings
    from training.config import TrainConfig
    from training.data_quality import DataFinding
    from training.monitoring import MonitoringReport
    from training.promotion_gate import GateDecision
    from training.registry import ModelVersion

_AGAIN_DAYS = 28  # after a training whose model was not taken
# Exit statuses beside 0 (done as wanted) and 1 (failed): for schedulers.
_REFUSED, _WAITING = 4, 5


def train(
    as_of: AsOf = None,
    if_needed: Annotated[
        bool,
        option(
            "--if-needed",
            None,
            Text(
                "再学習が必要なときだけ学習します（定期実行用）。",
                "Only where the model in service needs retraining; for cron.",
            ),
        ),
    ] = False,
    no_promote: Annotated[
        bool,
        option(
            "--no-promote",
            None,
            Text(
                "登録だけを行い、採用しません（採用判定の結果は記録します）。",
                "Only registers the model; the gate's decision is recorded all the same.",
            ),
        ),
    ] = False,
    dask: Dask = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Trains, registers, promotes past the gate; `if_needed`: only where the model in service is stale.

    Exit status 4 where the gate refuses the model, 5 where it waits because the registry cannot be used.
    """
    from service.settings import read_settings
    from training.register import WAITING

    settings = read_settings()
    registered = register_what_waits(settings, lang)
    if if_needed and (unneeded := _unneeded(settings, as_of, as_json, lang)) is not None:
        return unneeded
    try:
        with progress(lang) as step:
            info, decision, findings = train_and_register(settings, as_of, step, dask, not no_promote)
    except SanchoError as fault:
        if fault.code != WAITING:
            raise
        if as_json:
            gate = {"promoted": False, "code": WAITING, "reason": fault.text.to(lang)}
            print_json({"model": None, "gate": gate, "registered": registered, "data": []})
        note(f"sancho: {fault.text.to(lang)}")
        return _WAITING
    note_disagreements(settings, lang)
    status = 0 if decision.promote or no_promote else _REFUSED
    if as_json:
        print_json({**_as_json(info, decision, findings, lang), "registered": registered})
        return status
    title = Text("モデル バージョン{v}", "Model version {v}").format(v=info.version).to(lang)
    rows = [[figure_label(name, lang), f"{value:.4g}"] for name, value in info.figures.items()]
    headings = [Text("指標", "figure").to(lang), Text("値", "value").to(lang)]
    print_table(title, headings, rows, right=[1])
    print_line(decision.text.to(lang))
    for finding in findings:
        note(finding.text.to(lang))
    return status


COMMAND = Command(
    "train",
    train,
    Text(
        "モデルを学習し、検証し、登録します。",
        "Fits all models, evaluates them on later deals, registers them.",
    ),
)


def _unneeded(settings: Settings, as_of: str | None, as_json: bool, lang: Language) -> int | None:
    """The exit status where no training is needed now, printing why; None where one is, telling why."""
    seen = watched(settings, as_of)
    if seen is None:
        return None
    recent = _recent(settings, seen.now) if seen.needed else None
    if seen.needed and recent is None:
        note(seen.describe().to(lang))
        return None
    if as_json:
        more = {} if recent is None else recent.more
        print_json({"model": None, "monitoring": seen.to_json(lang), **more})
    else:
        print_line((seen.describe() if recent is None else recent.text).to(lang))
    return 0 if recent is None else recent.status


@dataclass(frozen=True)
class _Recent:
    """A model of nearly the same data that is not in service; another one would be like it."""

    text: Text
    more: dict[str, Any]
    status: int = 0


def _as_json(
    info: ModelVersion, decision: GateDecision, findings: list[DataFinding], lang: Language
) -> dict[str, Any]:
    return {
        "model": vars(info),
        "gate": {
            "promoted": decision.promote,
            "code": gate_code(decision),
            "reason": decision.text.to(lang),
        },
        "data": [
            {"code": one.code, "serious": one.serious, "message": one.text.to(lang)} for one in findings
        ],
    }


def train_and_register(
    settings: Settings, as_of: str | None, step: Step, dask: str | None = None, promote: bool = True
) -> tuple[ModelVersion, GateDecision, list[DataFinding]]:
    """A new version of the model, the gate's decision on it, and what the data had and lacked."""
    from features import Calendar
    from service.organisation import open_store
    from training.executor import IN_PROCESS
    from training.promote import train_and_promote
    from training.registry import Registry

    reading = Text("データを読み込んでいます", "Reading the data")
    with open_store(settings) as store:
        step(reading, 0, 1)
        log, fingerprint = store.read(), store.fingerprint()
        step(reading, 1, 1)
    registry = Registry(settings.home)

    def tell(what: Text, _share: float) -> None:
        step(what, 0, None)

    moment = log.instant(as_of)
    config = train_config(settings)
    with workers(dask, settings, log) as found:
        calendar = Calendar.of_organisation(log.organisations.at(moment))
        work = IN_PROCESS if found is None else found.executor(moment, calendar)
        info, decision, report = train_and_promote(
            log, moment, config, registry, fingerprint, tell, work, promote
        )
    return info, decision, report.findings


def watched(settings: Settings, as_of: str | None = None) -> MonitoringReport | None:
    """How the model in service has done up to a moment; None where there is none that can be used."""
    from features import compile_history
    from service.organisation import open_store, reasons_to_retrain
    from training.monitoring import monitor
    from training.registry import UNAVAILABLE, Registry

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


def _recent(settings: Settings, now: int) -> _Recent | None:
    """A newer model than the one in service, refused or waiting, of data under four weeks old."""
    from crm.instants import DAY
    from training.registry import UNAVAILABLE, Registry
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
            _Recent(_WAITS.format(fault=fault.text), {"waiting": len(waiting)}, _WAITING) if waiting else None
        )
    newest = versions[0] if versions else None
    if newest is None or newest.champion or not newest.as_of.isdigit():
        return None
    lately = now - int(newest.as_of) < _AGAIN_DAYS * DAY
    return _Recent(_refused_text(newest), {"refused": newest.version}) if lately else None


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
