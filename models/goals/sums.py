"""Do targets add up: people to team to company, months to quarter to year? Nothing is mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.periods import Period, parse_period
from models.forecast.organisation import UNASSIGNED, ScopeTree

_LEAST = 1e-6  # of a target: a difference below it is how numbers are written


@dataclass(frozen=True)
class Difference:
    """A target of a scope and period, and what the targets below it add up to.

    `by`: scopes or periods; `parts` are those that were added, `without` the scopes below that have none.
    """

    scope: str
    period: str
    by: str
    whole: float
    total: float
    parts: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """The sum of the parts minus the whole."""
        return self.total - self.whole


@dataclass(frozen=True)
class _Row:
    name: str
    period: Period
    value: float


def differences(
    known: EventLog,
    tree: ScopeTree,
    period: Period,
    fiscal_start_month: int,
    metric: str = "revenue",
    instead: Mapping[str, float] | None = None,
) -> list[Difference]:
    """Where the targets of a metric do not add up, of a period and of those that it is a part of.

    By scopes, where at least one below has a target; by periods, where shorter targets fill the longer one.
    `instead`: targets of the period, by scope, as if they were stored.
    """
    by_scope = dict(_rows(known, fiscal_start_month, metric))
    for scope, value in (instead or {}).items():
        rows = by_scope.get(scope, ())
        before = _of(rows, period)
        name = period.name if before is None else before.name
        by_scope[scope] = [*(row for row in rows if not _is_of(row, period)), _Row(name, period, value)]
    found = []
    for scope in tree.scopes():
        whole = _of(by_scope.get(scope, ()), period)
        children = [child for child in tree.children(scope) if child != UNASSIGNED]
        if whole is not None and children:
            values = {child: _of(by_scope.get(child, ()), period) for child in children}
            known_values = {child: row.value for child, row in values.items() if row is not None}
            if known_values:
                without = tuple(child for child in children if child not in known_values)
                found.append(
                    Difference(
                        scope, whole.name, "scopes", whole.value, sum(known_values.values()),
                        tuple(known_values), without,
                    )
                )  # fmt: skip
        for row in by_scope.get(scope, ()):
            if row.period.first <= period.first and period.last <= row.period.last:
                shorter = [
                    one
                    for one in by_scope[scope]
                    if one.period.days < row.period.days
                    and row.period.first <= one.period.first
                    and one.period.last <= row.period.last
                ]
                parts = _tiling(shorter, row.period)
                if parts:
                    total = sum(one.value for one in parts)
                    names = tuple(one.name for one in parts)
                    found.append(Difference(scope, row.name, "periods", row.value, total, names))
    return [one for one in found if abs(one.difference) > _LEAST * max(abs(one.whole), 1.0)]


def name_in_use(known: EventLog, scope: str, period: Period, fiscal_start_month: int, metric: str) -> str:
    """The name by which a target of these days is stored (FY2026-Q3 for 2026-Q4), else the period's."""
    rows = _rows(known, fiscal_start_month, metric).get(scope, ())
    found = _of(rows, period)
    return period.name if found is None else found.name


def _rows(known: EventLog, fiscal_start_month: int, metric: str) -> Mapping[str, Sequence[_Row]]:
    table = known["targets"]
    values = known.worth_of_targets() if metric == "revenue" else table["value"].to_numpy(float)
    use = (table["metric"] == metric).to_numpy(bool) & ~np.isnan(values)
    found: dict[str, list[_Row]] = {}
    for scope, name, value in zip(table["scope"][use], table["period"][use], values[use], strict=True):
        try:
            period = parse_period(str(name), fiscal_start_month)
        except SanchoError:
            continue
        found.setdefault(str(scope), []).append(_Row(str(name), period, float(value)))
    return found


def _of(rows: Sequence[_Row], period: Period) -> _Row | None:
    """The target of exactly these days."""
    same = [row for row in rows if _is_of(row, period)]
    return max(same, key=lambda row: row.value) if same else None


def _is_of(row: _Row, period: Period) -> bool:
    return (row.period.first, row.period.last) == (period.first, period.last)


def _tiling(rows: Sequence[_Row], period: Period) -> list[_Row]:
    """Consecutive rows from the first day to the last, the longest first; empty with a gap."""
    day, parts = period.first, []
    while day <= period.last:
        starting = [row for row in rows if row.period.first == day]
        if not starting:
            return []
        longest = max(starting, key=lambda row: (row.period.last, row.value))
        parts.append(longest)
        day = type(day).fromordinal(longest.period.last.toordinal() + 1)
    return parts
