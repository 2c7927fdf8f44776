"""What drives the goal, and what does it take to reach it? Drivers, tree, plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY
from features.arrays import Ints
from features.kpis import KPIS
from models.bundle import Bundle
from models.forecast.goal_effect import Goal
from models.forecast.reach import reachable
from models.kpis import KpiForecasts
from models.levers import (
    LEVERS,
    STRETCHES,
    Level,
    LeverModel,
    OpenDeals,
    Plan,
    levels_of,
    new_wins_of,
    plan_at,
    smallest_plan,
)
from service.period_forecast import PeriodForecast

KSF_PP = 1.0  # points of the goal's probability from which a controllable driver is a key success factor
MAX_KSF = 3
_BY_ID = {kpi.id: kpi for kpi in KPIS}
# KPIs that a plan sets numbers for, and the levers that raise each.
_PLANNED_KPIS = {
    "leads": ("leads",),
    "appointments": ("leads", "appointment_rate"),
    "proposals": ("proposals",),
}


def lever_model_of(forecast: PeriodForecast, prospects: KpiForecasts, bundle: Bundle) -> LeverModel:
    """The levers of a period's forecast, with what each does to its simulation."""
    happenings, ahead = prospects.kpi_events, prospects.remaining
    x, ids = forecast.scored.x, forecast.simulation.pipeline.deal_ids
    moments = np.full(len(ids), forecast.moment, np.int64)
    start, length = (ahead.start - forecast.moment) / DAY, (ahead.end - ahead.start) / DAY
    days = np.array([start, *(start + length * stretch for stretch in STRETCHES)])
    won = bundle.win.curve(x, moments, days).won if len(ids) else np.zeros((0, len(days)))
    before = won[:, :1] if start > 0 else np.zeros((len(won), 1))
    deals = OpenDeals(
        forecast.scored.ever, happenings.reached("proposal", ids), np.maximum(won[:, 1:] - before, 0.0)
    )
    levels = levels_of(happenings, ahead)
    return LeverModel(forecast.simulation, levels, deals, new_wins_of(happenings, ahead))


def driver_rows(
    drive: LeverModel, people: Ints, target: float | None, lang: Language
) -> list[dict[str, Any]]:
    """What a feasible step of each lever, up to the top quartile of peers, adds; the strongest first."""
    if target is None:
        return []
    before = drive.goal({}, people, target)
    rows = []
    for lever in LEVERS:
        level = drive.levels.get(lever.id)
        if level is None or level.of(people) is None or np.isnan(level.top[people]).all():
            continue
        after = drive.goal({lever.id: 1.0}, people, target)
        rows.append({**_named(level, people, 1.0, lang), **before.effect_of(after)})
    return before.ranked(rows)


def in_language(row: Mapping[str, Any], lang: Language) -> dict[str, Any]:
    """A driver of `driver_rows` in another language: the same figures."""
    lever = next(lever for lever in LEVERS if lever.id == row["lever"])
    return {**row, "label": lever.label.to(lang), "unit": lever.unit.to(lang)}


def kpi_tree(
    drivers: Sequence[Mapping[str, Any]], kpis: Sequence[Mapping[str, Any]], goal: Mapping[str, Any]
) -> dict[str, Any]:
    """KGI, its drivers as branches with their KPIs; the strongest controllable drivers are KSFs.

    Where the probability is settled, a driver is strong that moves revenue by a point of the target.
    """
    aim = Goal(goal["target"], goal["probability"], goal["revenue"]["mean"])
    by_kpi = {row["kpi"]: row for row in kpis}
    levers = {lever.id: lever for lever in LEVERS}
    branches, key_factors = [], 0
    for driver in drivers:
        lever = levers[driver["lever"]]
        strength = aim.strength(driver["attainment_pp"], driver["revenue"])
        is_ksf = lever.controllable and strength >= KSF_PP and key_factors < MAX_KSF
        key_factors += is_ksf
        fields = ("kpi", "label", "unit", "value", "forecast", "target", "probability")
        measured = [{key: by_kpi[name][key] for key in fields} for name in lever.kpis if name in by_kpi]
        branches.append(
            {**driver, "ksf": is_ksf, "kpis": [row for row in measured if row["value"] is not None]}
        )
    return {"goal": dict(goal), "ranked_by": aim.ranked_by, "branches": branches}


def plan_for(
    drive: LeverModel,
    scope: str,
    levers: Sequence[str],
    target: float,
    requested: float,
    shares: Mapping[str, float] | None = None,
) -> Plan:
    """The smallest change of levers (none named: of all) that reaches the requested probability.

    With `shares` by lever of the way to the top quartile of peers, what that change gives.
    """
    known = {lever.id for lever in LEVERS}
    unknown = sorted({*levers, *(shares or ())} - known)
    if unknown:
        raise SanchoError(
            Text(
                "改善項目「{given}」はありません。{known} から選んでください。",
                "levers: {given!r} does not exist; choose from {known}.",
            ).format(given=unknown[0], known=", ".join(sorted(known))),
            "bad_request",
        )
    people = drive.simulation.organisation.members(scope)
    if shares:
        return plan_at(drive, shares, people, target)
    return smallest_plan(drive, list(levers) or [lever.id for lever in LEVERS], people, target, requested)


def plan_fields(
    drive: LeverModel, prospects: KpiForecasts, scope: str, plan: Plan, requested: float, lang: Language
) -> dict[str, Any]:
    """What an answer says of a plan, with each person's numbers."""
    people = drive.simulation.organisation.members(scope)
    rows = []
    for name, share in plan.shares.items():
        level = drive.levels[name]
        if level.of(people) is not None:
            alone = plan.before.effect_of(plan.alone[name])
            named = _named(level, people, share, lang)
            top = level.of(people, level.step_towards_top(1.0, people))
            rows.append(
                {**named, "top": top, "share_of_step": share, "alone_pp": alone["attainment_pp"], **alone}
            )
    reached = plan.before.effect_of(plan.reached)
    return {
        "scope": scope,
        "target": plan.before.target,
        "requested_probability": requested,
        "current_probability": plan.before.chance,
        "attainable": plan.attains(requested),
        "probability": plan.reached.chance,
        "maximum": max(plan.maximum.chance, plan.before.chance),
        "gap": plan.before.gap,
        **reached,
        "reachable": reachable(drive.with_shares(plan.shares, people).total(people)),
        "ranked_by": plan.before.ranked_by,
        "levers": plan.before.ranked(rows),
        "people": _person_plans(drive, prospects, plan, people, lang),
    }


def _named(level: Level, people: Ints, share: float, lang: Language) -> dict[str, Any]:
    lever = level.lever
    return {
        "lever": lever.id,
        "label": lever.label.to(lang),
        "unit": lever.unit.to(lang),
        "from": level.of(people),
        "to": level.of(people, level.step_towards_top(share, people)),
    }


def _person_plans(
    drive: LeverModel, prospects: KpiForecasts, plan: Plan, people: Ints, lang: Language
) -> list[dict[str, Any]]:
    """Numbers of each person for the rest of the period: at the current pace, and under the plan."""
    days = prospects.remaining.working_days
    if days <= 0:
        return []
    steps = {name: drive.levels[name].step_towards_top(share, people) for name, share in plan.shares.items()}
    multipliers = {name: drive.level_ratio(name, step) for name, step in steps.items()}
    unchanged = np.zeros(len(prospects.remaining.since))
    more_deals = drive.new_deal_ratio({"leads": unchanged, "appointment_rate": unchanged, **steps}, people)
    rows = []
    usual = {
        name: prospects.future_draws(_BY_ID[name].count).mean(1, dtype=np.float64) for name in _PLANNED_KPIS
    }
    for person in people[people < len(drive.simulation.organisation.people)].tolist():
        kpis = []
        for name, levers in _PLANNED_KPIS.items():
            usual_per_day = float(usual[name][person]) / days
            factors = [multipliers[lever][person] for lever in levers if lever in multipliers]
            multiplier = float(np.prod(factors))
            if name == "proposals":
                multiplier *= float(more_deals[person])
            if usual_per_day > 0:
                kpi = _BY_ID[name]
                kpis.append(
                    {
                        "kpi": name,
                        "label": kpi.label.to(lang),
                        "unit": kpi.unit.to(lang),
                        "usual_per_week": 5 * usual_per_day,
                        "per_week": 5 * usual_per_day * multiplier,
                        "per_day": usual_per_day * multiplier,
                        "by_period_end": usual_per_day * multiplier * days,
                    }
                )
        if kpis:
            rows.append({"scope": f"person:{drive.simulation.organisation.people[person]}", "kpis": kpis})
    return rows
