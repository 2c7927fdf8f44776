"""At which past moments are snapshots of a deal taken for training?"""

from __future__ import annotations

from typing import Any

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import OUTCOME, Ints, ints
from features.as_of import status_before
from features.history import History
from features.kernel_cache import compiled

WEEK = 7 * DAY
WEEKLY, FORTNIGHTLY = 4, 12
"""The grid is weekly up to an age of 4 weeks, fortnightly up to 12, then four-weekly."""


def change_moments(history: History, until: int, deals: Ints | None = None) -> tuple[Ints, Ints]:
    """Snapshot moments of open deals (all, or some) before `until`: (deals, moments), in order.

    Just after creation, just after each recorded change of stage, amount, owner or expected close date, and
    on a widening grid of weeks of age. Each depends only on what was known at it, never on later events.
    """
    which = ints(np.arange(len(history.created)) if deals is None else deals)
    of = history.deals
    facts = (of.created, of.status, of.stage, of.amount, of.owner, of.close)
    start = ints(np.zeros(len(which) + 1))
    _moments(*facts, which, until, start, ints([]))
    moments = ints(np.zeros(start[-1]))
    if len(moments):
        _moments(*facts, which, until, start, moments)
    return ints(np.repeat(which, np.diff(start))), moments


def weeks_represented(created: Ints, moments: Ints) -> Ints:
    """Weeks until the next moment of the grid, (n,), for moments (n,) of deals created at `created` (n,).

    0 for a moment that is not on the grid: it lies just after a change. Weighted by these weeks, moments are
    distributed over a deal's open time like snapshots on random days; changes cluster in active phases.

    >>> weeks_represented(np.zeros(4, int), np.array([1, WEEK + 1, 5 * WEEK, 6 * WEEK + 1])).tolist()
    [1, 1, 0, 2]
    """
    age, past = np.divmod(moments - 1 - created, WEEK)
    wide = np.where(age < WEEKLY, 1, np.where(age < FORTNIGHTLY, 2, 4))
    return ints(np.where((past == 0) & (age % wide == 0), wide, 0))


@compiled
def _next_change(track: Any, deal: Any, after: Any, best: Any) -> Any:
    """The instant of the first change after an instant, if earlier than `best` (NEVER = none so far)."""
    low, high = track.start[deal], track.start[deal + 1]
    for i in range(low, high):
        if track.at[i] > after:
            return track.at[i] if best == NEVER or track.at[i] < best else best
    return best


@compiled
def _moments(
    created_at: Any, status: Any, stage: Any, amount: Any, owner: Any, close: Any, which: Any, until: Any,
    start: Any, moments: Any,
) -> None:  # fmt: skip
    """Count (moments is empty) or fill."""
    count = len(moments) == 0
    for row in range(len(which)):
        deal, made = which[row], 0
        low, high = status.start[deal], status.start[deal + 1]
        # No moments after the last closing.
        over = until
        if high > low and status.entry[high - 1, OUTCOME] >= 0:
            over = min(until, status.at[high - 1] + 1)
        created = created_at[deal]
        now, age = created, 0
        while now + 1 < over:
            if status_before(status, deal, now + 1) == -1:
                if not count:
                    moments[start[row] + made] = now + 1
                made += 1
            change = _next_change(stage, deal, now, NEVER)
            change = _next_change(amount, deal, now, change)
            change = _next_change(owner, deal, now, change)
            change = _next_change(close, deal, now, change)
            while created + age * WEEK <= now:
                age += 1 if age < WEEKLY else (2 if age < FORTNIGHTLY else 4)
            grid = created + age * WEEK
            now = grid if change == NEVER or grid < change else change
        if count:
            start[row + 1] = made
    if count:
        for row in range(len(which)):
            start[row + 1] += start[row]
