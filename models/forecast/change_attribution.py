"""What changed a period's forecast between two moments? Contributions that add up, in the same scenarios.

From the earlier to the later state, inputs are changed one after another in the order of STEPS, and the
scenarios are redrawn with the same random numbers: a step's contribution is a difference on the same draws,
and the contributions add up to the total change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.arrays import Flags, Floats, Ints
from models.forecast.attainment import probability_of
from models.forecast.exchange import simulate_after
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import Pipeline, Simulation
from models.forecast.undecided import share_of_gap

STEPS = (
    "moved",
    "won",
    "lost",
    "deleted",
    "slipped",
    "advanced",
    "amount",
    "new_deals",
    "new_business",
    "target",
)
MAX_DEALS = 5  # named with a step


@dataclass(frozen=True)
class ForecastState:
    """The scenarios of a period as of a moment; `targets` of revenue by scope."""

    simulation: Simulation
    targets: Mapping[str, float]


@dataclass(frozen=True)
class ForecastChange:
    """The scenarios after each step, (steps + 1) of them, and each deal's revenue change in its step.

    `rows` and `revenue_change` by step: deals as rows of the last simulations, and the change of each deal's
    expected revenue. `deal_ids` of all rows: the deals open now, in their order, then those open only then.
    """

    simulations: tuple[Simulation, ...]
    rows: Mapping[str, Ints]
    revenue_change: Mapping[str, Floats]
    deal_ids: NDArray[np.object_]
    person: Ints
    person_then: Ints
    organisation_then: ScopeTree
    targets: tuple[Mapping[str, float], Mapping[str, float]]


def attribute_change(
    then: ForecastState,
    now: ForecastState,
    won_amounts: Mapping[str, float],
    deleted: Collection[str] = (),
) -> ForecastChange:
    """The change from one state to a later one of a period.

    `won_amounts` of the deals won in between; `deleted` are the ids of those deleted or merged in between.
    """
    aligned = _align(then, now)
    organisation, old, new = now.simulation.organisation, aligned.then, aligned.now
    won = np.array([deal in won_amounts for deal in aligned.deal_ids.tolist()], bool)
    gone = np.isin(aligned.deal_ids.astype(str), list(deleted)) & ~won
    closed_since = np.isin(np.arange(len(won)), np.arange(len(now.simulation.pipeline.deal_ids)), invert=True)
    created_since = ~aligned.was_open
    still_open = ~closed_since & ~created_since
    increased = new.chance > old.chance
    amount_now = np.where(closed_since[:, None], old.amounts, new.amounts)
    mean_then, mean_now = old.amounts.mean(1), amount_now.mean(1)
    final = np.array([won_amounts.get(deal, 0.0) for deal in aligned.deal_ids.tolist()])
    groups = {
        "won": closed_since & won,
        "moved": aligned.person != aligned.person_then,
        "lost": closed_since & ~won & ~gone,
        "deleted": closed_since & gone,
        "slipped": still_open & ~increased & (new.chance != old.chance),
        "advanced": still_open & increased,
        "amount": still_open & (old.amounts != new.amounts).any(1),
        "new_deals": created_since,
    }
    revenue_change = {
        "won": final - old.chance * mean_then,
        "moved": old.chance * mean_then,
        "lost": -old.chance * mean_then,
        "deleted": -old.chance * mean_then,
        "slipped": (new.chance - old.chance) * mean_then,
        "advanced": (new.chance - old.chance) * mean_then,
        "amount": new.chance * (mean_now - mean_then),
        "new_deals": new.chance * mean_now,
    }
    chance, amounts, closed = old.chance.copy(), old.amounts.copy(), aligned.closed_then
    rates, sizes = aligned.rates_then, then.simulation.sizes
    simulations: list[Simulation] = []

    def draw(before: Simulation, person: Ints = aligned.person) -> None:
        pipeline = Pipeline(aligned.deal_ids, person, chance[:, None].copy(), amounts.copy())
        inputs = (organisation, pipeline, closed, rates, sizes.company, sizes.team)
        simulations.append(simulate_after(before, *inputs, degrees=sizes.degrees))

    draw(_by_the_end(then.simulation), aligned.person_then)
    draw(simulations[-1])
    for step in STEPS[1:-2]:
        rows = groups[step]
        if step == "won":
            closed = now.simulation.closed
        if step == "amount":
            amounts[rows] = new.amounts[rows]
        else:
            chance[rows] = new.chance[rows]
        draw(simulations[-1])
    rates, sizes = now.simulation.new, now.simulation.sizes
    draw(_by_the_end(now.simulation))  # nearer than the step before it: the same new business, the same deals
    simulations.append(simulations[-1])  # the target does not change the scenarios
    return ForecastChange(
        tuple(simulations),
        {step: np.flatnonzero(rows) for step, rows in groups.items()},
        revenue_change,
        aligned.deal_ids,
        aligned.person,
        aligned.person_then,
        then.simulation.organisation,
        (then.targets, now.targets),
    )


def _by_the_end(simulation: Simulation) -> Simulation:
    """The same scenarios, of which only the chances by the period's end are known."""
    won_by = simulation.pipeline.won_by[:, -1:]
    return replace(
        simulation, pipeline=replace(simulation.pipeline, won_by=won_by), odds=simulation.odds[:, -1:]
    )


def change_report(change: ForecastChange, scope: str) -> dict[str, Any] | None:
    """`from`, `to` and the contributions to a scope's change; None where it has no target now.

    Each contribution: `effect_pp` in points of the probability, `revenue` in expected revenue, `gap_share` of
    what was missing before, and the deals with the largest changes. Without an earlier
    target, today's is used for both.
    """
    target = change.targets[1].get(scope)
    if target is None:
        return None
    before = change.targets[0].get(scope, target)
    people = change.simulations[-1].organisation.members(scope)
    people_then = _members_then(change, scope, people)
    chances = [float(probability_of(change.simulations[0], people_then, before) or 0.0)]
    means = [float(change.simulations[0].total(people_then).mean())]
    for simulation in change.simulations[1:-1]:
        chances.append(float(probability_of(simulation, people, before) or 0.0))
        means.append(float(simulation.total(people).mean()))
    chances.append(float(probability_of(change.simulations[-1], people, target) or 0.0))
    means.append(means[-1])
    in_scope = np.isin(change.person, people)
    was_in_scope = np.isin(change.person_then, people_then)
    contributions = [
        {
            "code": step,
            "effect_pp": 100 * (chances[number + 1] - chances[number]),
            "revenue": means[number + 1] - means[number],
            "gap_share": share_of_gap(means[number + 1] - means[number], before - means[0]),
            "deals": _named(change, step, in_scope, was_in_scope),
        }
        for number, step in enumerate(STEPS)
    ]
    return {"from": chances[0], "to": chances[-1], "contributions": contributions}


def _members_then(change: ForecastChange, scope: str, people: Ints) -> Ints:
    """Who belonged to a scope then, as today's numbers; today's people where the scope did not exist then."""
    organisation, now = change.organisation_then, change.simulations[-1].organisation
    if scope not in organisation.scopes():
        return people
    members = organisation.members(scope)
    number: Ints = np.unique(_people(organisation, now)[members])
    # Someone who is no longer known has no number of their own.
    known = number != now.nobody
    return number if organisation.nobody in members else number[known]


def _named(change: ForecastChange, step: str, in_scope: Flags, was_in_scope: Flags) -> list[dict[str, Any]]:
    if step not in change.rows:
        return []
    if step == "moved":  # deals that came into the scope, or left it
        sign = in_scope.astype(float) - was_in_scope
        rows = np.flatnonzero(sign)
        revenue_change = (sign * change.revenue_change[step])[rows]
    else:
        rows = change.rows[step][in_scope[change.rows[step]]]
        revenue_change = change.revenue_change[step][rows]
    order = np.argsort(-np.abs(revenue_change), kind="stable")[:MAX_DEALS]
    return [
        {"deal_id": str(change.deal_ids[rows[at]]), "revenue": float(revenue_change[at])}
        for at in order.tolist()
        if revenue_change[at] != 0
    ]


@dataclass(frozen=True)
class _DealState:
    chance: Floats  # (rows,), 0 where it was not open
    amounts: Floats  # (rows, LEVELS)


@dataclass(frozen=True)
class _Aligned:
    """Both states on the same rows and people: those of today."""

    deal_ids: NDArray[np.object_]
    person: Ints
    person_then: Ints
    was_open: Flags
    then: _DealState
    now: _DealState
    closed_then: Floats
    rates_then: NewBusinessRates


def _align(then: ForecastState, now: ForecastState) -> _Aligned:
    old, new = then.simulation.pipeline, now.simulation.pipeline
    earlier_row = pd.Index(old.deal_ids).get_indexer(
        pd.Index(new.deal_ids)
    )  # the earlier row of each of today's deals
    only = np.setdiff1d(np.arange(len(old.deal_ids)), earlier_row)
    of_person = _people(then.simulation.organisation, now.simulation.organisation)
    was_open, count = earlier_row >= 0, len(new.deal_ids)
    chance_then, amounts_then = np.zeros(count), new.amounts.copy()
    chance_then[was_open] = old.won_by[earlier_row[was_open], -1]
    amounts_then[was_open] = old.amounts[earlier_row[was_open]]
    no_chance = np.zeros(len(only))
    before = _DealState(
        np.concatenate([chance_then, old.won_by[only, -1]]),
        np.concatenate([amounts_then, old.amounts[only]]),
    )
    after = _DealState(
        np.concatenate([new.won_by[:, -1], no_chance]), np.concatenate([new.amounts, old.amounts[only]])
    )
    return _Aligned(
        np.concatenate([new.deal_ids, old.deal_ids[only]]),
        np.concatenate([new.person, of_person[old.person[only]]]),
        np.concatenate(
            [np.where(was_open, of_person[old.person[earlier_row]], new.person), of_person[old.person[only]]]
        ),
        np.concatenate([was_open, np.ones(len(only), bool)]),
        before,
        after,
        _renumbered(then.simulation.closed, of_person, len(now.simulation.closed)),
        _rates(then.simulation.new, of_person, len(now.simulation.closed)),
    )


def _people(old: ScopeTree, new: ScopeTree) -> Ints:
    """Today's number of each earlier person (people + 1,); `nobody` where they no longer exist."""
    return np.append(new.person(pd.Index(old.people, dtype=object)), new.nobody)


def _renumbered(values: Floats, to: Ints, count: int) -> Floats:
    out: Floats = np.bincount(to, values, count).astype(np.float64)
    return out


def _rates(rates: NewBusinessRates, to: Ints, count: int) -> NewBusinessRates:
    scale = np.ones(count)
    scale[to] = rates.scale
    return replace(rates, mean=_renumbered(rates.mean, to, count), scale=scale)
