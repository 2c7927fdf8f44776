"""Which words stand on the page on which KPIs are set?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text
from service.pages.kpi_smart import SMART_WORDS

WORDS: Mapping[str, Text] = {
    **SMART_WORDS,
    "title": Text("KPIを決める", "Set KPIs"),
    "question": Text("{period}、{scope}は何をKPIにするか", "Which KPIs should {scope} have in {period}?"),
    "decided": Text("決定済み：{names}", "Decided: {names}"),
    "proposed": Text("提案：{names}", "Proposed: {names}"),
    "choose_person": Text(
        "KPIは担当者ごとに決めます。下の一覧から担当者を選んでください。",
        "KPIs are set person by person: choose one in the list below.",
    ),
    "nothing": Text("提案できるKPIはまだありません", "No KPI can be proposed yet"),
    "steps": Text("5つのステップ", "Five steps"),
    "step_done": Text("済", "done"),
    "step_open": Text("未", "open"),
    "step_goal": Text("目標", "Goal"),
    "step_process": Text("プロセス", "Process"),
    "step_factors": Text("成功要因", "Success factors"),
    "step_candidates": Text("候補", "Candidates"),
    "step_decision": Text("決定", "Decision"),
    "goal_said": Text(
        "売上目標 {target}、達成確率 {p} です。", "The revenue target is {target}, chance {p}."
    ),
    "goal_none": Text(
        "売上目標は未登録です。堅い水準は {safe}、五分五分の水準は {likely} です。",
        "No revenue target is known. Safe would be {safe}, a toss-up {likely}.",
    ),
    "levels": Text("目標の水準と前年実績", "Levels of the goal, and last year"),
    "level": Text("水準", "Level"),
    "confidence": Text("達成確率", "Chance of target"),
    "amount": Text("金額", "Amount"),
    "growth": Text("前年比", "On last year"),
    "last_year": Text("前年同期実績", "Same period last year"),
    "stored": Text("登録済みの目標", "Stored target"),
    "to_share": Text("目標を決めて配分する", "Set and share out the target"),
    "funnel_title": Text(
        "ステージごとの商談数と、次へ進む割合", "Deals by stage, and the share that goes on"
    ),
    "no_funnel": Text("ステージの記録がまだありません。", "No stages are recorded yet."),
    "to_process": Text("営業プロセスを詳しく見る", "More on the process"),
    "factors_said": Text(
        "目標を動かす力が最も大きいのは「{lever}」（{effect}）です。",
        "What moves the goal most is {lever} ({effect}).",
    ),
    "factors": Text(
        "成功要因（上位25%の水準まで改善した場合）", "Success factors (at the top quartile of peers)"
    ),
    "factor": Text("改善項目", "Lever"),
    "effect": Text("達成すると", "If reached"),
    "ksf": Text("重点要因（KSF）", "Key success factor"),
    "no_factors": Text(
        "目標を動かす項目を推計できる記録がありません。",
        "There are no records to estimate what moves the goal from.",
    ),
    "candidates_said": Text(
        "効果を推計できる候補は{n}個、そのうちKPIにできるものは{k}個です。",
        "{n} candidates have an estimated effect; {k} of them can stand in a set.",
    ),
    "candidates": Text(
        "KPIの候補（KPIにできるものを先に、効果の大きい順）",
        "Candidates: first those that can be set, the strongest effect first",
    ),
    "kpi": Text("KPI", "KPI"),
    "value": Text("無理のない値", "A feasible value"),
    "expected": Text("今のペース", "As things go"),
    "chance": Text("届く確率", "Chance"),
    "marks": Text("特徴", "Marks"),
    "reason": Text("理由", "Reason"),
    "in_hand": Text("自分で動かせる", "in their own hands"),
    "easy_to_pad": Text("水増ししやすい", "easy to pad"),
    "proposable": Text("KPIにできる", "can be set"),
    "other_candidates": Text("効果が分からない候補（{n}）", "Candidates of unknown effect ({n})"),
    "decision": Text("決定", "Decision"),
    "decision_said": Text(
        "採用するものを選び、値を直し、下の欄で入れ替えて、決定してください。決定した値は目標として登録されます。",
        "Choose which to take, change values, add others below. What you accept is stored as targets.",
    ),
    "take": Text("採用する", "Take it"),
    "new_value": Text("値（{unit}）", "Value ({unit})"),
    "add": Text("別のKPIを加える", "Add another"),
    "add_value": Text("その値", "Its value"),
    "none_added": Text("（加えない）", "(none)"),
    "why": Text("変更の理由（任意）", "Why it is changed (optional)"),
    "accept": Text("このKPIに決める", "Accept these KPIs"),
    "current": Text("決定済みのKPI（バージョン{version}）", "Accepted KPIs (version {version})"),
    "current_said": Text("{who}が{at}に決定しました。", "Accepted by {who}, {at}."),
    "versions": Text("これまでのバージョン", "Versions"),
    "version": Text("バージョン", "Version"),
    "who": Text("決定した人", "Accepted by"),
    "at": Text("日時", "When"),
    "contents": Text("内容", "Contents"),
    "people": Text("担当者を選ぶ", "Choose a person"),
    "only_now": Text("過去の時点では決定できません。", "KPIs are accepted as of now only."),
    "no_right": Text("決定する権限がありません。", "You have no right to accept KPIs."),
    "done_accepted": Text(
        "KPIを決定し、目標として登録しました。", "The KPIs are accepted, and stored as targets."
    ),
    "bad_value": Text(
        "「{kpi}」の値「{given}」は使えません。0以上の数字を入力してください。",
        "{kpi}: the value {given!r} cannot be used; enter a number of 0 or more.",
    ),
    "none_chosen": Text(
        "KPIが1つも選ばれていません。採用するKPIを選んでください。", "no KPI is chosen; choose those to take."
    ),
    "too_many": Text(
        "KPIが{n}個選ばれています。{most}個以下にしてください。", "{n} KPIs are chosen; take at most {most}."
    ),
}
