"""What can a goal be, before anybody decides? Its levels, last year, and whether stored targets add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Language, Text
from features.kpis import Kpi
from models.forecast.attainment import probability_of
from models.forecast.organisation import ScopeTree
from models.forecast.period_facts import year_before
from models.forecast.targets import targets_of
from models.goals import Difference, PartOfDeals, differences, levels_of
from models.goals.levels import growth_on
from models.goals.part_of_deals import Where, columns_without
from service.names import Names
from service.serving_state import AnswerContext

REVENUE = "revenue"
_NO_AMOUNT = Text(
    "「{kpi}」は受注額の合計ではないため、目標水準を算出できません。{known} から選んでください。",
    "kpi: {kpi!r} is no amount of won deals, so it has no levels; choose from {known}.",
)
_NO_COLUMN = Text(
    "条件の項目「{column}」は商談にも取引先にもありません。deals の項目、または accounts.region のように"
    "取引先の項目を指定してください。",
    "where: neither deals nor accounts have {column!r}; name a column of deals, or of accounts as in "
    "accounts.region.",
)
_BAD_CONDITION = Text(
    "条件「{given}」を読めません。項目=値（例 product=保守、accounts.region=関東）の形で指定してください。",
    "where: cannot read {given!r}; write column=value, as in product=Support or accounts.region=Kanto.",
)
_PART = Text(
    "進行中の商談は該当するものだけを数え、今後の新規商談は、過去2年の受注に占める該当商談の割合が続く前提です"
    "（近似）。",
    "Open deals count where they match; of deals yet to come, the share is taken that matching ones had of "
    "the wins of the past two years (an approximation).",
)
_BY_SCOPES = Text(
    "{period}の{scope}の目標{whole}に対し、下位の目標の合計は{total}です（差 {difference}）。{without}",
    "{period}: the target of {scope} is {whole}, those below it add up to {total} "
    "(difference {difference}). {without}",
)
_WITHOUT = Text("下位のうち{n}件は目標が未登録です。", "{n} below have none.")
_BY_PERIODS = Text(
    "{scope}の{period}の目標{whole}に対し、{parts}の合計は{total}です（差 {difference}）。",
    "{scope}: the target of {period} is {whole}, those of {parts} add up to {total} "
    "(difference {difference}).",
)


@dataclass(frozen=True)
class AskedPart:
    """The part of the revenue that a goal is about: a KPI, and further conditions."""

    kpi: Kpi
    where: Where

    @classmethod
    def of(cls, kpis: Sequence[Kpi], name: str, conditions: Iterable[str]) -> AskedPart:
        """From a KPI's name and conditions as column=value; several values of a column are any of them."""
        amounts = {kpi.id: kpi for kpi in kpis if _is_amount(kpi)}
        if name not in amounts:
            raise SanchoError(_NO_AMOUNT.format(kpi=name, known=", ".join(amounts)), "bad_kpi")
        given: dict[str, list[str]] = {}
        for text in conditions:
            column, equals, value = text.partition("=")
            if not (column.strip() and equals and value.strip()):
                raise SanchoError(_BAD_CONDITION.format(given=text), "bad_condition")
            given.setdefault(column.strip(), []).append(value.strip())
        kpi = amounts[name]
        return cls(kpi, (*kpi.count.where, *((column, tuple(values)) for column, values in given.items())))

    @property
    def has_conditions(self) -> bool:
        """Whether it is narrower than its KPI, so that no stored target is of it."""
        return self.where != self.kpi.count.where

    def deals(self, known: EventLog, tree: ScopeTree) -> PartOfDeals:
        """The deals of the part; raises for a column that is not there."""
        lacking = columns_without(known, self.where)
        if lacking:
            raise SanchoError(_NO_COLUMN.format(column=lacking[0]), "bad_condition")
        return PartOfDeals.of(known, tree, self.where)


def _is_amount(kpi: Kpi) -> bool:
    count = kpi.count
    of_amounts = count.of == "deals.won" and count.total == "amount" and kpi.per is None
    return of_amounts and count.distinct is None and count.reached is None


def levels_answer(
    context: AnswerContext,
    scope: str,
    part: AskedPart,
    asked: tuple[float | None, float | None],
    lang: Language,
) -> dict[str, Any]:
    """The levels of a goal of a scope; `asked`: an amount, or growth, about which is asked, too."""
    forecast, zone = context.forecast, context.zone
    known, tree, period = context.state.known_at(context.moment), forecast.organisation, forecast.period
    people, names = tree.members(scope), forecast.names
    deals = part.deals(known, tree)
    start, end, ago = period.start(zone), period.end(zone), year_before(period)
    simulation = forecast.simulation
    if part.where:
        simulation = deals.simulation(simulation, context.moment, start, end)
    ago_start, ago_end = ago.start(zone), ago.end(zone)
    before = float(deals.won_between(ago_start, ago_end)[people].sum()) if deals.known_at(ago_start) else None
    month = context.organisation.fiscal_start_month
    target = None
    if not part.has_conditions:
        target = targets_of(known, period, month, part.kpi.id).get(scope)
    value, growth = asked
    if value is None and growth is not None:
        value = _grown(before, growth)
    total = simulation.total(people)
    return {
        "period": period.name,
        "scope": scope,
        "name": names.scope(scope, lang),
        "kpi": part.kpi.id,
        "label": part.kpi.label.to(lang),
        "where": {column: list(values) for column, values in part.where},
        "closed": float(simulation.closed[people].sum()),
        "target": target,
        "probability": probability_of(simulation, people, target),
        "levels": [
            {
                "level": one.level,
                "label": one.label.to(lang),
                "confidence": one.confidence,
                "value": one.value,
                "growth": growth_on(one.value, before),
            }
            for one in levels_of(total)
        ],
        "last_year": None if before is None else {"period": f"{ago.first}..{ago.last}", "value": before},
        "asked": None
        if value is None
        else {
            "value": value,
            "growth": growth_on(value, before),
            "probability": probability_of(simulation, people, value),
        },
        "assumptions": [_PART.to(lang)] if part.where else [],
        "differences": difference_rows(context, scope, part.kpi.id, lang),
    }


def _grown(before: float | None, growth: float) -> float:
    if not before:
        raise SanchoError(NO_LAST_YEAR, "no_last_year")
    return before * (1.0 + growth)


NO_LAST_YEAR = Text(
    "前年同期の受注が記録にないため、前年比では指定できません。金額で指定してください。",
    "no revenue is recorded for the same period a year before, so there is no growth on it; give an amount.",
)


def last_year_of(context: AnswerContext, scope: str) -> float | None:
    """The revenue of the same period a year before; None where the record begins later."""
    facts = context.forecast.facts
    people = context.forecast.organisation.members(scope)
    return None if facts.last_year is None else float(facts.last_year[people].sum())


def grown_target(context: AnswerContext, scope: str, growth: float) -> float:
    """Last year's revenue and so much more; raises where there was none."""
    return _grown(last_year_of(context, scope), growth)


def difference_rows(
    context: AnswerContext,
    scope: str,
    metric: str,
    lang: Language,
    instead: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Targets of a scope and below it that do not add up; `instead`: some as if they were stored."""
    forecast, state = context.forecast, context.state
    tree, names = forecast.organisation, forecast.names
    month, currency = context.organisation.fiscal_start_month, context.organisation.currency
    below = _below(tree, scope)
    found = differences(state.known_at(context.moment), tree, forecast.period, month, metric, instead)
    return [
        {
            "scope": one.scope,
            "name": names.scope(one.scope, lang),
            "period": one.period,
            "by": one.by,
            "whole": one.whole,
            "total": one.total,
            "difference": one.difference,
            "parts": list(one.parts) if one.by == "periods" else [],
            "message": _difference_text(one, names, currency, lang),
        }
        for one in found
        if one.scope in below
    ]


def _below(tree: ScopeTree, scope: str) -> set[str]:
    found, waiting = set(), [scope]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += tree.children(one)
    return found


def _difference_text(one: Difference, names: Names, currency: str, lang: Language) -> str:
    def money(value: float, signed: bool = False) -> str:
        number = f"{value:+,.0f}" if signed else f"{value:,.0f}"  # not shortened: small differences show
        return f"{number}円" if currency == "JPY" and lang == "ja" else f"{currency} {number}"

    figures: Mapping[str, str] = {
        "scope": names.label(one.scope).to(lang),
        "period": one.period,
        "whole": money(one.whole),
        "total": money(one.total),
        "difference": money(one.difference, signed=True),
    }
    if one.by == "periods":
        between = "、" if lang == "ja" else ", "
        return _BY_PERIODS.format(**figures, parts=between.join(one.parts)).to(lang)
    without = _WITHOUT.format(n=len(one.without)).to(lang) if one.without else ""
    return _BY_SCOPES.format(**figures, without=without).to(lang).strip()
