"""What do the models forecast at an origin: a win probability for each open deal, and draws of revenue?"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import DAY
from features import History, compile_history
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.forecast.organisation import ScopeTree
from models.forecast.pipeline import ScoredPipeline
from models.forecast.simulate import Simulation
from models.period_outlook import score_and_simulate
from models.snapshot_rows import SnapshotRows
from training.backtest.origins import Origin


@dataclass(frozen=True)
class OriginForecast:
    """The forecast at one origin: its open deals (n,) with their stage at the origin, and the period."""

    origin: Origin
    deal_ids: NDArray[np.object_]
    stage: NDArray[np.object_]
    scored: ScoredPipeline
    simulation: Simulation


def forecast_at(
    bundle: Bundle,
    past: EventLog,
    origin: Origin,
    organisation: ScopeTree,
    closed: Floats,
    history: History | None = None,
) -> OriginForecast:
    """Scores of the deals open at the origin and the joint simulation of its period.

    `past` is the log as of the origin; `closed` (people + 1,) the revenue of the period so far;
    `history`: the compiled history of `past`, if there is one already.
    """
    if history is None:
        history = compile_history(past, bundle.calendar, bundle.levels)
    period = origin.period
    outlook = score_and_simulate(
        bundle, past, history, organisation, closed, origin.as_of, period, [period.last]
    )
    ids = outlook.scored.pipeline.deal_ids
    stage = past["deals"].set_index("deal_id")["stage"].astype(object).reindex(ids)
    return OriginForecast(origin, ids, stage.fillna("").to_numpy(object), outlook.scored, outlook.simulation)


def deal_questions(
    forecast: OriginForecast, bundle: Bundle, columns: Ints, longest_days: float
) -> SnapshotRows:
    """Two questions about each open deal: won by the period's end (n,), then won ever (n,).

    `columns`: the features of the rows, by number in the bundle's. Outcomes are not in these rows.
    """
    count = len(forecast.deal_ids)
    moments = np.full(count, forecast.origin.as_of, np.int64)
    left = days_left(forecast.origin, bundle.calendar.zone)
    unknown = np.full(count, np.nan)
    return SnapshotRows(
        x=forecast.scored.x[:, columns],
        at=moments,
        deal=np.arange(count),
        days=unknown,
        event=np.full(count, -1, np.int64),
        weight=np.ones(count),
        regular=np.ones(count, bool),
        row=np.tile(np.arange(count), 2),
        horizon=np.repeat([left, bundle.win.ever_days], count),
        won=np.full(2 * count, np.nan),
        lost=np.full(2 * count, np.nan),
        matures_after_days=np.full(2 * count, np.inf),
        longest_days=longest_days,
        ever_days=bundle.win.ever_days,
    )


def days_left(origin: Origin, zone: ZoneInfo) -> float:
    """The days from an origin to the end of its period."""
    return (origin.period.end(zone) - origin.as_of) / DAY
