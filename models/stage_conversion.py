"""How do deals flow from checkpoint to checkpoint, by person, against the better quartile of peers?

Of the deals closed in the past year that reached a checkpoint: the share that reached the next, and the days
it took. People's levels lean on their peers' by how little is known of them.
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
    """From one checkpoint to the next, by person (people + 1,): deals, share that went on, days.

    `top_share`, `top_days`: the better quartile of the person's peers. `share`, `days` lean on the peers;
    NaN = unknown.
    """

    start: Text
    end: Text
    deals: Floats
    share: Floats
    top_share: Floats
    days: Floats
    top_days: Floats


def stage_conversions(happenings: KpiEvents, ahead: RemainingPeriod) -> list[StageConversion]:
    """The legs that records tell of."""
    person, closed, at = happenings.checkpoint_times(tuple(name for name, _ in CHECKPOINTS))
    people = len(ahead.organisation.people) + 1
    use = (closed >= ahead.moment - _YEAR) & (closed < ahead.moment)
    legs = []
    for number, ((_, start), (_, end)) in enumerate(pairwise(CHECKPOINTS)):
        here = use & (at[number] != NEVER)
        # Who skipped a checkpoint and reached a later one went on.
        later = np.max(at[number + 1 :], axis=0)
        on = here & (later != NEVER)
        if not here.any():
            continue
        came = np.bincount(person[here], minlength=people).astype(float)
        went = np.bincount(person[on], minlength=people).astype(float)
        shares = peer_levels(*log_odds_by_person(went, came), came, ahead.style, False)
        took = here & (at[number + 1] > at[number])
        logs = np.log(np.maximum((at[number + 1] - at[number])[took] / DAY, 0.25))
        count = np.bincount(person[took], minlength=people).astype(float)
        mean = np.bincount(person[took], logs, people) / np.maximum(count, 1)
        noise = (logs.var() if len(logs) else 1.0) / np.maximum(count, 1) + 1e-6
        paces = peer_levels(mean, noise, count, ahead.style, True)
        legs.append(
            StageConversion(
                start, end, came, *(expit(one) for one in shares), *(np.exp(one) for one in paces)
            )
        )
    return legs
