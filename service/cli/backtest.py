"""What does `backtest` do? Forecasts as of past moments, and compares with actuals and baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.backtests import backtested, usual_file, write_result
from service.cli.answer import note_disagreements
from service.cli.command import AsOf, Command, Dask, Lang, option
from service.cli.output import note, print_json, print_prose, print_table, progress

if TYPE_CHECKING:
    from service.settings import Settings

Json = Mapping[str, Any]


def backtest(
    periods: Annotated[
        int | None,
        option(
            "--periods",
            "N",
            Text("直近の何期間を検証するか。既定は最大8。", "How many past periods; at most 8 by default."),
            min=1,
        ),
    ] = None,
    weeks: Annotated[
        str | None,
        option(
            "--weeks",
            "W,W",
            Text(
                "期間の何週目の終わりに予測するか。既定は1,4,8,12（四半期）。",
                "Weeks of the period after which to forecast. Default 1,4,8,12 (quarters).",
            ),
        ),
    ] = None,
    as_of: AsOf = None,
    out: Annotated[
        Path | None,
        option(
            "--out",
            "FILE",
            Text(
                "書き出す .html（同名の .json も書き出します）。既定はデータフォルダーの backtests。",
                "The .html to write, a .json beside it. Default: in backtests of the data folder.",
            ),
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        option(
            "--rows",
            "FILE",
            Text(
                "指標のもとになる全行を書き出す .csv か .parquet。期間の予測は、同名の .periods 付きの"
                "ファイルになります。",
                "A .csv or .parquet for all rows behind the figures; the forecasts of periods go to a file "
                "of the same name with .periods.",
            ),
        ),
    ] = None,
    dask: Dask = None,
    as_json: Annotated[
        bool, option("--json", None, Text("結果をJSONで出力します。", "Print the result as JSON."))
    ] = False,
    lang: Lang = "ja",
) -> int:
    """Backtests, writes page and JSON to files and MLflow, and prints the scores."""
    from service.settings import read_settings
    from training.backtest.report import page
    from training.backtest.result import to_json
    from training.backtest.rows_table import check_rows_file, write_rows
    from training.mlflow_connection import UNAVAILABLE
    from training.registry import Registry

    settings = read_settings()
    chosen_weeks, file = _weeks(weeks), _file(out, settings)
    _check_writable(file)
    if rows is not None:
        check_rows_file(rows)
        _check_writable(rows)
    with progress(lang) as step:

        def report(text: Text, share: float) -> None:
            if share < 1.0:  # after the backtest there are further steps
                step(text, 0, None)

        found = backtested(settings, periods, chosen_weeks, as_of, dask, report)
        result = to_json(found)
        step(Text("レポートを書き出しています", "Writing the report"), 0, None)
        html = page(result, lang)
        written = _write(file, html, result)
        if rows is not None:
            with _writing(rows):
                written += write_rows(found, rows)
        step(Text("MLflowに記録しています", "Logging to MLflow"), 0, None)
        try:
            Registry(settings.home).log_backtest(result, html)
        except SanchoError as fault:  # an hour's work is not lost for its record: the files are written
            if fault.code != UNAVAILABLE:
                raise
            note(fault.text.to(lang))
    if as_json:
        print_json(result)
    else:
        show(result, lang)
    note_disagreements(settings, lang)
    for warning in result["warnings"]:
        note(("注意：" if lang == "ja" else "Note: ") + warning[lang])
    for path in written:
        note(Text("書き出しました：{path}", "written: {path}").format(path=path).to(lang))
    return 0


COMMAND = Command(
    "backtest",
    backtest,
    Text(
        "過去の時点に戻って予測し、実績や比較手法と比べます。",
        "Forecasts as of past moments; compares with actuals and with baseline methods.",
    ),
)


def show(result: Json, lang: Language) -> None:
    """Prints the scores as tables: deals by question, revenue by kind of scope; then the summary."""
    from training.backtest.deal_scores import QUESTIONS
    from training.backtest.report.words import summary

    for question in QUESTIONS[::-1]:
        if result["deals"][question]["overall"]["methods"]:
            _show_deals(result, question, lang)
    for kind, part in result["periods"].items():
        if part["overall"]["methods"]:
            _show_periods(kind, part["overall"], lang)
    print_prose(_LEGEND.to(lang))
    for sentence in summary(result):
        print_prose(sentence.to(lang))


_MARK_OF = {"better": "○", "worse": "×", "same": "＝"}
_DIFFERENCE = Text("Sancho − 比較手法［95%区間］", "Sancho − baseline [95%]")
_LEGEND = Text(
    "差がマイナスなら、Sanchoの方が良い結果です。○は明確に良い、×は明確に悪い、＝は差が不明です。"
    "売上のCRPS・ピンボール・偏りは実績の平均に対する割合です。"
    "区間は、同じ商談・同じ期間の行に共通する偶然をまとめて数えた95%区間です。"
    "{ }は、未決着の商談がどう決着しても収まる範囲です。"
    "週別・ステージ別の指標、グラフ、各指標の意味・対象・重みはHTMLにあります。",
    "A negative difference means that Sancho is better: ○ clearly better, × clearly worse, ＝ no clear "
    "difference. CRPS, pinball and bias of revenue are shares of the mean actual. Intervals "
    "(95 %) count the luck that rows of a deal and of a period share; braces hold the bounds whatever "
    "becomes of deals still open. The page has the scores by week and by stage, charts, and what each figure "
    "is, its rows and weight.",
)


def _show_deals(result: Json, question: str, lang: Language) -> None:
    from training.backtest.report.page import number
    from training.backtest.result import LABELS, QUESTION_LABELS

    ja, part = lang == "ja", result["deals"][question]["overall"]
    title = Text(
        "{question}（商談{deals:,}件、予測{rows:,}件、受注{won:.1%}）",
        "{question} ({deals:,} deals, {rows:,} answers, {won:.1%} won)",
    ).format(
        question=QUESTION_LABELS[question], deals=part["deals"], rows=part["rows"], won=part["won_share"]
    )
    headings = (
        ["手法", "対数損失", "Brier", "AUC", "予測と実績のずれ\n（較正誤差、偶然分）"]
        if ja
        else ["method", "log loss", "Brier", "AUC", "calibration error\n(by chance)"]
    )
    rows = [
        [
            LABELS[name].to(lang),
            number(scores["log_loss"]["mean"], 4),
            number(scores["brier"]["mean"], 4),
            number(scores["auc"]),
            f"{number(scores['calibration_error'])} ({number(scores['calibration_noise'])})",
        ]
        for name, scores in part["methods"].items()
    ]
    print_table(title.to(lang), headings, rows, right=(1, 2, 3, 4))
    compared = [
        [
            LABELS[name].to(lang),
            *(
                _difference(differences[score], lambda value: f"{value:+.4f}")
                for score in ("log_loss", "brier")
            ),
        ]
        for name, differences in part["against"].items()
    ]
    print_table("", [_DIFFERENCE.to(lang), *headings[1:3]], compared, right=(1, 2))


def _show_periods(kind: str, part: Json, lang: Language) -> None:
    from training.backtest.report.page import number
    from training.backtest.report.words import KIND_LABELS, money
    from training.backtest.result import LABELS

    ja, actual = lang == "ja", part["mean_actual"]
    title = Text(
        "着地見込み：{kind}（予測{rows:,}件、{periods}期間、実績の平均{actual}）",
        "Revenue: {kind} (forecasts: {rows:,}, periods: {periods}, mean actual {actual})",
    ).format(kind=KIND_LABELS[kind], rows=part["rows"], periods=part["periods"], actual=money(actual))
    headings = (
        ["手法", "CRPS", "ピンボール", "偏り", "50/80/90%区間", "達成Brier"]
        if ja
        else ["method", "CRPS", "pinball", "bias", "50/80/90% covered", "target Brier"]
    )

    def share(value: float, sign: str = "") -> str:
        return f"{value / actual:{sign}.1%}" if actual else "–"

    rows = [
        [
            LABELS[name].to(lang),
            share(scores["crps"]["mean"]),
            share(scores["pinball"]["mean"]),
            share(scores["error"]["mean"], "+"),
            "/".join(f"{100 * covered['mean']:.0f}" for covered in scores["coverage"].values()),
            number(scores["brier"]["mean"]),
        ]
        for name, scores in part["methods"].items()
    ]
    print_table(title.to(lang), headings, rows, right=(1, 2, 3, 4, 5))
    compared = [
        [
            LABELS[name].to(lang),
            _difference(differences["crps"], lambda value: share(value, "+")),
            _difference(differences["pinball"], lambda value: share(value, "+")),
            _difference(differences["brier"], lambda value: f"{value:+.3f}"),
        ]
        for name, differences in part["against"].items()
    ]
    print_table("", [_DIFFERENCE.to(lang), *headings[1:3], headings[5]], compared, right=(1, 2, 3))


def _difference(value: Json, formatted: Callable[[float], str]) -> str:
    """A difference with its mark, and its interval on the next line."""
    from training.backtest.report.page import comparison

    if value["mean"] is None:
        return "–"
    ends = "" if value["lo"] is None else f"\n[{formatted(value['lo'])}, {formatted(value['hi'])}]"
    if value.get("least") is not None and value["least"] != value["most"]:
        ends += f"\n{{{formatted(value['least'])} … {formatted(value['most'])}}}"
    return f"{formatted(value['mean'])} {_MARK_OF[comparison(value)]}{ends}"


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
        return usual_file(settings)
    if out.suffix.lower() not in (".html", ".htm"):
        raise SanchoError(
            Text(
                "--out {out}：拡張子は .html にしてください（同じ名前の .json も書き出します）。",
                "--out {out}: give a name that ends in .html; a .json of the same name is written beside it.",
            ).format(out=out),
            "bad_output",
        )
    return out


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise SanchoError(
            Text(
                "{file} に書き込めません（{fault}）。--out に書き込める場所を指定してください。",
                "cannot write {file} ({fault}); give a place that can be written to by --out.",
            ).format(file=file, fault=fault.strerror),
            "output_not_writable",
        ) from None


def _check_writable(file: Path) -> None:
    """Fails before the backtest, not after it, if the file cannot be written."""
    with _writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=file.parent):
            pass


def _write(file: Path, html: str, result: Json) -> list[Path]:
    with _writing(file):
        return write_result(file, html, result)
