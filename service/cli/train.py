"""What does `train` do? Fits a new version of the model, registers it, and promotes it past the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import note_disagreements
from service.cli.command import AsOf, Command, Dask, Json, Lang, option
from service.cli.figures import figure_label
from service.cli.output import note, print_json, print_prose, print_table, progress
from service.cli.waiting import gate_code, register_what_waits

if TYPE_CHECKING:
    from crm.i18n import Language
    from service.settings import Settings
    from training.data_quality import DataFinding
    from training.promotion_gate import GateDecision
    from training.registry import ModelVersion

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
    from service.trainings import train_and_register
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
    print_prose(decision.text.to(lang))
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
    from service.trainings import recent_model, watched

    seen = watched(settings, as_of)
    if seen is None:
        return None
    recent = recent_model(settings, seen.now) if seen.needed else None
    if seen.needed and recent is None:
        note(seen.describe().to(lang))
        return None
    if as_json:
        more = {} if recent is None else recent.more
        print_json({"model": None, "monitoring": seen.to_json(lang), **more})
    else:
        print_prose((seen.describe() if recent is None else recent.text).to(lang))
    return _WAITING if recent is not None and recent.waits else 0


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
