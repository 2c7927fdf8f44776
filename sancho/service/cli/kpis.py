"""What does `kpis` do? Shows each KPI's value, its outlook and how likely its target is."""

from __future__ import annotations

from typing import Any

from sancho.crm.i18n import Language
from sancho.features.kpis.definition import MONEY, SHARE
from sancho.service.cli.ask import asked
from sancho.service.cli.output import percent, print_json, print_table, print_warnings, say
from sancho.service.language import money_text
from sancho.service.settings import Settings, read_settings


def show_kpis(period: str, scope: str, as_of: str | None, as_json: bool, lang: Language) -> int:
    """KPI values and attainment of a scope."""
    settings = read_settings()
    answer = asked(settings).kpis(period, scope, as_of, lang)
    if as_json:
        print_json(answer)
    else:
        _show(answer, settings, lang)
    return 0


def _show(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["KPI", "現在", "目標", "達成確率", "期末の80%区間", "必要/営業日", "前期"]
        if ja
        else ["KPI", "now", "target", "chance", "by the end (80 %)", "needed/day", "last"]
    )
    rows = []
    for row in answer["kpis"]:
        if row["value"] is None and row["forecast"] is None:
            continue
        unit = row["unit"]

        def number(value: float | None, unit: str = unit) -> str:
            return kpi_text(value, unit, settings.currency, lang)

        ahead = row["forecast"]
        rows.append(
            [
                row["label"],
                number(row["value"]),
                number(row["target"]),
                percent(row["probability"]),
                "–" if ahead is None else f"{number(ahead['p10'])} – {number(ahead['p90'])}",
                number(row["required_per_business_day"]),
                number(row["trend"][-1]["value"]),
            ]
        )
    print_table(f"{answer['period']}  {answer['scope']}", headings, rows, right=(1, 2, 3, 4, 5, 6))
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)


def kpi_text(value: float | None, unit: str, currency: str, lang: Language) -> str:
    """A KPI's number as a reader expects it of its unit."""
    if value is None:
        return "–"
    if unit == SHARE.to(lang):
        return f"{value:.1%}"
    if unit == MONEY.to(lang):
        return money_text(value, currency, lang, short=True)
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"
