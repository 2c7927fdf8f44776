"""What does a model predict for every open deal, as of a moment, for a period?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import DAY, iso, local_datetime
from crm.periods import Period
from features import History, build_features, compile_history, deal_states, open_at
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.win.model import WinModel

# The contract's Score row.
COLUMNS = (
    "deal_id",
    "as_of",
    "period",
    "win_probability",
    "win_by_period_end",
    "expected_revenue",
    "revenue_p10",
    "revenue_p50",
    "revenue_p90",
    "expected_close_date",
    "model_version",
)
_REVENUE = ("expected_revenue", "revenue_p10", "revenue_p50", "revenue_p90")
_CLOSE_STEPS = 24  # horizons of the win curve from which close dates are interpolated


def score_open(
    bundle: Bundle,
    log: EventLog,
    as_of: int,
    period: Period,
    model_version: str | int = "",
    history: History | None = None,
) -> pd.DataFrame:
    """One Score row for each deal open at `as_of`, by descending win probability by the period's end.

    expected_revenue = win_by_period_end x the mean final amount if won: it sums to the period's expected
    revenue from open deals. The quantiles are those of the final amount if won. expected_close_date is the
    median day of winning if the deal is won at all.
    """
    if history is None:
        history = compile_history(log.as_of(as_of), bundle.calendar, bundle.levels)
    zone = log.organisations.at(as_of).zone
    frame = score_deals(bundle, history, open_at(history, as_of), as_of, period, model_version, zone)
    return without_revenue(in_order(frame), log, as_of)


def without_revenue(frame: pd.DataFrame, log: EventLog, as_of: int) -> pd.DataFrame:
    """Score rows in which deals whose amount no exchange rate converts bring no revenue."""
    if log.money is None:
        return frame
    money = log.without("activities").as_of(as_of).money
    if money is None:
        return frame
    left_out = money.lack_rate(frame["deal_id"])
    return frame.assign(**{name: frame[name].mask(left_out, 0.0) for name in _REVENUE})


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Score rows by descending win probability by the period's end."""
    order = np.lexsort((frame["deal_id"].to_numpy(str), -frame["win_by_period_end"].to_numpy()))
    return frame.iloc[order].reset_index(drop=True)


def score_deals(
    bundle: Bundle,
    history: History,
    deals: Ints,
    as_of: int,
    period: Period,
    model_version: str | int = "",
    zone: ZoneInfo | None = None,
) -> pd.DataFrame:
    """Score rows of some open deals (n,), in their order; see `score_open`.

    `zone`: the organisation's at the moment, in which the period's days begin and end (default: the model's).
    """
    zone = zone or history.calendar.zone
    moments = np.full(len(deals), as_of, np.int64)
    x = build_features(history, deals, moments)[:, feature_columns(bundle, history)]
    days_left = max((period.end(zone) - as_of) / DAY, 0.0)
    curve = bundle.win.curve(x, moments, np.array([days_left, np.inf]))
    amount = bundle.amount_now(deal_states(history, deals, moments).amount)
    return score_rows(
        deal_ids=np.asarray(history.deal_ids)[deals],
        as_of=as_of,
        period=period,
        ever=curve.won[:, 1],
        by_end=curve.won[:, 0],
        amounts=bundle.revenue.draws(x, amount),
        median_days=close_days(bundle.win, x, moments, (0.5,))[:, 0],
        zone=zone,
        model_version=model_version,
    )


def score_rows(
    *,
    deal_ids: NDArray[np.object_],
    as_of: int,
    period: Period,
    ever: Floats,
    by_end: Floats,
    amounts: Floats,
    median_days: Floats,
    zone: ZoneInfo,
    model_version: str | int,
) -> pd.DataFrame:
    """The Score row of each deal (n,), in their order.

    `ever` and `by_end` are win probabilities, `amounts` (n, LEVELS) equally likely final amounts if won,
    `median_days` the median days until winning, if the deal is won at all.
    """
    any_deals = len(deal_ids) > 0
    quantiles = np.quantile(amounts, [0.1, 0.5, 0.9], axis=1) if any_deals else np.zeros((3, 0))
    close_instants = as_of + (median_days * DAY).astype(np.int64)
    frame = pd.DataFrame(
        {
            "deal_id": deal_ids,
            "as_of": iso(as_of, zone),
            "period": period.name,
            "win_probability": ever,
            "win_by_period_end": by_end,
            "expected_revenue": by_end * (amounts.mean(axis=1) if any_deals else np.zeros(0)),
            "revenue_p10": quantiles[0],
            "revenue_p50": quantiles[1],
            "revenue_p90": quantiles[2],
            "expected_close_date": [
                local_datetime(int(at), zone).date().isoformat() for at in close_instants
            ],
            "model_version": str(model_version),
        }
    )
    return frame[list(COLUMNS)]


def feature_columns(bundle: Bundle, history: History) -> Ints:
    """The columns of the bundle's features in what `build_features` returns; the model ignores others."""
    column_of = {feature.name: column for column, feature in enumerate(history.features)}
    missing = [name for name in bundle.features if name not in column_of]
    if missing:
        raise KeyError(
            f"features: the history lacks {missing}, which the model needs; compile it with its levels"
        )
    return np.array([column_of[name] for name in bundle.features], np.int64)


def close_days(win: WinModel, x: Floats, moments: Ints, shares: Sequence[float]) -> Floats:
    """Days (n, shares) within which a deal is won with these probabilities, given that it is won."""
    if not len(x):
        return np.zeros((0, len(shares)))
    won = win.curve(x, moments, np.append(close_grid(win), np.inf)).won
    return close_days_of(win, won[:, :-1], won[:, -1], shares)


def close_grid(win: WinModel) -> Floats:
    """Horizons in days, ascending, of the win curve from which close dates are interpolated."""
    return _close_grid(win.windows.longest_days)


def close_edges(win: WinModel) -> Floats:
    """Days (grid + 2,) between which close dates are interpolated: none, those of the grid, "ever"."""
    return np.array([0.0, *close_grid(win), max(win.ever_days, win.windows.longest_days + 1.0)])


@lru_cache(16)
def _close_grid(longest_days: float) -> Floats:
    grid: Floats = np.expm1(np.linspace(0.0, np.log1p(longest_days), _CLOSE_STEPS))[1:]
    grid.setflags(write=False)
    return grid


def close_days_of(win: WinModel, won: Floats, ever: Floats, shares: Sequence[float]) -> Floats:
    """`close_days` from win probabilities: `won` (n, grid) by each day of `close_grid`, and `ever` (n,).

    Linear between the days of the grid, and from its last day to the horizon of "ever".
    """
    cumulative = np.append(won, ever[:, None], axis=1) / np.maximum(ever[:, None], 1e-12)
    cumulative[:, -1] = 1.0
    padded, edges = np.concatenate([np.zeros((len(won), 1)), cumulative], axis=1), close_edges(win)
    out = np.empty((len(won), len(shares)))
    rows = np.arange(len(won))
    for number, share in enumerate(shares):
        right = np.maximum((padded < share).sum(axis=1), 1)
        below, above = padded[rows, right - 1], padded[rows, right]
        within = np.clip((share - below) / np.maximum(above - below, 1e-12), 0.0, 1.0)
        out[:, number] = edges[right - 1] + within * (edges[right] - edges[right - 1])
    return out
