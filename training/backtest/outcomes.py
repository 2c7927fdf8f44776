"""How did each deal end, as far as the log shows?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER
from features.arrays import Flags, Floats
from training.snapshots import Cycle, DealOutcomes, cycle_of, last_signs


@dataclass(frozen=True)
class Outcomes:
    """The outcome of every deal up to `end`; `cycle` is the company's sales cycle over the whole log."""

    deal_ids: pd.Index
    outcomes: DealOutcomes
    cycle: Cycle
    end: int

    @classmethod
    def of(cls, log: EventLog, end: int) -> Outcomes:
        """From the whole log, as of its end."""
        past = log.as_of(end)
        deals = past["deals"]
        ids = pd.Index(deals["deal_id"])
        created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
        names = deals["outcome"].astype(object)
        outcome = np.where(names == "won", 1, np.where(names == "lost", 0, -1)).astype(np.int64)
        outcomes = DealOutcomes(created, closed, outcome, last_signs(past, ids, created, closed))
        return cls(ids, outcomes, cycle_of(outcomes, end), end)

    def is_mature(self, moment: int) -> bool:
        """Whether the longest cycle has passed since a moment, so that "ever" can be evaluated."""
        return self.end - moment >= self.cycle.longest_days * DAY

    def numbers(self, deal_ids: NDArray[np.object_]) -> NDArray[np.int64]:
        """The number (n,) of each deal; -1 where it is not in the log."""
        return np.asarray(self.deal_ids.get_indexer(pd.Index(deal_ids)), np.int64)

    def won_by(self, deal: NDArray[np.int64], until: int) -> Floats:
        """Whether each deal (n,) was won before an instant, 1 or 0."""
        closed = self.outcomes.closed[deal]
        won: Floats = ((self.outcomes.outcome[deal] == 1) & (closed != NEVER) & (closed < until)).astype(
            np.float64
        )
        return won

    def won_ever(self, deal: NDArray[np.int64]) -> tuple[Floats, Flags]:
        """Whether each deal (n,) was won at all, 1 or 0, and whether it is still alive at the end.

        A deal silent for too long is lost. A living one counts as won in part: at the share of the deals open
        at its age that were won in the end (Aalen-Johansen, living deals counted as long as they were seen).
        Leaving it out would select on the outcome, since deals that take long are mostly lost.
        """
        closed = self.outcomes.closed[deal] != NEVER
        alive = ~closed & ~self._silent[deal]
        won = (self.outcomes.outcome[deal] == 1).astype(np.float64)
        won[alive] = self._won_share_after(self.end - self.outcomes.created[deal[alive]])
        return won, alive

    @cached_property
    def _silent(self) -> Flags:
        out: Flags = self.end - self.outcomes.last_sign > self.cycle.silent_days * DAY
        return out

    def _won_share_after(self, age: NDArray[np.int64]) -> Floats:
        """Chance (n,) that a deal still open at an age, in microseconds, is won in the end."""
        known = self.outcomes
        closed = known.closed != NEVER
        exit_age = np.where(closed, known.closed, self.end) - known.created
        order = np.argsort(exit_age, kind="stable")
        exit_age, ends = exit_age[order], (closed | self._silent)[order]
        won = ends & (known.outcome[order] == 1)
        at_risk = np.arange(len(order), 0, -1)
        still = np.append(1.0, np.cumprod(1.0 - ends / at_risk))
        won_by = np.append(0.0, np.cumsum(still[:-1] * won / at_risk))
        reached = np.searchsorted(exit_age, age, side="left")
        out: Floats = (won_by[-1] - won_by[reached]) / np.maximum(still[reached], 1e-12)
        return out
