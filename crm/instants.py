"""Which instant does a date or time given by a user mean?

Instants are whole microseconds since 1970-01-01 UTC, as int64; `NEVER` stands for "not known, or not yet".
An as-of moment is exclusive: what happened strictly before it is known.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from crm.errors import SanchoError
from crm.i18n import Text

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NEVER = np.iinfo(np.int64).min  # the bit pattern of NaT, so arrays of instants view as datetime64[us]
_EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
_PLAIN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def instant(at: datetime, zone: ZoneInfo) -> int:
    """Microseconds of a datetime; a naive one is in `zone`."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def start_of_day(day: date, zone: ZoneInfo) -> int:
    """The first instant of a calendar day in `zone`."""
    return instant(datetime.combine(day, time()), zone)


def end_of_day(day: date, zone: ZoneInfo) -> int:
    """The first instant after a calendar day in `zone`: as of it, that whole day is known."""
    return start_of_day(day + timedelta(days=1), zone)


def as_of_instant(text: str | date | datetime | None, zone: ZoneInfo) -> int:
    """The as-of moment a user means: a plain date means the end of that day, None means now.

    >>> tokyo = ZoneInfo("Asia/Tokyo")
    >>> as_of_instant("2026-01-01", tokyo) == as_of_instant("2026-01-02T00:00", tokyo)
    True
    """
    if text is None:
        return instant(datetime.now(zone), zone)
    if isinstance(text, datetime):
        return instant(text, zone)
    if isinstance(text, date):
        return end_of_day(text, zone)
    try:
        if _PLAIN_DATE.fullmatch(text.strip()):
            return end_of_day(date.fromisoformat(text.strip()), zone)
        at = instant(datetime.fromisoformat(text.strip()), zone)
        local_datetime(at, zone)  # the last hours of 9999 in one zone are in no calendar of another
        return at
    except (ValueError, OverflowError):  # the day after 9999-12-31 is in no calendar
        raise SanchoError(
            Text(
                "時点「{text}」を読めません。2026-11-20 または 2026-11-20T09:00+09:00 の形で"
                "指定してください。",
                "as of: cannot read {text!r}; write it like 2026-11-20 or 2026-11-20T09:00+09:00.",
            ).format(text=text),
            "bad_as_of",
        ) from None


def local_datetime(at: int, zone: ZoneInfo) -> datetime:
    """The wall-clock time in `zone` of an instant."""
    return (_EPOCH + timedelta(microseconds=int(at))).astimezone(zone)


def iso(at: int, zone: ZoneInfo) -> str:
    """ISO 8601 with offset, in `zone`, of an instant."""
    return local_datetime(at, zone).isoformat()


def last_known_day(as_of: int, zone: ZoneInfo) -> date:
    """The calendar day that holds the last instant before an as-of moment."""
    return local_datetime(as_of - 1, zone).date()
