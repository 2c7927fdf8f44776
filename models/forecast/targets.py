"""Which targets does a period have?"""

from __future__ import annotations

from datetime import date

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.periods import Period, parse_period


def targets_of(
    log: EventLog, period: Period, fiscal_start_month: int, metric: str = "revenue", adds_up: bool = True
) -> dict[str, float]:
    """Targets of a metric by scope: of the very days, else, where it adds up, of parts that fill them."""
    parts: dict[str, list[tuple[date, date, float]]] = {}
    table = log["targets"]
    for kind, scope, name, value in zip(
        table["metric"], table["scope"], table["period"], table["value"], strict=True
    ):
        if kind != metric or np.isnan(value):
            continue
        try:
            of = parse_period(str(name), fiscal_start_month)
        except SanchoError:
            continue
        same = of.first == period.first and of.last == period.last
        if same or (adds_up and of.first >= period.first and of.last <= period.last):
            parts.setdefault(str(scope), []).append((of.first, of.last, float(value)))
    whole = {scope: _filled(pieces, period) for scope, pieces in parts.items()}
    return {scope: value for scope, value in whole.items() if value is not None}


def _filled(pieces: list[tuple[date, date, float]], period: Period) -> float | None:
    """Sum of pieces that follow one another from first day to last, the longest first; None with a gap."""
    day, total = period.first, 0.0
    while day <= period.last:
        here = [(last, value) for first, last, value in pieces if first == day]
        if not here:
            return None
        last, value = max(here)
        total, day = total + value, date.fromordinal(last.toordinal() + 1)
    return total
