"""What are the scores of all deals open at a moment, in the form the joint simulation needs?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from crm.instants import DAY, end_of_day
from crm.periods import Period
from features.arrays import Flags, Floats, Ints
from features.calendar import Calendar
from models.forecast.organisation import ScopeTree
from models.forecast.revenue import RevenueModel
from models.forecast.simulate import Pipeline
from models.win.base_models import ROWS_TOGETHER
from models.win.model import WinModel

_BLOCK = 4_096  # deals that are scored together: a multiple of ROWS_TOGETHER


@dataclass(frozen=True)
class ScoredPipeline:
    """Open deals (n,) at a moment: features, probabilities of being won ever and by period end, amounts."""

    deals: Ints
    x: Floats
    ever: Floats
    by_end: Floats
    amount_now: Floats
    pipeline: Pipeline
    won: Floats | None = None  # the win curve that all was computed from, and the days it is of
    days: Floats | None = None

    def without_revenue(self, left_out: Flags) -> ScoredPipeline:
        """The same with the amounts of some deals (n,) in no sum: no rate says what they are worth."""
        if not left_out.any():
            return self
        amounts = np.where(left_out[:, None], 0.0, self.pipeline.amounts)
        return replace(self, pipeline=replace(self.pipeline, amounts=amounts))


def score_pipeline(
    win: WinModel,
    revenue: RevenueModel,
    deals: Ints,
    deal_ids: Sequence[str],
    x: Floats,
    amount_now: Floats,
    owners: Sequence[str | None],
    organisation: ScopeTree,
    moment: int,
    period: Period,
    dates: Sequence[date],
    calendar: Calendar,
    before: ScoredPipeline | None = None,
) -> ScoredPipeline:
    """Scores of open deals, and probabilities of being won in the period by each of the future `dates`.

    A probability is won(date) - won(start) where the period has not begun. `before`: scores as of the same
    moment by the same model, of which those of blocks of deals hold that have not changed.
    """
    moments = np.full(len(deals), moment, np.int64)
    ends = np.array([end_of_day(day, calendar.zone) for day in dates], float)
    begins = max(period.start(calendar.zone), moment)
    horizons = np.concatenate([[begins], ends, [period.end(calendar.zone)]])
    days = np.append(np.maximum(horizons - moment, 0.0) / DAY, np.inf)
    won = _won(win, x, moments, days, before)
    by_start = won[:, :1] if begins > moment else np.zeros((len(won), 1))
    inside = np.maximum.accumulate(np.maximum(won[:, 1:-1] - by_start, 0.0), axis=1)
    amounts = revenue.draws(x, amount_now) if len(deals) else np.zeros((0, 64))
    person = organisation.person(pd.Index([owner or "" for owner in owners], dtype=object))
    by_date = (
        inside[:, :-1] if dates else np.zeros((len(deals), 1))
    )  # a period that is over has no future dates
    pipeline = Pipeline(np.asarray(deal_ids, object), person, by_date, amounts)
    return ScoredPipeline(deals, x, won[:, -1], won[:, -2], amount_now, pipeline, won, days)


def _won(win: WinModel, x: Floats, moments: Ints, days: Floats, before: ScoredPipeline | None) -> Floats:
    """Win probabilities (n, days); those of deals whose features are as before are not computed again."""
    won = np.zeros((len(x), len(days)))
    again = np.arange(len(x))
    if before is not None and before.won is not None and np.array_equal(_days_of(before), days):
        again = _changed_rows(before.x, x)
        kept = np.ones(len(x), bool)
        kept[again] = False
        won[kept] = before.won[np.flatnonzero(kept)]
    for first in range(0, len(again), _BLOCK):
        block = again[first : first + _BLOCK]
        won[block] = win.chances_won(x[block], moments[block], days)
    return won


def _days_of(scored: ScoredPipeline) -> Floats:
    return np.zeros(0) if scored.days is None else scored.days


def _changed_rows(before: Floats, now: Floats) -> Ints:
    """Rows (ascending) of features that are others than before, each with all that are computed beside it.

    The last digit of a row depends on its place among those that are computed together, so they are computed
    in groups of `ROWS_TOGETHER`; the last group, which may have fewer, whenever its length changes.
    """
    shared, count = min(len(before), len(now)), -(-len(now) // ROWS_TOGETHER)
    changed: Flags = np.ones(count * ROWS_TOGETHER, bool)
    old, new = (np.ascontiguousarray(x[:shared]).view(np.int64) for x in (before, now))
    changed[:shared] = (old != new).any(axis=1)
    changed[len(now) :] = len(before) != len(now)
    groups: Flags = np.asarray(changed.reshape(-1, ROWS_TOGETHER).any(axis=1))
    if len(before) != len(now):
        groups[len(before) // ROWS_TOGETHER :] = True
    return np.flatnonzero(np.repeat(groups, ROWS_TOGETHER)[: len(now)])
