"""What made the outlook of a period change between two moments? Parts that add up, in the same scenarios.

From then to now one thing after another is changed, always in the order of STEPS, and the scenarios are
drawn anew with the same luck: what a step does is a difference on the same draws, and the steps add up to the
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.arrays import Flags, Floats, Ints
from models.forecast.attainment import probability_of
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import Pipeline, Simulation, simulate

STEPS = ("won", "lost", "slipped", "advanced", "amount", "new_deals", "new_business", "target")
MAX_DEALS = 5  # named with a step


@dataclass(frozen=True)
class ForecastState:
    """The scenarios drawn from what was known of a period at a moment; `targets` of revenue by scope."""

    simulation: Simulation
    targets: Mapping[str, float]


@dataclass(frozen=True)
class ForecastChange:
    """The scenarios after each step, (steps + 1) of them, and what each deal did to revenue in its step.

    `rows` and `revenue_change` by step: deals as rows of the last simulations, and the change of what each is expected
    to bring. `deal_ids` of all rows: the deals open now, in their order, then those open then only.
    """

    simulations: tuple[Simulation, ...]
    rows: Mapping[str, Ints]
    revenue_change: Mapping[str, Floats]
    deal_ids: NDArray[np.object_]
    person: Ints
    targets: tuple[Mapping[str, float], Mapping[str, float]]


def attribute_change(then: ForecastState, now: ForecastState, brought: Mapping[str, float]) -> ForecastChange:
    """From one stand to a later one of the same period; `brought`: amounts of the deals won in between."""
    whole = _align(then, now)
    organisation, old, new = now.simulation.organisation, whole.then, whole.now
    won = np.array([deal in brought for deal in whole.deal_ids.tolist()], bool)
    gone = np.isin(np.arange(len(won)), np.arange(len(now.simulation.pipeline.deal_ids)), invert=True)
    fresh = ~whole.was_open
    still = ~gone & ~fresh
    rose = new.chance > old.chance
    amount_now = np.where(gone[:, None], old.amounts, new.amounts)
    mean_then, mean_now = old.amounts.mean(1), amount_now.mean(1)
    final = np.array([brought.get(deal, 0.0) for deal in whole.deal_ids.tolist()])
    groups = {
        "won": gone & won, "lost": gone & ~won, "slipped": still & ~rose & (new.chance != old.chance),
        "advanced": still & rose, "amount": still & (old.amounts != new.amounts).any(1), "new_deals": fresh,
    }  # fmt: skip
    moved = {
        "won": final - old.chance * mean_then,
        "lost": -old.chance * mean_then,
        "slipped": (new.chance - old.chance) * mean_then,
        "advanced": (new.chance - old.chance) * mean_then,
        "amount": new.chance * (mean_now - mean_then),
        "new_deals": new.chance * mean_now,
    }
    chance, amounts, closed = old.chance.copy(), old.amounts.copy(), whole.closed_then
    rates, sizes, then_rates = whole.rates_then, then.simulation.sizes, whole.rates_then
    stages: list[Simulation] = []

    def draw() -> None:
        pipeline = Pipeline(whole.deal_ids, whole.person, chance[:, None].copy(), amounts.copy())
        made = simulate(organisation, pipeline, closed, rates, *sizes)
        if stages and rates is then_rates:  # the same draws again: they are held once
            made = replace(made, new_draws=stages[-1].new_draws)
        stages.append(made)

    draw()
    for step in STEPS[:-2]:
        mine = groups[step]
        if step == "won":
            closed = now.simulation.closed
        if step == "amount":
            amounts[mine] = new.amounts[mine]
        else:
            chance[mine] = new.chance[mine]
        draw()
    rates, sizes = now.simulation.new, now.simulation.sizes
    draw()
    stages.append(stages[-1])  # the target changes no scenario
    return ForecastChange(
        tuple(stages),
        {step: np.flatnonzero(mine) for step, mine in groups.items()},
        moved,
        whole.deal_ids,
        whole.person,
        (then.targets, now.targets),
    )


def change_report(change: ForecastChange, scope: str) -> dict[str, Any] | None:
    """`from`, `to` and the parts of a scope's change; None where it has no target now.

    Each part: `effect_pp` in points of the probability, `revenue` in expected revenue, and the deals that
    made most of it. Where no target was known then, today's is taken for then too.
    """
    target = change.targets[1].get(scope)
    if target is None:
        return None
    before = change.targets[0].get(scope, target)
    people = change.simulations[-1].organisation.members(scope)
    chances, means = [], []
    for stage in change.simulations[:-1]:
        chances.append(float(probability_of(stage, people, before) or 0.0))
        means.append(float(stage.total(people).mean()))
    chances.append(float(probability_of(change.simulations[-1], people, target) or 0.0))
    means.append(means[-1])
    here = np.isin(change.person, people)
    because = [
        {
            "code": step,
            "effect_pp": 100 * (chances[number + 1] - chances[number]),
            "revenue": means[number + 1] - means[number],
            "deals": _named(change, step, here),
        }
        for number, step in enumerate(STEPS)
    ]
    return {"from": chances[0], "to": chances[-1], "contributions": because}


def _named(change: ForecastChange, step: str, here: Flags) -> list[dict[str, Any]]:
    if step not in change.rows:
        return []
    rows = change.rows[step][here[change.rows[step]]]
    moved = change.revenue_change[step][rows]
    order = np.argsort(-np.abs(moved), kind="stable")[:MAX_DEALS]
    return [
        {"deal_id": str(change.deal_ids[rows[at]]), "revenue": float(moved[at])}
        for at in order.tolist()
        if moved[at] != 0
    ]


@dataclass(frozen=True)
class _DealState:
    chance: Floats  # (rows,), 0 where it was not open
    amounts: Floats  # (rows, LEVELS)


@dataclass(frozen=True)
class _Aligned:
    """Both stands on the same rows and the same people: today's."""

    deal_ids: NDArray[np.object_]
    person: Ints
    was_open: Flags
    then: _DealState
    now: _DealState
    closed_then: Floats
    rates_then: NewBusinessRates


def _align(then: ForecastState, now: ForecastState) -> _Aligned:
    old, new = then.simulation.pipeline, now.simulation.pipeline
    place = pd.Index(old.deal_ids).get_indexer(pd.Index(new.deal_ids))  # where each of today's stood then
    only = np.setdiff1d(np.arange(len(old.deal_ids)), place)
    of_person = _people(then.simulation.organisation, now.simulation.organisation)
    was, count = place >= 0, len(new.deal_ids)
    chance_then, amounts_then = np.zeros(count), new.amounts.copy()
    chance_then[was] = old.won_by[place[was], -1]
    amounts_then[was] = old.amounts[place[was]]
    gone = np.zeros(len(only))
    before = _DealState(
        np.concatenate([chance_then, old.won_by[only, -1]]),
        np.concatenate([amounts_then, old.amounts[only]]),
    )
    after = _DealState(
        np.concatenate([new.won_by[:, -1], gone]), np.concatenate([new.amounts, old.amounts[only]])
    )
    return _Aligned(
        np.concatenate([new.deal_ids, old.deal_ids[only]]),
        np.concatenate([new.person, of_person[old.person[only]]]),
        np.concatenate([was, np.ones(len(only), bool)]),
        before,
        after,
        _renumbered(then.simulation.closed, of_person, len(now.simulation.closed)),
        _rates(then.simulation.new, of_person, len(now.simulation.closed)),
    )


def _people(old: ScopeTree, new: ScopeTree) -> Ints:
    """Today's number of each person of then (people + 1,); nobody's bucket where they are not known now."""
    return np.append(new.person(pd.Index(old.people, dtype=object)), new.nobody)


def _renumbered(values: Floats, to: Ints, count: int) -> Floats:
    out: Floats = np.bincount(to, values, count).astype(np.float64)
    return out


def _rates(rates: NewBusinessRates, to: Ints, count: int) -> NewBusinessRates:
    scale = np.ones(count)
    scale[to] = rates.scale
    return replace(rates, mean=_renumbered(rates.mean, to, count), scale=scale)
