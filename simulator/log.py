"""Which rows does the simulation record, and how do compiled functions append them?

`log_change` and `log_activity` append; a replay passes empty arrays, and then nothing is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.random_stream import Record, compiled
from simulator.state_arrays import (
    ACTIVITY,
    CONTRACT_LOG,
    DEAL,
    EVENT,
    LEAD_LOG,
    PERSON,
    WIN,
)

C_EVENTS, C_ACTIVITIES, C_NEW_DEALS, C_CONTRACTS, C_WINS, C_PERSONS = range(6)
"""Positions of the cursors: how many rows of each array are filled."""


@compiled
def log_change(
    events: Any, cursor: Any, deal: Any, at: Any, field: Any, value: Any, old: Any, actor: Any
) -> None:
    """Append one change of a deal's field."""
    if events.shape[0] == 0:
        return
    row = events[cursor[C_EVENTS]]
    cursor[C_EVENTS] += 1
    row.at, row.deal, row.field, row.value, row.old, row.actor = at, deal, field, value, old, actor


@compiled
def log_activity(
    activities: Any, cursor: Any, at: Any, deal: Any, lead: Any, account: Any, actor: Any, kind: Any,
    inbound: Any, outcome: Any, effective: Any, minutes: Any, material: Any, subject: Any,
) -> None:  # fmt: skip
    """Append one activity."""
    if activities.shape[0] == 0:
        return
    row = activities[cursor[C_ACTIVITIES]]
    cursor[C_ACTIVITIES] += 1
    row.at, row.deal, row.lead, row.account, row.actor = at, deal, lead, account, actor
    row.kind, row.inbound, row.outcome, row.effective = kind, inbound, outcome, effective
    row.minutes, row.material, row.subject = minutes, material, subject


def with_capacity(array: NDArray[np.void], needed: int) -> NDArray[np.void]:
    """The array, or a copy with room for `needed` elements (half as much again, so that copies stay rare)."""
    if len(array) >= needed:
        return array
    larger = np.zeros(max(needed, len(array) * 3 // 2), array.dtype)
    larger[: len(array)] = array
    return larger


@dataclass
class Log:
    """Everything recorded so far. Arrays are filled up to their cursor; not `recording`: only wins."""

    recording: bool = True
    cursor: NDArray[np.int64] = field(default_factory=lambda: np.zeros(6, np.int64))
    events: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, EVENT))
    activities: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ACTIVITY))
    leads: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, LEAD_LOG))
    contracts: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, CONTRACT_LOG))
    deals: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, DEAL))
    people: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, PERSON))
    wins: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, WIN))
    market_history: list[tuple[int, float, float]] = field(default_factory=list)
    """(day, market level, market inflow) of each working day."""
    first_seen: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """Second at which each account was first met (the largest int32 = not yet), shape (accounts,)."""

    def reserve(self, deals: int, leads: int, seats: int) -> None:
        """Make room for one more day with that many open deals and leads (most days need far less)."""
        events, activities = int(self.cursor[C_EVENTS]), int(self.cursor[C_ACTIVITIES])
        self.wins = with_capacity(self.wins, int(self.cursor[C_WINS]) + deals)
        self.people = with_capacity(self.people, int(self.cursor[C_PERSONS]) + seats)
        if self.recording:
            self.events = with_capacity(self.events, events + 16 * deals + 64)
            self.activities = with_capacity(self.activities, activities + 16 * deals + 4 * leads + 64)


@compiled
def advance_clock(deal: Record, stream: Any, day: Any, min_minutes: Any, max_minutes: Any) -> Any:
    """Move a deal's clock by `min_minutes` to `max_minutes`; returns the second since the first midnight."""
    share = np.float64((stream >> np.uint64(deal.ticks % 40)) & np.uint64(0xFFF)) / 4096.0
    deal.ticks += 1
    deal.clock = min(deal.clock + int((min_minutes + (max_minutes - min_minutes) * share) * 60.0), 75_000)
    # The count keeps seconds distinct when the clock has reached its evening limit.
    return day * 86_400 + deal.clock + deal.ticks
