"""What would the simulation be with some deals changed? Their draws are exchanged, all others stay.

Each deal has random numbers of its own, by its row, and amounts lie on a step that makes sums exact in any
order: taking a deal's old draws out of the sums and putting its new ones in gives, digit for digit, what
`simulate` draws from nothing. A deal that comes or goes moves the rows of those after it by their ids, so
that theirs are exchanged too: none where a new deal has the last id. Where more has changed than stays, all
open deals are drawn anew; so is new business at other rates, and everything in another organisation.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from features.arrays import Floats, Ints
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.shock_scale import KNOWN
from models.forecast.simulate import (
    Pipeline,
    ShockSizes,
    Simulation,
    add_draws,
    draw_new_business,
    draw_open_deals,
    round_to_step,
    simulate,
)

_MOST = 0.25  # share of the deals that, taken out and put in, cost half as much as all


def simulate_after(
    before: Simulation,
    organisation: ScopeTree,
    pipeline: Pipeline,
    closed: Floats,
    new: NewBusinessRates,
    company_sd: float,
    team_sd: float,
    *,
    degrees: float = KNOWN,
) -> Simulation:
    """What `simulate` gives of the same input, with what of the simulation `before` still holds."""
    sizes = ShockSizes(company_sd, team_sd, degrees)
    if before.sizes != sizes or not before.organisation.is_same(organisation):
        return simulate(organisation, pipeline, closed, new, company_sd, team_sd, degrees=degrees)
    fresh = replace(before, organisation=organisation, closed=round_to_step(closed), new=new)
    if not _same_rates(before.new, new):
        rate, new_draws = draw_new_business(fresh, new)
        fresh = replace(fresh, new_rate=rate, new_draws=new_draws)
    gone, come = _exchanged(before.pipeline, pipeline)
    if len(gone) + len(come) > 2 * _MOST * len(pipeline.won_by):
        pipeline, odds, draws = draw_open_deals(organisation, pipeline, before.shift, sizes, before.seed)
        return replace(fresh, pipeline=pipeline, odds=odds, open_draws=draws)
    if not len(gone) and not len(come):
        return fresh
    draws = before.open_draws.copy()
    add_draws(before, gone, draws, sign=-1.0)
    # Odds of all deals, as `simulate` computes them: those of a few may differ from them in the last digit.
    pipeline, odds, _ = draw_open_deals(organisation, pipeline, before.shift[:, :0], sizes, before.seed)
    fresh = replace(fresh, pipeline=pipeline, odds=odds, open_draws=draws)
    add_draws(fresh, come, draws, sign=1.0)
    return fresh


def _exchanged(before: Pipeline, now: Pipeline) -> tuple[Ints, Ints]:
    """The rows whose draws are taken out, and those whose draws are put in, ascending.

    Rows are drawn from the same where the deal, its owner, its chances and its amounts are those of before.
    """
    shared = min(len(before.won_by), len(now.won_by))
    moved = np.flatnonzero(before.deal_ids[:shared] != now.deal_ids[:shared])
    kept = int(moved[0]) if len(moved) else shared
    if before.won_by.shape[1] != now.won_by.shape[1]:
        kept = 0
    amounts = round_to_step(now.amounts[:kept])
    changed = np.flatnonzero(
        (before.person[:kept] != now.person[:kept])
        | (before.won_by[:kept] != now.won_by[:kept]).any(axis=1)
        | (before.amounts[:kept] != amounts).any(axis=1)
    )
    gone, come = (np.arange(kept, len(each.won_by)) for each in (before, now))
    return np.concatenate([changed, gone]), np.concatenate([changed, come])


def _same_rates(before: NewBusinessRates, now: NewBusinessRates) -> bool:
    """Whether new business is drawn from the same; by which dates it comes plays no part in that."""
    drawn = (each.name for each in fields(before) if each.name != "by_date")
    return all(np.array_equal(getattr(before, name), getattr(now, name)) for name in drawn)
