"""When did each deal come to a stage, when did it go on, and when was the customer first turned to in it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from crm.instants import NEVER
from features.arrays import INBOUND, Ints
from features.history import History
from features.kernel_cache import compiled


@dataclass(frozen=True)
class StageVisits:
    """Deals (n,) that came to a stage before a moment, for the first time.

    `entered_at`, `advanced_at` (to a later stage, or won) and `contacted_at` (first activity of the seller's side after
    coming) are instants before the moment, `advanced_at` and `contacted_at` NEVER if not yet. `stage` and
    `next_stage` are names; `next_stage` is "" after the last stage.
    """

    stage: str
    next_stage: str
    deal: Ints
    entered_at: Ints
    advanced_at: Ints
    contacted_at: Ints


def stage_visits(history: History, moment: int) -> list[StageVisits]:
    """The passages through each stage that is not an end, in the stages' order, as of a moment."""
    track, stages = history.deals.stage, history.deals.stages
    count = len(history.created)
    deal = np.repeat(np.arange(count), np.diff(track.start))
    code = np.nan_to_num(track.value, nan=-1.0).astype(np.int64)
    first = np.nan_to_num(track.first, nan=-1.0).astype(np.int64)
    known = track.at < moment
    deal, code, at = deal[known], code[known], track.at[known]
    position = np.append(stages.position, np.nan)[code]
    lost = np.append(stages.outcome, -1)[code] == 0
    won = np.where((history.outcome == 1) & (history.closed < moment), history.closed, NEVER)
    order = [int(k) for k in np.argsort(stages.position, kind="stable") if stages.outcome[k] < 0]
    acts = history.deals.activities
    out = []
    for place, stage in enumerate(order):
        came = np.full(count, _FAR)
        np.minimum.at(came, deal[code == stage], at[code == stage])
        came = np.where((first == stage) & (history.created < moment), history.created, came)
        further = (position > stages.position[stage]) & ~lost & (at > came[deal])
        went = np.full(count, _FAR)
        np.minimum.at(went, deal[further], at[further])
        went = np.minimum(went, np.where(won == NEVER, _FAR, won))
        here = np.flatnonzero(came < _FAR)
        contacted = np.empty(len(here), np.int64)
        _first_contact(acts.start, acts.at, acts.entry, here, came[here], moment, contacted)
        following = str(history.stages[order[place + 1]]) if place + 1 < len(order) else ""
        out.append(
            StageVisits(
                str(history.stages[stage]),
                following,
                here,
                came[here],
                _never(went[here]),
                _never(contacted),
            )
        )
    return out


_FAR = int(np.iinfo(np.int64).max)


def _never(at: Ints) -> Ints:
    return np.where(at == _FAR, NEVER, at)


@compiled
def _first_contact(start: Any, at: Any, entry: Any, deal: Any, after: Any, moment: Any, out: Any) -> None:
    """When the seller's side first did something on each deal (n,) after an instant; _FAR = not yet."""
    for row in range(len(deal)):
        out[row] = _FAR
        for i in range(start[deal[row]], start[deal[row] + 1]):
            if at[i] >= moment:
                break
            if at[i] > after[row] and entry[i, INBOUND] == 0:
                out[row] = at[i]
                break
