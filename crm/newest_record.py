"""Up to when do the data reach? The newest moment that anything recorded has, as of a moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER
from crm.schema import TABLES, Kind

_MOMENTS = 1_000  # of which the newest time is remembered


@dataclass(frozen=True)
class RecordTimes:
    """The times that the rows of a log have, by column, in microseconds UTC; NEVER = none.

    Days to come (an expected close date, the end of a contract) are no records of anything.
    """

    columns: tuple[NDArray[np.int64], ...]
    latest: tuple[int, ...]  # of each column
    _found: dict[int, int | None] = field(default_factory=dict)  # by the moments that were asked for

    @classmethod
    def of(cls, log: EventLog) -> RecordTimes:
        """Those of all tables."""
        columns = tuple(
            micros(log[name][column.name])
            for name, table in TABLES.items()
            for column in table.columns
            if column.kind is Kind.MOMENT
        )
        return cls(columns, tuple(int(at.max(initial=NEVER)) for at in columns))

    def newest(self, moment: int) -> int | None:
        """The newest time before a moment; None where nothing is recorded."""
        found = self._found
        if moment in found:
            return found[moment]
        newest = self._newest(moment)
        if len(found) < _MOMENTS:
            found[moment] = newest
        return newest

    def _newest(self, moment: int) -> int | None:
        before = [
            latest if latest < moment else int(at[at < moment].max(initial=NEVER))
            for at, latest in zip(self.columns, self.latest, strict=True)
        ]
        newest = max(before)
        return None if newest == NEVER else newest
