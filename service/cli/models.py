"""What do `models list`, `show`, `promote` and `rollback` do? Manage the registered versions of the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.answer import open_service
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.figures import FIGURES
from service.cli.model_comparison import compare, shadow
from service.cli.output import note, print_json, print_line, print_prose, print_table
from service.cli.waiting import register_what_waits

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from service.settings import Settings
    from training.registry import ModelVersion, Registry

Version = Annotated[str, argument("V", Text("モデルのバージョン。", "Model version."))]
By = Annotated[
    str | None,
    option(
        "--by", "NAME", Text("採用を決めた人。既定はログイン名。", "Who decides. Default: your login name.")
    ),
]
Because = Annotated[
    str | None, option("--because", "TEXT", Text("採用する理由。", "Why it is put in service."))
]


def list_models(as_json: Json = False, lang: Lang = "ja") -> int:
    """Registered versions, newest first."""
    settings, registry = _registry()
    if as_json:
        print_json(open_service(settings, lang=lang).models.versions(lang))
        return 0
    versions = registry.list()
    if not versions:
        from service.messages import NO_MODEL

        print_prose(NO_MODEL.to(lang))
        _note_waiting(settings, lang)
        return 0
    zone = _zone(settings)
    rows = [
        [
            info.version,
            "●" if info.champion else Text("シャドー", "shadow").to(lang) if info.shadow else "",
            _time(info.trained_at, zone),
            f"{info.figures['log_loss']:.4f}" if "log_loss" in info.figures else "–",
            promoted_by_hand(info, lang),
        ]
        for info in versions
    ]
    headings = (
        Text("バージョン", "version"),
        Text("使用中", "in service"),
        Text("学習日時", "trained"),
        Text("対数損失", "log loss"),
        Text("手動での採用", "by hand"),
    )
    print_table("", [heading.to(lang) for heading in headings], rows, right=[3])
    if len(versions) > 1:
        print_prose(_EACH_ON_ITS_OWN.to(lang))
    _note_waiting(settings, lang)
    return 0


def register(lang: Lang = "ja") -> int:
    """Registers the models that wait in the home since the registry could not be used."""
    from training.waiting_models import waiting_models

    settings, registry = _registry()
    if not waiting_models(settings.home).models:
        print_line(Text("待機中のモデルはありません。", "no model waits to be registered.").to(lang))
    registry.champion()  # raises where the registry cannot be used
    register_what_waits(settings, lang)
    return 1 if (left := waiting_models(settings.home)).models or left.damaged else 0


def show(version: Version, as_json: Json = False, lang: Lang = "ja") -> int:
    """One version in detail, and which columns it does not use and why."""
    settings, registry = _registry()
    found = registry.show(version)
    if as_json:
        print_json(found)
        return 0
    print_table("", ["", ""], [list(fact) for fact in facts(found, _zone(settings), lang)])
    figures = [
        [FIGURES[name].to(lang), f"{value:.4g}"]
        for name, value in {**found["figures"], **found["metrics"]}.items()
        if name in FIGURES
    ]
    if figures:
        headings = [Text("指標", "figure").to(lang), Text("値", "value").to(lang)]
        print_table("", headings, figures, right=[1])
    for line in _warnings(registry, version, lang):
        print_prose(line)
    return 0


def promote(version: Version, by: By = None, because: Because = None, lang: Lang = "ja") -> int:
    """Makes a version the one that answers; who decided so, and why, is recorded."""
    from training.promote import put_in_service

    who = by.strip() if by else _login_name()
    info = put_in_service(_registry()[1], version, who, (because or "").strip())
    print_line(
        Text("バージョン{v}を本番に採用しました。", "version {v} is in service.")
        .format(v=info.version)
        .to(lang)
    )
    return 0


def rollback(lang: Lang = "ja") -> int:
    """Goes back to the version before."""
    from service.messages import NO_MODEL
    from training.promote import roll_back

    registry = _registry()[1]
    champion = registry.champion()
    if champion is None:
        raise SanchoError(NO_MODEL, "no_model")
    info = roll_back(registry, champion.version)
    print_line(Text("バージョン{v}に戻しました。", "back to version {v}.").format(v=info.version).to(lang))
    return 0


HELP = Text(
    "モデルの管理：一覧、詳細、比較、登録、採用、前のバージョンへの切り戻し。",
    "Models: list, show, compare, register, promote, roll back.",
)
COMMANDS = (
    Command(
        "list", list_models, Text("登録されたモデルの一覧を表示します。", "Lists the registered models.")
    ),
    Command("show", show, Text("モデル1つの詳細を表示します。", "Shows one version in detail.")),
    Command(
        "register",
        register,
        Text(
            "登録先を利用できなかったために待機しているモデルを登録します。",
            "Registers trained models that wait because the registry could not be used.",
        ),
    ),
    Command("promote", promote, Text("このバージョンを本番に採用します。", "Puts a version in service.")),
    Command(
        "compare",
        compare,
        Text(
            "2つのモデルを、どちらにとっても新しい同じ商談で比べます。",
            "Compares two models on the same deals, new to both.",
        ),
    ),
    Command(
        "shadow",
        shadow,
        Text(
            "表示せずに並行して答えるモデルを設定し、その結果を表示します。",
            "Lets a version answer without being shown; reports on it.",
        ),
    ),
    Command("rollback", rollback, Text("前のバージョンに戻します。", "Goes back to the version before.")),
)
_FACTS = {
    "version": Text("バージョン", "version"),
    "champion": Text("使用中", "in service"),
    "trained_at": Text("学習日時", "trained"),
    "as_of": Text("学習データの時点", "data as of"),
    "gate": Text("採用判定", "promotion gate"),
    "promoted_by": Text("手動で採用した人", "promoted by hand by"),
    "promoted_because": Text("採用した理由", "because"),
    "promoted_at": Text("手動で採用した日時", "promoted by hand at"),
    "deals": Text("商談数", "deals"),
    "closed_deals": Text("決着件数", "closed deals"),
    "won_deals": Text("受注件数", "won deals"),
    "features": Text("特徴量の数", "features"),
    "moments": Text("学習に使った時点の数", "snapshots"),
    "leaks": Text("使っていない項目（結果を含むため）", "not used (tells the outcome)"),
    "left_out": Text("使っていない特徴量", "features left out"),
    "exclude": Text("設定で除いた項目", "excluded by setting"),
    "include": Text("設定で加えた項目", "included by setting"),
    "currency": Text("通貨", "currency"),
    "zone": Text("タイムゾーン", "time zone"),
    "country": Text("国（祝日）", "country (holidays)"),
    "fiscal_start_month": Text("年度の開始月", "fiscal year starts in month"),
    "trees": Text("木の数", "trees"),
    "leaves": Text("葉の数", "leaves"),
    "seed": Text("乱数シード", "random seed"),
    "data_fingerprint": Text("データの指紋", "data fingerprint"),
    "run_id": Text("MLflowの実行ID", "MLflow run"),
}
_EMPTY = ("", "()", "[]", "None")
_EACH_ON_ITS_OWN = Text(
    "対数損失は、バージョンごとに別の商談で測った値です。同じ商談で比べるには"
    "`sancho models compare` を使ってください。",
    "Each log loss was measured on deals of its own; `sancho models compare` compares on the same ones.",
)


def facts(found: Mapping[str, Any], zone: ZoneInfo, lang: Language) -> list[tuple[str, str]]:
    """What is known of a version, labelled, without what is empty."""
    values = {**found["parameters"], **found}
    values["champion"] = Text("はい", "yes").to(lang) if found["champion"] else Text("いいえ", "no").to(lang)
    values["trained_at"] = _time(str(values["trained_at"]), zone)
    values["as_of"] = _time(str(values["as_of"]), zone)
    values["promoted_at"] = _time(str(values.get("promoted_at", "")), zone)
    values["gate"] = _one_language(str(values["gate"]), lang)
    if lang == "ja":
        values |= {name: str(values.get(name, "")).replace(", ", "、") for name in ("leaks", "left_out")}
    return [
        (label.to(lang), str(values[name]))
        for name, label in _FACTS.items()
        if str(values.get(name, "")) not in _EMPTY
    ]


def promoted_by_hand(info: ModelVersion, lang: Language) -> str:
    """Who put a version in service by hand, and why; empty where nobody did."""
    if not info.promoted_because:
        return info.promoted_by
    return Text("{by}：{why}", "{by}: {why}").format(by=info.promoted_by, why=info.promoted_because).to(lang)


def _note_waiting(settings: Settings, lang: Language) -> None:
    """What waits to be registered, and what is damaged."""
    from training.waiting_models import waiting_models

    waiting = waiting_models(settings.home)
    if waiting.models:
        text = Text(
            "登録待ちのモデルが{n}個あります。sancho models register で登録してください。",
            "Trained models that wait to be registered: {n} (sancho models register).",
        )
        note(text.format(n=len(waiting.models)).to(lang))
    for fault in waiting.damaged:
        note(fault.text.to(lang))


def _login_name() -> str:
    """Who is at this terminal; empty where the machine does not say."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _time(text: str, zone: ZoneInfo) -> str:
    """A registered time, ISO or in microseconds, to the minute in the organisation's zone."""
    from crm.instants import local_datetime

    if text.isdigit():
        return f"{local_datetime(int(text), zone):%Y-%m-%d %H:%M}"
    try:
        return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
    except ValueError:
        return text


def _one_language(text: str, lang: Language) -> str:
    """The reader's half of a text that is registered in both languages."""
    ja, between, en = text.partition(" / ")
    return Text(ja, en).to(lang) if between else text


def _warnings(registry: Registry, version: str, lang: Language) -> list[str]:
    """What the model warns of, with the reasons for columns it does not use; nothing where it cannot load."""
    try:
        bundle, _ = registry.load(version)
    except SanchoError:
        return []
    return [warned.message.to(lang) for warned in bundle.warnings]


def _zone(settings: Settings) -> ZoneInfo:
    """The organisation's time zone."""
    from service.organisation import present_organisation

    return present_organisation(settings).zone


def _registry() -> tuple[Settings, Registry]:
    from service.organisation import open_registry
    from service.settings import read_settings

    settings = read_settings()
    return settings, open_registry(settings)
