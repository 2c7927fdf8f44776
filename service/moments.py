"""At which moment does the organisation stand in an answer? "Now" on a grid, and a past moment by its day.

"Now" is the end of the quarter of an hour that is under way: every row that is stored until then lies before
it, so that an answer that takes in a pushed row says the same as one made anew from the store, and all
replicas mean the same moment. A question about one deal as of another moment shares the simulation of the
organisation with all others of that day: the one at the day's beginning, which knows nothing of the day.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crm.instants import SECOND, end_of_day, local_datetime, start_of_day

STEP = 900 * SECOND  # between two "now"
LEAD = 60 * SECOND  # before "now" has come, the next one takes its place


def moment_of_now(clock: int, zone: ZoneInfo) -> int:
    """The "now" of answers given at an instant: the end of its quarter of an hour, at most that of its day.

    >>> from crm.instants import as_of_instant
    >>> tokyo = ZoneInfo("Asia/Tokyo")
    >>> now = moment_of_now(as_of_instant("2026-11-20T10:07", tokyo), tokyo)
    >>> now == as_of_instant("2026-11-20T10:15", tokyo)
    True
    """
    ahead = (clock + LEAD) // STEP + 1
    return min(ahead * STEP, end_of_day(local_datetime(clock, zone).date(), zone))


def shared_moment(moment: int, now: int, clock: int, zone: ZoneInfo) -> int:
    """The moment whose simulation of the organisation answers about one deal as of `moment`.

    "Now" from a minute before the clock's time to the end of its day; else the beginning of the moment's day,
    which is never later than the moment.
    """
    last = end_of_day(local_datetime(now - 1, zone).date(), zone)
    if clock - LEAD <= moment <= last:
        return now
    return start_of_day(local_datetime(moment, zone).date(), zone)
