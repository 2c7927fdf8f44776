"""Whose is a recommendation's id? Computed from deal, day, action and model, so that anybody can check it.

Two replicas give the same recommendation the same id, and either takes its outcome, whether or not the offer
has been stored by then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta

_EPOCH = date(1970, 1, 1)
_DAY_DIGITS, _DIGITS = 4, 12  # hexadecimal: days of 1970 to 2149, and the digest
_LENGTH = 1 + _DAY_DIGITS + _DIGITS


def recommendation_id(deal_id: str, action: str, day: date, version: str) -> str:
    """The id of an action recommended for a deal on a day by a version of the model.

    >>> recommendation_id("D-1", "visit", date(2026, 11, 30), "3")
    'R51332cf11f6d4f8c'
    """
    days = (day - _EPOCH).days
    digest = hashlib.sha256(f"{deal_id}|{action}|{day.isoformat()}|{version}".encode()).hexdigest()
    return f"R{days:0{_DAY_DIGITS}x}{digest[:_DIGITS]}"


def day_recommended(given: str) -> date | None:
    """The day of an id; None where it is none.

    >>> day_recommended("R51332cf11f6d4f8c"), day_recommended("R1"), day_recommended("R51332cf11f6d4f8x")
    (datetime.date(2026, 11, 30), None, None)
    """
    digits = given.removeprefix("R")
    if len(given) != _LENGTH or not given.startswith("R") or not set(digits) <= set("0123456789abcdef"):
        return None
    return _EPOCH + timedelta(int(digits[:_DAY_DIGITS], 16))


def was_recommended(
    given: str, deal_ids: Iterable[str], actions: Iterable[str], versions: Iterable[str]
) -> bool:
    """Whether an id is that of one of these actions on one of these deals by one of these versions."""
    day = day_recommended(given)
    if day is None:
        return False
    ends = [(f"|{action}|{day.isoformat()}|{version}").encode() for action in actions for version in versions]
    digits = given[1 + _DAY_DIGITS :]
    for deal_id in deal_ids:
        begun = hashlib.sha256(deal_id.encode())
        for end in ends:
            whole = begun.copy()
            whole.update(end)
            if whole.hexdigest()[:_DIGITS] == digits:
                return True
    return False
