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
FIRST_YEAR, LAST_YEAR = 1900, 2199  # years of all dates that mean something here
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
    try:
        given = _day_or_time(text)
        if not is_within_years(given):
            raise ValueError
        return instant(given, zone) if isinstance(given, datetime) else end_of_day(given, zone)
    except ValueError:
        raise SanchoError(
            Text(
                "時点「{text}」を読めません。1900年から2199年までの日時を、2026-11-20 または "
                "2026-11-20T09:00+09:00 の形で指定してください。",
                "as of: cannot read {text!r}; write it like 2026-11-20 or 2026-11-20T09:00+09:00, "
                "of the years 1900 to 2199.",
            ).format(text=text),
            "bad_as_of",
        ) from None


def _day_or_time(text: str | date) -> date:
    if isinstance(text, date):
        return text
    plain = text.strip()
    return date.fromisoformat(plain) if _PLAIN_DATE.fullmatch(plain) else datetime.fromisoformat(plain)


def is_within_years(day: date) -> bool:
    """Whether a date or time lies in the years that mean something here; far ones stand for "none"."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def local_datetime(at: int, zone: ZoneInfo) -> datetime:
    """The wall-clock time in `zone` of an instant."""
    return (_EPOCH + timedelta(microseconds=int(at))).astimezone(zone)


def iso(at: int, zone: ZoneInfo) -> str:
    """ISO 8601 with offset, in `zone`, of an instant."""
    return local_datetime(at, zone).isoformat()


def last_known_day(as_of: int, zone: ZoneInfo) -> date:
    """The calendar day that holds the last instant before an as-of moment."""
    return local_datetime(as_of - 1, zone).date()
