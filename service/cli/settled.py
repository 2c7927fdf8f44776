"""What does a forecast say where the target is out of reach, or safe?"""

from __future__ import annotations

from typing import Any

from crm.i18n import Text
from service.cli.answer import Answer
from service.cli.effects import effect_columns
from service.cli.reader import Reader


def is_settled(answer: Answer) -> bool:
    """Whether the answer's target is out of reach or safe."""
    return answer["reachable"] is not None or answer["margin"] is not None


def show_settled(answer: Answer, reader: Reader) -> None:
    """What can be counted on or lost, the most that all levers bring, and the later period with its plan."""
    if answer["margin"] is not None:
        _show_margin(answer, reader)
    else:
        reader.line(
            reader.text(
                "目標には届かない見込みです（達成確率 {chance}）。{reached}",
                "The target is out of reach (chance {chance}). {reached}",
                chance=reader.percent(answer["probability"]),
                reached=reached_text(answer["reachable"], reader),
            )
        )
        if answer["maximum"] is not None:
            _show_maximum(answer["maximum"], reader)
    if answer["next_period"] is not None:
        _show_later(answer["next_period"], reader)
    elif answer["maximum"] is not None:
        reader.next_step(
            "次の四半期・半期・年度にも、届く目標がありません。"
            "目標の見直しを `sancho what-if {period} --target 金額` で試算してください。",
            "no target of the next quarter, half or year is within reach either; "
            "`sancho what-if {period} --target V` tries another target.",
            period=answer["period"],
        )
    elif answer["reachable"] is not None:  # another target was tried
        reader.next_step(
            "この目標に必要な改善は `sancho plan {period} --target {target:.0f}` で確認してください。",
            "`sancho plan {period} --target {target:.0f}` shows what this target needs.",
            period=answer["period"],
            target=answer["target"],
        )


def reached_text(reached: list[dict[str, float]], reader: Reader) -> str:
    """The revenue reached with each confidence."""
    amounts = [reader.money(row["revenue"]) for row in reached]
    parts = [
        reader.text(
            "{share:.0%}の確率で{money}",
            "{money} with {share:.0%}",
            share=row["confidence"],
            money=money,
        )
        for row, money in zip(reached, amounts, strict=True)
    ]
    return reader.text("着地の目安：{parts}以上。", "To count on: {parts}.", parts=reader.list(parts))


def _show_margin(answer: Answer, reader: Reader) -> None:
    chance = reader.percent(answer["probability"])
    reader.line(
        reader.text(
            "目標の達成はほぼ確実です（達成確率 {chance}）。"
            "あと{money}を失うまでは、達成確率は98%を下回りません。",
            "The target is all but safe (chance {chance}): {money} may be lost before the chance falls below "
            "98%.",
            chance=chance,
            money=reader.money(answer["margin"]),
        )
    )


def _show_maximum(most: dict[str, Any], reader: Reader) -> None:
    reader.line(
        reader.text(
            "全項目を上位25%の水準まで改善した場合：着地見込み {expected}（{gain}、不足見込みの{share}）、"
            "達成確率 {chance}。",
            "With every lever at the top quartile: forecast {expected} ({gain}, {share} of the shortfall), "
            "chance of target {chance}.",
            expected=reader.money(most["expected"]),
            gain=reader.money(most["revenue"], signed=True),
            share=reader.gap_share(most["gap_share"]),
            chance=reader.percent(most["probability"]),
        )
    )


def _strongest(levers: list[dict[str, Any]], reader: Reader) -> str:
    """The lever that adds most, to begin with."""
    if not levers or levers[0]["revenue"] <= 0:
        return ""
    return reader.text(
        "さらに伸ばすなら「{label}」（増加見込み {gain}）から始めてください。",
        " To do more, begin with {label} ({gain}).",
        label=levers[0]["label"],
        gain=reader.money(levers[0]["revenue"], signed=True),
    )


def _show_later(later: dict[str, Any], reader: Reader) -> None:
    plan = later["plan"]
    given = {
        "name": reader.period(later["period"]),
        "period": later["period"],
        "target": reader.money(later["target"]),
        "before": reader.percent(later["probability"]),
        "after": reader.percent(plan["probability"]),
    }
    aim = Text("目標 {target}", "target {target}")
    if later["target_from"] == "this_period":
        aim = Text(
            "目標 {target}（未登録のため、当期と同じ水準で計算）",
            "target {target} (none is set: at this period's rate)",
        )
    given["aim"] = aim.format(target=given["target"]).to(reader.lang)
    if later["probability"] >= plan["requested_probability"]:
        reader.next_step(
            "{name}に着手してください。{aim}、現状のままで達成確率 {before}"
            "（`sancho forecast {period}`）。{first}",
            "start on {name}: {aim}, chance {before} as it is (`sancho forecast {period}`).{first}",
            first=_strongest(plan["levers"], reader),
            **given,
        )
        return
    reader.next_step(
        "{name}に今から着手してください。{aim}、下の計画で達成確率 {before} → {after}"
        "（担当者ごとの数値は `sancho plan {period}`）。",
        "start on {name} now: {aim}, chance {before} → {after} with the plan below "
        "(per rep: `sancho plan {period}`).",
        **given,
    )
    headings, cells = effect_columns(plan["levers"], plan["ranked_by"], reader)
    rows = []
    for row, own in zip(plan["levers"], cells, strict=True):
        label, ends = reader.kpi_row(row["label"], row["unit"], [row[end] for end in ("from", "to")])
        rows.append([label, *ends, *own])
    labels = [Text("改善項目", "lever"), Text("現状", "now"), Text("計画", "plan"), *headings]
    reader.table(labels, rows, right=[1, 2, 3, 4], title=given["name"])
