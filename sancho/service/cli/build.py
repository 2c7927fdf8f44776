"""What do `world`, `import` and `train` do?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language, Text
from sancho.service.cli.output import Step, note, print_json, print_table, progress, say
from sancho.service.cli.spread import workers
from sancho.service.cli.world_settings import world_settings
from sancho.service.settings import Settings, read_settings

if TYPE_CHECKING:
    from sancho.training.config import TrainConfig
    from sancho.training.data_quality import DataFinding
    from sancho.training.monitoring import MonitoringReport
    from sancho.training.promotion_gate import Verdict
    from sancho.training.registry import ModelInfo

_FAULTS_SHOWN = 10
_AGAIN_DAYS = 28  # after a training whose model was not taken


def write_world(
    folder: Path, deals: int, seed: int, end: str | None, oracle: list[str], lang: Language
) -> int:
    """A simulated organisation as files."""
    last, moments = None if end is None else _day(end), [_day(text) for text in oracle]
    with progress(lang) as step:
        simulate_to(folder, deals, seed, last, moments, step)
    say(
        Text(
            "{folder} に書き出しました。次は `sancho import {folder}` です。",
            "written to {folder}; next: `sancho import {folder}`.",
        )
        .format(folder=folder)
        .to(lang)
    )
    return 0


def simulate_to(
    folder: Path, deals: int, seed: int, end: date | None, oracle: list[date], step: Step
) -> None:
    """Simulates and writes, telling both."""
    from simulator import simulate, write

    settings = world_settings(deals, seed, end, oracle)
    simulating = Text("営業組織を模擬しています", "Simulating a sales organisation")
    step(simulating, 0, 1)
    made = simulate(settings)
    step(simulating, 1, 1)
    writing = Text("書き出しています", "Writing")
    step(writing, 0, 1)
    write(made, folder, oracle_dates=oracle)
    step(writing, 1, 1)


def import_files(
    path: Path,
    mapping: str | None,
    table: str | None,
    dry_run: bool,
    quarantine: Path | None,
    as_json: bool,
    lang: Language,
) -> int:
    """Files into the store; exit status 3 where any row was quarantined."""
    from sancho.crm.importing import export_quarantine, import_path
    from sancho.crm.store import Store

    settings = read_settings()
    with Store.open(settings.store_url) as store:
        with progress(lang) as step:
            result = import_path(store, path, settings.zone, mapping, table, dry_run, step)
        if quarantine is not None:
            for written in export_quarantine(store, quarantine):
                note(str(written))
    if as_json:
        print_json(result.to_dict())
    else:
        show_import(result, lang)
    return 3 if result.quarantined else 0


def show_import(result: Any, lang: Language) -> None:
    """Counts by table, and the first faults."""
    ja = lang == "ja"
    headings = (
        ["表", "読込", "取込", "変更なし", "隔離"]
        if ja
        else ["table", "read", "imported", "unchanged", "quarantined"]
    )
    rows = [
        [name, *(f"{getattr(counts, field):,}" for field in ("read", "imported", "unchanged", "quarantined"))]
        for name, counts in result.tables.items()
    ]
    title = (
        ("取り込みの確認（保存していません）" if ja else "Rehearsal: nothing was kept")
        if result.dry_run
        else ""
    )
    print_table(title, headings, rows, right=(1, 2, 3, 4))
    for notice in result.notices:
        note(notice.to(lang))
    if not result.errors:
        return
    headings = ["ファイル", "行", "列", "値", "理由"] if ja else ["file", "line", "column", "value", "reason"]
    shown = [
        [
            fault.file,
            "" if fault.line is None else str(fault.line),
            fault.column,
            fault.value[:60],
            fault.reason.to(lang),
        ]
        for fault in result.errors[:_FAULTS_SHOWN]
    ]
    title = (
        f"使えなかった行：{result.quarantined:,}"
        if ja
        else f"Rows that could not be used: {result.quarantined:,}"
    )
    print_table(title, headings, shown, right=(1,))
    note(
        Text(
            "`--quarantine DIR` を付けると、使えなかった行をCSVで書き出します。直して再び取り込めます。",
            "with `--quarantine DIR` they are written as CSV, to be mended and imported again.",
        ).to(lang)
    )


def train_models(as_of: str | None, if_needed: bool, dask: str | None, as_json: bool, lang: Language) -> int:
    """Trains, registers, promotes past the gate; `if_needed`: only where the model in service is stale."""
    settings = read_settings()
    if if_needed:
        seen = watched(settings, as_of)
        if seen is not None and not seen.needed:
            if as_json:
                print_json({"model": None, "monitoring": seen.to_json(lang)})
            else:
                say(seen.said().to(lang))
            return 0
        if seen is not None:
            refused = _refused_lately(settings, seen.now)
            if refused is not None:
                if as_json:
                    print_json({"model": None, "monitoring": seen.to_json(lang), "refused": refused.version})
                else:
                    say(_told_refused(refused).to(lang))
                return 0
            note(seen.said().to(lang))
    with progress(lang) as step:
        info, verdict, findings = train_and_register(settings, as_of, step, dask)
    if as_json:
        print_json(
            {
                "model": vars(info),
                "gate": {"promoted": verdict.promote, "reason": verdict.text.to(lang)},
                "data": [
                    {"code": one.code, "serious": one.serious, "message": one.text.to(lang)}
                    for one in findings
                ],
            }
        )
        return 0
    ja = lang == "ja"
    title = f"モデル 第{info.version}版" if ja else f"Model version {info.version}"
    rows = [[name, f"{value:.4g}"] for name, value in info.figures.items()]
    print_table(title, ["指標" if ja else "figure", ""], rows, right=(1,))
    say(verdict.text.to(lang))
    for finding in findings:
        note(finding.text.to(lang))
    return 0


def train_and_register(
    settings: Settings, as_of: str | None, step: Step, dask: str | None = None
) -> tuple[ModelInfo, Verdict, list[DataFinding]]:
    """A new version of the model, the gate's verdict on it, and what the data had and lacked."""
    from sancho.crm.instants import as_of_instant
    from sancho.crm.store import Store
    from sancho.features import Calendar
    from sancho.training.executor import IN_PROCESS
    from sancho.training.promote import train_and_promote
    from sancho.training.registry import Registry

    reading = Text("データを読み込んでいます", "Reading the data")
    with Store.open(settings.store_url) as store:
        step(reading, 0, 1)
        log, fingerprint = store.read(settings.zone), store.fingerprint()
        step(reading, 1, 1)
    registry = Registry(settings.home)

    def tell(what: Text, _share: float) -> None:
        step(what, 0, None)

    moment = as_of_instant(as_of, settings.zone)
    config = train_config(settings)
    with workers(dask, settings, log) as found:
        calendar = Calendar(settings.zone, config.fiscal_start_month, config.country)
        work = IN_PROCESS if found is None else found.work(moment, calendar)
        info, verdict, report = train_and_promote(log, moment, config, registry, fingerprint, tell, work)
    return info, verdict, report.findings


def watched(settings: Settings, as_of: str | None = None) -> MonitoringReport | None:
    """What became of the model in service up to a moment; None where there is none that can be used."""
    from sancho.crm.instants import as_of_instant
    from sancho.crm.store import Store
    from sancho.features import compile_history
    from sancho.training.monitoring import monitor
    from sancho.training.registry import Registry

    try:
        bundle, _ = Registry(settings.home).load()
    except SanchoError as fault:
        if fault.code in ("no_model", "model_format"):
            return None
        raise
    moment = as_of_instant(as_of, settings.zone)
    with Store.open(settings.store_url) as store:
        log = store.read(settings.zone).as_of(moment)
    return monitor(bundle, compile_history(log, bundle.calendar, bundle.levels), moment)


def _refused_lately(settings: Settings, now: int) -> ModelInfo | None:
    """A newer version than the one in service, of data less than four weeks old: another would be alike."""
    from sancho.crm.instants import DAY
    from sancho.training.registry import Registry

    newest = Registry(settings.home).list()[0]
    lately = newest.as_of.isdigit() and now - int(newest.as_of) < _AGAIN_DAYS * DAY
    return newest if lately and not newest.champion else None


def _told_refused(info: ModelInfo) -> Text:
    return Text(
        "学習し直しません: 第{v}版を学習済みですが、使用されていません（{gate}）。"
        "そのデータの時点から{days}日たつと、再び学習します。",
        "not trained anew: version {v} has been trained and is not in service ({gate}); the next is trained "
        "once its data are {days} days old.",
    ).format(v=info.version, gate=info.gate or "–", days=_AGAIN_DAYS)


def train_config(settings: Settings) -> TrainConfig:
    """How models are trained here: the organisation's own settings and those of [train]."""
    from sancho.training.config import TrainConfig

    own = {name: getattr(settings, name) for name in ("fiscal_start_month", "country", "currency")}
    return TrainConfig.of({**own, **settings.train})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SanchoError(
            Text(
                "日付「{text}」を読めません。2026-11-20 の形で指定してください。",
                "cannot read the date {text!r}; write it like 2026-11-20.",
            ).format(text=text),
            "bad_date",
        ) from None
