"""When may people be told? On working days of the organisation, within some hours, else when these begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np

from crm.instants import DAY
from features import Calendar


@dataclass(frozen=True)
class Hours:
    """Hours of a day, in microseconds from its beginning."""

    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> Hours:
        """Hours as the setting says them.

        >>> Hours.of("08:00-19:30").last / 3.6e9
        19.5
        """
        first, last = (time.fromisoformat(part.strip()) for part in text.split("-"))
        return cls(_microseconds(first), _microseconds(last))

    def next(self, at: int, calendar: Calendar) -> int:
        """The first instant from `at` on at which people may be told."""
        day = int(calendar.day_of(np.array([at]))[0])
        start = int(calendar.start_of(np.array([day]))[0])
        if calendar.is_working[day]:
            if at < start + self.first:
                return start + self.first
            if at < start + self.last:
                return at
        following = day + 1 + int(np.argmax(calendar.is_working[day + 1 : day + 40]))
        return int(calendar.start_of(np.array([following]))[0]) + self.first


def _microseconds(at: time) -> int:
    return (at.hour * 60 + at.minute) * (DAY // (24 * 60))
