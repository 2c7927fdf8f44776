"""What of a period's revenue is of one kind (new customers, a product, a region), or by other rates?

The same scenarios: of open deals exactly the draws of those of the kind. Which deals yet to come will be of
it nobody knows: each of a person's later wins is of the kind with the share that such wins have had, whatever
else happens. That is an approximation: the share is taken as steady, and the same in good and bad scenarios.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Flags, Floats, Ints
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.simulate import Simulation, draw_wins, round_to_step

_PRIOR = 5.0  # wins by which a person's share is drawn towards the company's


@dataclass(frozen=True)
class Kind:
    """Deals of one kind: which open ones are of it (n,), and what was closed of it (people + 1,).

    `share` (people + 1,) is its share of later wins, `size` how large its wins are beside all wins.
    """

    open_deals: Flags
    closed: Floats
    share: Floats
    size: float


def share_of_wins(person: Ints, amount: Floats, of_kind: Flags, people: int) -> tuple[Floats, float]:
    """(share of each person's wins that are of a kind (people,), their mean amount over that of all).

    A person with few wins has about the share of all.

    >>> share, size = share_of_wins(np.array([0, 0]), np.array([2.0, 4.0]), np.array([True, False]), 1)
    >>> share.tolist(), round(size, 3)
    ([0.5], 0.667)
    """
    wins = np.bincount(person, minlength=people).astype(float)
    found = np.bincount(person, of_kind, minlength=people)
    overall = found.sum() / wins.sum() if wins.sum() else 0.0
    share = (found + _PRIOR * overall) / (wins + _PRIOR)
    mean = float(amount.mean()) if len(amount) else 0.0
    size = float(amount[of_kind].mean()) / mean if of_kind.any() and mean > 0 else 1.0
    return share, size


def of_kind(simulation: Simulation, kind: Kind) -> Simulation:
    """The revenue of deals of a kind, in the same scenarios."""
    pipeline = simulation.pipeline
    amounts = np.where(kind.open_deals[:, None], pipeline.amounts, 0.0)
    new = replace(
        simulation.new, mean=simulation.new.mean * kind.share, scale=simulation.new.scale * kind.size
    )
    rate = (simulation.new_rate * kind.share[:, None]).astype(np.float32)
    return replace(
        simulation,
        pipeline=replace(pipeline, amounts=amounts),
        closed=round_to_step(kind.closed),
        open_draws=draw_wins(simulation, kind.open_deals)[1],
        new_draws=round_to_step(new.draw_revenue(rate, simulation.seed)[0]),
        new=new,
        new_rate=rate,
    )


def at_rates(simulation: Simulation, new: NewBusinessRates) -> Simulation:
    """The same scenarios with other expected wins of new business by person; equal ones keep their draws."""
    if np.array_equal(new.mean, simulation.new.mean):
        return simulation
    before = simulation.new.mean
    ratio = np.divide(new.mean, before, out=np.ones_like(before), where=before > 0)
    rate = (simulation.new_rate * ratio[:, None]).astype(np.float32)
    changed = replace(simulation.new, mean=new.mean)
    return replace(
        simulation,
        new=changed,
        new_rate=rate,
        new_draws=round_to_step(changed.draw_revenue(rate, simulation.seed)[0]),
    )
