"""Up to when do the data reach? The newest moment that anything recorded has, as of a moment."""

from __future__ import annotations

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER
from crm.schema import TABLES, Kind


def newest_record(log: EventLog, moment: int) -> int | None:
    """The newest time before a moment in any table, in microseconds UTC; None where nothing is recorded.

    Days to come (an expected close date, the end of a contract) are no records of anything.
    """
    newest: int | None = None
    for name, table in TABLES.items():
        for column in table.columns:
            if column.kind is not Kind.MOMENT:
                continue
            times = micros(log[name][column.name])
            times = times[(times < moment) & (times != NEVER)]
            if len(times):
                newest = max(int(times.max()), newest) if newest is not None else int(times.max())
    return newest
