"""Are proposed KPIs SMART? What the data say of each, and the findings in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.periods import Period
from crm.schema import TABLES
from features.kpis import Kpi, Shape
from models.forecast.attainment import probability_of
from models.kpis import KpiForecast, KpiForecasts
from models.kpis.smart import KpiFacts, KpiProposal, SmartFinding, check_kpi, check_person
from models.levers import LeverModel

Ints = NDArray[np.int64]

_FAIR, _HARD = 0.6, 0.3  # chances at which a better value is named
_SEGMENTED = ("deals", "activities", "leads", "accounts")
# KPIs that say how high a lever stands.
LEVER_OF_KPI = {
    "leads": "leads",
    "appointments": "appointment_rate",
    "proposals": "proposals",
    "win_rate": "win_rate",
}


@dataclass(frozen=True)
class KpiContext:
    """What a period's KPIs are judged by: their prospects, the levers, revenue targets by scope."""

    prospects: KpiForecasts
    drive: LeverModel
    targets: Mapping[str, float]
    kpis: Mapping[str, Kpi]

    def facts(self, proposal: KpiProposal, stronger: tuple[Text, float] | None) -> KpiFacts:
        """What the data say of a proposal."""
        kpi = self.kpis.get(proposal.kpi)
        scope_known = self._knows(proposal.scope)
        strange = [column for column in proposal.segment if not self._has_column(column)]
        if kpi is None:
            nothing = Text(proposal.kpi, proposal.kpi)
            return KpiFacts(
                False,
                scope_known,
                nothing,
                Text("", ""),
                strange,
                None,
                None,
                False,
                None,
                None,
                None,
                stronger,
            )
        tally = self.prospects.kpi_events.counted(kpi.per or kpi.count)
        found = self.prospects.of(kpi, proposal.scope) if scope_known else KpiForecast(None, None)
        chance = None if proposal.value is None else found.probability(proposal.value, kpi.lower_is_better)
        reachable = None
        if found.draws is not None:
            at = [_FAIR, _HARD] if kpi.lower_is_better else [1 - _FAIR, 1 - _HARD]
            fair, hard = np.quantile(found.draws, at).tolist()
            reachable = (fair, hard)
        return KpiFacts(
            True,
            scope_known,
            kpi.label,
            kpi.unit,
            strange,
            tally.completeness if tally.ever_recorded else None,
            tally.least_complete,
            kpi.controllable,
            chance,
            reachable,
            self._goal_pp(kpi, proposal, found) if scope_known else None,
            stronger,
        )

    def _knows(self, scope: str) -> bool:
        try:
            self.drive.simulation.organisation.members(scope)
        except SanchoError:
            return False
        return True

    def _has_column(self, column: str) -> bool:
        known = self.prospects.kpi_events.known
        return any(column in TABLES[name].by_name or column in known[name] for name in _SEGMENTED)

    def _goal_pp(self, kpi: Kpi, proposal: KpiProposal, found: KpiForecast) -> float | None:
        """Points that reaching the KPI adds to the goal of its scope, else of the company.

        What deals bring is in the same scenarios as revenue: those in which it is reached are counted. Of a
        lever's own KPI, the lever is raised by as much as the value is above the expectation.
        """
        aimed = proposal.scope if proposal.scope in self.targets else "company"
        target = self.targets.get(aimed)
        if target is None or proposal.value is None or found.draws is None:
            return None
        people = self.drive.simulation.organisation.members(aimed)
        before = probability_of(self.drive.simulation, people, target) or 0.0
        lever = LEVER_OF_KPI.get(kpi.id)
        if lever in self.drive.levels and kpi.shape is not Shape.MEAN:
            so_far = (found.value or 0.0) if kpi.adds_up else 0.0
            usual = float(np.median(found.draws)) - so_far
            if usual <= 0:
                return None
            times = max(proposal.value - so_far, 0.0) / usual
            members = self.drive.simulation.organisation.members(proposal.scope)
            after = (
                probability_of(self.drive.with_level_times(str(lever), times, members), people, target) or 0.0
            )
            return 100 * (after - before)
        if kpi.count.of != "deals.won":
            return None
        total = self.drive.simulation.total(people)[: len(found.draws)]
        met = found.draws <= proposal.value if kpi.lower_is_better else found.draws >= proposal.value
        if len(met) != len(total) or met.sum() < 20:
            return None
        return 100 * (float((total[met] >= target).mean()) - before)


def check_rows(
    proposals: Sequence[KpiProposal],
    facts: Sequence[KpiFacts],
    today: date,
    lang: Language,
) -> dict[str, Any]:
    """Findings of each proposal, and of each person's proposals together."""
    rows = [
        {
            "kpi": proposal.kpi,
            "label": known.label.to(lang),
            "scope": proposal.scope,
            "value": proposal.value,
            "period": proposal.period,
            "probability": known.probability,
            "smart": finding_rows(check_kpi(proposal, known, today), lang),
        }
        for proposal, known in zip(proposals, facts, strict=True)
    ]
    people: dict[str, list[tuple[KpiProposal, KpiFacts]]] = {}
    for proposal, known in zip(proposals, facts, strict=True):
        if proposal.scope.startswith("person:"):
            people.setdefault(proposal.scope, []).append((proposal, known))
    together = [
        {"scope": scope, "findings": finding_rows(check_person(theirs), lang)}
        for scope, theirs in people.items()
    ]
    return {"proposals": rows, "people": together}


def proposal_of_target(kpi: str, scope: str, value: float, period: Period) -> KpiProposal:
    """A target on record, as if somebody proposed it."""
    return KpiProposal(kpi, scope, value, None, {}, period.name, period.last, None)


def finding_rows(findings: Mapping[str, SmartFinding], lang: Language) -> dict[str, Any]:
    """Findings as the answer has them."""
    return {
        name: {
            "ok": one.ok,
            "why": one.why.to(lang),
            "suggestion": None if one.better is None else one.better.to(lang),
        }
        for name, one in findings.items()
    }
