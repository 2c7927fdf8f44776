"""What does `tree` do? Shows what the revenue target depends on: KGI, KSF and KPIs with numbers."""

from __future__ import annotations

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope
from service.cli.effects import effect_columns, show_ranking
from service.cli.reader import Reader


def tree(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """KGI, levers and KPIs of a scope."""
    return print_answer(
        lambda service: service.goals.tree(period, scope, as_of, lang),
        _show,
        as_json,
        lang,
        ("tree", period, scope, as_of),
    )


COMMAND = Command(
    "tree",
    tree,
    Text(
        "KGI・KSF・KPIのツリーと、達成確率への影響を表示します。",
        "Shows the KGI–KSF–KPI tree and each lever's effect on the chance of target.",
    ),
)
_HEADINGS = [
    Text("改善項目 └ KPI", "lever └ KPI"),
    Text("現状", "now"),
    Text("改善後\n（上位25%の水準まで）", "after a\nfeasible step"),
]


def _show(answer: Answer, reader: Reader) -> None:
    goal = answer["goal"]
    target = reader.text("未登録", "unknown") if goal["target"] is None else reader.money(goal["target"])
    title = reader.text(
        "{about}　KGI：売上目標 {target}", "{about}. KGI: revenue target {target}",
        about=reader.title(answer), target=target,
    )  # fmt: skip
    if goal["probability"] is not None:
        title += reader.text("（達成確率 {x}）", " (chance {x})", x=reader.percent(goal["probability"]))
    rows = []
    # In one column, so that the names of KPIs have room.
    (first, second), effects = effect_columns(answer["branches"], answer["ranked_by"], reader)
    effect_heading = Text("{first} /\n{second}", "{first} /\n{second}").format(first=first, second=second)
    for branch, effect in zip(answer["branches"], effects, strict=True):
        key = reader.text("・重点要因", ", key success factor") if branch["ksf"] else ""
        label, ends = reader.kpi_row(branch["label"], branch["unit"], [branch[end] for end in ("from", "to")])
        rows.append([label + key, *ends, " / ".join(effect)])
        for kpi in branch["kpis"]:
            label, now = reader.kpi_row(kpi["label"], kpi["unit"], [kpi["value"]])
            rows.append([f"  └ {label}", *now, "", ""])
    if rows:
        reader.table([*_HEADINGS, effect_heading], rows, right=[1, 2, 3], title=title)
        show_ranking(answer, answer["branches"], reader)
    else:
        reader.line(title)
        if goal["target"] is not None:  # else a warning says what to import
            reader.next_step(
                "影響を計算できる記録がありません。活動とリードを `sancho import` で取り込んでください。",
                "no lever has records to compute its effect from; import activities and leads "
                "(`sancho import`).",
            )
