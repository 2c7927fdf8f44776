"""What did the pipeline say at an origin: a chance for each open deal, and draws of each scope's revenue?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog
from sancho.crm.instants import DAY
from sancho.features import compile_history
from sancho.models.bundle import Bundle
from sancho.models.organisation import Organisation
from sancho.models.period_outlook import look_ahead
from sancho.models.pipeline import Scored
from sancho.models.rows import Rows
from sancho.models.scoring import feature_columns
from sancho.models.simulate import Simulation
from sancho.training.backtest.origins import Origin
from sancho.training.config import TrainConfig
from sancho.training.fit import snapshots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class OriginForecast:
    """Answers at one origin about its open deals (n,), with their stage as of then."""

    origin: Origin
    deal_ids: NDArray[np.object_]
    stage: NDArray[np.object_]
    scored: Scored
    simulation: Simulation


def forecast_at(
    bundle: Bundle, past: EventLog, origin: Origin, organisation: Organisation, closed: Floats
) -> OriginForecast:
    """Scores of the deals open at the origin and the joint simulation of its period.

    `past` is the log as of the origin; `closed` (people + 1,) what the period has brought so far.
    """
    history = compile_history(past, bundle.calendar, bundle.levels)
    period = origin.period
    seen = look_ahead(bundle, past, history, organisation, closed, origin.as_of, period, [period.last])
    ids = seen.scored.pipeline.deal_ids
    stage = past["deals"].set_index("deal_id")["stage"].astype(object).reindex(ids)
    return OriginForecast(origin, ids, stage.fillna("").to_numpy(object), seen.scored, seen.simulation)


def learned_rows(bundle: Bundle, past: EventLog, config: TrainConfig) -> Rows:
    """The rows the bundle learned from, with the features it looks at: what its rivals learn from too."""
    history = compile_history(past, bundle.calendar, bundle.levels)
    rng = np.random.default_rng(config.seed)
    shots = snapshots(past, history, bundle.calendar, bundle.as_of, config, rng)
    columns = feature_columns(bundle, history)[bundle.win.used]
    return shots.rows.with_columns(columns)


def deal_questions(said: OriginForecast, bundle: Bundle, longest_days: float) -> Rows:
    """Two questions about each open deal, for the rivals: won by the period's end (n,), then won ever (n,).

    Their answers are not in these rows.
    """
    count = len(said.deal_ids)
    moments = np.full(count, said.origin.as_of, np.int64)
    left = (said.origin.period.end(bundle.calendar.zone) - said.origin.as_of) / DAY
    unknown = np.full(count, np.nan)
    return Rows(
        x=said.scored.x[:, bundle.win.used],
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
        matures=np.full(2 * count, np.inf),
        longest_days=longest_days,
        ever_days=bundle.win.ever_days,
    )
