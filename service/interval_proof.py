"""Which intervals may be shown? Those whose coverage past forecasts do not refute; decided here alone.

An interval of a level is refuted where even the upper 95 % end of the share that it covered lies below the
level: it promises more than it has held. One that was never checked is neither held nor refuted: it is shown,
and said to be unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.forecast.organisation import COMPANY
from service.kept_backtests import KeptBacktest
from training.outcomes_by_chance import wilson

DEAL, TEAM, PERSON = "deal", "team", "person"
KINDS = (DEAL, COMPANY, TEAM, PERSON)  # the chance of a deal; the revenue of the company, teams, people
HELD, REFUTED, UNCHECKED = "held", "refuted", "unchecked"
_SANCHO = "sancho"


@dataclass(frozen=True, kw_only=True)
class CoveredInterval:
    """How often intervals of a kind and level held what came, of so many; `low`, `high`: its 95 % ends."""

    kind: str
    level: float
    covered: float
    low: float | None
    high: float | None
    count: int

    @property
    def verdict(self) -> str:
        """Whether they have held; few forecasts refute nothing."""
        return REFUTED if self.high is not None and self.high < self.level else HELD


@dataclass(frozen=True)
class IntervalProof:
    """What is known of the intervals of a model and its forecasts."""

    rows: tuple[CoveredInterval, ...] = ()

    def verdict(self, kind: str, level: float) -> str:
        """What past forecasts say of a kind's intervals of a level (0.8: p10 to p90)."""
        found = (row for row in self.rows if row.kind == kind and abs(row.level - level) < 1e-9)
        row = next(found, None)
        return UNCHECKED if row is None else row.verdict

    def shows(self, kind: str, level: float) -> bool:
        """Whether an interval may be shown, written back or reported."""
        return self.verdict(kind, level) != REFUTED


def kind_of(scope: str) -> str:
    """The kind of interval that the revenue of a scope has.

    >>> kind_of("company"), kind_of("team:T1")
    ('company', 'team')
    """
    return scope.partition(":")[0]


def interval_proof(evaluation: Mapping[str, Any] | None, backtest: KeptBacktest | None) -> IntervalProof:
    """By what the registry keeps of a version's evaluation, and by the newest backtest."""
    rows = [] if evaluation is None else _of_deals(evaluation.get("coverage"))
    return IntervalProof((*rows, *([] if backtest is None else _of_revenue(backtest))))


def _of_deals(coverage: Mapping[str, Any] | None) -> list[CoveredInterval]:
    if coverage is None:
        return []
    rows = []
    for said in coverage["levels"]:
        low, high = wilson(said["covered"] * coverage["bins"], coverage["bins"])
        rows.append(
            CoveredInterval(
                kind=DEAL,
                level=said["level"],
                covered=said["covered"],
                low=low,
                high=high,
                count=coverage["bins"],
            )
        )
    return rows


def _of_revenue(backtest: KeptBacktest) -> list[CoveredInterval]:
    return [
        CoveredInterval(
            kind=kind,
            level=int(percent) / 100,
            covered=share["mean"],
            low=share["lo"],
            high=share["hi"],
            count=table["rows"],
        )
        for kind, table in backtest.revenue.items()
        if kind in KINDS
        for percent, share in table["methods"].get(_SANCHO, {}).get("coverage", {}).items()
        if share["mean"] is not None
    ]
