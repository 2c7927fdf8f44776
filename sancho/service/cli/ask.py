"""What do `score` and `forecast` do? Ask what REST asks, print it as a table or as the same JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language, Text
from sancho.service.answers import Answers, Scorer
from sancho.service.cli.output import note, percent, print_json, print_table, print_warnings, say
from sancho.service.cli.spread import workers
from sancho.service.language import money_text
from sancho.service.logs import configure_logs
from sancho.service.settings import Settings, read_settings

if TYPE_CHECKING:
    import pandas as pd

    from sancho.crm.eventlog import EventLog
    from sancho.crm.periods import Period
    from sancho.models.bundle import Bundle

_SHOWN = 30


def score_deals(
    as_of: str | None,
    period: str | None,
    scope: str,
    out: Path | None,
    dask: str | None,
    as_json: bool,
    lang: Language,
) -> int:
    """Every open deal of a scope."""
    settings = read_settings()
    scorer = None if dask is None else _spread(dask, settings)
    answer = asked(settings).deals(scope, as_of, period, "-win_by_period_end", None, None, lang, scorer)
    if out is not None:
        _write(answer["deals"], out)
        note(
            Text("{n}件を {out} に書き出しました。", "{n} deals written to {out}.")
            .format(n=len(answer["deals"]), out=out)
            .to(lang)
        )
    if as_json:
        print_json(answer)
    elif out is None:
        _show_scores(answer, settings, lang)
    return 0


def show_forecast(
    period: str, scope: str, as_of: str | None, target: float | None, as_json: bool, lang: Language
) -> int:
    """Attainment of a scope's target."""
    settings = read_settings()
    answers = asked(settings)
    if as_of is None:
        answers.write_history()
    answer = answers.forecast(period, scope, as_of, lang, target)
    if as_json:
        print_json(answer)
    else:
        _show_forecast(answer, settings, lang)
    return 0


def asked(settings: Settings, warm: bool = False) -> Answers:
    """Something that answers, with the champion and the store as they are now."""
    configure_logs(logging.WARNING)
    answers = Answers(settings)
    answers.refresh(warm)
    return answers


def _spread(dask: str, settings: Settings) -> Scorer:
    """Scores by parts of the deals, on a cluster that is there as long as that takes."""

    def scorer(bundle: Bundle, log: EventLog, moment: int, period: Period, version: str) -> pd.DataFrame:
        with workers(dask, settings, log) as found:
            assert found is not None  # noqa: S101 - it was asked for
            return found.score_open(bundle, moment, period, version)

    return scorer


def _write(rows: list[dict[str, Any]], out: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(rows)
    match out.suffix.lower():
        case ".csv":
            frame.to_csv(out, index=False)
        case ".parquet":
            frame.to_parquet(out, index=False)
        case _:
            raise SanchoError(
                Text(
                    "--out には .csv または .parquet のファイルを指定してください。",
                    "--out: give a file that ends in .csv or .parquet.",
                ),
                "bad_out",
            )


def _show_scores(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["商談", "受注確率", "期間内", "期待売上", "受注見込日"]
        if ja
        else ["deal", "win", "by period end", "expected revenue", "expected close"]
    )
    rows = [
        [
            row["deal_id"],
            percent(row["win_probability"]),
            percent(row["win_by_period_end"]),
            money_text(row["expected_revenue"], settings.currency, lang),
            str(row["expected_close_date"]),
        ]
        for row in answer["deals"][:_SHOWN]
    ]
    count = len(answer["deals"])
    title = f"進行中の商談 {count:,}件" if ja else f"{count:,} open deals"
    if count > _SHOWN:
        title += f"（上位{_SHOWN}件。--out で全件）" if ja else f" (top {_SHOWN}; --out writes all)"
    print_table(title, headings, rows, right=(1, 2, 3))
    print_warnings(answer, lang)


def _show_forecast(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"

    def money(value: float | None) -> str:
        return "–" if value is None else money_text(value, settings.currency, lang)

    revenue, baselines = answer["revenue"], answer["baselines"]
    names = {
        "closed": ("受注済み", "closed"),
        "open_pipeline": ("進行中の商談", "open pipeline"),
        "new_business": ("これから生まれる商談", "new business"),
    }
    rows = [
        ["達成確率" if ja else "probability of attainment", percent(answer["probability"])],
        ["目標" if ja else "target", money(answer["target"])],
        ["見通し（平均）" if ja else "forecast (mean)", money(revenue["mean"])],
        ["80%区間" if ja else "80 % interval", f"{money(revenue['p10'])} – {money(revenue['p90'])}"],
        ["目標との差" if ja else "gap", money(answer["gap"])],
        *([f"  {names[part['name']][0 if ja else 1]}", money(part["mean"])] for part in answer["components"]),
        ["参考：ステージ加重" if ja else "baseline: stage-weighted", money(baselines["stage_weighted"])],
        ["参考：現在のペース" if ja else "baseline: run rate", money(baselines["run_rate"])],
        ["参考：前年同期" if ja else "baseline: last year", money(baselines["last_year"])],
    ]
    print_table(f"{answer['period']}  {answer['scope']}", ["", ""], rows, right=(1,))
    if answer["children"]:
        headings = (
            ["範囲", "達成確率", "目標", "見通し"] if ja else ["scope", "probability", "target", "forecast"]
        )
        children = [
            [
                child["scope"],
                percent(child["probability"]),
                money(child["target"]),
                money(child["revenue"]["mean"]),
            ]
            for child in answer["children"]
        ]
        print_table("", headings, children, right=(1, 2, 3))
    if answer["change"] is not None:
        _show_change(answer["change"], money, ja)
    if answer["deals"]:
        headings = (
            ["商談", "期間内", "金額", "達成への影響"] if ja else ["deal", "by period end", "amount", "swing"]
        )
        deals = [
            [
                deal["deal_id"],
                percent(deal["by_period_end"]),
                money(deal["amount"]),
                "–" if deal["swing_pp"] is None else f"{deal['swing_pp']:+.1f}pp",
            ]
            for deal in answer["deals"][:10]
        ]
        print_table("影響の大きい商談" if ja else "Deals that matter most", headings, deals, right=(1, 2, 3))
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)


def _show_change(change: dict[str, Any], money: Callable[[float | None], str], ja: bool) -> None:
    rows = [
        [
            part["label"],
            f"{part['effect_pp']:+.1f}pp",
            money(part["revenue"]),
            "、".join(deal["deal_id"] for deal in part["deals"][:3]),
        ]
        for part in change["because"]
        if part["effect_pp"] or part["revenue"]
    ]
    since = change["since"][:10]
    title = (
        f"{since}からの変化：達成確率 {percent(change['from'])} → {percent(change['to'])}"
        if ja
        else f"Since {since}: probability of attainment {percent(change['from'])} -> {percent(change['to'])}"
    )
    headings = (
        ["理由", "達成確率", "売上の見通し", "主な商談"]
        if ja
        else ["because", "probability", "revenue", "deals"]
    )
    print_table(title, headings, rows, right=(1, 2))
