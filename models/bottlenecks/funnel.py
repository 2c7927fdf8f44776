"""How do deals flow from stage to stage: how many go on, how long it takes, where they die?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import Flags
from features.stage_visits import StageVisits


@dataclass(frozen=True)
class FunnelStep:
    """Of the deals that came to a stage within some time: how many, went on, ended there, are still there.

    `days` (p25, p50, p75) until those that went on did; None where none has.
    """

    stage: str
    next_stage: str
    deals: int
    advanced: int
    lost: int
    open: int
    days: tuple[float, float, float] | None


def funnel_steps(passages: Sequence[StageVisits], closed: Flags, mine: Flags, first: int) -> list[FunnelStep]:
    """The steps of deals `mine` (d,) that came to each stage from `first` on; who is `closed` (d,) now."""
    steps = []
    for one in passages:
        use = mine[one.deal] & (one.entered_at >= first)
        deal, came, on = one.deal[use], one.entered_at[use], one.advanced_at[use]
        went = on != NEVER
        over = ~went & closed[deal]
        took = (on - came)[went] / DAY
        days = None
        if len(took):
            low, middle, high = np.quantile(took, [0.25, 0.5, 0.75]).tolist()
            days = (low, middle, high)
        still = int(len(deal) - went.sum() - over.sum())
        steps.append(
            FunnelStep(one.stage, one.next_stage, len(deal), int(went.sum()), int(over.sum()), still, days)
        )
    return steps
