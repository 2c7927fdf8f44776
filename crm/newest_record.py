"""Up to when do the data reach? The newest moment that anything recorded has, as of a moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER
from crm.schema import TABLES, Kind


@dataclass(frozen=True)
class RecordTimes:
    """The times that the rows of a log have, ascending, in microseconds UTC.

    Days to come (an expected close date, the end of a contract) are no records of anything.
    """

    at: NDArray[np.int64]

    @classmethod
    def of(cls, log: EventLog) -> RecordTimes:
        """Those of all tables."""
        columns = [
            micros(log[name][column.name])
            for name, table in TABLES.items()
            for column in table.columns
            if column.kind is Kind.MOMENT
        ]
        times = np.sort(np.concatenate(columns))
        return cls(times[np.searchsorted(times, NEVER, side="right") :])

    def newest(self, moment: int) -> int | None:
        """The newest time before a moment; None where nothing is recorded."""
        before = int(np.searchsorted(self.at, moment))
        return int(self.at[before - 1]) if before else None
