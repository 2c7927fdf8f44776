"""Which rows does an answer about KPIs have? Values, forecasts and checks, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from crm.eventlog import EventLog
from crm.i18n import Language
from crm.kpi_units import MONEY
from features.kpis import Kpi
from features.kpis.definition import STYLES
from models.forecast.targets import targets_of
from models.kpis import KpiForecasts
from models.kpis.smart import SmartFinding, check_kpi
from service.kpi_check import KpiContext, StrongestLever, finding_rows, proposal_of_target
from service.sight import EVERYTHING, Sight


@dataclass(frozen=True)
class KpiFigures:
    """A KPI of a scope in figures, and what the check of its target found (None without one)."""

    kpi: Kpi
    figures: Mapping[str, Any]
    smart: Mapping[str, SmartFinding] | None


def kpi_figures(
    context: KpiContext,
    scope: str,
    fiscal_start_month: int,
    today: date,
    strongest: StrongestLever | None,
    sight: Sight = EVERYTHING,
) -> list[KpiFigures]:
    """The KPIs of the scope's selling style; `strongest`: the strongest lever of the widest goal seen.

    A KPI that counts an action is among them where the scope has a target for it.
    """
    log, period = context.prospects.kpi_events.known, context.prospects.period
    style, rows = _style_of(log, scope), []
    for kpi in (*context.kpis.values(), *context.of_actions.values()):
        if style is None or style in kpi.styles:
            money = kpi.unit == MONEY
            targets = targets_of(log, period, fiscal_start_month, kpi.id, kpi.adds_up, money)
            if kpi.id in context.of_actions and scope not in targets:
                continue
            rows.append(_figures(context, kpi, scope, targets.get(scope), today, (strongest, sight)))
    return rows


def kpi_rows(kpis: Sequence[KpiFigures], lang: Language) -> list[dict[str, Any]]:
    """A row per KPI, in the reader's language."""
    return [
        {
            "kpi": row.kpi.id,
            "label": row.kpi.label.to(lang),
            "meaning": row.kpi.meaning.to(lang),
            "unit": row.kpi.unit.to(lang),
            "style": list(row.kpi.styles),
            **row.figures,
            "controllable": row.kpi.controllable,
            "smart": None if row.smart is None else finding_rows(row.smart, lang),
        }
        for row in kpis
    ]


def _figures(
    context: KpiContext,
    kpi: Kpi,
    scope: str,
    target: float | None,
    today: date,
    known: tuple[StrongestLever | None, Sight],
) -> KpiFigures:
    prospects = context.prospects
    kpi_forecast, smart = prospects.of(kpi, scope), None
    forecast = None
    if kpi_forecast.draws is not None:
        p10, p50, p90 = np.quantile(kpi_forecast.draws, [0.1, 0.5, 0.9]).tolist()
        forecast = {"p10": p10, "p50": p50, "p90": p90}
    if target is not None:
        proposal = proposal_of_target(kpi.id, scope, target, prospects.period)
        smart = check_kpi(proposal, context.facts(proposal, *known), today)
    figures = {
        "value": kpi_forecast.value,
        "target": target,
        "probability": None if target is None else kpi_forecast.probability(target, kpi.lower_is_better),
        "forecast": forecast,
        "required_per_business_day": _per_day(prospects, kpi, kpi_forecast.value, target),
        "trend": [{"period": period.name, "value": value} for period, value in prospects.trend(kpi, scope)],
    }
    return KpiFigures(kpi, figures, smart)


def _per_day(prospects: KpiForecasts, kpi: Kpi, value: float | None, target: float | None) -> float | None:
    """Needed per remaining working day; None without a target or a day left, or where days do not add up."""
    days_left = prospects.remaining.working_days
    if target is None or value is None or not kpi.adds_up or days_left <= 0:
        return None
    return max(target - value, 0.0) / days_left


def _style_of(log: EventLog, scope: str) -> str | None:
    """The selling style of a person; None for other scopes, which have all KPIs."""
    kind, _, name = scope.partition(":")
    if kind != "person":
        return None
    people = log["people"]
    styles = people.loc[(people["person_id"] == name).to_numpy(), "style"].dropna()
    return str(styles.iloc[0]) if len(styles) and styles.iloc[0] in STYLES else None
