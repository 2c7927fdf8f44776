"""What do the ended deals alone show: does a column tell when, after how long, or how they ended?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints, floats
from training.leakage.columns import AskedColumn
from training.leakage.facts import MIN_DEALS, DealFacts
from training.leakage.readings import Reading
from training.metrics import auc

BINS = 20
UNITS = (1.0, 24.0, 1_440.0, 86_400.0)  # of a day: days, hours, minutes, seconds


def life_correlation(column: AskedColumn, facts: DealFacts) -> float:
    """Rank correlation of a column with the length of life, the time of creation taken off; NaN = too few.

    For dates and periods: of the days from creation to them.
    """
    reading = column.reading
    use = facts.done & column.applies & ~np.isnan(reading.measured)
    if use.sum() < 2 * MIN_DEALS or reading.meaning == "category":
        return np.nan
    values = reading.measured[use]
    if reading.meaning in ("date", "period"):
        values = values - facts.created[use]
    if np.ptp(values) == 0:
        return np.nan
    time = rankdata(facts.created[use])
    return _correlation(_rest(rankdata(values), time), _rest(rankdata(facts.life[use]), time))


def never_outlives(column: AskedColumn, facts: DealFacts) -> tuple[float, float]:
    """Share of ended deals in which a duration or date lies beyond the ending, and of those that would.

    The second: were the lengths of life shuffled among the deals. Numbers are tried in days, hours, minutes
    and seconds; dates count from creation. NaN, NaN = too few deals.
    """
    reading = column.reading
    use = facts.done & column.applies & ~np.isnan(reading.measured)
    if use.sum() < 2 * MIN_DEALS or reading.meaning not in ("number", "date"):
        return np.nan, np.nan
    values, life = reading.measured[use], facts.life[use] + 1.0
    if reading.meaning == "date":
        values = (values - facts.created[use]) / DAY
    shuffled = np.random.default_rng(0).permutation(life)
    found = [
        (float((values > unit * life).mean()), float((values > unit * shuffled).mean()))
        for unit in (UNITS if reading.meaning == "number" else UNITS[:1])
    ]
    return min(found, key=lambda pair: (pair[0] + 1 / len(values)) / (pair[1] + 1 / len(values)))


def changed_at_closing(column: AskedColumn, facts: DealFacts) -> tuple[float, int, int] | None:
    """What the history of a column shows, and for how many ended deals there is none.

    The share of the deals that ended since its first recorded change whose value changed on the last day or
    after it, the number of these deals, and of those that ended before. None = no history, or too few deals.
    """
    changes = column.changes
    if changes is None or not len(changes.at):
        return None
    deal = np.repeat(np.arange(len(facts.created)), np.diff(changes.start))
    late = np.zeros(len(facts.created), bool)
    late[deal[facts.done[deal] & (changes.at >= facts.closed[deal] - DAY)]] = True
    since = facts.done & (facts.closed >= changes.at.min())
    before = facts.done & ~since & column.reading.filled
    if since.sum() < MIN_DEALS:
        return None
    return float(late[since].mean()), int(since.sum()), int(before.sum())


def on_closing_day(column: AskedColumn, facts: DealFacts) -> float:
    """Share of the ended deals whose date is the day of closing, or whose period is that of the closing.

    NaN = too few deals, or too few that were created in another period.
    """
    reading = column.reading
    use = facts.done & column.applies & ~np.isnan(reading.measured)
    if reading.meaning == "period":
        return _in_closing_period(reading, use, facts)
    if reading.meaning != "date" or use.sum() < MIN_DEALS:
        return np.nan
    return float(
        (_days(reading.measured[use], facts) == _days(facts.closed[use].astype(np.float64), facts)).mean()
    )


def filled_by_outcome(column: AskedColumn, facts: DealFacts) -> tuple[float, float] | None:
    """Shares of won and of lost deals in which a column is filled in; None = too few deals."""
    if column.shares:
        return None
    sides = [column.reading.filled[side & column.fresh] for side in (facts.won, facts.lost)]
    if min(len(side) for side in sides) < MIN_DEALS:
        return None
    return float(sides[0].mean()), float(sides[1].mean())


def outcome_auc(column: AskedColumn, facts: DealFacts) -> float:
    """AUC of win rates by value, counted on one half of the ended deals and applied to the other.

    NaN = too few deals. Columns of activities: the best of their names. Columns of accounts are also asked
    whether the account has ever bought.
    """
    if column.shares:
        coded = [_binned(share) for share in column.shares.values()]
    else:
        coded = [codes_of(column.reading)]
    asked = [(facts.done & column.fresh, facts.won)]
    if column.table == "accounts":
        asked.append(_first_of_accounts(column, facts))
    areas = [_cross_fitted_auc(codes[use], won[use]) for codes in coded for use, won in asked]
    areas = [area for area in areas if not np.isnan(area)]
    return max(areas, default=np.nan)


def codes_of(reading: Reading) -> Ints:
    """Values as codes from 0: numbers in bins, dates by presence, 0 = blank."""
    if reading.meaning == "number" and len(np.unique(reading.texts.codes)) > BINS:
        return _binned(reading.measured)
    if reading.meaning == "date":
        return reading.filled.astype(np.int64)
    return reading.texts.codes + 1


def _binned(values: Floats) -> Ints:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), np.int64)
    edges = np.unique(np.quantile(known, np.linspace(1 / BINS, 1 - 1 / BINS, BINS - 1)))
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values) + 1).astype(np.int64)


def _first_of_accounts(column: AskedColumn, facts: DealFacts) -> tuple[Flags, Flags]:
    """One ended deal of each account, and for all deals whether their account has ever bought."""
    use = facts.done & column.applies
    ever = np.bincount(column.groups, facts.won & column.applies) > 0
    first = np.zeros(len(use), bool)
    rows = np.flatnonzero(use)
    first[rows[np.unique(column.groups[rows], return_index=True)[1]]] = True
    return first, ever[column.groups]


def _cross_fitted_auc(codes: Ints, outcome: Flags) -> float:
    if len(codes) < 5 * MIN_DEALS or min(outcome.sum(), (~outcome).sum()) < MIN_DEALS:
        return np.nan
    won = outcome.astype(np.float64)
    half = np.arange(len(codes)) % 2 == 0
    score = np.zeros(len(codes))
    for fitted, scored in ((half, ~half), (~half, half)):
        size = np.bincount(codes[fitted], minlength=codes.max() + 1)
        wins = np.bincount(codes[fitted], won[fitted], codes.max() + 1)
        score[scored] = ((wins + 5.0 * won[fitted].mean()) / (size + 5.0))[codes[scored]]
    return auc(score, won)


def _in_closing_period(reading: Reading, use: Flags, facts: DealFacts) -> float:
    """Share of deals whose period holds the closing; NaN where it holds the creation nearly as often."""
    if not use.any():
        return np.nan
    unit = reading.unit * DAY

    def held(instants: Ints) -> Floats:
        # Fiscal years begin in any month: the offset is whatever most deals have.
        ahead = instants[use] - reading.measured[use]
        return floats(np.abs(ahead - np.median(ahead)) <= 0.51 * unit)

    of_closing, of_creation = held(facts.closed), held(facts.created)
    if (of_closing - of_creation).sum() < MIN_DEALS:
        return np.nan
    return float(of_closing.mean())


def _days(instants: Floats, facts: DealFacts) -> Ints:
    moments = pd.Series(pd.to_datetime(instants.astype(np.int64), unit="us", utc=True))
    local = moments.dt.tz_convert(facts.zone).dt.tz_localize(None).dt.normalize()
    return local.to_numpy("datetime64[D]").astype(np.int64)


def _rest(values: Floats, time: Floats) -> Floats:
    slope, level = np.polyfit(time, values, 1)
    out: Floats = values - (level + slope * time)
    return out


def _correlation(one: Floats, other: Floats) -> float:
    if one.std() <= 0 or other.std() <= 0:
        return np.nan
    return float(np.corrcoef(one, other)[0, 1])
