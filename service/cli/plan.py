"""What does `plan` do? Shows the smallest change that reaches the target with the probability wanted."""

from __future__ import annotations

from typing import Annotated, Any

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope, Target, option
from service.cli.effects import effect_columns, show_ranking
from service.cli.reader import Reader
from service.cli.settled import reached_text

_LEAST = 0.1  # a difference per week below this is not shown
_LEAST_PP = 0.05  # points that read as more than none
_WEEKS_A_MONTH = 365.25 / 12 / 7


def plan(
    period: Period,
    probability: Annotated[
        float,
        option(
            "--probability", "P", Text("目標とする達成確率。", "The probability wanted."), min=0.01, max=0.99
        ),
    ] = 0.8,
    lever: Annotated[
        list[str] | None,
        option(
            "--lever",
            "LEVER",
            Text(
                "改善項目。既定はすべて：leads、appointment_rate、proposals、win_rate、amount、cycle_time。",
                "Default all of leads, appointment_rate, proposals, win_rate, amount, cycle_time.",
            ),
        ),
    ] = None,
    target: Target = None,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The smallest change that reaches the target with the probability."""
    from service.schemas import PlanRequest

    request = PlanRequest(
        period=period, probability=probability, scope=scope, as_of=as_of, levers=lever or [], target=target
    )
    return print_answer(
        lambda service: service.goals.plan(request, lang),
        _show,
        as_json,
        lang,
        ("plan", request.model_dump(mode="json")),
    )


COMMAND = Command(
    "plan",
    plan,
    Text(
        "目標達成に必要な最小限の改善計画を表示します。", "Shows the smallest change that reaches the target."
    ),
)
_HEADINGS = [
    Text("改善項目", "lever"),
    Text("現状", "now"),
    Text("計画", "plan"),
]
_ALONE = Text("この項目だけ\n改善した場合（pt）", "on its own,\nat most (points)")
_ALONE_GAIN = Text("この項目だけの\n増加見込み", "gain on\nits own")


def _show(answer: Answer, reader: Reader) -> None:
    reader.line(_finding(answer, reader))
    _show_next_step(answer, reader)
    columns, effects = effect_columns(answer["levers"], answer["ranked_by"], reader, _ALONE, _ALONE_GAIN)
    rows = []
    for row, effect in zip(answer["levers"], effects, strict=True):
        label, ends = reader.kpi_row(row["label"], row["unit"], [row[end] for end in ("from", "to")])
        rows.append([label, *ends, *effect])
    title = reader.title(answer)
    reader.table([*_HEADINGS, *columns], rows, right=[1, 2, 3, 4], title=title)
    show_ranking(answer, answer["levers"], reader)
    _show_people(answer["people"], reader)


def _finding(answer: Answer, reader: Reader) -> str:
    before, wanted = answer["current_probability"], answer["requested_probability"]
    chances = {
        "before": reader.percent(before),
        "reached": reader.percent(answer["probability"]),
        "wanted": f"{100 * wanted:.3g}%",
        "most": reader.percent(answer["maximum"]),
    }
    if before >= wanted:
        return reader.text(
            "現状のままで達成確率は{before}です。追加の対策は不要です。",
            "At the current pace the chance is already {before}; nothing more is needed.",
            **chances,
        )
    if answer["attainable"]:
        return reader.text(
            "達成確率 {before} → {reached}（目標水準 {wanted}）",
            "Chance of target {before} → {reached} (wanted {wanted})",
            **chances,
        )
    return reader.text(
        "全項目を改善しても達成確率は{most}で、目標の{wanted}には届きません。"
        "目標の見直し、または計画外の商談の上積みを検討してください。{added}{count_on}",
        "Even with every lever the chance is {most}; {wanted} is out of reach. "
        "Consider the target, or deals from outside the plan. {added}{count_on}",
        added=_added(answer, reader),
        count_on=reached_text(answer["reachable"], reader),
        **chances,
    )


def _added(answer: Answer, reader: Reader) -> str:
    """What the plan adds, and the share of the shortfall that it closes."""
    gain = reader.money(answer["revenue"], signed=True)
    if answer["gap_share"] is None:
        return reader.text("計画による増加見込み：{gain}。", "The plan adds {gain}. ", gain=gain)
    return reader.text(
        "計画による増加見込み：{gain}（不足見込みの{share}）。",
        "The plan adds {gain} ({share} of the shortfall). ",
        gain=gain,
        share=reader.gap_share(answer["gap_share"]),
    )


def _show_next_step(answer: Answer, reader: Reader) -> None:
    if answer["current_probability"] >= answer["requested_probability"]:
        reader.next_step(
            "次の四半期の計画を `sancho plan next-quarter` で確認してください。",
            "`sancho plan next-quarter` shows what the next quarter needs.",
        )
    elif not answer["attainable"]:
        best = answer["levers"][0] if answer["levers"] else None
        by_revenue = answer["ranked_by"] == "revenue"
        if best is not None and (best["revenue"] > 0 if by_revenue else best["alone_pp"] >= _LEAST_PP):
            added = (
                reader.money(best["revenue"], signed=True) if by_revenue else reader.points(best["alone_pp"])
            )
            reader.next_step(
                "効果が最も大きい「{label}」（{points}）から着手し、"
                "商談は `sancho actions` の順に進めてください。"
                "目標の見直しは `sancho what-if {period} --target 金額` で試算できます。",
                "begin with {label} ({points}), the lever that adds most, and take deals in the order of "
                "`sancho actions`. `sancho what-if {period} --target V` tries another target.",
                label=best["label"],
                points=added,
                period=answer["period"],
            )
        else:
            reader.next_step(
                "商談は `sancho actions` の順に進めてください。"
                "目標の見直しは `sancho what-if {period} --target 金額` で試算できます。",
                "take deals in the order of `sancho actions`. `sancho what-if {period} --target V` tries "
                "another target.",
                period=answer["period"],
            )


def _show_people(people: list[Answer], reader: Reader) -> None:
    changed: list[tuple[Answer, list[dict[str, Any]]]] = [
        (one, [row for row in one["kpis"] if abs(row["per_week"] - row["usual_per_week"]) >= _LEAST])
        for one in people
    ]
    weekly = any(row["per_week"] >= 1 for _, rows in changed for row in rows)
    times = 1.0 if weekly else _WEEKS_A_MONTH
    rows = [
        [
            reader.named_scope(one),
            reader.list(
                reader.text(
                    "{kpi} {usual:.1f}→{planned:.1f}",
                    "{kpi} {usual:.1f} → {planned:.1f}",
                    kpi=row["label"],
                    usual=times * row["usual_per_week"],
                    planned=times * row["per_week"],
                )
                for row in found
            ),
        ]
        for one, found in changed
        if found
    ]
    if rows:
        plan = (
            Text("現状→計画（件/週）", "now → plan, per week")
            if weekly
            else Text("現状→計画（件/月）", "now → plan, per month")
        )
        reader.table([Text("担当者", "rep"), plan], rows, whole=[0])
