"""Which words stand on the page KPIの見直し?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("KPIの見直し", "Review KPIs"),
    "question": Text(
        "{period}のKPIは役に立ったか（{scope}）", "Did the KPIs of {period} do their work ({scope})?"
    ),
    "answer": Text("{sets}人のKPI {n}個：{parts}。", "{n} KPIs of {sets} people: {parts}."),
    "part": Text("{verdict} {n}", "{verdict} {n}"),
    "none": Text("この期間に決めたKPIはありません。", "No KPIs were chosen for this period."),
    "none_said": Text(
        "「KPIを決める」で決めると、期末に達成・未達と効果をここで見直せます。",
        "Choose some on the page 'Set KPIs': what became of them stands here at the end of the period.",
    ),
    "due": Text("見直しの時期です：{why}", "A review is due: {why}"),
    "not_due": Text("まだ見直しの時期ではありません。", "No review is due yet."),
    "period_before": Text("前の期間（{period}）", "The period before ({period})"),
    "reached": Text("達成 {k}/{n}", "{k} of {n} reached"),
    "still_runs": Text("期間中（途中の値）", "the period still runs"),
    "accepted": Text("第{version}版　{who} が {day} に決定", "version {version}, accepted by {who} on {day}"),
    "why": Text("理由：{reason}", "because: {reason}"),
    "table": Text("{name}のKPI", "KPIs of {name}"),
    "kpi": Text("KPI", "KPI"),
    "value": Text("決めた値", "Value"),
    "now": Text("実績", "Result"),
    "was_reached": Text("達成", "Reached"),
    "chance": Text("達成確率", "Chance"),
    "bullet": Text("実績と決めた値", "Result and value"),
    "bullet_said": Text("棒＝実績、縦の太線＝決めた値。", "Bar: result; thick line: value."),
    "padded": Text("聞いてみたいこと", "Question to ask"),
    "in_words": Text("判断の根拠を文章で読む", "Why, in words"),
    "by_person": Text("一人ずつのKPI", "KPIs of each"),
    "name": Text("名前", "Name"),
    "count": Text("KPIの数", "KPIs"),
    "came": Text("見込んだ効果", "What it was to bring"),
    "verdict": Text("どうするか", "What to do"),
    "yes": Text("達成", "reached"),
    "no": Text("未達", "not reached"),
    "came_came": Text("見込みどおり", "it came"),
    "came_less": Text("一部だけ", "part of it"),
    "came_none": Text("見られない", "none of it"),
    "came_cannot_be_told": Text("まだ判断できない", "cannot be told"),
    "share": Text(
        "{share}（8割の幅 {low}〜{high}、{n}人）", "{share} (80 % range {low} to {high}, {n} people)"
    ),
    "verdict_keep": Text("続ける", "keep"),
    "verdict_change": Text("値を変える", "change"),
    "verdict_drop": Text("やめる", "drop"),
    "verdict_put_in_place": Text("置き換える", "replace"),
    "to_value": Text("{value} に", "to {value}"),
    "in_place": Text("代わりの候補", "To put in their place"),
    "to_design_plain": Text("KPIを決める", "Set KPIs"),
    "to_design": Text("{name}のKPIを決め直す", "Set the KPIs of {name} anew"),
    "came_said": Text(
        "「見込んだ効果」は同じKPIを持つ全員の結果から見たもので、実験ではありません。"
        "一人の売上は偶然の幅が大きく、多くの場合「まだ判断できない」になります。",
        "What it was to bring is told from the results of all who had the KPI; it is no experiment. One "
        "person's revenue varies much by chance, so it usually cannot be told.",
    ),
}
VERDICTS = ("keep", "change", "put_in_place", "drop")
