"""Which deals counted as abandoned at a past moment, by what was known then?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER
from features import History
from features.arrays import Flags, Ints
from training.snapshots import DealOutcomes, cycle_of


@dataclass(frozen=True, eq=False)
class SignsOfLife:
    """All that was recorded about the deals of a log: instants `at` (s,) and whose they are, `deal` (s,).

    Both are in order of time. `as_of`: the moment as of which abandoned deals are known already.
    """

    outcomes: DealOutcomes
    deal: Ints
    at: Ints
    as_of: int

    @classmethod
    def of(cls, past: EventLog, history: History, outcomes: DealOutcomes, as_of: int) -> SignsOfLife:
        """From a log as of `as_of`."""
        parts = [past["deal_events"], past["activities"]]
        deal = np.concatenate([codes_in(part["deal_id"], history.deal_ids) for part in parts])
        at = np.concatenate([micros(part["at"]) for part in parts])
        known = np.flatnonzero(deal >= 0)
        order = known[np.argsort(at[known], kind="stable")]
        return cls(outcomes, deal[order].astype(np.int64), at[order], as_of)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same signs, known as of the same moment."""
        if not isinstance(other, SignsOfLife) or self.as_of != other.as_of:
            return False
        return np.array_equal(self.deal, other.deal) and np.array_equal(self.at, other.at)

    def as_known_at(self, moment: int) -> SignsOfLife:
        """The same, with the labels of an earlier moment."""
        return replace(self, as_of=moment)

    def abandoned_at(self, moment: int) -> Flags:
        """Which deals (d,) were open at a moment and had been silent for too long, as the cycle was then."""
        cycle = cycle_of(self.outcomes, moment)
        before = int(np.searchsorted(self.at, moment))
        last = self.outcomes.created.copy()
        np.maximum.at(last, self.deal[:before], self.at[:before])
        closed = self.outcomes.closed
        still_open = (closed == NEVER) | (closed >= moment)
        out: Flags = still_open & (moment - last > cycle.silent_days * DAY)
        return out
