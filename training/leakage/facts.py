"""What is known about how each deal ended, that a column must not tell?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER
from features.arrays import Flags, Floats, Ints

MIN_DEALS = 20  # on each side; with fewer there is no test
MAX_ASKED = 20_000  # deals that are compared; of more, a sample


@dataclass(frozen=True)
class DealFacts:
    """Deals (n,): when created and closed (NEVER = open), won or not, as of a moment. Microseconds UTC."""

    created: Ints
    closed: Ints
    won: Flags
    as_of: int
    zone: ZoneInfo

    @classmethod
    def of(cls, log: EventLog, as_of: int) -> DealFacts:
        """From a log as of `as_of`."""
        deals = log["deals"]
        closed = micros(deals["closed_at"])
        closed = np.where(closed < as_of, closed, NEVER)
        won = (deals["outcome"] == "won").to_numpy(bool) & (closed != NEVER)
        return cls(micros(deals["created_at"]), closed, won, as_of, log.zone)

    def of_rows(self, rows: Ints) -> DealFacts:
        """The same about some of the deals."""
        return DealFacts(self.created[rows], self.closed[rows], self.won[rows], self.as_of, self.zone)

    @cached_property
    def done(self) -> Flags:
        """Deals that have ended."""
        out: Flags = self.closed != NEVER
        return out

    @cached_property
    def lost(self) -> Flags:
        """Deals that have ended without being won."""
        return self.done & ~self.won

    @cached_property
    def life(self) -> Floats:
        """Days from creation to the ending; NaN while open."""
        return np.where(self.done, (self.closed - self.created) / DAY, np.nan)

    @cached_property
    def enough(self) -> bool:
        """Whether enough deals have ended, of both outcomes, to screen a company's own columns."""
        won, done = int(self.won.sum()), int(self.done.sum())
        return done >= 5 * MIN_DEALS and MIN_DEALS <= won <= done - MIN_DEALS

    def ended_by(self, moment: int) -> Flags:
        """Deals that had ended by a moment."""
        out: Flags = self.done & (self.closed < moment)
        return out
