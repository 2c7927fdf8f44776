"""Which words stand on the page KPI?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text
from service.pages.kpi_smart import SMART_WORDS

WORDS: Mapping[str, Text] = {
    **SMART_WORDS,
    "title": Text("KPI", "KPIs"),
    "question": Text(
        "{period}のKPIは目標に届くか（{scope}）", "Will the KPIs of {period} be reached ({scope})?"
    ),
    "some_miss": Text("{n}のうち{k}が未達の見込み", "{k} of {n} are likely to miss"),
    "all_miss": Text("{n}すべてが未達の見込み", "All {n} are likely to miss"),
    "none_misses": Text("{n}すべてが達成の見込み", "All {n} are likely to be reached"),
    "one_misses": Text("目標のあるKPIは1つ、未達の見込み", "One KPI has a target, and is likely to miss"),
    "one_reaches": Text(
        "目標のあるKPIは1つ、達成の見込み", "One KPI has a target, and is likely to be reached"
    ),
    "no_targets": Text("目標のあるKPIはまだありません", "No KPI has a target yet"),
    "no_targets_next": Text(
        "「KPIを決める」で候補を選ぶと、達成の見込みがここに出ます。",
        "Choose some on the page 'Set KPIs', and what becomes of them appears here.",
    ),
    "hardest": Text(
        "厳しい順に {names}。残り {days}営業日です。", "Hardest first: {names}. {days} business days left."
    ),
    "days_left": Text("残り {days}営業日です。", "{days} business days left."),
    "miss_said": Text(
        "未達の見込み＝期末までに目標に届く確率が50%未満", "Likely to miss: under 50 % chance of reaching it"
    ),
    "with_target": Text("目標のあるKPI", "KPIs with a target"),
    "kpi": Text("KPI", "KPI"),
    "chance": Text("達成確率", "Chance of target"),
    "bullet": Text("実績・見込み・目標", "So far, forecast, target"),
    "so_far": Text("期首からの実績", "So far"),
    "middle": Text("着地見込み", "Forecast"),
    "target": Text("目標", "Target"),
    "per_day": Text("必要ペース（1営業日）", "Needed per business day"),
    "bullet_said": Text(
        "細い棒＝実績、帯＝8割の確率の見込み、点線＝中央、縦の太線＝目標。同じ単位のKPIは同じ目盛り",
        "Thin bar: so far; band: 8 in 10 chances; dashed: middle; thick line: target. One scale per unit",
    ),
    "tree_title": Text("売上目標につながるもの（KGI→KSF→KPI）", "What leads to the goal (KGI, KSF, KPI)"),
    "tree_said": Text(
        "数字は、各項目を社内の上位25%の水準まで改善した場合に、達成確率が何ポイント変わるか",
        "Points of the chance of target if each goes to the top quartile of peers",
    ),
    "tree_said_revenue": Text(
        "数字は、各項目を社内の上位25%の水準まで改善した場合の増加見込み",
        "Revenue that each adds at the top quartile of peers",
    ),
    "tree_sentence": Text(
        "いちばん大きいのは「{lever}」の {effect} です。", "The largest is {lever}: {effect}."
    ),
    "goal": Text("KGI 売上目標 {target}", "KGI: revenue target {target}"),
    "goal_none": Text("KGI 売上目標は未登録", "KGI: no revenue target"),
    "reached_with": Text("達成確率 {p}", "chance {p}"),
    "ksf": Text("重点要因", "key success factor"),
    "from_to": Text("現状 {a} → 上位25%の水準 {b}", "now {a}, top quartile {b}"),
    "no_branches": Text(
        "売上目標と、活動・リードの記録がそろうと、ここに効果が出ます。",
        "With a revenue target, and records of activities and leads, effects appear here.",
    ),
    "smart_title": Text("よいKPIか（SMART）", "Are they good KPIs (SMART)?"),
    "smart_one": Text("見直せる条件があります。", "A criterion is not met."),
    "smart_one_all": Text("5つの条件を満たしています。", "It meets the five criteria."),
    "smart_said_all": Text("{n}とも5つの条件を満たしています。", "All {n} meet the five criteria."),
    "smart_said": Text(
        "{n}のうち{k}に、見直せる条件があります。", "{k} of {n} have a criterion that is not met."
    ),
    "padding_title": Text("本人に聞いてみたいこと", "Questions to ask"),
    "padding_said": Text(
        "数だけが増え、その先が続いていないように見える動きです。判定ではなく、本人への質問としてお使いください。",
        "Numbers that rise while what should follow does not. These are questions to ask, not verdicts.",
    ),
    "padding_none": Text(
        "質問したい動きは見つかっていません（{n}の組み合わせを比較）。",
        "Nothing found to ask about ({n} comparisons).",
    ),
    "padding_one_in": Text("偶然なら約{n}回に1回", "by chance about once in {n}"),
    "all_title": Text("すべてのKPI（{n}）", "All KPIs ({n})"),
    "before": Text("前期実績", "Previous period"),
    "low": Text("下限（10%）", "Low (10 %)"),
    "high": Text("上限（90%）", "High (90 %)"),
}
