"""How much do deals' outcomes vary together? The common factors of the joint simulation, from past quarters.

The wins of each past quarter are predicted at a few days of it, every deal by a simple model that was fitted
on other deals; the residuals of the totals measure what deals have in common.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import DAY, NEVER
from features import Calendar, History, build_features, deal_states, open_at
from features.arrays import Ints
from models.bundle import Bundle
from models.forecast.common_factors import CommonFactors, fit_common_factors
from models.forecast.organisation import ScopeTree
from models.snapshot_rows import SnapshotRows
from models.win.fitting import FEW_DEALS, WinSettings, fit_win
from models.win.model import WinModel
from training.config import TrainConfig
from training.data import TrainingData, draw_snapshots

DAYS_BEFORE_END = (85, 62, 42, 28, 14, 7, 3)  # of a quarter, at which it is predicted
QUARTERS = 12
_DEALS_PER_MOMENT = 1_500
_MOMENTS, _QUESTIONS = 80_000, 8_000  # enough for the simple model


def with_common_factors(bundle: Bundle, data: TrainingData, config: TrainConfig) -> Bundle:
    """The model with the estimated sizes of the common factors."""
    return replace(bundle, common_factors=common_factors(bundle, data, config))


def common_factors(bundle: Bundle, data: TrainingData, config: TrainConfig) -> CommonFactors:
    """Sizes of the common factors in a model's training data; the prior where there is too little data."""
    past, history, as_of = data.past, data.history, data.as_of
    rng = np.random.default_rng((config.seed, 11))
    deal, moment, end, quarter = _past_moments(history, bundle.calendar, as_of, rng)
    if not len(deal):
        return CommonFactors.prior()
    fewer = replace(config, max_moments=min(config.max_moments or _MOMENTS, _MOMENTS), questions=1)
    snapshots = draw_snapshots(past, history, as_of, fewer, rng, reuse=data.snapshots)
    half = rng.random(len(history.created)) < 0.5
    chance = np.full(len(deal), np.nan)
    for side in (False, True):
        model = _fit_simple(snapshots.rows, bundle, half == side, rng)
        if model is None:
            return CommonFactors.prior()
        other = half[deal] != side
        x = build_features(history, deal[other], moment[other])
        chance[other] = model.won_by(x, moment[other], (end[other] - moment[other]) / DAY)
    won = (history.outcome[deal] == 1) & (history.closed[deal] != NEVER) & (history.closed[deal] < end)
    origin = np.unique(moment, return_inverse=True)[1].astype(np.int64)
    working_days = bundle.calendar.working_days(moment, end)
    team = _teams(past, history, deal, moment)
    return fit_common_factors(chance, won.astype(np.float64), origin, quarter, team, working_days)


def _past_moments(
    history: History, calendar: Calendar, as_of: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open deals at days of past quarters: deal, moment, the quarter's end, its number, each (n,)."""
    if not len(history.created):
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, empty
    first, last = calendar.day_of(np.array([history.created.min(), as_of]))
    ends = np.unique(calendar.quarter_end[first:last]) + 1
    ends = ends[(ends <= last) & (ends - DAYS_BEFORE_END[0] > first + 90)][-QUARTERS:]
    parts = []
    for number, end in enumerate(ends):
        for days in DAYS_BEFORE_END:
            bounds = calendar.start_of(np.array([end - days, end]))
            deals = open_at(history, int(bounds[0]))
            if len(deals) > _DEALS_PER_MOMENT:
                deals = np.sort(rng.choice(deals, _DEALS_PER_MOMENT, replace=False))
            parts.append(np.stack([deals, *(np.full(len(deals), value) for value in (*bounds, number))]))
    if not parts:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, empty
    deal, moment, end, quarter = np.concatenate(parts, axis=1).astype(np.int64)
    return deal, moment, end, quarter


def _fit_simple(
    rows: SnapshotRows, bundle: Bundle, deals: NDArray[np.bool_], rng: np.random.Generator
) -> WinModel | None:
    """A win model without trees, fitted on some of the deals; None where there are too few."""
    win = bundle.win
    rows = rows.with_columns(win.used)
    rows = rows.where(deals[rows.deal])
    if rows.closed_deals < FEW_DEALS:
        return None
    # Quarters of all history are predicted: the level of the present is not theirs.
    settings = WinSettings(
        max_questions=_QUESTIONS, linear_questions=_QUESTIONS, with_trees=False, with_level=False
    )
    return fit_win(rows, win.layout, win.used, win.windows, settings, rng)


def _teams(past: EventLog, history: History, deal: Ints, moment: Ints) -> Ints:
    """Number of the team that had each deal at the moment, -1 = none."""
    organisation = ScopeTree.of(past, [str(name) for name in history.people])
    names = pd.Index(history.people, dtype=object).append(pd.Index([None], dtype=object))
    owner = organisation.person(names[deal_states(history, deal, moment).owner])
    return np.append(organisation.team_of, -1)[owner]
