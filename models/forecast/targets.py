"""Which targets does a period have?"""

from __future__ import annotations

from datetime import date

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.periods import Period, parse_period


def targets_of(
    log: EventLog,
    period: Period,
    fiscal_start_month: int,
    metric: str = "revenue",
    adds_up: bool = True,
    money: bool = True,
) -> dict[str, float]:
    """Targets of a metric by scope: of exactly this period or, if additive, summed over its parts.

    Those of `money` are in the organisation's currency; one without a rate counts as not set.
    """
    parts: dict[str, list[tuple[date, date, float]]] = {}
    table = log["targets"]
    set_for = (table["metric"] == metric).to_numpy(bool)
    if not set_for.any():
        return {}
    values = log.worth_of_targets() if money else table["value"].to_numpy(float)
    set_for = set_for & ~np.isnan(values)
    table, values = table[set_for], values[set_for]
    for scope, name, value in zip(table["scope"], table["period"], values, strict=True):
        try:
            target_period = parse_period(str(name), fiscal_start_month)
        except SanchoError:
            continue
        same = target_period.first == period.first and target_period.last == period.last
        if same or (adds_up and target_period.first >= period.first and target_period.last <= period.last):
            parts.setdefault(str(scope), []).append((target_period.first, target_period.last, float(value)))
    whole = {scope: _filled(scope_parts, period) for scope, scope_parts in parts.items()}
    return {scope: value for scope, value in whole.items() if value is not None}


def _filled(parts: list[tuple[date, date, float]], period: Period) -> float | None:
    """Sum of consecutive parts from the first day to the last, the longest first; None with a gap."""
    day, total = period.first, 0.0
    while day <= period.last:
        starting = [(last, value) for first, last, value in parts if first == day]
        if not starting:
            return None
        last, value = max(starting)
        total, day = total + value, date.fromordinal(last.toordinal() + 1)
    return total
