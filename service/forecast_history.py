"""What was forecast on earlier days? The forecast of each day is stored, missing weeks are computed later."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from crm.instants import NEVER, end_of_day, iso, last_known_day
from crm.periods import Period
from crm.store import Store, StoredOutlook
from models.forecast.attainment import mean_and_quantiles, probability_of
from service.period_forecast import PeriodForecast

WEEK = timedelta(days=7)
_FEWEST_CHANGES = 3
_LATE = 2 * 24 * 3600 * 1_000_000  # microseconds after its day from which a row counts as computed later


def missing_days(store: Store, period: Period, today: date) -> list[date]:
    """Days to store: today, then the ends of weeks since the period began that have no forecast."""
    stored = {date.fromisoformat(day) for day in store.outlook_days(_name(period))}
    last = min(today, period.last)
    missing = [] if last in stored or last < period.first else [last]
    end = period.first + WEEK - timedelta(days=1)
    while end < last:
        if not any(end - WEEK < day <= end for day in stored):
            missing.append(end)
        end += WEEK
    return missing


def usual_change(history: Sequence[Mapping[str, Any]]) -> float | None:
    """How far the probability moves in a week, in points (a root mean square); None of fewer than 3 changes.

    Changes over other times than a week count by their length, as those of a random walk.

    >>> week = {1: 0.5, 8: 0.53, 15: 0.49, 22: 0.49}
    >>> round(usual_change([{"as_of": f"2026-10-{day:02d}", "probability": p} for day, p in week.items()]), 6)
    2.886751
    """
    known = [(datetime.fromisoformat(row["as_of"]), row["probability"]) for row in history]
    known = [(at, probability) for at, probability in known if probability is not None]
    steps = [(after - before, 100 * (q - p)) for (before, p), (after, q) in pairwise(known)]
    if len(steps) < _FEWEST_CHANGES:
        return None
    weeks = sum((length for length, _ in steps), timedelta()) / WEEK
    return math.sqrt(sum(change**2 for _, change in steps) / weeks) if weeks else None


def store_forecast(store: Store, forecast: PeriodForecast, version: str, zone: ZoneInfo) -> None:
    """Stores the forecast of every scope of its period."""
    day, now = last_known_day(forecast.moment, zone).isoformat(), time.time_ns() // 1000
    rows = []
    for scope in forecast.organisation.scopes():
        people = forecast.organisation.members(scope)
        target = forecast.facts.target(scope)
        distribution = mean_and_quantiles(forecast.simulation.total(people))
        probability = probability_of(forecast.simulation, people, target)
        figures = {name: distribution[name] for name in ("mean", "p10", "p50", "p90")}
        rows.append(
            StoredOutlook(
                period=_name(forecast.period), scope=scope, day=day, as_of=forecast.moment, kept_at=now,
                probability=probability, target=target, model_version=version, **figures,
            )
        )  # fmt: skip
    store.save_outlooks(rows)


def store_missing_day(
    store: Store,
    period: Period,
    now: int,
    version: str,
    zone: ZoneInfo,
    forecast_as_of: Callable[[int], PeriodForecast],
    with_missing: bool = True,
) -> bool:
    """Stores the forecast of one missing day, only today's unless `with_missing`; whether it did."""
    today = last_known_day(now, zone)
    missing = missing_days(store, period, today)
    if not missing or (missing[0] != today and not with_missing):
        return False
    moment = now if missing[0] == today else end_of_day(missing[0], zone)
    store_forecast(store, forecast_as_of(moment), version, zone)
    return True


def history_rows(
    store: Store,
    period: Period,
    scope: str,
    moment: int,
    zone: ZoneInfo,
    since: int = NEVER,
    use: Callable[[int], bool] | None = None,
) -> list[dict[str, Any]]:
    """The stored forecasts of a scope up to a moment; `computed_later`: by a model trained after that day.

    Those from before `since` are left out: the organisation counted in another currency. `use`: of which
    moments they are told; by default of all.
    """
    return [
        {
            "as_of": iso(row.as_of, zone),
            "probability": row.probability,
            "target": row.target,
            "mean": row.mean,
            "p10": row.p10,
            "p50": row.p50,
            "p90": row.p90,
            "model_version": row.model_version,
            "computed_later": row.kept_at - row.as_of > _LATE,
        }
        for row in store.outlooks(_name(period), scope, moment)
        if row.as_of > since and (use is None or use(row.as_of))
    ]


def _name(period: Period) -> str:
    return f"{period.first}..{period.last}"
