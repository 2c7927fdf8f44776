"""What does `forecast` do? Shows how likely the revenue target is, and what the revenue is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope, Target
from service.cli.effects import SHARE, show_ranking
from service.cli.reader import Reader
from service.cli.settled import is_settled, show_settled
from service.language import day_text, known_day

if TYPE_CHECKING:
    from service.use_cases import UseCases

_DEALS = 10
_CHANGED = 1  # deals named for each thing that changed the forecast


def forecast(
    period: Period,
    scope: Scope = "company",
    as_of: AsOf = None,
    target: Target = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The forecast of a scope; as of now it is also written to the history."""

    def store_history(service: UseCases) -> None:
        if as_of is None:
            service.forecasts.store_history_if_possible(with_missing=as_json)  # which the table does not show

    return print_answer(
        lambda service: service.forecasts.forecast(period, scope, as_of, lang, target, as_json),
        _show,
        as_json,
        lang,
        ("forecast", period, scope, as_of, target),
        store_history,
        lambda service: as_of is not None or not as_json or service.forecasts.is_history_complete,
    )


COMMAND = Command(
    "forecast",
    forecast,
    Text(
        "売上目標の達成確率と着地見込みを表示します。",
        "Shows the probability of reaching the revenue target, and the forecast.",
    ),
)


def _show(answer: Answer, reader: Reader) -> None:
    _show_forecast(answer, reader)
    if is_settled(answer):
        show_settled(answer, reader)
    elif answer["gap"] is not None and answer["gap"] > 0:
        reader.next_step(
            "不足の埋め方は `sancho plan {period}`、商談ごとの打ち手は `sancho actions` で確認してください。",
            "`sancho plan {period}` shows how to close the shortfall, `sancho actions` what to do on "
            "which deal.",
            period=answer["period"],
        )
    if answer["children"]:
        _show_children(answer["children"], reader)
    if answer["change"] is not None:
        _show_change(answer["change"], reader)
    if answer["deals"]:
        _show_deals(answer["deals"][:_DEALS], answer["ranked_by"], reader)
        show_ranking(answer, answer["deals"], reader)


_NAMES = {
    "probability": Text("達成確率", "probability of reaching the target"),
    "probability_range": Text("達成確率の幅（80%）", "80% range of this probability"),
    "target": Text("売上目標（{unit}）", "revenue target ({unit})"),
    "mean": Text("着地見込み（{unit}）", "forecast ({unit})"),
    "range": Text("予測幅（80%、{unit}）", "80% range ({unit})"),
    "shortfall": Text("不足見込み（{unit}）", "shortfall ({unit})"),
    "surplus": Text("超過見込み（{unit}）", "surplus ({unit})"),
    "closed": Text("  受注済み（{unit}）", "  won so far ({unit})"),
    "open_pipeline": Text("  進行中の商談（期内受注見込み、{unit}）", "  open pipeline ({unit})"),
    "new_business": Text("  今後の新規商談（見込み、{unit}）", "  deals yet to come ({unit})"),
    "progress": Text("進捗率（受注済み÷目標）", "progress to target (won / target)"),
    "growth": Text("前年比（着地見込み÷前年同期）", "vs last year (forecast / same period)"),
    "stage_weighted": Text(
        "参考：ステージ別受注率による積み上げ（{unit}）", "baseline: stage-weighted pipeline ({unit})"
    ),
    "run_rate": Text("参考：現在のペースが続いた場合（{unit}）", "baseline: run rate ({unit})"),
    "last_year": Text("参考：前年同期実績（{unit}）", "baseline: same period last year ({unit})"),
}


def _show_forecast(answer: Answer, reader: Reader) -> None:
    revenue, target, gap = answer["revenue"], answer["target"], answer["gap"]
    amounts: dict[str, float | None] = {"target": target, "mean": revenue["mean"], "range": revenue["p10"]}
    if gap is not None:
        amounts["surplus" if gap < 0 else "shortfall"] = abs(gap)
    amounts |= {part["name"]: part["mean"] for part in answer["components"]}
    baselines: dict[str, float | None] = answer["baselines"]
    unit, (*cells, most) = reader.in_one_unit([*amounts.values(), *baselines.values(), revenue["p90"]])
    written = dict(zip((*amounts, *baselines), cells, strict=True))
    written["range"] = reader.range(written["range"], most)
    written = {
        "probability": reader.percent(answer["probability"]),
        "probability_range": _probability_range(answer, reader),
        **{name: written[name] for name in amounts},
        "progress": reader.share(answer["progress"]),
        "growth": reader.share(answer["vs_last_year"]),
        **{name: written[name] for name in baselines},
    }
    rows = [
        [_NAMES[name].format(unit=unit).to(reader.lang), value]
        for name, value in written.items()
        if value != "–"
    ]
    title = reader.title(answer)
    reader.table([Text("", ""), Text("", "")], rows, right=[1], title=title)


def _probability_range(answer: Answer, reader: Reader) -> str:
    intervals = answer["probability_intervals"]
    if intervals is None:
        return "–"
    low, high = intervals["80"]
    return reader.range(reader.percent(low), reader.percent(high))


def _show_children(children: list[Answer], reader: Reader) -> None:
    means, targets = (child["revenue"]["mean"] for child in children), [child["target"] for child in children]
    if any(targets):
        revenue, amounts = reader.amounts(Text("着地見込み / 目標", "forecast / target"), means, targets)
    else:
        revenue, amounts = reader.amounts(Text("着地見込み", "forecast"), means)
    headings = [
        Text("対象", "scope"),
        Text("達成確率", "chance of target"),
        revenue,
        Text("進捗率", "progress"),
        Text("前年比", "vs last year"),
    ]
    rows = [
        [
            reader.named_scope(child),
            reader.percent(child["probability"]),
            amount,
            reader.share(child["progress"]),
            reader.share(child["vs_last_year"]),
        ]
        for child, amount in zip(children, amounts, strict=True)
    ]
    reader.table(headings, rows, right=[1, 2, 3, 4])


def _show_change(change: Answer, reader: Reader) -> None:
    parts = [part for part in change["contributions"] if part["effect_pp"] or part["revenue"]]
    day = known_day(change["since"])
    title = reader.text(
        "前週（{day}）からの変化：達成確率 {before} → {after}、着地見込み {revenue}",
        "Since {day}: chance of target {before} → {after}, forecast {revenue}",
        day=Text(f"{day.month}月{day.day}日", day_text(day, "en")),
        before=reader.percent(change["from"]),
        after=reader.percent(change["to"]),
        revenue=reader.money(sum(part["revenue"] for part in parts), signed=True),
    )
    revenue, money = reader.amounts(
        Text("着地見込み", "forecast"), (part["revenue"] for part in parts), signed=True
    )
    headings = [
        Text("要因", "driver"),
        Text("達成確率（pt）", "chance (points)"),
        revenue,
        Text("主な商談", "main deal"),
    ]
    rows = [
        [
            part["label"],
            reader.points_cell(part["effect_pp"]),
            amount,
            "\n".join(reader.deal(deal) for deal in part["deals"][:_CHANGED]),
        ]
        for part, amount in zip(parts, money, strict=True)
    ]
    if rows:
        reader.table(headings, rows, right=[1, 2], title=title)
    else:
        reader.line(title)


def _show_deals(deals: list[Answer], by: str | None, reader: Reader) -> None:
    money, amounts = reader.amounts(Text("金額", "amount"), (deal["amount"] for deal in deals))
    headings = [
        Text("商談", "deal"),
        Text("期内\n受注確率", "win by period end"),
        money,
        Text("達成確率の振れ幅\n（受注−失注、pt）", "swing of target chance\n(won − lost, points)"),
    ]
    rows = [
        [
            reader.deal(deal),
            reader.percent(deal["by_period_end"]),
            amount,
            reader.points_cell(deal["swing_pp"]),
        ]
        for deal, amount in zip(deals, amounts, strict=True)
    ]
    if by == "revenue":  # every swing is next to nothing
        gain, gains = reader.amounts(Text("期待受注額", "expected"), (deal["revenue"] for deal in deals))
        headings[3:] = [gain, SHARE]
        for row, own, deal in zip(rows, gains, deals, strict=True):
            row[3:] = [own, reader.gap_share(deal["gap_share"])]
    title = reader.text("影響の大きい商談", "Deals that matter most")
    reader.table(headings, rows, right=[1, 2, 3, 4], title=title)
