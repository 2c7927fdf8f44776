"""When did each deal enter a stage, when did it advance, and when was the customer first contacted in it?"""

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
    """Deals (n,) that had entered a stage before a moment: their first entry.

    `entered_at`, `advanced_at` (to a later stage, or won) and `contacted_at` (first activity by the seller's
    side after the entry) are instants before the moment, the latter two NEVER if not yet. `stage` and
    `next_stage` are names; `next_stage` is "" after the last stage.
    """

    stage: str
    next_stage: str
    deal: Ints
    entered_at: Ints
    advanced_at: Ints
    contacted_at: Ints


def stage_visits(history: History, moment: int) -> list[StageVisits]:
    """The visits of each stage that does not close deals, in the stages' order, as of a moment."""
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
    for number, stage in enumerate(order):
        entered = np.full(count, _FAR)
        np.minimum.at(entered, deal[code == stage], at[code == stage])
        entered = np.where((first == stage) & (history.created < moment), history.created, entered)
        later = (position > stages.position[stage]) & ~lost & (at > entered[deal])
        advanced = np.full(count, _FAR)
        np.minimum.at(advanced, deal[later], at[later])
        advanced = np.minimum(advanced, np.where(won == NEVER, _FAR, won))
        visitors = np.flatnonzero(entered < _FAR)
        contacted = np.empty(len(visitors), np.int64)
        _first_contact(acts.start, acts.at, acts.entry, visitors, entered[visitors], moment, contacted)
        next_stage = str(history.stages[order[number + 1]]) if number + 1 < len(order) else ""
        out.append(
            StageVisits(
                str(history.stages[stage]),
                next_stage,
                visitors,
                entered[visitors],
                _never(advanced[visitors]),
                _never(contacted),
            )
        )
    return out


_FAR = int(np.iinfo(np.int64).max)


def _never(at: Ints) -> Ints:
    return np.where(at == _FAR, NEVER, at)


@compiled
def _first_contact(start: Any, at: Any, entry: Any, deal: Any, after: Any, moment: Any, out: Any) -> None:
    """First activity by the seller's side on each deal (n,) after an instant; _FAR = not yet."""
    for row in range(len(deal)):
        out[row] = _FAR
        for i in range(start[deal[row]], start[deal[row] + 1]):
            if at[i] >= moment:
                break
            if at[i] > after[row] and entry[i, INBOUND] == 0:
                out[row] = at[i]
                break
