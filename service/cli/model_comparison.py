"""What do `models compare` and `models shadow` do? Hold two models against each other on new deals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.answer import open_service, print_answer
from service.cli.command import Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, print_prose, print_table, progress
from service.cli.reader import Reader

if TYPE_CHECKING:
    from service.settings import Settings
    from service.use_cases import UseCases
    from training.config import TrainConfig
    from training.model_comparison import Contestant, ModelComparison

_FILE = "settings:"
CHAMPION = "champion"
Answer = dict[str, Any]


def compare(
    a: Annotated[
        str | None,
        argument(
            "A",
            Text(
                "調べるモデル。バージョン、champion、shadow、または settings:設定ファイル。",
                "The model in question: a version, champion, shadow, or settings:FILE.",
            ),
        ),
    ] = None,
    b: Annotated[
        str | None,
        argument(
            "B",
            Text(
                "比べる相手。既定は使用中のモデル。", "What it is held against. Default: the one in service."
            ),
        ),
    ] = None,
    trees: Annotated[
        int | None,
        option(
            "--trees",
            "N",
            Text(
                "Aの代わりに、木の数だけを変えて学習した候補を調べます。",
                "In place of A: a candidate trained with this many trees.",
            ),
            min=1,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        option(
            "--exclude",
            "COLUMN",
            Text(
                "Aの代わりに、この列も除いて学習した候補を調べます（複数回指定できます）。",
                "In place of A: a candidate trained without this column, too (can be repeated).",
            ),
        ),
    ] = None,
    until: Annotated[
        str | None,
        option(
            "--until",
            "D",
            Text(
                "結果をいつまで使うか。日付はその日の終わりを指します。既定は現在。",
                "Up to when outcomes are known; a date means its end. Default: now.",
            ),
        ),
    ] = None,
    register: Annotated[
        bool,
        option(
            "--register",
            None,
            Text(
                "学習した候補を登録します（採用はしません）。",
                "Registers the trained candidate; never promotes it.",
            ),
        ),
    ] = False,
    no_log: Annotated[
        bool, option("--no-log", None, Text("MLflowに記録しません。", "Does not log to MLflow."))
    ] = False,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Model A against model B on the same rows, which neither was fitted on."""
    from service.settings import read_settings
    from service.trainings import train_config

    settings = read_settings()
    changed = _changed(train_config(settings), trees, exclude)
    if changed is None and a is None:
        raise SanchoError(_WHICH, "no_model_named")
    if changed is not None and b is not None:
        raise SanchoError(_TOO_MANY, "too_many_models")
    first, second = (changed, a or CHAMPION) if changed is not None else (a or CHAMPION, b or CHAMPION)
    service = open_service(settings, lang=lang)
    try:
        found = _compared(service, first, second, until, register, lang)
        answer = service.comparisons.answer(found, lang)
        if not no_log:
            _log(service, found, lang)
    finally:
        service.close()
    if as_json:
        print_json(answer)
    else:
        show(answer, lang)
    return 0


def shadow(
    version: Annotated[
        str | None, argument("V", Text("シャドーにするバージョン。", "The version that answers unseen."))
    ] = None,
    off: Annotated[
        bool, option("--off", None, Text("シャドーをやめます。", "No version answers unseen any more."))
    ] = False,
    report: Annotated[
        bool,
        option(
            "--report",
            None,
            Text(
                "シャドーの回答と、使用中のモデルの回答の違いを表示します（既定）。",
                "How its answers differ from those shown (the default).",
            ),
        ),
    ] = False,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Lets a version answer beside the one in service without being shown, ends that, or reports on it."""
    if sum((version is not None, off, report)) > 1:
        raise SanchoError(_ONE_OF, "bad_option")

    def ask(service: UseCases) -> Answer:
        if version is not None or off:
            return service.comparisons.set_shadow(version, lang)
        return service.comparisons.shadow(lang)

    return print_answer(ask, _show_shadow, as_json, lang)


def _changed(config: TrainConfig, trees: int | None, exclude: list[str] | None) -> TrainConfig | None:
    """The settings of [train] with what the options change; None where they change nothing."""
    if trees is None and not exclude:
        return None
    more = (*config.exclude, *(exclude or ()))
    return replace(config, trees=config.trees if trees is None else trees, exclude=more)


def _compared(
    service: UseCases,
    first: str | TrainConfig,
    second: str,
    until: str | None,
    register: bool,
    lang: Language,
) -> ModelComparison:
    """The comparison; a candidate is trained first, as of the moment that its rival's data end."""
    from training.config import TrainConfig
    from training.model_comparison import compare_models

    if isinstance(first, str) and not first.startswith(_FILE) and not second.startswith(_FILE):
        return service.comparisons.compared(first, second, until)
    state = service.serving.current()

    def config_of(which: str | TrainConfig) -> TrainConfig | None:
        if isinstance(which, TrainConfig):
            return which
        return _read(which.removeprefix(_FILE)) if which.startswith(_FILE) else None

    configs = config_of(first), config_of(second)
    names = [
        which if isinstance(which, str) else _describe(which, service.settings) for which in (first, second)
    ]
    known = [
        None if config is not None or not isinstance(which, str) else service.comparisons.contestant(which)
        for which, config in zip((first, second), configs, strict=True)
    ]
    rival = next((one for one in known if one is not None), None) or service.comparisons.contestant(CHAMPION)
    with progress(lang) as step:

        def tell(what: Text) -> None:
            step(what, 0, None)

        both = [
            one if one is not None else _candidate(service, rival, config, name, register, tell)
            for one, config, name in zip(known, configs, names, strict=True)
        ]
        return compare_models(both[0], both[1], state.log, service.serving.moment(state, until), tell)


def _candidate(
    service: UseCases, rival: Contestant, config: TrainConfig | None, name: str, register: bool, tell: Any
) -> Contestant:
    """A candidate, trained; registered if that is wanted."""
    from training.candidate import train_candidate
    from training.model_comparison import Contestant

    assert config is not None  # noqa: S101 - of two models only those without a version are trained
    log = service.serving.current().log
    bundle, report = train_candidate(log, rival.model, config, lambda what, _share: tell(what))
    if register:
        tell(Text("登録しています", "Registering"))
        fingerprint = service.serving.store.fingerprint()
        info = service.serving.registry.log_and_register(bundle, report, fingerprint)
        return Contestant.registered(bundle, info.version)
    return Contestant(bundle, Text("候補（{name}）", "the candidate ({name})").format(name=name))


def _read(file: str) -> TrainConfig:
    """The training settings of a file."""
    from training.config import TrainConfig

    path = Path(file)
    if not path.is_file():
        text = Text("設定ファイル「{file}」がありません。", "there is no settings file {file!r}.")
        raise SanchoError(text.format(file=file), "no_such_file")
    return TrainConfig.read(path)


def _describe(config: TrainConfig, settings: Settings) -> str:
    """What a candidate's settings change."""
    from service.trainings import train_config

    usual = train_config(settings)
    told = [f"trees={config.trees}"] if config.trees != usual.trees else []
    more = [name for name in config.exclude if name not in usual.exclude]
    return ", ".join([*told, *([f"exclude={'+'.join(more)}"] if more else [])]) or "[train]"


def _log(service: UseCases, found: ModelComparison, lang: Language) -> None:
    """Logs figures and segments to the run of A, or to one of its own where A is not registered."""
    from training.mlflow_connection import UNAVAILABLE

    registry, state = service.serving.registry, service.serving.current()
    against = found.b.version or "candidate"
    zone = state.organisation(state.now).zone
    try:
        run = registry.show(found.a.version)["run_id"] if found.a.version else ""
        registry.log_comparison(run, against, found.figures(), found.to_json("en", zone))
    except SanchoError as fault:
        if fault.code != UNAVAILABLE:
            raise
        note(fault.text.to(lang))


def show(answer: Answer, lang: Language) -> None:
    """The verdict, both models, where the rows come from, and the segments."""
    print_prose(answer["text"])
    rows = [
        [
            side["name"],
            _number(side["log_loss"], 4),
            _number(side["brier"], 4),
            f"{_number(side['calibration_error'])} ({_number(side['calibration_luck'])})",
            _number(side["slope"], 2),
        ]
        for side in (answer["a"], answer["b"])
    ]
    print_table("", [one.to(lang) for one in _HEADINGS], rows, right=(1, 2, 3, 4))
    for name, gap in (("log_loss", answer["log_loss_difference"]), ("brier", answer["brier_difference"])):
        print_line(f"{_DIFFERENCES[name].to(lang)} {_interval(gap, 4)}")
    for part in answer["parts"]:
        days = (datetime.fromisoformat(part[end]).date().isoformat() for end in ("first", "last"))
        first, last = days
        text = _BASIS[part["basis"]].format(deals=part["deals"], rows=part["rows"], first=first, last=last)
        print_prose(text.to(lang))
    _show_segments(answer, lang)


def _show_segments(answer: Answer, lang: Language) -> None:
    rows, kind = [], ""
    for one in answer["segments"]:
        if one["kind"] != kind:
            kind = one["kind"]
            rows.append([one["kind_label"], "", "", "", ""])
        rows.append(
            [
                f"  {one['level_label']}",
                f"{one['deals']:,}",
                f"{one['rows']:,}",
                _interval(one["log_loss_difference"], 3),
                _MARKS[one["verdict"]],
            ]
        )
    if rows:
        print_table("", [one.to(lang) for one in _SEGMENT_HEADINGS], rows, right=(1, 2, 3))
        print_prose(_LEGEND.to(lang))


def _show_shadow(answer: Answer, reader: Reader) -> None:
    reader.line(answer["text"])
    report = answer["report"]
    if report is None or not report["answers"]:
        return
    title = reader.text(
        "シャドー − 表示した確率（{n:,}回答、商談{d:,}件）", "Shadow − shown ({n:,} answers, {d:,} deals)",
        n=report["answers"], d=report["deals"],
    )  # fmt: skip
    lines = [
        (reader.text("最終的な受注", "in the end"), report["answers"], report["difference_in_the_end"]),
        (
            reader.text("期内の受注", "by the period's end"),
            report["answers"],
            report["difference_by_period_end"],
        ),
        *((f"  {one['stage']}", one["answers"], one) for one in report["stages"]),
    ]
    rows = [
        [name, f"{count:,}", *(_number(one[key], 3) for key in ("mean", "p10", "p50", "p90", "beyond_5pp"))]
        for name, count, one in lines
    ]
    reader.table(_SHADOW_HEADINGS, rows, right=(1, 2, 3, 4, 5, 6), title=title)


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _interval(gap: dict[str, float | None], digits: int) -> str:
    if gap["mean"] is None:
        return "–"
    if gap["lo"] is None or gap["hi"] is None:
        return f"{gap['mean']:+.{digits}f}"
    return f"{gap['mean']:+.{digits}f} [{gap['lo']:+.{digits}f}, {gap['hi']:+.{digits}f}]"


_HEADINGS = (
    Text("モデル", "model"),
    Text("対数損失", "log loss"),
    Text("Brier", "Brier"),
    Text("較正誤差\n（偶然分）", "calibration\nerror (luck)"),
    Text("傾き", "slope"),
)
_DIFFERENCES = {
    "log_loss": Text("対数損失の差（A − B）［95%区間］", "Difference in log loss, A − B [95 %]:"),
    "brier": Text("Brierの差（A − B）［95%区間］", "Difference in Brier score, A − B [95 %]:"),
}
_BASIS = {
    "later_rows": Text(
        "どちらの学習データよりも後の時点：商談{deals:,}件、{rows:,}行（{first}〜{last}）",
        "Later than both models' data: {deals:,} deals, {rows:,} rows ({first} to {last})",
    ),
    "proofs": Text(
        "登録時の検証で両方が答えた共通の質問：商談{deals:,}件、{rows:,}行（{first}〜{last}）",
        "Common questions of both stored proofs: {deals:,} deals, {rows:,} rows ({first} to {last})",
    ),
}
_SEGMENT_HEADINGS = (
    Text("セグメント", "segment"),
    Text("商談", "deals"),
    Text("行", "rows"),
    Text("差［95%区間］", "A − B [95 %]"),
    Text("", ""),
)
_MARKS = {"better": "○", "worse": "×", "no_difference": ""}
_LEGEND = Text(
    "差がマイナスなら、Aの方が良い結果です。○はAが明確に良い、×はAが明確に悪いセグメントです"
    "（多くのセグメントを見ることによる偶然を差し引いた判定）。",
    "A negative difference means that A is better. ○ A is clearly better there, × clearly worse, "
    "allowing for how many segments were looked at.",
)
_SHADOW_HEADINGS = [
    Text("質問・ステージ", "question, stage"),
    Text("回答", "answers"),
    Text("平均", "mean"),
    Text("10%", "p10"),
    Text("中央", "p50"),
    Text("90%", "p90"),
    Text("5pt超\nの割合", "beyond\n5 pt"),
]
_WHICH = Text(
    "調べるモデルを指定してください。例：sancho models compare 4、"
    "sancho models compare settings:candidate.toml、sancho models compare --trees 40",
    "Say which model is in question: sancho models compare 4, sancho models compare "
    "settings:candidate.toml, or sancho models compare --trees 40.",
)
_TOO_MANY = Text(
    "--trees・--exclude を使うときは、比べる相手を1つだけ指定してください。",
    "With --trees or --exclude give only the model that the candidate is held against.",
)
_ONE_OF = Text(
    "バージョン、--off、--report のうち1つだけを指定してください。",
    "Give one of a version, --off and --report.",
)
