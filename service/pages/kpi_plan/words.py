"""Which words stand on the page of the plan?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("計画", "Plan"),
    "question": Text(
        "{period}の目標 {target} に{p}の確率で届くには（{scope}）",
        "What does it take to reach {target} in {period} with {p} ({scope})?",
    ),
    "question_open": Text("{period}の目標に届くには（{scope}）", "What does it take in {period} ({scope})?"),
    "already": Text(
        "いまのままで{now}です。追加の改善は不要です。", "It is already {now}; nothing more is needed."
    ),
    "attained": Text(
        "下の改善をすべて行うと、達成確率は{now}から{then}になる見込みです。",
        "With the changes below the chance is expected to go from {now} to {then}.",
    ),
    "not_attained": Text(
        "全項目を上位25%の水準まで改善しても{most}です。{p}に届かせるには、目標の見直しか、商談の上積みが必要です。",
        "With every lever at the top quartile it is {most}; for {p}, consider the target, or more deals.",
    ),
    "tried": Text(
        "この組み合わせでは、達成確率は{now}から{then}になる見込みです。",
        "With this combination the chance is expected to go from {now} to {then}.",
    ),
    "adds": Text("増加見込み {gain}", "Adds {gain}"),
    "closes": Text("（不足見込みの{share}）", " ({share} of the shortfall)"),
    "counted": Text("{p}の確率で {v} 以上", "{v} or more with {p}"),
    "wanted": Text("目標とする達成確率", "Chance to plan for"),
    "slider": Text("50%〜95%（5%きざみ）", "50 % to 95 %, in steps of 5"),
    "typed": Text("数字で入力（%）", "As a number (%)"),
    "find": Text("最小の計画を求める", "Find the smallest plan"),
    "levers": Text("改善項目（どこまで改善するか）", "Levers (how far each goes)"),
    "levers_said": Text(
        "0%＝現状、100%＝社内の上位25%の水準。右の数字は、その項目だけを100%にした場合",
        "0 %: as now; 100 %: the top quartile of peers. At the right: that lever alone at 100 %",
    ),
    "try": Text("この組み合わせで試す", "Try this combination"),
    "lever": Text("改善項目", "Lever"),
    "how_far": Text("どこまで", "How far"),
    "now": Text("現状", "Now"),
    "plan": Text("計画", "Plan"),
    "top": Text("上位25%の水準", "Top quartile"),
    "alone": Text("その項目だけなら", "On its own"),
    "how_far_of": Text("{lever}をどこまで改善するか（%）", "How far {lever} goes (%)"),
    "people": Text("担当者ごとの行動量", "What each person does"),
    "people_said": Text(
        "{n}人の{k}項目で、いまより多く必要です。", "{k} numbers of {n} people are above their usual pace."
    ),
    "people_none": Text(
        "担当者の行動量は、いまのペースのままで足ります。", "Everybody's usual pace is enough."
    ),
    "rep": Text("担当者", "Rep"),
    "kpi": Text("KPI", "KPI"),
    "usual_week": Text("現状／週", "Usual per week"),
    "per_week": Text("計画／週", "Plan per week"),
    "per_day": Text("計画／営業日", "Plan per day"),
    "by_end": Text("期末までに", "By the period's end"),
    "computing": Text(
        "計算中です。あと数秒で、この画面に結果が出ます。",
        "Being computed; the answer appears here in a few seconds.",
    ),
    "no_target": Text(
        "この範囲の売上目標が未登録です。先に目標を決めてください。",
        "No revenue target is known here; set one first.",
    ),
    "to_targets": Text("目標の配分へ", "Share targets out"),
    "bad_chance": Text(
        "達成確率「{given}」は使えません。1〜99の数字（%）を入力してください。",
        "the chance {given!r} cannot be used; enter a number from 1 to 99 (%).",
    ),
    "bad_share": Text(
        "改善の度合い「{given}」は使えません。0〜100の数字（%）を入力してください。",
        "how far a lever goes, {given!r}, cannot be used; enter a number from 0 to 100 (%).",
    ),
}
