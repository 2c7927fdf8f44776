"""What does a step of each KPI bring the goals of a period? Made for one answer from what is cached."""

from __future__ import annotations

from collections.abc import Mapping

from crm.periods import previous
from features.kpis import Kpi
from models.kpi_sets.candidates import CandidateFinder, medians_to_revenue
from models.kpi_sets.correlation import correlations
from models.kpi_sets.effects import KpiEffects, by_action
from models.kpi_sets.steps import GoalSteps
from service.action_candidates import candidates_of
from service.drivers import plan_fields, plan_for
from service.kpi_check import KpiContext
from service.model_state import AnswerContext

PLAN_CHANCE = 0.8  # the probability of the goal that the plan behind a set is to reach
_PAST_PERIODS = 8  # over which KPIs are compared with revenue


def goal_steps(context: AnswerContext, kpis: KpiContext, widest: str) -> GoalSteps:
    """The steps of a period; `widest`: the scope of the widest goal that the reader sees."""
    effects = KpiEffects(kpis.prospects, kpis.drive, by_action(candidates_of(context)))
    return GoalSteps(effects, kpis.targets, widest, kpis.prospects.remaining.style)


def planned_values(context: AnswerContext, kpis: KpiContext, scope: str) -> Mapping[tuple[str, str], float]:
    """What the plan for a scope's goal asks of each person by the period's end, by scope and KPI.

    Empty without a target, or where the goal is reached as things go.
    """
    target = kpis.targets.get(scope)
    if target is None or not kpis.drive.simulation.organisation.has(scope):
        return {}

    def compute() -> Mapping[tuple[str, str], float]:
        plan = plan_for(kpis.drive, scope, [], target, PLAN_CHANCE)
        found = {}
        for row in plan_fields(kpis.drive, kpis.prospects, scope, plan, PLAN_CHANCE, "en")["people"]:
            for kpi in row["kpis"]:
                if kpi["per_week"] > kpi["usual_per_week"]:
                    so_far = kpis.prospects.of(kpis.kpis[kpi["kpi"]], row["scope"]).value or 0.0
                    found[row["scope"], kpi["kpi"]] = so_far + kpi["by_period_end"]
        return found

    return context.state.caches.planned_values.get((*context.key, scope), compute)


def candidate_finder(
    context: AnswerContext, kpis: KpiContext, widest: str, planned: bool = False
) -> CandidateFinder:
    """What candidates of a period are found from; `planned`: with what the plan asks of each person."""
    steps = goal_steps(context, kpis, widest)
    known: Mapping[str, Kpi] = {**kpis.kpis, **kpis.of_actions}
    every, events = list(known.values()), kpis.prospects.kpi_events

    def measure() -> tuple[Mapping[str, float], Mapping[str, float]]:
        period, zone = kpis.prospects.period, kpis.prospects.remaining.calendar.zone
        past = [previous(period, back) for back in range(1, _PAST_PERIODS + 1)]
        bounds = [(one.start(zone), one.end(zone)) for one in past if one.end(zone) <= context.moment]
        return correlations(every, events, bounds), medians_to_revenue(every, steps.effects)

    correlation, days = context.state.caches.kpi_measures.get(context.key, measure)
    asked = planned_values(context, kpis, widest) if planned else {}
    return CandidateFinder(steps, known, correlation, days, asked)
