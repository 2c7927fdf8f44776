"""What does `kpis` do? Shows each KPI's value, its forecast and how likely its target is."""

from __future__ import annotations

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope
from service.cli.reader import Reader


def kpis(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """KPI values and attainment of a scope."""
    return print_answer(
        lambda service: service.goals.kpis(period, scope, as_of, lang, as_json),
        _show,
        as_json,
        lang,
        ("kpis", period, scope, as_of),
    )


COMMAND = Command(
    "kpis",
    kpis,
    Text(
        "KPIの実績と着地見込み、目標の達成確率を表示します。",
        "Shows every KPI so far, its forecast, and how likely its target is.",
    ),
)

_NAMED = 3  # KPIs named as unlikely to reach their target
_KPI, _SO_FAR = Text("KPI", "KPI"), Text("期首からの実績", "so far")
_WITH_TARGET = [
    _KPI,
    _SO_FAR,
    Text("目標", "target"),
    Text("達成確率", "chance\nof target"),
    Text("必要ペース\n（1営業日あたり）", "needed per\nworking day"),
]
_ALL = [
    _KPI,
    _SO_FAR,
    Text("期末着地の予測幅（80%）", "by period end,\n80% range"),
    Text("前期実績", "previous\nperiod"),
]


def _show(answer: Answer, reader: Reader) -> None:
    known = [row for row in answer["kpis"] if row["value"] is not None or row["forecast"] is not None]
    with_target = []
    for row in known:
        if row["target"] is not None:
            figures = [row[name] for name in ("value", "target", "required_per_business_day")]
            label, (value, target, needed) = reader.kpi_row(row["label"], row["unit"], figures)
            with_target.append([label, value, target, reader.percent(row["probability"]), needed])
    title = reader.title(answer)
    if with_target:
        about = title + reader.text("　目標のあるKPI", ": KPIs with a target")
        reader.table(_WITH_TARGET, with_target, right=[1, 2, 3, 4], whole=[0], title=about)
        _show_unlikely(known, answer["period"], reader)
    rows = []
    for row in known:
        forecast = row["forecast"] or {"p10": None, "p90": None}
        values = (row["value"], row["trend"][-1]["value"], forecast["p10"], forecast["p90"])
        label, (value, before, low, high) = reader.kpi_row(row["label"], row["unit"], values)
        rows.append([label, value, reader.range(low, high), before])
    about = title + reader.text("　すべてのKPI", ": all KPIs")
    reader.table(_ALL, rows, right=[1, 2, 3], whole=[0], title=about)
    if not rows:
        reader.line(reader.text("{about}：記録なし", "{about}: no records", about=about))
        reader.next_step(
            "商談・活動・リードを `sancho import` で取り込んでください。",
            "import deals, activities and leads (`sancho import`).",
        )


def _show_unlikely(known: list[Answer], period: str, reader: Reader) -> None:
    """The KPIs that will hardly reach their target, and what to do about them."""
    from models.kpis.smart import MIN_CHANCE

    unlikely = [row for row in known if row["probability"] is not None and row["probability"] < MIN_CHANCE]
    if unlikely:
        unlikely.sort(key=lambda row: row["probability"])
        reader.next_step(
            "達成確率が{limit:.0%}未満のKPI（{names}）は、必要な改善を `sancho plan {period}` で確認し、"
            "届かない目標は見直してください。",
            "the chance is below {limit:.0%} for {names}: `sancho plan {period}` shows what it takes; "
            "revise a target that stays out of reach.",
            limit=MIN_CHANCE,
            names=reader.list(row["label"] for row in unlikely[:_NAMED]),
            period=period,
        )
