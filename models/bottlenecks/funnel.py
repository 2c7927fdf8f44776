"""How do deals progress from stage to stage: how many advance, how long does it take, where are they lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import Flags
from features.stage_visits import StageVisits


@dataclass(frozen=True)
class FunnelStep:
    """Of the deals that entered a stage in some time: number, advanced, lost there, still open there.

    `days` (p25, p50, p75) until the advanced ones advanced; None without any.
    """

    stage: str
    next_stage: str
    deals: int
    advanced: int
    lost: int
    open: int
    days: tuple[float, float, float] | None


def funnel_steps(
    stage_visits: Sequence[StageVisits], closed: Flags, selected: Flags, first: int
) -> list[FunnelStep]:
    """Steps of the `selected` deals (d,) that entered each stage from `first` on; `closed` (d,) now."""
    steps = []
    for visits in stage_visits:
        use = selected[visits.deal] & (visits.entered_at >= first)
        deal, entered, advanced_at = visits.deal[use], visits.entered_at[use], visits.advanced_at[use]
        advanced = advanced_at != NEVER
        lost = ~advanced & closed[deal]
        durations = (advanced_at - entered)[advanced] / DAY
        days = None
        if len(durations):
            low, middle, high = np.quantile(durations, [0.25, 0.5, 0.75]).tolist()
            days = (low, middle, high)
        open_count = int(len(deal) - advanced.sum() - lost.sum())
        steps.append(
            FunnelStep(
                visits.stage,
                visits.next_stage,
                len(deal),
                int(advanced.sum()),
                int(lost.sum()),
                open_count,
                days,
            )
        )
    return steps
