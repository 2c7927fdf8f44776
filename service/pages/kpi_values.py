"""How is the number of a KPI written, and which pages about KPIs are there? What these pages share."""

from __future__ import annotations

from collections.abc import Sequence

from crm.i18n import Language, Text
from crm.kpi_units import MONEY, SHARE
from pictures.measure import Measure
from service.pages.asked import Asked
from service.pages.values import headline_measure, money_measure, whole_points

_PLACES = (
    ("kpis", "/kpis", Text("KPIの状況", "Where KPIs stand")),
    ("kpi_plan", "/kpis/plan", Text("計画", "Plan")),
    ("kpi_design", "/kpis/design", Text("KPIを決める", "Set KPIs")),
    ("targets", "/targets", Text("目標の配分", "Share targets out")),
    ("kpi_review", "/kpis/review", Text("KPIの見直し", "Review KPIs")),
)
_STYLES = {
    "field": Text("フィールドセールス", "Field sales"),
    "route": Text("ルートセールス", "Route sales"),
    "inside": Text("インサイドセールス", "Inside sales"),
    "manager": Text("マネジャー", "Managers"),
}
_ALL_STYLES = Text("全スタイル共通", "All selling styles")


def kpi_places(asked: Asked, lang: Language, here: str) -> list[dict[str, object]]:
    """The pages about KPIs, for the links at the top of each."""
    return [
        {"address": asked.address(path), "words": words.to(lang), "is_here": name == here}
        for name, path, words in _PLACES
    ]


def kpi_measure(
    unit: str,
    values: Sequence[float | None],
    currency: str,
    lang: Language,
    unit_asked: str | None = None,
) -> Measure:
    """In what a KPI is written whose unit an answer names so; amounts in one unit that fits all of them.

    >>> kpi_measure("件", [3.27], "JPY", "ja").text(3.27, "ja"), kpi_measure("件", [57.0], "JPY", "ja").digits
    ('3.3件', 0)
    >>> kpi_measure("share", [0.2346], "JPY", "en").text(0.2346, "en")
    '23.5%'
    """
    if unit == MONEY.to(lang):
        return money_measure(values, currency, lang, unit_asked)
    if unit == SHARE.to(lang):
        return Measure(0.01, Text("%", "%"), 1)
    known = [abs(value) for value in values if value is not None]
    whole = all(value == round(value) for value in known) or min(known, default=0.0) >= 100
    return Measure(1.0, Text(unit, unit), 0 if whole else 1)


def style_words(styles: Sequence[str], lang: Language) -> str:
    """For which selling styles a KPI is.

    >>> style_words(["field", "route"], "ja"), style_words(["field", "route", "inside"], "en")
    ('フィールドセールス・ルートセールス', 'All selling styles')
    """
    if {"field", "route", "inside"} <= set(styles):
        return _ALL_STYLES.to(lang)
    return ("・" if lang == "ja" else ", ").join(
        (_STYLES[one].to(lang) if one in _STYLES else one) for one in styles
    )


def things(count: int) -> Text:
    """So many, as they are counted.

    >>> things(5), things(12).ja
    (Text(ja='5つ', en='5'), '12個')
    """
    return Text(f"{count}つ" if count < 10 else f"{count}個", str(count))


def effect_words(
    points: float | None, revenue: float | None, by_points: bool, currency: str, lang: Language
) -> str:
    """What a step brings: points of the chance, else revenue."""
    if by_points:
        return whole_points(points, lang)
    if revenue is None:
        return "–"
    return headline_measure(revenue, currency, lang).text(revenue, lang, signed=True)
