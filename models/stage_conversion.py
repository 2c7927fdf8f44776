"""How do deals convert from checkpoint to checkpoint, by person, compared with the top quartile of peers?

Of the deals closed in the past year that reached a checkpoint: the share that reached the next, and the days
it took. People's levels are shrunk towards their peers', more with fewer deals.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from crm.i18n import Text
from crm.instants import DAY, NEVER
from features.arrays import Floats
from features.kpis import KpiEvents
from models.kpis import RemainingPeriod
from models.levers.levels import log_odds_by_person, peer_levels

_YEAR = 365 * DAY
CHECKPOINTS = (
    ("appointment", Text("アポイント", "appointment")),
    ("first_visit", Text("初回訪問", "first visit")),
    ("proposal", Text("提案", "proposal")),
    ("closing", Text("クロージング", "closing")),
    ("won_at", Text("受注", "won")),
)


@dataclass(frozen=True)
class StageConversion:
    """From one checkpoint to the next, by person (people + 1,): deals, share that advanced, days.

    `top_share`, `top_days`: the top quartile of the person's peers. `share`, `days` are shrunk towards the
    peers; NaN = unknown.
    """

    start: Text
    end: Text
    deals: Floats
    share: Floats
    top_share: Floats
    days: Floats
    top_days: Floats


def stage_conversions(happenings: KpiEvents, remaining: RemainingPeriod) -> list[StageConversion]:
    """The conversions between checkpoints with records."""
    person, closed, at = happenings.checkpoint_times(tuple(name for name, _ in CHECKPOINTS))
    people = len(remaining.organisation.people) + 1
    use = (closed >= remaining.moment - _YEAR) & (closed < remaining.moment)
    conversions = []
    for number, ((_, start), (_, end)) in enumerate(pairwise(CHECKPOINTS)):
        reached = use & (at[number] != NEVER)
        # A deal that skipped a checkpoint and reached a later one advanced.
        later = np.max(at[number + 1 :], axis=0)
        advanced = reached & (later != NEVER)
        if not reached.any():
            continue
        reached_of = np.bincount(person[reached], minlength=people).astype(float)
        advanced_of = np.bincount(person[advanced], minlength=people).astype(float)
        shares = peer_levels(*log_odds_by_person(advanced_of, reached_of), reached_of, remaining.style, False)
        timed = reached & (at[number + 1] > at[number])
        logs = np.log(np.maximum((at[number + 1] - at[number])[timed] / DAY, 0.25))
        count = np.bincount(person[timed], minlength=people).astype(float)
        mean = np.bincount(person[timed], logs, people) / np.maximum(count, 1)
        noise = (logs.var() if len(logs) else 1.0) / np.maximum(count, 1) + 1e-6
        days_levels = peer_levels(mean, noise, count, remaining.style, True)
        conversions.append(
            StageConversion(
                start,
                end,
                reached_of,
                *(expit(level) for level in shares),
                *(np.exp(level) for level in days_levels),
            )
        )
    return conversions
