"""What does `bottlenecks` do? Shows where deals stall, how sure that is, what it costs, and the stages."""

from __future__ import annotations

from typing import Annotated

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Scope, option
from service.cli.effects import show_ranking
from service.cli.reader import Reader
from service.language import signed_text


def bottlenecks(
    period: Annotated[
        str | None,
        option(
            "--period",
            "PERIOD",
            Text("損失を測る期間。既定は今の四半期。", "Period of the loss. Default: the current quarter."),
        ),
    ] = None,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The bottlenecks of a scope, the most costly first."""
    return print_answer(
        lambda service: service.recommendations.bottlenecks(scope, period, as_of, lang),
        _show,
        as_json,
        lang,
        ("bottlenecks", period, scope, as_of),
    )


COMMAND = Command(
    "bottlenecks",
    bottlenecks,
    Text(
        "商談が滞り、受注を逃している箇所と、その損失を示します。",
        "Shows where deals stall and wins are lost, and what that costs.",
    ),
)
_HEADINGS = [
    Text("ステージ", "stage"),
    Text("到達（件）", "reached"),
    Text("次ステージへ / 失注 / 進行中（件）", "advanced / lost / open"),
    Text("移行率", "conversion"),
    Text("所要日数\n（中央値）", "days\n(median)"),
]


def _show(answer: Answer, reader: Reader) -> None:
    for number, one in enumerate(answer["bottlenecks"], 1):
        _show_one(number, one, answer["ranked_by"], reader)
    if len(answer["bottlenecks"]) > 1:
        show_ranking(answer, answer["bottlenecks"], reader)
    rows = [
        [
            step["stage"],
            f"{step['entered']:,}",
            " / ".join(f"{step[name]:,}" for name in ("advanced", "lost", "open")),
            "–" if step["conversion"] is None else f"{step['conversion']:.0%}",
            "–" if step["days"] is None else f"{step['days']['p50']:.0f}",
        ]
        for step in answer["funnel"]
    ]
    title = reader.text(
        "直近1年のステージ移行率　{scope}",
        "Stage conversion in the past year, {scope}",
        scope=reader.named_scope(answer),
    )
    if not rows:
        reader.next_step(
            "直近1年に動いた商談がありません。ステージの変更履歴を `sancho import` で取り込んでください。",
            "no deal moved in the past year; import the changes of stages (`sancho import`).",
        )
    reader.table(_HEADINGS, rows, right=[1, 2, 3, 4], title=title)


def _show_one(number: int, one: Answer, by: str | None, reader: Reader) -> None:
    low, high = (signed_text(end, 0) for end in one["interval"])
    reader.line(f"{number}. {one['label']}")
    reader.line(
        reader.text(
            "   根拠：過去{deals:,}件（推定幅 {ends}ポイント）。"
            "いま該当：{open}件、放置すると該当：{coming}件",
            "   Basis: {deals:,} past deals (90% range {ends}). Affected now: {open}; at risk: {coming}",
            deals=one["deals"],
            ends=reader.range(low, high),
            open=one["open_deals"],
            coming=one["approaching_deals"],
        )
    )
    reader.line(
        reader.text(
            "   解消した場合の増加見込み：{money}{effect}",
            "   If resolved: {money}{effect}",
            money=reader.money(one["revenue_at_stake"], signed=True),
            effect=_effect(one, by, reader),
        )
    )
    reader.line(reader.text("   打ち手：{action}", "   Action: {action}", action=one["suggested_action"]))


def _effect(one: Answer, by: str | None, reader: Reader) -> Text:
    points = one["attainment_pp"]
    if points is None:
        return Text("", "")
    if by == "revenue":
        share = one["gap_share"]
        within = Text("（うち期内 {money}）", " (within the period {money})")
        if share is not None:
            within = Text(
                "（うち期内 {money}、不足見込みの{share}）",
                " (within the period {money}, {share} of the shortfall)",
            )
        money = reader.money(one["revenue"], signed=True)
        return within.format(money=money, share=reader.gap_share(share))
    if abs(points) < 0.05:
        return Text("（達成確率への影響はごくわずか）", " (next to no effect on the chance of target)")
    return Text("（達成確率 {pp}）", " (chance of target {pp})").format(pp=reader.points(points))
