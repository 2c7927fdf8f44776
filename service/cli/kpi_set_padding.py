"""What does `kpi-set padding` do? Shows whose KPI rises while what should follow does not."""

from __future__ import annotations

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope
from service.cli.reader import Reader


def padding(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """Questions about KPIs that rise without what should follow."""
    return print_answer(
        lambda service: service.padding.padding(period, scope, as_of, lang),
        _show,
        as_json,
        lang,
        ("kpi-set padding", period, scope, as_of),
    )


COMMAND = Command(
    "padding",
    padding,
    Text(
        "KPIが増えても成果につながっていない担当者と、本人に聞くことを表示します。",
        "Shows whose KPI rises while what should follow does not, and what to ask.",
    ),
)

_COLUMNS = [
    Text("担当者", "rep"),
    Text("気になる点", "what"),
    Text("件数\n（いつも）", "rows\n(usual)"),
    Text("成果あり\n（いつも）", "followed\n(usual)"),
    Text("めずらしさ", "how unusual"),
]


def _show(answer: Answer, reader: Reader) -> None:
    found = answer["questions"]
    about = reader.title(answer) + reader.text("　KPIの中身の確認", ": what is behind the KPIs")
    rows = [
        [
            reader.named_scope(one),
            one["label"],
            _beside(one["rows"], one["usual_rows"], reader),
            _beside(one["followed"], one["usual_followed"], reader),
            reader.text("{n}回に1回", "1 in {n}", n=f"{one['one_in']:,}"),
        ]
        for one in found
    ]
    reader.table(_COLUMNS, rows, right=[2, 3, 4], whole=[0], title=about)
    for one in found:
        who = reader.named_scope(one)
        reader.line(reader.text("{who}：{what}", "{who}: {what}", who=who, what=one["question"]))
    if not found:
        reader.line(
            reader.text(
                "{about}：確認したい点はありません（増えているKPI {n}件を比較）。",
                "{about}: nothing to ask about ({n} KPIs that rose were compared).",
                about=about,
                n=answer["compared"],
            )
        )


def _beside(value: float, usual: float, reader: Reader) -> str:
    return reader.text("{x}（{usual}）", "{x} ({usual})", x=f"{value:,.0f}", usual=f"{usual:,.0f}")
