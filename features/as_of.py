"""What was known before a moment? The few compiled functions that every feature is built from.

"Before" is decided in one position, `before`: strictly earlier is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features.arrays import (
    AMOUNT,
    AMOUNTS,
    CYCLE,
    CYCLES,
    LOST,
    OUTCOME,
    PRICED,
    QUANTUM,
    UNKNOWN,
    WON,
)
from features.kernel_cache import compiled

NAN = np.nan


@compiled
def before(at: Any, t: Any) -> Any:
    """Whether something that happened at `at` was known at the moment t."""
    return at < t and at != NEVER


@compiled
def known_before(at: Any, moments: Any) -> Any:
    """`before` for arrays."""
    known = np.empty(len(at), np.bool_)
    for row in range(len(at)):
        known[row] = before(at[row], moments[row])
    return known


@compiled
def count_before(at: Any, low: Any, high: Any, t: Any) -> Any:
    """End of the part of at[low:high] (sorted) that was known at t: an index from low to high."""
    while low < high:
        middle = (low + high) >> 1
        if before(at[middle], t):
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def last_before(track: Any, deal: Any, t: Any) -> Any:
    """Value of an attribute as it was known at t; NaN = unknown."""
    low = track.start[deal]
    end = count_before(track.at, low, track.start[deal + 1], t)
    return track.value[end - 1] if end > low else track.first[deal]


@compiled
def days(microseconds: Any) -> Any:
    """A length of time in days."""
    return microseconds / DAY


@compiled
def quantised(value: Any) -> Any:
    """log1p of a number of at least 0, as a whole number, so that sums are exact."""
    return np.int64(np.rint(np.log1p(max(value, 0.0)) * QUANTUM))


@compiled
def usual(total: Any, count: Any, prior: Any, weight: Any) -> Any:
    """Mean of `count` quantised logs, shrunk towards `prior` (a log), which weighs like `weight` values."""
    if count + weight <= 0:
        return NAN
    return (total / QUANTUM + prior * weight) / (count + weight)


@compiled
def smoothed_rate(won: Any, lost: Any, prior: Any, weight: Any) -> Any:
    """Share of won among closed deals, shrunk towards `prior`, which weighs like `weight` deals."""
    return (won + prior * weight) / (won + lost + weight)


@compiled
def status_before(status: Any, deal: Any, t: Any) -> Any:
    """Status of a deal at t: 1 won, 0 lost, -1 open."""
    low = status.start[deal]
    end = count_before(status.at, low, status.start[deal + 1], t)
    return status.entry[end - 1, OUTCOME] if end > low else -1


@compiled
def stage_before(stage: Any, outcome_of: Any, status: Any, deal: Any, t: Any) -> Any:
    """Local code of a deal's stage at t, -1 = unknown; a closing stage is unknown until the deal closes."""
    value = last_before(stage, deal, t)
    if np.isnan(value):
        return -1
    code = np.int64(value)
    if outcome_of[code] >= 0 and status_before(status, deal, t) < 0:
        return -1
    return code


@compiled
def closings_before(totals: Any, group: Any, key: Any, status: Any, own: Any, since: Any, t: Any) -> Any:
    """Closings of a group in [since, t) without deal `own`: (won, lost, cycles, priced, amounts).

    `key` is the column of `status.entry` that holds the group; -1 for `own` leaves nothing out.
    """
    low = totals.start[group]
    end = count_before(totals.at, low, totals.start[group + 1], t)
    if since != NEVER:
        low = count_before(totals.at, low, end, since)
    won = totals.total[end, WON] - totals.total[low, WON]
    lost = totals.total[end, LOST] - totals.total[low, LOST]
    cycles = totals.total[end, CYCLES] - totals.total[low, CYCLES]
    priced = totals.total[end, PRICED] - totals.total[low, PRICED]
    amounts = totals.total[end, AMOUNTS] - totals.total[low, AMOUNTS]
    if own >= 0:
        low = status.start[own]
        for i in range(low, status.start[own + 1]):
            if not before(status.at[i], t):
                break
            if status.entry[i, key] != group or (since != NEVER and before(status.at[i], since)):
                continue
            sign, value = closing(status.entry, i)
            won -= sign * value
            lost -= sign * (1 - value)
            cycles -= sign * value * status.entry[i, CYCLE]
            if status.entry[i, AMOUNT] != UNKNOWN:
                priced -= sign
                amounts -= sign * status.entry[i, AMOUNT]
    return won, lost, cycles, priced, amounts


@compiled
def closing(entry: Any, i: Any) -> Any:
    """What entry i of a status adds: (+1, its outcome), or for a reopening (-1, the outcome reversed)."""
    if entry[i, OUTCOME] >= 0:
        return 1, entry[i, OUTCOME]
    return -1, entry[i - 1, OUTCOME]


@compiled
def total_before(totals: Any, group: Any, column: Any, t: Any) -> Any:
    """Running total of one column of a group at t."""
    low = totals.start[group]
    end = count_before(totals.at, low, totals.start[group + 1], t)
    return totals.total[end, column] - totals.total[low, column]


def sorted_by(group: NDArray[np.int64], at: NDArray[np.int64], groups: int) -> tuple[Any, Any]:
    """CSR order: rows with group >= 0, by group, then instant, then position: (start, order)."""
    if len(at) > 1 and (np.diff(at) < 0).any():
        by_time = np.argsort(at, kind="stable")
        start, order = counted(group[by_time], groups)
        return start, by_time[order]
    return counted(group, groups)  # type: ignore[no-any-return]


@compiled
def counted(group: Any, groups: Any) -> Any:
    """Counting sort of the rows with group >= 0: (start of each group, order)."""
    start = np.zeros(groups + 1, np.int64)
    for g in group:
        if g >= 0:
            start[g + 1] += 1
    for g in range(groups):
        start[g + 1] += start[g]
    position = start[:-1].copy()
    order = np.empty(start[groups], np.int64)
    for i in range(len(group)):
        g = group[i]
        if g >= 0:
            order[position[g]] = i
            position[g] += 1
    return start, order
