"""What do reviews, one-on-ones and agreements share: weeks, who says something when, and what is refused?"""

from __future__ import annotations

import time
from datetime import date

from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import last_known_day
from crm.periods import Period, parse_period, period_holding
from service.callers import Caller
from service.serving_state import ServingState

THIS_WEEK = "this-week"
WEEK_DAYS = 7
SAVED_ELSEWHERE = "saved_elsewhere"


def today(serving: ServingState) -> date:
    """The day it is for the organisation."""
    state = serving.current()
    return last_known_day(state.now, state.log.zone)


def week_of(serving: ServingState, name: str) -> Period:
    """A week by its name (2026-W48), or the one that it is (this-week)."""
    if name == THIS_WEEK:
        return period_holding(today(serving), "week")
    found = parse_period(name)
    if "W" not in found.name:
        raise SanchoError(_NO_WEEK.format(name=name), "bad_period")
    return found


def who(caller: Caller) -> str:
    """By whom something is said: a person, else the name of a key."""
    return caller.person_id or caller.name


def now() -> int:
    """The present instant, microseconds UTC."""
    return time.time_ns() // 1000


def saved_elsewhere() -> SanchoError:
    """The fault of a change to what is no longer there."""
    return SanchoError(_SAVED_ELSEWHERE, SAVED_ELSEWHERE)


_SAVED_ELSEWHERE = Text(
    "読み込んだあとに、別の画面で保存されています。最新の内容を読み直し、書き直してから保存してください。",
    "it was saved elsewhere after you read it; read it again, and save your changes to what is there now.",
)
_NO_WEEK = Text(
    "週次会議には週を指定してください（「{name}」ではなく 2026-W48 のように）。",
    "a review is of a week: write 2026-W48, not {name!r}.",
)
