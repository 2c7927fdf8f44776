"""Which candidates do the people of a scope have for a period, and how is one proposed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from features.kpis.definition import STYLES
from models.kpi_sets.candidates import Candidate, CandidateFinder
from models.kpi_sets.proposal import ProposedKpi, proposed
from models.kpis.smart import PERSON
from service.goals import Goals
from service.kpi_steps import candidate_finder
from service.serving_state import AnswerContext
from service.sight import Sight


@dataclass(frozen=True)
class SetCandidates:
    """The candidates behind proposed, accepted and reviewed sets."""

    goals: Goals

    def finder(self, context: AnswerContext, sight: Sight, planned: bool = False) -> CandidateFinder:
        """What candidates of a period are found from; `planned`: with what the plan asks of each person."""
        return candidate_finder(context, self.goals.kpi_context(context), sight.widest, planned)

    @staticmethod
    def found(
        context: AnswerContext, finder: CandidateFinder, scopes: Sequence[str], controllable: bool = False
    ) -> Mapping[str, list[Candidate]]:
        """The candidates of scopes, found once for all who ask the same."""
        asked = (context.key, finder.steps.widest, bool(finder.asked), finder.held, controllable, *scopes)
        found = context.state.caches.kpi_candidates
        return found.get(asked, lambda: finder.candidates(scopes, controllable))

    def people(self, context: AnswerContext, scope: str) -> list[str]:
        """The people of a scope who sell now, as scopes; a person himself whatever he does."""
        organisation = context.forecast.organisation
        members = organisation.members(scope)
        if scope.startswith(PERSON):
            return [scope]
        remaining = self.goals.kpi_context(context).prospects.remaining
        today = int(remaining.calendar.day_of(np.array([remaining.moment]))[0])
        there = (
            (remaining.since <= today) & (remaining.until > today) & np.isin(remaining.style, ("", *STYLES))
        )
        return [
            f"{PERSON}{organisation.people[person]}"
            for person in members.tolist()
            if person < len(organisation.people) and there[person]
        ]

    def proposed(self, context: AnswerContext, candidate: Candidate, kept: bool) -> ProposedKpi:
        """A candidate as a KPI of a proposed set."""
        names, ids = context.forecast.names, context.forecast.simulation.pipeline.deal_ids
        days = self.goals.kpi_context(context).prospects.remaining.working_days

        def named(row: int) -> Text:
            return names.deal_label(str(ids[row]))

        return proposed(candidate, kept, context.forecast.period.last, days, named)
