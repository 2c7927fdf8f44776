"""Which deals at which moments represent the time before a model's data time, and the time since?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features import History, build_features, change_moments
from features.arrays import Floats, Ints

WEEK = 7 * DAY
MAX_RECENT, MAX_BEFORE = 26, 104  # weeks sampled since the model's data time, and before it
DEALS_PER_WEEK = 400
MAX_DEALS = 3_000  # deals whose predictions are compared with outcomes, since and before


@dataclass(frozen=True)
class WeeklySamples:
    """Open deals at moments a week apart: deal, moment, week number (n,) and features x (n, k)."""

    deal: Ints
    at: Ints
    week: Ints
    x: Floats

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True)
class PredictionWindows:
    """Moments at which a prediction is evaluated: deal, moment (n,) and features x (n, k)."""

    deal: Ints
    at: Ints
    x: Floats

    def __len__(self) -> int:
        return len(self.at)


def weekly(
    history: History,
    columns: Ints,
    between: tuple[int, int],
    weekday: int,
    most: int,
    rng: np.random.Generator,
) -> WeeklySamples:
    """Open deals at the last `most` midnights of one weekday within (first, last], at most 400 of each.

    Features such as days since an event depend on the weekday and the time of day, so both are always the
    same. `weekday` is the day number since 1970-01-01 modulo 7.
    """
    calendar, (first, last) = history.calendar, between
    first_day, last_day = calendar.day_of(np.array([first, last]))
    days = np.arange(first_day, last_day + 1)
    ends = calendar.start_of(days[days % 7 == weekday])
    ends = ends[(ends > first) & (ends <= last)][-most:]
    parts = []
    for week, moment in enumerate(ends):
        deals = _open_between(history, int(moment), int(moment))
        if len(deals) > DEALS_PER_WEEK:
            deals = np.sort(rng.choice(deals, DEALS_PER_WEEK, replace=False))
        parts.append(np.stack([deals, np.full(len(deals), moment), np.full(len(deals), week)]))
    deal, at, number = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.int64)
    return WeeklySamples(deal, at, number, build_features(history, deal, at)[:, columns])


def prediction_windows(
    history: History, columns: Ints, first: int, last: int, days: float, rng: np.random.Generator
) -> PredictionWindows:
    """Moments in [first, last - days] of at most 3,000 deals, chosen as in training, `days` or more apart.

    A deal's windows do not overlap, so each win counts once and the errors of calibrated predictions are
    uncorrelated.
    """
    deals = _open_between(history, first, last)
    if len(deals) > MAX_DEALS:
        deals = np.sort(rng.choice(deals, MAX_DEALS, replace=False))
    deal, at = change_moments(history, last, deals)
    inside = (at >= first) & (at + int(days * DAY) <= last)
    deal, at = deal[inside], at[inside]
    keep = _apart(deal, at, int(days * DAY))
    deal, at = deal[keep], at[keep]
    return PredictionWindows(deal, at, build_features(history, deal, at)[:, columns])


def won_within(history: History, deal: Ints, at: Ints, days: float) -> Floats:
    """Whether each deal (n,) was won within `days` of its moment (n,): 1, 0."""
    closed = history.closed[deal]
    inside = (closed != NEVER) & (closed >= at) & (closed < at + int(days * DAY))
    won: Floats = (inside & (history.outcome[deal] == 1)).astype(np.float64)
    return won


def _open_between(history: History, first: int, last: int) -> Ints:
    """Deals created before `last` and not closed before `first`."""
    open_later = (history.closed == NEVER) | (history.closed >= first)
    return np.asarray(np.flatnonzero((history.created < last) & open_later), np.int64)


def _apart(deal: Ints, at: Ints, gap: int) -> NDArray[np.bool_]:
    """Which moments, sorted by deal and time, to keep: each deal's first, then each a `gap` after it."""
    keep = np.zeros(len(deal), bool)
    last_deal, next_moment = -1, 0
    for row, (number, moment) in enumerate(zip(deal.tolist(), at.tolist(), strict=True)):
        if number != last_deal or moment >= next_moment:
            keep[row], last_deal, next_moment = True, number, moment + gap
    return keep
