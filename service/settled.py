"""What is worth knowing where the target is out of reach, or safe? What is reached, at most, and later.

A probability next to 0 or 1 tells a manager nothing to do. Out of reach: the revenue that can be counted on,
the most that all levers bring, and the first later period whose target is within reach, with its plan. Safe:
how much may be lost before it is not, and what to start for the next period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crm.i18n import LANGUAGES, Language
from crm.periods import Period, later_periods
from models.forecast.goal_effect import Goal
from models.forecast.reach import margin, reachable
from models.forecast.undecided import is_out_of_reach, is_safe
from models.levers import LEVERS, LeverModel, Plan
from service.drivers import plan_fields, plan_for
from service.kpi_check import KpiContext
from service.serving_state import AnswerContext

WANTED = 0.8  # probability that a plan for a later period aims at, as `sancho plan` does
NOT_ASKED: dict[str, Any] = dict.fromkeys(("reachable", "maximum", "margin", "next_period"))


def cheap_fields(context: AnswerContext, scope: str, target: float | None) -> dict[str, Any]:
    """`reachable` or `margin`, from the scenarios that are there; None where the goal is undecided."""
    goal = context.forecast.goal(scope, target)
    total = context.forecast.simulation.total(context.forecast.organisation.members(scope))
    if is_out_of_reach(goal.probability):
        return NOT_ASKED | {"reachable": reachable(total)}
    if is_safe(goal.probability) and goal.target is not None:
        return NOT_ASKED | {"margin": margin(total, goal.target)}
    return dict(NOT_ASKED)


def settled_fields(
    context: AnswerContext,
    scope: str,
    kpi_context: Callable[[AnswerContext], KpiContext],
    later: Callable[[Period], AnswerContext],
) -> dict[Language, dict[str, Any]]:
    """`reachable`, `maximum`, `margin` and `next_period` of a scope's stored target, by language.

    `kpi_context` of a context; `later`: the context of another period as of the same moment. Numbers are
    computed once for all languages.
    """
    target = context.forecast.facts.target(scope)
    fields, goal = cheap_fields(context, scope, target), context.forecast.goal(scope, target)
    if target is None or goal.ranked_by == "attainment":
        return dict.fromkeys(LANGUAGES, fields)
    safe = is_safe(goal.probability)
    periods = later_periods(context.forecast.period, context.organisation.fiscal_start_month)
    if safe:
        periods = periods[:1]  # it is the next one that is worth starting, within reach or not
    else:
        fields["maximum"] = _maximum(kpi_context(context).drive, scope, target)
    for period in periods:
        ahead = later(period)
        aim, kpis = _aim(ahead, scope, target, context.forecast.period), kpi_context(ahead)
        if safe or _is_within_reach(kpis.drive, scope, aim["target"]):
            plan = plan_for(kpis.drive, scope, [], aim["target"], WANTED)
            return {
                lang: fields | {"next_period": _later_goal(ahead, kpis, scope, aim, plan, lang)}
                for lang in LANGUAGES
            }
    return dict.fromkeys(LANGUAGES, fields)


def _later_goal(
    context: AnswerContext,
    kpis: KpiContext,
    scope: str,
    aim: Mapping[str, Any],
    plan: Plan,
    lang: Language,
) -> dict[str, Any]:
    """A later period's goal with the plan for it."""
    names = context.forecast.names
    fields = plan_fields(kpis.drive, kpis.prospects, scope, plan, WANTED, lang)
    people = [names.with_scope(row, lang) for row in fields["people"]]
    return {
        "period": context.forecast.period.name,
        **aim,
        "probability": plan.before.chance,
        "expected": plan.before.revenue,
        "plan": names.with_scope(fields, lang) | {"people": people},
    }


def _all_levers(drive: LeverModel) -> dict[str, float]:
    return {lever.id: 1.0 for lever in LEVERS if lever.id in drive.levels}


def _maximum(drive: LeverModel, scope: str, target: float) -> dict[str, Any]:
    """The goal with all levers at the top quartile of peers, and what that adds."""
    people = drive.simulation.organisation.members(scope)
    simulation = drive.with_shares(_all_levers(drive), people)
    before, after = drive.goal({}, people, target), Goal.of(simulation, people, target)
    return {
        "probability": after.chance,
        "expected": after.revenue,
        **before.effect_of(after),
        "reachable": reachable(simulation.total(people)),
    }


def _aim(context: AnswerContext, scope: str, target: float, period: Period) -> Mapping[str, Any]:
    """The later period's target; where none is set, that of the present period for as many days."""
    known = context.forecast.facts.target(scope)
    if known is not None:
        return {"target": known, "target_from": "set"}
    times = context.forecast.period.days / period.days
    return {"target": target * times, "target_from": "this_period"}


def _is_within_reach(drive: LeverModel, scope: str, target: float) -> bool:
    """Whether all levers together, or none, bring a target to the probability wanted."""
    people = drive.simulation.organisation.members(scope)
    return any(drive.goal(shares, people, target).chance >= WANTED for shares in (_all_levers(drive), {}))
