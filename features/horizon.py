"""What lies between a moment and a horizon: how many days and working days, which period ends?

These columns belong to a (moment, horizon), not to a deal: the win model joins them to the deal's features.
"""

from __future__ import annotations

import numpy as np

from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.catalogue import Feature

EVER_DAYS = 1_096.0
"""A horizon of infinity ("ever") and any longer than three years count as this many days."""

_DAYS = Text("日", "days")


def _entry(name: str, ja: str, en: str, monotone: int = 0, log: bool = False, unit: Text = _DAYS) -> Feature:
    return Feature(name, Text(ja, en), unit, "calendar", False, monotone, scale="log1p" if log else "plain")


HORIZON_CATALOGUE: tuple[Feature, ...] = (
    _entry("log_horizon", "期限までの日数", "Days to the horizon", 1, log=True),
    _entry("horizon_ever", "期限なし", "No horizon", 1, unit=Text("1＝はい", "1 = yes")),
    _entry("log_working_days", "期限までの営業日数", "Working days to the horizon", 1, log=True),
    _entry("rush_days", "期限までのうち四半期末10日間の営業日数",
           "Working days to the horizon in the last ten days of a quarter", 1),
    _entry("month_ends", "期限までに迎える月末の回数", "Month ends within the horizon", 1,
           unit=Text("回", "times")),
    _entry("quarter_ends", "期限までに迎える四半期末の回数", "Quarter ends within the horizon", 1,
           unit=Text("回", "times")),
    _entry("crosses_fiscal_end", "期限までに年度末を迎える", "The fiscal year ends within the horizon", 1,
           unit=Text("1＝はい", "1 = yes")),
    _entry("days_to_quarter_end", "四半期末までの日数", "Days to the quarter's end"),
    _entry("working_days_to_quarter_end", "四半期末までの営業日数", "Working days to the quarter's end"),
    _entry("days_to_fiscal_end", "年度末までの日数", "Days to the fiscal year's end"),
    _entry("working_days_to_fiscal_end", "年度末までの営業日数", "Working days to the fiscal year's end"),
    _entry("end_to_quarter_end", "期限からその四半期末までの日数",
           "Days from the horizon to its quarter's end"),
)  # fmt: skip

HORIZON_FEATURES: tuple[str, ...] = tuple(feature.name for feature in HORIZON_CATALOGUE)
HORIZON_MONOTONE: tuple[int, ...] = tuple(feature.monotone for feature in HORIZON_CATALOGUE)
"""+1 where a longer horizon can only raise the value, so that "won by" can be constrained to rise with it."""


def horizon_columns(calendar: Calendar, moments: Ints, horizon_days: Floats) -> Floats:
    """Calendar of each window [moment, moment + horizon), float64 of shape (n, len(HORIZON_FEATURES)).

    `moments` int64 microseconds UTC and `horizon_days` (> 0, may be inf) broadcast against each other.
    """
    moments, horizon = np.broadcast_arrays(
        np.asarray(moments, np.int64), np.asarray(horizon_days, np.float64)
    )
    moments, horizon = moments.ravel(), horizon.ravel()
    days = np.minimum(horizon, EVER_DAYS)
    end = moments + (days * DAY).astype(np.int64)
    # The window's last instant decides its last day, so that the end of a period counts in it.
    first, last = calendar.day_of(moments), calendar.day_of(end - 1)
    quarter, fiscal = calendar.quarter_end[first], calendar.fiscal_end[first]
    quarter_over, fiscal_over = calendar.start_of(quarter + 1), calendar.start_of(fiscal + 1)
    last_quarter = calendar.quarter_end[last]
    return np.column_stack(
        [
            np.log1p(days),
            (horizon > EVER_DAYS).astype(np.float64),
            np.log1p(calendar.working_days(moments, end)),
            calendar.rush_days(moments, end),
            period_ends(calendar, moments, days),
            (quarter_over - moments) / DAY,
            calendar.working_days(moments, quarter_over),
            (fiscal_over - moments) / DAY,
            calendar.working_days(moments, fiscal_over),
            (calendar.start_of(last_quarter + 1) - end) / DAY,
        ]
    )


def period_ends(calendar: Calendar, moments: Ints, horizon_days: Floats) -> Floats:
    """Month ends and quarter ends within each window, and whether the fiscal year ends in it; (n, 3).

    The window [moment, moment + horizon), (n,), (n,), must reach the first instant after the end.
    """
    first = calendar.day_of(moments)
    last = calendar.day_of(moments + (np.minimum(horizon_days, EVER_DAYS) * DAY).astype(np.int64))
    months, quarters = calendar.months_ended, calendar.quarters_ended
    over = last > calendar.fiscal_end[first]
    return np.column_stack([months[last] - months[first], quarters[last] - quarters[first], over]).astype(
        np.float64
    )
