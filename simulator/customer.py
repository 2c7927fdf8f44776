"""How do a customer's interest and decision change from one working day to the next?"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.catalog import R_BUDGET, R_NEED, R_RIVAL, R_SILENT, R_TIMING
from simulator.random_stream import Record, compiled, normal, stream_at, uniform
from simulator.state_arrays import FAR

SILENT_REFUSAL = np.array([0.0155, 0.0125, 0.0145, 0.0125, 0.0105])
"""Chance per working day that a customer of average interest decides against the offer, by stage."""


@compiled
def update_customer(deal: Record, stream: Any, mood: Any, today: Record) -> None:
    """Interest drifts, rivals appear, champions leave, budgets open; some customers silently decide no.

    `mood` is market and team mood together. Draw ids 1 to 19.
    """
    silence = min(max(today.day - deal.last_two_way - 14, 0), 60)
    target = deal.need - 0.012 * silence - 0.5 * deal.rival - 1.4 * deal.dead - 0.5 * deal.doomed
    deal.interest += 0.040 * (target - deal.interest) + 0.225 * normal(stream, 1)
    deal.boost *= 0.992
    deal.momentum *= 0.93
    deal.inbound *= 0.93
    if deal.rival == 0.0 and deal.stage >= 1 and uniform(stream, 2) < 0.0036:
        deal.rival = 0.4 + 1.1 * uniform(stream, 3)
    if deal.champion == 1 and uniform(stream, 4) < 0.0011:
        deal.champion = 0
        deal.need -= 0.9
        deal.power -= 0.7
    if deal.budget == 0 and uniform(stream, 5) < (0.05 if today.month == 4 or today.month == 10 else 0.014):
        deal.budget = 1
    if deal.dead == 1:
        # Rarely the decision is reversed: a new budget year, a new person.
        if uniform(stream, 8) < 0.005 * np.exp(0.5 * deal.need):
            deal.dead, deal.cause = 0, -1
            deal.interest += 0.6
    else:
        z = deal.interest + deal.boost + 0.6 * mood
        # Neglect matters only after two weeks of silence, and little where interest is high.
        neglect = 1.0 + 0.05 * silence * (1.0 if z < 0.6 else 0.25)
        # The effect of high interest saturates, that of low interest does not.
        if uniform(stream, 6) < SILENT_REFUSAL[deal.stage] * np.exp(-1.0 * min(z, 1.3)) * neglect:
            deal.dead = 1
            deal.cause = _cause(deal, silence, stream)


@compiled
def _cause(deal: Record, silence: Any, stream: Any) -> Any:
    """The true reason of the decision."""
    if deal.doomed == 1:
        return R_TIMING
    if deal.rival > 0.7:
        return R_RIVAL
    if silence > 12:
        return R_SILENT
    if deal.budget == 0 and uniform(stream, 7) < 0.6:
        return R_BUDGET
    return R_NEED


@compiled
def apply_bottlenecks(deal: Record, bottlenecks: Any, key: Any, day: Any) -> None:
    """A deal that stays in an interval longer than a bottleneck's threshold is lost with its planted chance.

    The draw does not depend on the day, so a world without the bottleneck differs in nothing else.
    """
    for b in range(bottlenecks.shape[0]):
        bottleneck = bottlenecks[b]
        if (deal.crossed >> b) & 1 or deal.stage != bottleneck.interval + 1:
            continue
        if (bottleneck.product >= 0 and bottleneck.product != deal.product) or (
            bottleneck.industry >= 0 and bottleneck.industry != deal.industry
        ):
            continue
        if bottleneck.size >= 0 and bottleneck.size != deal.size:
            continue
        entered = (
            deal.e_appointment
            if bottleneck.interval == 0
            else (deal.e_visit if bottleneck.interval == 1 else deal.e_proposal)
        )
        if entered == FAR or day - entered <= bottleneck.days:
            continue
        deal.crossed |= 1 << b
        if bottleneck.on == 1 and uniform(stream_at(key, deal.uid, -50_000), 20 + b) < bottleneck.kill:
            deal.doomed = 1
