"""What does `backtest` do? Asks the whole pipeline again at past moments, and shows what held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sancho.crm.text import Language, SanchoError, Text
from sancho.service.cli.build import train_config
from sancho.service.cli.output import note, print_json, print_table, progress, say
from sancho.service.cli.spread import workers
from sancho.service.settings import Settings, read_settings
from sancho.training.backtest.deal_scores import QUESTIONS
from sancho.training.backtest.report.words import KIND_LABELS, summary
from sancho.training.backtest.result import LABELS, QUESTION_LABELS

Json = Mapping[str, Any]


def run_backtest(
    periods: int | None,
    weeks: str | None,
    as_of: str | None,
    out: Path | None,
    dask: str | None,
    as_json: bool,
    lang: Language,
) -> int:
    """Backtests, keeps page and JSON as files and in MLflow, and prints the figures."""
    from sancho.training.backtest.report import page
    from sancho.training.registry import Registry

    settings = read_settings()
    asked, file = _weeks(weeks), _file(out, settings)
    with progress(lang) as step:
        result = backtested(settings, periods, asked, as_of, dask, lambda what, _: step(what, 0, None))
    html = page(result, lang)
    written = _write(file, html, result)
    Registry(settings.home).log_backtest(result, html)
    if as_json:
        print_json(result)
        return 0
    for warning in result["warnings"]:
        note(("注意：" if lang == "ja" else "Note: ") + warning[lang])
    show(result, lang)
    for path in written:
        say(Text("書き出しました：{path}", "written: {path}").format(path=path).say(lang))
    return 0


def backtested(
    settings: Settings,
    periods: int | None,
    weeks: Sequence[int] | None,
    as_of: str | None,
    dask: str | None,
    tell: Any,
) -> dict[str, Any]:
    """The backtest of what the store holds, as its JSON."""
    from sancho.crm.moment import as_of_instant
    from sancho.crm.store import Store
    from sancho.training.backtest import backtest
    from sancho.training.backtest.result import to_json

    tell(Text("データを読み込んでいます", "Reading the data"), 0.0)
    with Store.open(settings.store_url) as store:
        log = store.read(settings.zone)
    until = None
    if as_of is not None:
        until = as_of_instant(as_of, settings.zone)
        log = log.as_of(until)
    config = train_config(settings)
    with workers(dask, settings) as found:
        if found is None:
            return to_json(backtest(log, config, periods, weeks, tell, until=until))
        tell(Text("期間ごとにワーカーで検証しています", "Workers are judging the periods"), 0.0)
        return to_json(found.backtest(log, config, periods, weeks, until=until))


def show(result: Json, lang: Language) -> None:
    """The figures as tables: deals by question, then revenue by kind of scope."""
    for question in QUESTIONS[::-1]:
        _show_deals(result, question, lang)
    for kind, part in result["periods"].items():
        if part["overall"]["methods"]:
            _show_periods(kind, part["overall"], lang)
    for sentence in summary(result):
        say(sentence.say(lang))


def _show_deals(result: Json, question: str, lang: Language) -> None:
    part = result["deals"][question]["overall"]
    if not part["methods"]:
        return
    title = Text(
        "{question}（商談{deals:,}件、予測{rows:,}件、受注{won:.1%}）",
        "{question} ({deals:,} deals, {rows:,} answers, {won:.1%} won)",
    ).format(
        question=QUESTION_LABELS[question].say(lang),
        deals=part["deals"],
        rows=part["rows"],
        won=part["happened"],
    )
    headings = (
        ["方法", "対数損失", "Sanchoとの差［95％区間］", "ブライア", "AUC", "較正誤差"]
        if lang == "ja"
        else ["method", "log loss", "Sancho minus it [95 %]", "Brier", "AUC", "calibration error"]
    )
    rows = []
    for name, one in part["methods"].items():
        gap = part["against"].get(name, {}).get("log_loss")
        said = f"{gap['mean']:+.4f} [{gap['lo']:+.4f}, {gap['hi']:+.4f}]" if gap else ""
        figures = (one["log_loss"]["mean"], one["brier"]["mean"], one["auc"], one["calibration_error"])
        loss, brier, auc, error = ("–" if value is None else f"{value:.4f}" for value in figures)
        rows.append([LABELS[name].say(lang), loss, said, brier, auc, error])
    print_table(title.say(lang), headings, rows, right=(1, 2, 3, 4, 5))


def _show_periods(kind: str, part: Json, lang: Language) -> None:
    title = Text(
        "売上の見通し：{kind}（予測{rows:,}件、{periods}期間）",
        "Revenue: {kind} ({rows:,} forecasts of {periods} periods)",
    ).format(kind=KIND_LABELS[kind].say(lang), rows=part["rows"], periods=part["periods"])
    headings = (
        ["方法", "CRPS（実績比）", "偏り（実績比）", "50％区間", "80％区間", "90％区間", "達成ブライア"]
        if lang == "ja"
        else [
            "method",
            "CRPS / actual",
            "bias / actual",
            "50 % held",
            "80 % held",
            "90 % held",
            "target Brier",
        ]
    )
    rows = []
    for name, one in part["methods"].items():
        held = [f"{share['mean']:.0%}" for share in one["coverage"].values()]
        brier = one["brier"]["mean"]
        rows.append(
            [
                LABELS[name].say(lang),
                f"{one['crps']['mean'] / part['mean_actual']:.3f}" if part["mean_actual"] else "–",
                f"{one['error']['mean'] / part['mean_actual']:+.3f}" if part["mean_actual"] else "–",
                *held,
                "–" if brier is None else f"{brier:.4f}",
            ]
        )
    print_table(title.say(lang), headings, rows, right=(1, 2, 3, 4, 5, 6))


def _weeks(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise SanchoError(
            Text(
                "--weeks {text} を読めません。1,4,8,12 のように、週の数をコンマで区切って指定してください。",
                "cannot read --weeks {text}; give whole numbers of weeks like 1,4,8,12.",
            ).format(text=text),
            "bad_weeks",
        )
    return tuple(sorted({int(part) for part in parts}))


def _file(out: Path | None, settings: Settings) -> Path:
    if out is None:
        return settings.home / "backtests" / f"{datetime.now(settings.zone):%Y-%m-%d-%H%M%S}.html"
    if out.suffix.lower() not in (".html", ".htm"):
        raise SanchoError(
            Text(
                "--out {out}：拡張子は .html にしてください（同じ名前の .json も書き出します）。",
                "--out {out}: give a name that ends in .html; a .json of the same name is written beside it.",
            ).format(out=out),
            "bad_output",
        )
    return out


def _write(file: Path, html: str, result: Json) -> list[Path]:
    import orjson

    beside = file.with_suffix(".json")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(html, "utf-8")
        beside.write_bytes(orjson.dumps(result))
    except OSError as fault:
        raise SanchoError(
            Text(
                "{file} に書き込めません（{fault}）。--out に書き込める場所を指定してください。",
                "cannot write {file} ({fault}); give a place that can be written to by --out.",
            ).format(file=file, fault=fault.strerror),
            "output_not_writable",
        ) from None
    return [file, beside]
