"""How do deals flow from stage to stage: how many go on, how long it takes, where they die?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import Flags
from features.stage_visits import Passage


@dataclass(frozen=True)
class Step:
    """Of the deals that came to a stage within some time: how many, went on, ended there, are still there.

    `days` (p25, p50, p75) until those that went on did; None where none has.
    """

    stage: str
    following: str
    deals: int
    went_on: int
    ended: int
    still: int
    days: tuple[float, float, float] | None


def funnel(passages: Sequence[Passage], closed: Flags, mine: Flags, first: int) -> list[Step]:
    """The steps of deals `mine` (d,) that came to each stage from `first` on; who is `closed` (d,) now."""
    steps = []
    for one in passages:
        use = mine[one.deal] & (one.came >= first)
        deal, came, on = one.deal[use], one.came[use], one.went_on[use]
        went = on != NEVER
        over = ~went & closed[deal]
        took = (on - came)[went] / DAY
        days = None
        if len(took):
            low, middle, high = np.quantile(took, [0.25, 0.5, 0.75]).tolist()
            days = (low, middle, high)
        still = int(len(deal) - went.sum() - over.sum())
        steps.append(Step(one.stage, one.following, len(deal), int(went.sum()), int(over.sum()), still, days))
    return steps
