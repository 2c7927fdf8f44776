"""What do the models forecast, as of a moment, for all open deals together and for a period?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.periods import Period
from features import Calendar, History, build_features, deal_states, open_at
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.forecast.exchange import simulate_after
from models.forecast.new_business import NewBusiness
from models.forecast.organisation import ScopeTree
from models.forecast.pipeline import ScoredPipeline, score_pipeline
from models.forecast.simulate import Simulation, simulate
from models.scoring import feature_columns


@dataclass(frozen=True)
class PeriodOutlook:
    """The scores of the open deals, and one joint simulation of the period."""

    scored: ScoredPipeline
    simulation: Simulation


def score_and_simulate(
    bundle: Bundle,
    known: EventLog,
    history: History,
    organisation: ScopeTree,
    closed: Floats,
    moment: int,
    period: Period,
    dates: Sequence[date],
    calendar: Calendar | None = None,
    before: PeriodOutlook | None = None,
) -> PeriodOutlook:
    """Scores all deals open at the moment and simulates the period, from what was known at the moment.

    `known` is the log as of the moment (its activities are not used); `history` may extend beyond it;
    `closed` (people + 1,) is each person's revenue of the period so far. `dates`: remaining days of the
    period by whose ends win probabilities and new business are computed. `calendar`: by which the period's
    days begin and end (default: the model's); what the model learned keeps the model's own. `before`: an
    outlook of the same bundle, moment, period and dates, of which what still holds is used.
    """
    calendar = calendar or bundle.calendar
    deals = open_at(history, moment)
    moments = np.full(len(deals), moment, np.int64)
    x = build_features(history, deals, moments)[:, feature_columns(bundle, history)]
    ids = np.asarray(history.deal_ids[deals], object)
    scored = score_pipeline(
        bundle.win,
        bundle.revenue,
        deals,
        list(ids),
        x,
        bundle.amount_now(deal_states(history, deals, moments).amount),
        _owners(known, history, deals),
        organisation,
        moment,
        period,
        dates,
        calendar,
        None if before is None else before.scored,
    )
    if known.money is not None:
        scored = scored.without_revenue(known.money.lack_rate(pd.Index(ids)))
    new_business = bundle.new_business or NewBusiness.fit(known, bundle.as_of, bundle.calendar)
    new = new_business.rates(known, organisation, moment, period, dates)
    bounds = np.array([moment, max(period.end(calendar.zone), moment)])
    working_days = float(bundle.calendar.working_days(bounds[:1], bounds[1:])[0])
    factors = bundle.common_factors
    inputs = (organisation, scored.pipeline, closed, new, *factors.at(working_days))
    simulation = (
        simulate(*inputs, degrees=factors.degrees)
        if before is None
        else simulate_after(before.simulation, *inputs, degrees=factors.degrees)
    )
    return PeriodOutlook(scored, simulation)


def _owners(known: EventLog, history: History, deals: Ints) -> list[str | None]:
    """The owner of each of some deals of a history (n,) by a log as of the moment, None = nobody."""
    there = pd.Index(known["deals"]["deal_id"])
    rows = deals if there.equals(history.deal_ids) else there.get_indexer(history.deal_ids[deals])
    owner = known["deals"]["owner_id"].astype("category")
    codes = np.append(owner.cat.codes.to_numpy(), -1)[rows]
    names = [*(str(name) for name in owner.cat.categories), None]
    return [names[code] for code in codes.tolist()]
