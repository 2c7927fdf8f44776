"""What is expected in each month of a period? The mean of the joint simulation, divided over the months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from crm.eventlog import EventLog
from crm.instants import DAY, end_of_day
from crm.periods import Period
from features import Calendar
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.forecast.new_business import NewBusiness
from models.period_outlook import PeriodOutlook


def expected_by_ends(
    bundle: Bundle,
    known: EventLog,
    outlook: PeriodOutlook,
    moment: int,
    period: Period,
    people: Ints,
    ends: Sequence[date],
    calendar: Calendar,
) -> Floats:
    """Mean revenue that is still to come in a period, by the end of each of some future days (d,).

    `known` is the log as of the moment; the last of `ends` is the period's last day, so that the last value
    is the simulation's own mean. Open deals come by their probability of being won by each day, new business
    by its expected share. These are means alone: within a period the simulation draws when an open deal is
    won, but not when new business is, so a day before the end has no interval of its own.
    """
    if not len(ends):
        return np.zeros(0)
    simulation, scored = outlook.simulation, outlook.scored
    rows = np.flatnonzero(np.isin(simulation.pipeline.person, people))
    open_mean = float(simulation.open_draws[people].sum(0).mean())
    new_mean = float(simulation.new_draws[people].sum(0).mean())
    by_day = np.zeros(len(ends))
    if len(rows) and open_mean:
        by_day += open_mean * _share_won(
            bundle, scored.x[rows], outlook, rows, moment, period, ends, calendar
        )
    if new_mean:
        new = bundle.new_business or NewBusiness.fit(known, bundle.as_of, bundle.calendar)
        rates = new.rates(known, simulation.organisation, moment, period, ends)
        by_day += new_mean * _growing(np.append(rates.by_date[:-1], 1.0))
    return by_day


def _share_won(
    bundle: Bundle,
    x: Floats,
    outlook: PeriodOutlook,
    rows: Ints,
    moment: int,
    period: Period,
    ends: Sequence[date],
    calendar: Calendar,
) -> Floats:
    """Share (d,) of the revenue expected of open deals within the period that comes by each day."""
    begins = max(period.start(calendar.zone), moment)
    horizons = np.array([begins, *(end_of_day(day, calendar.zone) for day in ends)], float)
    days = np.maximum(horizons - moment, 0.0) / DAY
    won = bundle.win.chances_won(x, np.full(len(x), moment, np.int64), days)
    amounts = outlook.simulation.pipeline.amounts[rows].mean(1)
    expected = amounts @ np.maximum(won[:, 1:] - won[:, :1], 0.0)
    return _growing(expected / expected[-1]) if expected[-1] > 0 else np.ones(len(ends))


def _growing(shares: Floats) -> Floats:
    """Shares that never fall, the last of them 1."""
    return np.asarray(np.minimum(np.maximum.accumulate(shares), 1.0))
