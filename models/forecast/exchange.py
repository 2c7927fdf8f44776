"""What would the simulation be with some deals changed? Their draws are exchanged, all others stay.

Each deal has random numbers of its own, by its row, and amounts lie on a step that makes sums exact in any
order: taking a deal's old draws out of the sums and putting its new ones in gives, digit for digit, what
`simulate` draws from nothing. Where more than some deals have changed (a deal came or went, so that rows
moved; another market, other people), all that has changed is drawn anew.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from features.arrays import Flags, Floats
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.shock_scale import KNOWN
from models.forecast.simulate import (
    Pipeline,
    ShockSizes,
    Simulation,
    add_draws,
    draw_open_deals,
    round_to_step,
    simulate,
)

_MOST = 0.25  # share of the deals from which on all are drawn anew


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
    if (
        before.sizes != sizes
        or not _same(before.organisation, organisation)
        or not _same_rates(before.new, new)
    ):
        return simulate(organisation, pipeline, closed, new, company_sd, team_sd, degrees=degrees)
    fresh = replace(before, organisation=organisation, closed=round_to_step(closed), new=new)
    changed = _changed(before.pipeline, pipeline)
    if changed is None or changed.mean() > _MOST:
        pipeline, odds, draws = draw_open_deals(organisation, pipeline, before.shift, sizes, before.seed)
        return replace(fresh, pipeline=pipeline, odds=odds, open_draws=draws)
    if not changed.any():
        return fresh
    rows = np.flatnonzero(changed)
    draws = before.open_draws.copy()
    add_draws(before, rows, draws, sign=-1.0)
    # Odds of all deals, as `simulate` computes them: those of a few may differ from them in the last digit.
    pipeline, odds, _ = draw_open_deals(organisation, pipeline, before.shift[:, :0], sizes, before.seed)
    fresh = replace(fresh, pipeline=pipeline, odds=odds, open_draws=draws)
    add_draws(fresh, rows, draws, sign=1.0)
    return fresh


def _changed(before: Pipeline, now: Pipeline) -> Flags | None:
    """Which deals (n,) are drawn from anything else than before; None where the rows are other deals'."""
    if before.won_by.shape != now.won_by.shape or not np.array_equal(before.deal_ids, now.deal_ids):
        return None
    amounts = round_to_step(now.amounts)
    changed: Flags = (
        (before.person != now.person)
        | (before.won_by != now.won_by).any(axis=1)
        | (before.amounts != amounts).any(axis=1)
    )
    return changed


def _same_rates(before: NewBusinessRates, now: NewBusinessRates) -> bool:
    """Whether new business is drawn from the same; by which dates it comes plays no part in that."""
    drawn = (each.name for each in fields(before) if each.name != "by_date")
    return all(np.array_equal(getattr(before, name), getattr(now, name)) for name in drawn)


def _same(before: ScopeTree, now: ScopeTree) -> bool:
    return (
        before.people == now.people
        and before.teams == now.teams
        and np.array_equal(before.team_of, now.team_of)
        and np.array_equal(before.parent, now.parent)
    )
