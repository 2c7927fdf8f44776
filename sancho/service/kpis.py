"""How do the KPIs of a period read? Rows of the answer, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sancho.crm.eventlog import EventLog
from sancho.crm.text import Language
from sancho.features.kpis import Kpi
from sancho.features.kpis.definition import STYLES
from sancho.models.kpis import Prospects
from sancho.models.targets import targets_of


def kpi_rows(
    prospects: Prospects,
    kpis: Sequence[Kpi],
    log: EventLog,
    scope: str,
    fiscal_start_month: int,
    lang: Language,
) -> list[dict[str, Any]]:
    """One row of the contract per KPI that matters to the scope; `log` as of the moment holds the targets."""
    style = _style_of(log, scope)
    rows = []
    for kpi in kpis:
        if style is None or style in kpi.styles:
            adds_up = kpi.adds_up
            targets = targets_of(log, prospects.period, fiscal_start_month, kpi.id, adds_up)
            rows.append(_row(prospects, kpi, scope, targets, lang))
    return rows


def _row(
    prospects: Prospects, kpi: Kpi, scope: str, targets: Mapping[str, float], lang: Language
) -> dict[str, Any]:
    found, target = prospects.of(kpi, scope), targets.get(scope)
    forecast = None
    if found.draws is not None:
        p10, p50, p90 = np.quantile(found.draws, [0.1, 0.5, 0.9]).tolist()
        forecast = {"p10": p10, "p50": p50, "p90": p90}
    return {
        "kpi": kpi.id,
        "label": kpi.label.say(lang),
        "meaning": kpi.meaning.say(lang),
        "unit": kpi.unit.say(lang),
        "style": list(kpi.styles),
        "value": found.value,
        "target": target,
        "probability": None if target is None else found.probability(target, kpi.lower_is_better),
        "forecast": forecast,
        "required_per_business_day": _per_day(prospects, kpi, found.value, target),
        "trend": [{"period": period.name, "value": value} for period, value in prospects.trend(kpi, scope)],
        "controllable": kpi.controllable,
        "smart": None,
    }


def _per_day(prospects: Prospects, kpi: Kpi, value: float | None, target: float | None) -> float | None:
    """What each working day left must bring; None where there is no target, day left, or sum to fill."""
    left = prospects.ahead.working_days
    if target is None or value is None or not kpi.adds_up or left <= 0:
        return None
    return max(target - value, 0.0) / left


def _style_of(log: EventLog, scope: str) -> str | None:
    """The selling style of a person; None of others, whose KPIs are all that there are."""
    kind, _, name = scope.partition(":")
    if kind != "person":
        return None
    people = log["people"]
    mine = people.loc[(people["person_id"] == name).to_numpy(), "style"].dropna()
    return str(mine.iloc[0]) if len(mine) and mine.iloc[0] in STYLES else None
