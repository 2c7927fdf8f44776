"""What do `targets levels`, `targets share` and `targets evenness` do? They help to set fair targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope, option
from service.cli.target_screens import show_evenness, show_levels, show_shares

if TYPE_CHECKING:
    from service.schemas import ShareRequest

Several = list[str] | None
Growth = Annotated[
    float | None,
    option(
        "--growth",
        "G",
        Text("前年同期比の成長率（0.1＝10%増）。", "Growth on the same period last year (0.1 = 10 %)."),
    ),
]
_BAD_REQUEST = Text("指定を読み取れません：{why}", "cannot read what was asked for: {why}")
_UNREADABLE = Text(
    "{name} の「{given}」を読めません。{form} の形で指定してください。",
    "{name}: cannot read {given!r}; write it as {form}.",
)


def levels(
    period: Period,
    kpi: Annotated[
        str, option("--kpi", "KPI", Text("KGI。既定は受注額。", "The KGI. Default: revenue."))
    ] = "revenue",
    where: Annotated[
        Several,
        option(
            "--where",
            "COLUMN=VALUE",
            Text(
                "商談の条件（例 product=保守、accounts.region=関東）。",
                "Only such deals (product=Support, accounts.region=Kanto).",
            ),
        ),
    ] = None,
    value: Annotated[
        float | None,
        option("--value", "V", Text("検討中の目標額。", "A goal, to see how likely it is."), min=0),
    ] = None,
    growth: Growth = None,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """What is likely, safe and bold for a goal, and what was last year."""
    return print_answer(
        lambda service: service.targets.levels(
            period, scope, as_of, lang, kpi=kpi, where=where or [], asked=(value, growth)
        ),
        show_levels,
        as_json,
        lang,
        ("targets levels", period, scope, as_of, kpi, where or [], value, growth),
    )


def share(
    period: Period,
    total: Annotated[
        float | None,
        option(
            "--total", "V", Text("配分する目標。既定は登録済みの目標。", "Default: the stored target."), min=0
        ),
    ] = None,
    growth: Growth = None,
    confidence: Annotated[
        float | None,
        option(
            "--confidence",
            "P",
            Text(
                "対象がこの確率で届く金額を配分します。", "Share out what is reached with this probability."
            ),
            min=0.02,
            max=0.98,
        ),
    ] = None,
    by: Annotated[
        str,
        option(
            "--by",
            "chance|even|history|pipeline",
            Text(
                "配分の基準：達成確率（chance）、均等（even）、前年実績（history）、パイプライン（pipeline）。",
                "By equal chances, evenly, by last year's revenue, or by the weighted pipeline.",
            ),
        ),
    ] = "chance",
    fix: Annotated[
        Several,
        option(
            "--fix",
            "SCOPE=V",
            Text("固定する目標（例 person:P1=20M）。", "A target that is fixed, such as person:P1=20M."),
        ),
    ] = None,
    between: Annotated[
        Several,
        option(
            "--between",
            "SCOPE=LO..HI",
            Text("下限と上限（例 person:P1=10M..30M）。", "Bounds, such as person:P1=10M..30M."),
        ),
    ] = None,
    away: Annotated[
        Several,
        option(
            "--away",
            "PERSON=FROM..TO",
            Text(
                "不在の期間。TO を省くと離任（例 P1=2027-02-01..）。",
                "Days away; without TO a person leaves (P1=2027-02-01..).",
            ),
        ),
    ] = None,
    level: Annotated[
        str,
        option(
            "--level",
            "person|team",
            Text("担当者まで、または直下のチームまで。", "Down to people, or to the teams right below."),
        ),
    ] = "person",
    round_to: Annotated[
        float | None,
        option("--round-to", "V", Text("目標の端数の単位。", "Targets are multiples of it."), min=0.01),
    ] = None,
    over: Annotated[
        float,
        option(
            "--over",
            "F",
            Text("上乗せ率（1.05＝合計を105%に）。", "Over-assignment: 1.05 lets targets add up to 105 %."),
            min=1,
            max=2,
        ),
    ] = 1.0,
    kind: Annotated[
        str | None,
        option(
            "--kind",
            "committed|stretch|budget",
            Text("登録する目標の種類。", "Kind of target that is stored."),
        ),
    ] = None,
    write: Annotated[bool, option("--write", None, Text("目標を登録します。", "Store the targets."))] = False,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Shares a target out to teams and people."""
    request = _request(
        {
            "period": period, "scope": scope, "as_of": as_of, "total": total, "growth": growth,
            "confidence": confidence, "way": by, "level": level,
            "bounds": [*map(_fixed, fix or []), *map(_bounded, between or [])],
            "away": [_away(text) for text in away or []],
            "round_to": round_to, "over_assignment": over, "kind": kind, "write": write,
        }
    )  # fmt: skip
    return print_answer(
        lambda service: service.targets.share(request, scope, lang), show_shares, as_json, lang
    )


def evenness(
    quarters: Annotated[
        int, option("--quarters", "N", Text("四半期の数（今期を含む）。", "How many."), min=1, max=8)
    ] = 4,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """How uneven chances were under the targets of past quarters."""
    return print_answer(
        lambda service: service.targets.evenness(scope, quarters, as_of, lang),
        show_evenness,
        as_json,
        lang,
        ("targets evenness", quarters, scope, as_of),
    )


HELP = Text(
    "目標の水準を確認し、達成確率が等しくなるように配分します。",
    "Shows what a goal can be, and shares a target out so that chances are equal.",
)
COMMANDS = (
    Command(
        "levels",
        levels,
        Text(
            "目標の水準（堅い・五分五分・挑戦的）と前年実績を表示します。",
            "Shows what is safe, likely and bold for a goal, and last year.",
        ),
    ),
    Command(
        "share",
        share,
        Text(
            "目標をチームと担当者に配分します（--write を付けるまで登録しません）。",
            "Shares a target out to teams and people; stores nothing without --write.",
        ),
    ),
    Command(
        "evenness",
        evenness,
        Text(
            "過去の四半期の目標が、担当者にとってどれだけ公平だったかを表示します。",
            "Shows how uneven chances were under the targets of past quarters.",
        ),
    ),
)


def _request(body: dict[str, Any]) -> ShareRequest:
    """The request, checked as one that REST receives is."""
    from pydantic import ValidationError

    from service.schemas import ShareRequest

    try:
        return ShareRequest.model_validate(body)
    except ValidationError as error:
        raise SanchoError(_BAD_REQUEST.format(why=error.errors()[0]["msg"]), "bad_request") from None


_TIMES = {"K": 1e3, "M": 1e6, "B": 1e9, "万": 1e4, "億": 1e8}


def _amount(text: str, name: str, given: str, form: str) -> float:
    """An amount as people write it: 20M, 2000万, 20,000,000."""
    plain = text.strip().replace(",", "").removesuffix("円")
    times = _TIMES.get(plain[-1:].upper())
    try:
        return float(plain[:-1]) * times if times else float(plain)
    except ValueError:
        raise SanchoError(_UNREADABLE.format(name=name, given=given, form=form), "bad_amount") from None


def _fixed(text: str) -> dict[str, Any]:
    scope, _, value = text.rpartition("=")
    form = "person:P1=20M"
    return {"scope": scope, "value": _amount(value, "--fix", text, form)}


def _bounded(text: str) -> dict[str, Any]:
    scope, _, span = text.rpartition("=")
    low, dots, high = span.partition("..")
    form = "person:P1=10M..30M"
    if not (dots and scope and (low or high)):
        raise SanchoError(_UNREADABLE.format(name="--between", given=text, form=form), "bad_amount")
    ends = {"at_least": low, "at_most": high}
    return {
        "scope": scope,
        **{name: _amount(end, "--between", text, form) for name, end in ends.items() if end.strip()},
    }


def _away(text: str) -> dict[str, Any]:
    person, _, span = text.rpartition("=")
    first, dots, last = span.partition("..")
    if not (person and first and dots):
        told = _UNREADABLE.format(name="--away", given=text, form="P1=2027-02-01..2027-02-28")
        raise SanchoError(told, "bad_amount")
    return {"person_id": person, "from": first, "to": last or None}
