"""Which words stand on the page 週次会議?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text
from service.pages.meeting_words import WORDS as OF_MEETINGS
from service.pages.outlook.words import WORDS as OF_OUTLOOK

WORDS: Mapping[str, Text] = {
    **OF_OUTLOOK,
    **OF_MEETINGS,
    "title": Text("週次会議", "Weekly review"),
    "question": Text(
        "{week}の会議：何が変わり、何を決めますか（{scope}）",
        "{week}: what changed, and what do we agree? ({scope})",
    ),
    "answer_first": Text(
        "目標に届く確率は{p}、先週より{change}。この会議の約束は{new}件です。",
        "The chance of reaching the target is {p}, {change} since last week. {new} agreements are made "
        "in this meeting.",
    ),
    "answer_first_no_target": Text(
        "着地見込みは{p}です。この会議の約束は{new}件です。",
        "The forecast is {p}. {new} agreements are made in this meeting.",
    ),
    "answer": Text(
        "目標に届く確率は{p}、先週より{change}。前回までの約束は{n}件中{k}件が済み、この会議の約束は{new}件です。",
        "The chance of reaching the target is {p}, {change} since last week. Of {n} earlier agreements "
        "{k} are done; {new} are made in this meeting.",
    ),
    "answer_no_target": Text(
        "着地見込みは{p}です。前回までの約束は{n}件中{k}件が済み、この会議の約束は{new}件です。",
        "The forecast is {p}. Of {n} earlier agreements {k} are done; {new} are made in this meeting.",
    ),
    "no_change_yet": Text("比べる予測なし", "with nothing to compare"),
    "week_before": Text("前の週", "Week before"),
    "week_after": Text("次の週", "Week after"),
    "scope": Text("範囲", "Scope"),
    "mode_meeting": Text("会議モード（大きな文字）", "Meeting mode (large type)"),
    "mode_usual": Text("ふだんの表示", "Usual size"),
    "agenda": Text("進行（合計{n}分）", "Agenda ({n} minutes)"),
    "minutes": Text("{n}分", "{n} min"),
    "block_carried": Text("前回までの約束", "What was agreed before"),
    "block_numbers": Text("1 数字の変化", "1 The numbers"),
    "block_moves": Text("2 ヨミの動き", "2 What moved"),
    "block_deals": Text("3 見るべき3件", "3 Three to look at"),
    "block_kpis": Text("4 KPIと行動", "4 KPIs and actions"),
    "block_decisions": Text("5 決めること", "5 What we agree"),
    "kpi": Text("KPI", "KPI"),
    "so_far": Text("いま", "So far"),
    "kpi_forecast": Text("着地見込み", "Forecast"),
    "per_day": Text("必要ペース（1営業日）", "Needed per working day"),
    "kpis_caption": Text("目標のあるKPI（届きにくい順）", "KPIs with a target, the least likely first"),
    "kpis_said": Text(
        "目標のあるKPI {n}個のうち、{k}個が未達の見込みです。", "{k} of {n} KPIs with a target look missed."
    ),
    "no_kpis": Text(
        "目標のあるKPIはありません。KPIの目標を決めると、届きにくい順にここに並びます。",
        "No KPI has a target yet; those that have stand here, the least likely first.",
    ),
    "from_plan": Text("計画から約束を作る", "Make agreements from the plan"),
    "plan_title": Text("計画の数字（達成確率{p}のため）", "Numbers of the plan (for a chance of {p})"),
    "plan_said": Text(
        "一人ひとりの1週間の件数です。約束にするものを選んでください。",
        "What each does in a week. Choose what becomes an agreement.",
    ),
    "plan_none": Text(
        "いまのペースで足りるため、計画が求める変更はありません。",
        "The plan asks for no change: the pace of now is enough.",
    ),
    "plan_what": Text("{kpi}を週{n}{unit}（いまは{usual}）", "{kpi}: {n}{unit} a week (now {usual})"),
    "plan_choose": Text("選ぶ", "Choose"),
    "plan_add": Text("選んだものを約束にする", "Make agreements of those chosen"),
    "plan_caption": Text("担当者ごとの週の件数", "What each does in a week"),
    "done_planned": Text("計画から約束を作りました。", "Agreements are made from the plan."),
    "blank": Text("（記入欄）", "(to be filled in)"),
    "week_words": Text("第{n}週（{first}〜{last}）", "Week {n} ({first} to {last})"),
    "json": Text("同じ内容をJSONで", "The same as JSON"),
}
