"""At which past moments are snapshots of a deal taken for training?"""

from __future__ import annotations

from typing import Any

import numpy as np

from crm.instants import DAY, NEVER
from features.arrays import OUTCOME, Floats, Ints, ints
from features.as_of import status_before
from features.history import History
from features.kernel_cache import compiled

WEEK = 7 * DAY
GRID = np.array([0, 1, 3, 7, 14, 21, 28, 42, 56, 70, 84], np.int64) * DAY
"""Ages that part a deal's open time; after the last one it is parted every four weeks."""
LATER = 4 * WEEK
# Their multiples are spread evenly between whole numbers.
_GOLDEN, _PLASTIC = 0.6180339887498949, 0.7548776662466927


def change_moments(history: History, until: int, deals: Ints | None = None) -> tuple[Ints, Ints]:
    """Snapshot moments of open deals (all, or some) before `until`: (deals, moments), in order.

    Just after creation, just after each recorded change of stage, amount, owner or expected close date, and
    on a grid: one in each part of the open time (`GRID`), at an age of the deal's own, so that all ages and
    all times since a change occur. Each depends only on what was known at it, never on later events.
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


def weeks_represented(created: Ints, moments: Ints) -> Floats:
    """The weeks that each moment (n,) of the grid stands for, of deals created at `created` (n,).

    0 for a moment that is not on the grid: it lies just after a change. Weighted by these weeks, moments are
    distributed over open time like snapshots on random days; changes cluster in active phases.

    >>> weeks_represented(np.zeros(3, int), 1 + np.array([grid_age(0, 3), 1, grid_age(0, 11)])).tolist()
    [1.0, 0.0, 4.0]
    """
    weeks: Floats = np.zeros(len(moments))
    _fill_weeks(ints(created), ints(moments), weeks)
    return weeks


@compiled
def _part_begins(part: Any) -> Any:
    last = len(GRID) - 1
    return GRID[part] if part < last else GRID[last] + (part - last) * LATER


@compiled
def grid_age(created: Any, part: Any) -> Any:
    """The age at which a deal's moment in a part of its open time lies."""
    begins, ends = _part_begins(part), _part_begins(part + 1)
    share = (created / DAY * _GOLDEN + part * _PLASTIC) % 1.0
    return begins + np.int64(share * (ends - begins))


@compiled
def _fill_weeks(created: Any, moments: Any, weeks: Any) -> None:
    for row in range(len(moments)):
        age = moments[row] - 1 - created[row]
        if age >= GRID[-1]:
            part = len(GRID) - 1 + (age - GRID[-1]) // LATER
        else:
            part = np.searchsorted(GRID, age, side="right") - 1
        if part >= 0 and age == grid_age(created[row], part):
            weeks[row] = (_part_begins(part + 1) - _part_begins(part)) / WEEK


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
        now, part = created, 0
        while now + 1 < over:
            if status_before(status, deal, now + 1) == -1:
                if not count:
                    moments[start[row] + made] = now + 1
                made += 1
            change = _next_change(stage, deal, now, NEVER)
            change = _next_change(amount, deal, now, change)
            change = _next_change(owner, deal, now, change)
            change = _next_change(close, deal, now, change)
            while created + grid_age(created, part) <= now:
                part += 1
            grid = created + grid_age(created, part)
            now = grid if change == NEVER or grid < change else change
        if count:
            start[row + 1] = made
    if count:
        for row in range(len(which)):
            start[row + 1] += start[row]
