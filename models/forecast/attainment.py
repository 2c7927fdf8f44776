"""How likely is the target, and what makes up the forecast? A scope's forecast from the joint simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from models.forecast.attainment_interval import attainment_intervals
from models.forecast.deal_draws import attained_with_deal
from models.forecast.organisation import UNASSIGNED
from models.forecast.period_facts import PeriodFacts
from models.forecast.simulate import Simulation, attainment_given_deal, open_by_date, swings
from models.forecast.undecided import ranked_by, share_of_gap
from models.statistics import never_certain

OUTCOMES = 50  # equally likely totals that are told, for a picture of dots
QUANTILES = {"p05": 0.05, "p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90, "p95": 0.95}
_PACE = {name: QUANTILES[name] for name in ("p10", "p25", "p50", "p75", "p90")}


def scope_forecast(
    simulation: Simulation, facts: PeriodFacts, new_by_date: Floats, scope: str, points: Floats | None = None
) -> dict[str, Any]:
    """The Forecast of the contract for one scope, without as_of, model and warnings.

    `new_by_date` (dates,) is the share of new business expected by each date of the pace. `gap` is the target
    minus the mean forecast, so a positive gap is a shortfall. `points`: swings of the scope's deals in
    their order, if already computed (see `swing_points`). Without a target, `target`, `probability`,
    its intervals, `gap` and every swing are None. Deals come with the largest swing first; where the
    probability is settled or there is none, with the largest expected revenue (`ranked_by`).
    """
    organisation = simulation.organisation
    people = organisation.members(scope)
    rows = np.flatnonzero(np.isin(simulation.pipeline.person, people))
    total = simulation.total(people)
    target = facts.target(scope)
    probability = probability_of(simulation, people, target)
    closed = float(simulation.closed[people].sum())
    return {
        "period": facts.period.name,
        "scope": scope,
        "target": target,
        "closed": round(closed, 2),
        "probability": probability,
        "probability_intervals": attainment_intervals(probability),
        "revenue": {**mean_and_quantiles(total), "outcomes": equally_likely(total)},
        "components": _components(simulation, people, closed),
        "gap": None if target is None else target - float(total.mean()),
        "ranked_by": ranked_by(probability),
        "pace": _pace(simulation, facts, new_by_date, people, rows),
        "history": [],
        "drivers": [],
        "deals": _deals(simulation, rows, total, target, probability, points),
        "children": _children(simulation, facts, scope),
        "baselines": facts.baselines(people),
    }


def probability_of(simulation: Simulation, people: Ints, target: float | None) -> float | None:
    """Probability that a scope's revenue reaches the target, strictly between 0 and 1; None without one.

    The share of scenarios at or above it, with the noise of the most influential deal integrated out.
    """
    if target is None:
        return None
    total = simulation.total(people)
    rows = np.flatnonzero(np.isin(simulation.pipeline.person, people))
    if not len(rows):
        return never_certain(float((total >= target).mean()), len(total))
    p, amount = simulation.pipeline.won_by[rows, -1], simulation.pipeline.amounts[rows]
    sd = p * (1 - p) * amount.mean(1) ** 2 + p * amount.var(1)
    overall = attainment_given_deal(simulation, rows[[int(sd.argmax())]], total, target)[2][0]
    return never_certain(float(overall), len(total))


@dataclass(frozen=True)
class DealEffect:
    """The effect of one deal on a target: the probability of reaching it overall, if won and if lost.

    Each is strictly between 0 and 1.
    """

    probability: float
    if_won: float
    if_lost: float

    @classmethod
    def of_shares(cls, overall: float, won: float, lost: float, draws: int) -> DealEffect:
        """From the shares of so many scenarios in which the target is reached."""
        return cls(*(never_certain(float(share), draws) for share in (overall, won, lost)))


def effect_of_new_deal(total: Floats, probability: float, amounts: Floats, target: float) -> DealEffect:
    """The effect on a target of a deal outside the simulation, added to the scope's draws `total` (S,).

    `amounts` (LEVELS,) are its equally likely final amounts; its win is assumed independent of the rest.
    """
    won, lost = attained_with_deal(total, amounts, float(target))
    overall = probability * won + (1 - probability) * lost
    return DealEffect.of_shares(overall, won, lost, len(total))


def mean_and_quantiles(draws: Floats) -> dict[str, float]:
    """Mean and quantiles of draws (S,)."""
    values = np.quantile(draws, list(QUANTILES.values()))
    return {"mean": float(draws.mean())} | dict(zip(QUANTILES, values.tolist(), strict=True))


def equally_likely(draws: Floats, count: int = OUTCOMES) -> list[float]:
    """So many equally likely values of draws (S,), ascending: the middles of as many equal shares of them."""
    values: list[float] = np.quantile(draws, (np.arange(count) + 0.5) / count).tolist()
    return values


def _components(simulation: Simulation, people: Ints, closed: float) -> list[dict[str, Any]]:
    draws_by_name = {
        "open_pipeline": simulation.open_draws[people].sum(0),
        "new_business": simulation.new_draws[people].sum(0),
    }
    components: list[dict[str, Any]] = [{"name": "closed", "mean": closed, "p10": closed, "p90": closed}]
    for name, draws in draws_by_name.items():
        p10, p90 = np.quantile(draws, [0.1, 0.9]).tolist()
        components.append({"name": name, "mean": float(draws.mean()), "p10": p10, "p90": p90})
    return components


def _pace(
    simulation: Simulation, facts: PeriodFacts, new_by_date: Floats, people: Ints, rows: Ints
) -> list[dict[str, Any]]:
    """Revenue by each date of the period: actual, or quantiles of the forecast."""
    closed = facts.closed_by_date[:, people].sum(1)
    to_come = [at for at, day in enumerate(facts.dates) if not facts.is_past(day)]
    band = np.repeat(closed[:, None], len(_PACE), axis=1)
    if to_come:
        open_draws = open_by_date(simulation, rows)
        new_draws = simulation.new_draws[people].sum(0)
        closed_now = float(simulation.closed[people].sum())
        for column, at in enumerate(to_come):
            draws = closed_now + open_draws[column] + new_draws * new_by_date[column]
            band[at] = np.quantile(draws, list(_PACE.values()))
    return [
        {
            "date": day.isoformat(),
            "closed": float(closed[at]) if facts.is_past(day) else None,
            **dict(zip(_PACE, band[at].tolist(), strict=True)),
        }
        for at, day in enumerate(facts.dates)
    ]


def swing_points(simulation: Simulation, facts: PeriodFacts) -> dict[str, Floats]:
    """Swings in points, by scope with a target, of its open deals in their order."""
    organisation, person = simulation.organisation, simulation.pipeline.person
    with_target = [scope for scope in organisation.scopes() if facts.target(scope) is not None]
    members = [organisation.members(scope) for scope in with_target]
    inside = np.zeros((len(with_target), len(person)), bool)
    for number, people in enumerate(members):
        inside[number] = np.isin(person, people)
    depth = int(inside.sum(axis=0).max(initial=0))
    # Each deal's scopes in columns: its person, its teams, the company.
    order = np.argsort(~inside, axis=0, kind="stable")[:depth]
    scopes = np.where(np.take_along_axis(inside, order, axis=0), order, -1).T.astype(np.int64)
    if not scopes.size:
        return {scope: np.zeros(0) for scope in with_target}
    totals = np.array([simulation.total(people) for people in members])
    targets = np.array([facts.target(scope) for scope in with_target], float)
    deal_swings = 100 * swings(simulation, totals, targets, np.ascontiguousarray(scopes))
    points = {}
    for number, scope in enumerate(with_target):
        row, column = np.nonzero(scopes == number)
        points[scope] = deal_swings[row, column]
    return points


def _deals(
    simulation: Simulation,
    rows: Ints,
    total: Floats,
    target: float | None,
    probability: float | None,
    points: Floats | None,
) -> list[dict[str, Any]]:
    pipeline = simulation.pipeline
    chance, amount = pipeline.won_by[rows, -1], pipeline.amounts[rows].mean(1)
    revenue, gap = chance * amount, None if target is None else target - float(total.mean())
    order = np.argsort(-revenue, kind="stable")
    swing: Sequence[float | None] = [None] * len(rows)
    if target is not None:
        if points is None:
            won, lost, _ = attainment_given_deal(simulation, rows, total, target)
            points = 100 * (won - lost)
        swing = points.tolist()
        if ranked_by(probability) == "attainment":
            order = np.lexsort((-revenue, -points))
    return [
        {
            "deal_id": str(pipeline.deal_ids[rows[at]]),
            "by_period_end": float(chance[at]),
            "amount": float(amount[at]),
            "swing_pp": swing[at],
            "revenue": float(revenue[at]),
            "gap_share": share_of_gap(float(revenue[at]), gap),
        }
        for at in order.tolist()
    ]


def _children(simulation: Simulation, facts: PeriodFacts, scope: str) -> list[dict[str, Any]]:
    children = []
    for child in simulation.organisation.children(scope):
        people = simulation.organisation.members(child)
        total = simulation.total(people)
        target = facts.target(child)
        if child == UNASSIGNED and not total.any():
            continue
        chance = probability_of(simulation, people, target)
        children.append(
            {
                "scope": child,
                "target": target,
                "probability": chance,
                "probability_intervals": attainment_intervals(chance),
                "revenue": mean_and_quantiles(total),
            }
        )
    return children


def pace_dates(first: date, last: date) -> list[date]:
    """At most 14 evenly spaced days of a period, the last one included."""
    days = (last - first).days + 1
    step = max(-(-days // 14), 1)
    return [date.fromordinal(last.toordinal() - back * step) for back in reversed(range(-(-days // step)))]
