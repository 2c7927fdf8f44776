"""Which words stand on the page on which KPIs are reviewed?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("KPIの見直し", "Review KPIs"),
    "question": Text(
        "{period}のKPIはどうだったか（{scope}）", "What became of the KPIs of {period} ({scope})?"
    ),
    "none": Text("この期間に決めたKPIはありません", "No KPIs were accepted for this period"),
    "none_next": Text("先に「KPIを決める」で決定してください。", "Accept some on the page 'Set KPIs' first."),
    "to_design": Text("KPIを決める", "Set KPIs"),
    "over": Text("{n}のうち{k}を達成", "{k} of {n} were reached"),
    "runs": Text("{n}のうち{k}が達成の見込み", "{k} of {n} are likely to be reached"),
    "verdicts": Text(
        "続ける {keep}、値を変える {change}、外す {drop}。", "Keep {keep}, change {change}, drop {drop}."
    ),
    "due": Text("見直しの時期です：{why}", "A review is due: {why}"),
    "not_due": Text(
        "いまは見直しの時期ではありません。途中経過です。", "No review is due; this is how things stand."
    ),
    "before": Text("前の期間を見る", "See the period before"),
    "set_of": Text(
        "{who}のKPI（バージョン{version}、{at}に決定）", "KPIs of {who} (version {version}, {at})"
    ),
    "kpi": Text("KPI", "KPI"),
    "verdict": Text("判断", "What to do"),
    "value": Text("目標", "Target"),
    "now": Text("実績", "So far"),
    "reached": Text("達成", "Reached"),
    "yes": Text("達成", "reached"),
    "no": Text("未達", "missed"),
    "chance": Text("達成確率 {p}", "chance {p}"),
    "came": Text("効果", "What it brought"),
    "came_came": Text("見込みどおり", "came"),
    "came_less": Text("見込みより小さい", "less than promised"),
    "came_none": Text("出ていない", "none"),
    "came_cannot_be_told": Text("まだ判断できない", "cannot be told"),
    "promised": Text("見込み {v}", "promised {v}"),
    "reason": Text("理由", "Why"),
    "padded": Text("聞いてみたいこと：{question}", "To ask: {question}"),
    "lost": Text("目標との関係が弱まった", "lost its relation"),
    "verdict_drop": Text("外す", "drop"),
    "verdict_keep": Text("続ける", "keep"),
    "verdict_change": Text("変える", "change"),
    "verdict_put_in_place": Text("入れ替える", "put in place"),
    "change_to": Text("新しい値 {v}", "new value {v}"),
    "put_in_place": Text("代わりに入れるもの", "What to put in place"),
}
