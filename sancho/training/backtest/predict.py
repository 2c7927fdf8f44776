"""What did the pipeline say at an origin: a chance for each open deal, and draws of each scope's revenue?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog
from sancho.crm.moment import DAY
from sancho.features import build, compile_history, current, open_at
from sancho.models.bundle import Bundle
from sancho.models.common_factors import CommonFactors
from sancho.models.new_business import NewBusiness
from sancho.models.organisation import Organisation
from sancho.models.pipeline import Scored, score_pipeline
from sancho.models.rows import Rows
from sancho.models.simulate import Simulation, simulate
from sancho.training.backtest.origins import Origin
from sancho.training.config import TrainConfig
from sancho.training.fit import snapshots
from sancho.training.score import feature_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """Answers at one origin about its open deals (n,): x (n, features of the bundle), stage as of then."""

    origin: Origin
    deal_ids: NDArray[np.object_]
    stage: NDArray[np.object_]
    x: Floats
    scored: Scored
    simulation: Simulation


def say(
    bundle: Bundle,
    past: EventLog,
    origin: Origin,
    organisation: Organisation,
    closed: Floats,
    factors: CommonFactors | None = None,
) -> Said:
    """Scores of the deals open at the origin and the joint simulation of its period.

    `past` is the log as of the origin; `closed` (people + 1,) what the period has brought so far.
    """
    calendar, moment, period = bundle.calendar, origin.as_of, origin.period
    history = compile_history(past, calendar, bundle.levels)
    deals = open_at(history, moment)
    moments = np.full(len(deals), moment, np.int64)
    x = build(history, deals, moments)[:, feature_columns(bundle, history)]
    now = current(history, deals, moments)
    owners = past["deals"].set_index("deal_id")["owner_id"].astype(object)
    ids = np.asarray(history.deal_ids, object)[deals]
    scored = score_pipeline(
        bundle.win,
        bundle.revenue,
        deals,
        list(ids),
        x,
        bundle.amount_now(now.amount),
        owners.reindex(ids).where(lambda owner: owner.notna(), None).tolist(),
        organisation,
        moment,
        period,
        [period.last],
        calendar,
    )
    new_business = bundle.new_business or NewBusiness.fit(past, moment, calendar)
    bounds = np.array([moment, period.end(calendar.zone)])
    left = float(calendar.working_days(bounds[:1], bounds[1:])[0])
    sizes = (factors or stored_factors(bundle)).at(left)
    new = new_business.rates(past, organisation, moment, period, [])
    simulation = simulate(organisation, scored.pipeline, closed, new, *sizes)
    stage = past["deals"].set_index("deal_id")["stage"].astype(object).reindex(ids)
    return Said(origin, ids, stage.fillna("").to_numpy(object), x, scored, simulation)


def stored_factors(bundle: Bundle) -> CommonFactors:
    """The sizes of shared shocks the model was trained with, or what is believed before any was seen."""
    stored: Mapping[str, Any] | None = bundle.facts.get("common_factors")
    return CommonFactors.prior() if stored is None else CommonFactors.from_json(stored)


def learned_rows(bundle: Bundle, past: EventLog, config: TrainConfig) -> Rows:
    """The rows the bundle learned from, with the features it looks at: what its rivals learn from too."""
    history = compile_history(past, bundle.calendar, bundle.levels)
    rng = np.random.default_rng(config.seed)
    shots = snapshots(past, history, bundle.calendar, bundle.as_of, config, rng)
    columns = feature_columns(bundle, history)[bundle.win.used]
    return shots.rows.with_columns(columns)


def asked(said: Said, bundle: Bundle, longest_days: float) -> Rows:
    """Two questions about each open deal, for the rivals: won by the period's end (n,), then won ever (n,).

    Their answers are not in these rows.
    """
    count = len(said.deal_ids)
    moments = np.full(count, said.origin.as_of, np.int64)
    left = (said.origin.period.end(bundle.calendar.zone) - said.origin.as_of) / DAY
    unknown = np.full(count, np.nan)
    return Rows(
        x=said.x[:, bundle.win.used],
        at=moments,
        deal=np.arange(count),
        days=unknown,
        event=np.full(count, -1, np.int64),
        weight=np.ones(count),
        row=np.tile(np.arange(count), 2),
        horizon=np.repeat([left, bundle.win.ever_days], count),
        won=np.full(2 * count, np.nan),
        lost=np.full(2 * count, np.nan),
        matures=np.full(2 * count, np.inf),
        longest_days=longest_days,
        ever_days=bundle.win.ever_days,
    )
