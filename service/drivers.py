"""What drives the goal here, and what does it take? The tree and the plan, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY
from features.kpis import KPIS
from models.bundle import Bundle
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
    smallest_plan,
)
from service.period_forecast import PeriodForecast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KSF_PP = 1.0  # points of the goal's probability from which a controllable driver is a key success factor
MOST_KSF = 3
_BY_ID = {kpi.id: kpi for kpi in KPIS}
# KPIs that people are given numbers for, and the levers of their own that a plan raises each by.
_WORK = {
    "leads": ("leads",),
    "appointments": ("leads", "appointment_rate"),
    "proposals": ("proposals",),
}


def lever_model_of(forecast: PeriodForecast, prospects: KpiForecasts, bundle: Bundle) -> LeverModel:
    """The levers of a period's forecast."""
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
    drive: LeverModel, people: Ints, target: float | None, before: float | None, lang: Language
) -> list[dict[str, Any]]:
    """What one feasible step of each lever, up to the better quartile of peers, adds; the strongest first."""
    if target is None or before is None:
        return []
    rows = []
    for lever in LEVERS:
        level = drive.levels.get(lever.id)
        now = None if level is None else level.of(people)
        if level is None or now is None or np.isnan(level.top[people]).all():
            continue
        after = drive.probability({lever.id: 1.0}, people, target)
        rows.append({**_named(level, people, 1.0, lang), "attainment_pp": 100 * (after - before)})
    return sorted(rows, key=lambda row: -row["attainment_pp"])


def kpi_tree(
    drivers: Sequence[Mapping[str, Any]], kpis: Sequence[Mapping[str, Any]], goal: Mapping[str, Any]
) -> dict[str, Any]:
    """KGI, its drivers as branches, and the KPIs each shows in; the strongest controllable ones are KSF."""
    by_kpi = {row["kpi"]: row for row in kpis}
    named = {lever.id: lever for lever in LEVERS}
    branches, chosen = [], 0
    for driver in drivers:
        lever = named[driver["lever"]]
        is_ksf = lever.controllable and driver["attainment_pp"] >= KSF_PP and chosen < MOST_KSF
        chosen += is_ksf
        shown = ("kpi", "label", "unit", "value", "forecast", "target", "probability")
        under = [{key: by_kpi[name][key] for key in shown} for name in lever.kpis if name in by_kpi]
        branches.append({**driver, "ksf": is_ksf, "kpis": [row for row in under if row["value"] is not None]})
    return {"goal": dict(goal), "branches": branches}


def plan_fields(
    drive: LeverModel,
    prospects: KpiForecasts,
    scope: str,
    levers: Sequence[str],
    target: float,
    wanted: float,
    lang: Language,
) -> dict[str, Any]:
    """The smallest change that attains as wanted, with what it means per person, week and working day."""
    known = {lever.id for lever in LEVERS}
    strange = sorted(set(levers) - known)
    if strange:
        raise SanchoError(
            Text(
                "レバー「{got}」はありません。{fine} から選んでください。",
                "levers: no {got!r}; choose from {fine}.",
            ).format(got=strange[0], fine=", ".join(sorted(known))),
            "bad_request",
        )
    people = drive.simulation.organisation.members(scope)
    plan = smallest_plan(drive, list(levers) or [lever.id for lever in LEVERS], people, target, wanted)
    rows = []
    for name, share in plan.shares.items():
        level = drive.levels[name]
        if level.of(people) is not None:
            alone = 100 * (plan.effects[name] - plan.before)
            rows.append({**_named(level, people, share, lang), "share_of_step": share, "alone_pp": alone})
    return {
        "scope": scope,
        "target": target,
        "requested_probability": wanted,
        "current_probability": plan.before,
        "attainable": plan.attains(wanted),
        "probability": plan.reached,
        "maximum": max(plan.maximum, plan.before),
        "levers": sorted(rows, key=lambda row: -row["alone_pp"]),
        "people": _people(drive, prospects, plan, people, lang),
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


def _people(
    drive: LeverModel, prospects: KpiForecasts, plan: Plan, people: Ints, lang: Language
) -> list[dict[str, Any]]:
    """Numbers of each person for the rest of the period: what they would do anyway, and by the plan."""
    days = prospects.remaining.working_days
    if days <= 0:
        return []
    steps = {name: drive.levels[name].with_shares(share, people) for name, share in plan.shares.items()}
    moved = {name: drive.level_ratio(name, step) for name, step in steps.items()}
    untouched = np.zeros(len(prospects.remaining.since))
    more = drive.new_deal_ratio({"leads": untouched, "appointment_rate": untouched, **steps}, people)
    rows = []
    usual = {name: prospects.future_draws(_BY_ID[name].count).mean(1, dtype=np.float64) for name in _WORK}
    for person in people[people < len(drive.simulation.organisation.people)].tolist():
        work = []
        for name, levers in _WORK.items():
            now = float(usual[name][person]) / days
            times = float(np.prod([moved[lever][person] for lever in levers if lever in moved]))
            if name == "proposals":
                times *= float(more[person])
            if now > 0:
                kpi = _BY_ID[name]
                work.append(
                    {
                        "kpi": name,
                        "label": kpi.label.to(lang),
                        "unit": kpi.unit.to(lang),
                        "usual_per_week": 5 * now,
                        "per_week": 5 * now * times,
                        "per_day": now * times,
                        "by_period_end": now * times * days,
                    }
                )
        if work:
            rows.append({"scope": f"person:{drive.simulation.organisation.people[person]}", "kpis": work})
    return rows
