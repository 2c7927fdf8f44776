"""What leads to a goal? KPIs, drivers, plans, and the comparison of people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language
from crm.instants import DAY, last_known_day
from crm.periods import Period
from features.kpis import KPIS, KpiEvents, custom_kpis
from features.kpis.of_actions import action_kpis
from models.forecast.what_if import scope_summary
from models.kpis import KpiForecasts, RemainingPeriod
from models.kpis.smart import KpiProposal
from models.levers import LEVERS
from models.seller_attribution import attributed_deals
from service import messages
from service.drivers import driver_rows, in_language, kpi_tree, lever_model_of, plan_fields, plan_for
from service.kpi_check import KpiContext, StrongestLever, check_rows
from service.kpi_steps import goal_steps
from service.kpis import KpiFigures, kpi_figures, kpi_rows
from service.people import people_rows
from service.serving_state import AnswerContext, ModelState, ServingState
from service.settled import settled_fields
from service.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    from service.schemas import CheckRequest, PlanRequest
    from service.schemas.kpis import ProposedKpi

_RECENT = 730 * DAY  # the past from which differences between people are estimated


class Goals:
    """KPIs, the tree of drivers, the plan, and the comparison of people."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._kpis = (*KPIS, *custom_kpis(serving.settings.kpi))

    def kpis(
        self,
        period: str,
        scope: str,
        as_of: str | None,
        lang: Language,
        with_findings: bool = True,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """The KPIs of a scope in a period: so far, by its end, and the probability of each target.

        `with_findings`: also whether each target is a good one, by the strongest lever, and takes time.
        """
        context = self._serving.context(as_of, period, sight)
        return {
            "period": context.forecast.period.name,
            "scope": scope,
            "name": context.forecast.names.scope(scope, lang),
            "business_days_left": self.kpi_context(context).prospects.remaining.working_days,
            "kpis": self._kpi_rows(context, scope, lang, with_findings),
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def check_kpis(self, request: CheckRequest, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Whether proposed KPIs are specific, measurable, achievable, relevant and time-bound."""
        state = self._serving.current()
        moment = self._serving.moment(state, request.as_of)
        proposals, facts = [], []
        for kpi in request.proposals:
            period = None if kpi.period is None else self._period_or_none(state, kpi.period, moment)
            last = None if period is None else period.last
            proposal = KpiProposal(
                kpi.kpi,
                scope_of(kpi, sight),
                kpi.value,
                kpi.unit,
                kpi.segment,
                kpi.period,
                last,
                kpi.last_reviewed,
            )
            context = self._serving.context_of(
                state, moment, period or self._serving.period(state, None, moment), sight
            )
            strongest = self._strongest_lever(context)
            known = self.kpi_context(context)
            fact = known.facts(proposal, strongest, sight, goal_steps(context, known, sight.widest))
            proposals.append(proposal)
            facts.append(fact if period is not None else replace(fact, probability=None, goal_pp=None))
        today = last_known_day(moment, state.organisation(moment).zone)
        names = context.forecast.names
        rows = check_rows(proposals, facts, today, lang)
        return {
            **{group: [names.with_scope(row, lang) for row in found] for group, found in rows.items()},
            **self._serving.metadata(state, moment, lang),
        }

    def people(
        self, period: str, scope: str, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """Results of people in a period, compared with an average rep on the same deals."""
        context = self._serving.context(as_of, period, sight)
        state, moment, in_period = context.state, context.moment, context.forecast.period
        prospects, zone = self.kpi_context(context).prospects, context.zone
        attributed = state.caches.attributed_deals.get(
            moment,
            lambda: attributed_deals(
                state.bundle,
                state.history,
                state.columns,
                prospects.kpi_events.known,
                context.forecast.organisation,
                moment,
            ),
        )
        results = attributed.within(in_period.start(zone), min(in_period.end(zone), moment))
        recent = attributed.within(moment - _RECENT, moment)
        rows = people_rows(results, recent, prospects, scope, lang)
        names = context.forecast.names
        return {
            "period": in_period.name,
            "scope": scope,
            "name": names.scope(scope, lang),
            **{group: [names.with_scope(row, lang) for row in found] for group, found in rows.items()},
            **self._serving.metadata(state, moment, lang),
        }

    def tree(
        self, period: str, scope: str, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """KGI, the drivers that it depends on, and the KPIs that measure each."""
        context = self._serving.context(as_of, period, sight)
        target = context.forecast.facts.target(scope)
        rows, names = self._kpi_rows(context, scope, lang), context.forecast.names
        goal = {"kpi": "revenue", **scope_summary(context.forecast.state, scope)}
        warnings = (
            []
            if target is not None
            else [("no_target", messages.no_target(names.label(scope), context.forecast.period))]
        )
        return {
            "period": context.forecast.period.name,
            "scope": scope,
            "name": names.scope(scope, lang),
            **kpi_tree(self.drivers(context, scope, lang), rows, goal),
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def plan(self, request: PlanRequest, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """The smallest change of levers that reaches the requested probability of the target."""
        context = self._serving.context(request.as_of, request.period, sight)
        target = context.forecast.facts.target(request.scope) if request.target is None else request.target
        names = context.forecast.names
        if target is None:
            raise SanchoError(
                messages.no_target(names.label(request.scope), context.forecast.period), "no_target"
            )
        kpi_context = self.kpi_context(context)
        drive, prospects = kpi_context.drive, kpi_context.prospects
        found = plan_for(drive, request.scope, request.levers, target, request.probability, request.shares)
        plan = plan_fields(drive, prospects, request.scope, found, request.probability, lang)
        return {
            "period": context.forecast.period.name,
            **names.with_scope(plan, lang),
            "people": [names.with_scope(row, lang) for row in plan["people"]],
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def drivers(self, context: AnswerContext, scope: str, lang: Language) -> list[dict[str, Any]]:
        """What a feasible step of each lever adds to the probability of reaching a scope's target."""
        target = context.forecast.facts.target(scope)
        if target is None:
            return []

        def compute() -> list[dict[str, Any]]:
            people, drive = context.forecast.organisation.members(scope), self.kpi_context(context).drive
            return driver_rows(drive, people, target, "en")

        rows = context.state.caches.drivers.get((*context.key, scope), compute)
        return [in_language(row, lang) for row in rows]

    def settled(self, context: AnswerContext, scope: str, lang: Language) -> dict[str, Any]:
        """What is worth knowing of a scope's goal that is out of reach, or safe; else nothing."""

        def later(period: Period) -> AnswerContext:
            return self._serving.context_of(context.state, context.moment, period, context.sight)

        found = context.state.caches.settled.get(
            (*context.key, scope), lambda: settled_fields(context, scope, self.kpi_context, later)
        )
        return found[lang]

    def kpi_context(self, context: AnswerContext) -> KpiContext:
        """What the KPIs and levers of a period are computed from."""

        def compute() -> KpiContext:
            state, forecast, zone = context.state, context.forecast, context.zone
            known, organisation = state.known_at(context.moment), forecast.organisation
            before = state.caches.renewable_kpis.get(context.key)
            happenings = KpiEvents.after(
                known, organisation.people, None if before is None else before.kpi_events
            )
            bounds = context.moment, forecast.period.start(zone), forecast.period.end(zone)
            ahead = RemainingPeriod.of(known, context.calendar, organisation, *bounds)
            prospects = KpiForecasts.after(forecast.simulation, happenings, ahead, forecast.period, before)
            drive = lever_model_of(forecast, prospects, state.bundle)
            every = {kpi.id: kpi for kpi in self._kpis}
            of_actions = action_kpis(action.action for action in state.bundle.actions)
            also = {name: kpi for name, kpi in of_actions.items() if name not in every}
            return KpiContext(prospects, drive, forecast.facts.targets, every, also)

        return context.state.caches.kpi_contexts.get(context.key, compute)

    def _kpi_rows(
        self, context: AnswerContext, scope: str, lang: Language, with_findings: bool = True
    ) -> list[dict[str, Any]]:
        def compute() -> list[KpiFigures]:
            today, start = (
                last_known_day(context.moment, context.zone),
                context.organisation.fiscal_start_month,
            )
            strongest = self._strongest_lever(context) if with_findings else None
            return kpi_figures(self.kpi_context(context), scope, start, today, strongest, context.sight)

        if not with_findings:
            return [{**row, "smart": None} for row in kpi_rows(compute(), lang)]
        told = "|".join((scope, *context.sight.part_of_goal(scope)))
        return kpi_rows(context.state.caches.kpi_figures.get((*context.key, told), compute), lang)

    def _strongest_lever(self, context: AnswerContext) -> StrongestLever | None:
        """The lever with the largest effect on the widest goal that is seen: the company's, of a whole."""
        widest = context.sight.widest
        drivers = self.drivers(context, widest, "en") if context.forecast.organisation.has(widest) else []
        if not drivers:
            return None
        label = next(lever.label for lever in LEVERS if lever.id == drivers[0]["lever"])
        goal, first = context.forecast.goal(widest), drivers[0]
        return StrongestLever(label, goal.strength(first["attainment_pp"], first["revenue"]), goal.ranked_by)

    def _period_or_none(self, state: ModelState, name: str, moment: int) -> Period | None:
        try:
            return self._serving.period(state, name, moment)
        except SanchoError:
            return None


def scope_of(kpi: ProposedKpi, sight: Sight) -> str:
    """Whose a proposed KPI is: by default the widest scope that is seen."""
    return kpi.scope if "scope" in kpi.model_fields_set else sight.widest
