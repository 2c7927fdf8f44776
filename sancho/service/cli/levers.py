"""What do `tree` and `plan` do? Show what drives the goal, and the least change that reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sancho.crm.i18n import Language
from sancho.service.cli.ask import asked
from sancho.service.cli.kpis import kpi_text
from sancho.service.cli.output import percent, print_json, print_table, print_warnings, say
from sancho.service.schemas import PlanRequest
from sancho.service.settings import Settings, read_settings


def show_tree(period: str, scope: str, as_of: str | None, as_json: bool, lang: Language) -> int:
    """KGI, drivers and KPIs of a scope."""
    settings = read_settings()
    answer = asked(settings).tree(period, scope, as_of, lang)
    if as_json:
        print_json(answer)
    else:
        _show_tree(answer, settings, lang)
    return 0


def show_plan(
    period: str,
    probability: float,
    levers: Sequence[str],
    target: float | None,
    scope: str,
    as_of: str | None,
    as_json: bool,
    lang: Language,
) -> int:
    """The least change that attains with the probability."""
    settings = read_settings()
    request = PlanRequest(
        period=period,
        probability=probability,
        scope=scope,
        as_of=as_of,
        levers=list(levers),
        target=target,
    )
    answer = asked(settings).plan(request, lang)
    if as_json:
        print_json(answer)
    else:
        _show_plan(answer, settings, lang)
    return 0


def _show_tree(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja, goal = lang == "ja", answer["goal"]
    target = "–" if goal["target"] is None else kpi_text(goal["target"], "money", settings.currency, "en")
    if ja and goal["target"] is not None:
        target = kpi_text(goal["target"], "金額", settings.currency, lang)
    title = (
        f"KGI 売上目標 {target}（達成確率 {percent(goal['probability'])}）"
        if ja
        else f"KGI revenue {target} (probability {percent(goal['probability'])})"
    )
    headings = ["", "現在", "一歩先", "達成確率への効果"] if ja else ["", "now", "a step on", "attainment"]
    rows = []
    for branch in answer["branches"]:
        name = ("KSF " if branch["ksf"] else "") + branch["label"]
        rows.append([name, *_from_to(branch, settings, lang), f"{branch['attainment_pp']:+.1f}pp"])
        for kpi in branch["kpis"]:
            value = kpi_text(kpi["value"], kpi["unit"], settings.currency, lang)
            rows.append([f"  └ {kpi['label']}", value, "", ""])
    if rows:
        print_table(title, headings, rows, right=(1, 2, 3))
    else:
        say(title)
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)


def _show_plan(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    wanted, reached = percent(answer["wanted"]), percent(answer["probability"])
    before, most = percent(answer["before"]), percent(answer["most"])
    if answer["before"] >= answer["wanted"]:
        told = (
            f"このままで達成確率は{before}です。追加の改善は要りません。"
            if ja
            else f"As things go the probability is {before} already: nothing more is needed."
        )
    elif answer["attainable"]:
        told = (
            f"達成確率 {before} → {reached}（必要 {wanted}）" if ja else f"Probability {before} -> {reached}"
        )
    else:
        told = (
            f"{wanted}には届きません。すべて実行しても{most}が上限です（現在 {before}）。"
            if ja
            else f"{wanted} cannot be reached: with all of it, {most} is the most (now {before})."
        )
    say(told)
    headings = (
        ["レバー", "現在", "計画", "単独での効果（最大）"]
        if ja
        else ["lever", "now", "plan", "alone, at most"]
    )
    rows = [
        [row["label"], *_from_to(row, settings, lang), f"{row['alone_pp']:+.1f}pp"]
        for row in answer["levers"]
    ]
    print_table(f"{answer['period']}  {answer['scope']}", headings, rows, right=(1, 2, 3))
    headings = (
        ["担当者", "KPI", "今のペース/週", "計画/週", "計画/日"]
        if ja
        else ["person", "KPI", "usual/week", "plan/week", "plan/day"]
    )
    people = [
        [
            one["scope"].partition(":")[2],
            row["label"],
            f"{row['usual_per_week']:.1f}",
            f"{row['per_week']:.1f}",
            f"{row['per_day']:.2f}",
        ]
        for one in answer["people"]
        for row in one["kpis"]
    ]
    if people:
        print_table("", headings, people, right=(2, 3, 4))
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)


def _from_to(row: dict[str, Any], settings: Settings, lang: Language) -> tuple[str, str]:
    before, after = (kpi_text(row[key], row["unit"], settings.currency, lang) for key in ("from", "to"))
    return before, after
