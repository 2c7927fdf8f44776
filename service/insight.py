"""What does an insight say of a deal? Its fields, computed from the numbers of the models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.conversion import Original
from crm.i18n import Language
from crm.instants import DAY, iso, local_datetime
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.forecast.amount_interval import amount_intervals
from models.forecast.attainment import DealEffect
from models.forecast.attainment_interval import attainment_intervals
from models.forecast.undecided import ranked_by, share_of_gap
from models.sameness import Same
from models.scoring import close_days_of, close_grid
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.model import LEVEL as SHOWN_LEVEL
from models.win.model import Contributions, Curve, WinModel
from models.win.reference import Reference
from service import explain
from service.bottlenecks import describe_bottleneck

TREND_DAYS = 7
CLOSE_SHARES = (0.1, 0.5, 0.9)
_CURVE_DAYS = np.array([7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0])


@dataclass(frozen=True)
class DealProbabilities:
    """Probabilities of one deal: won and lost within `days` (h,), won ever, won by the period's end."""

    days: Floats
    won: Floats
    lost: Floats
    shown: tuple[int, ...]  # which of the days are shown
    ever: float
    by_end: float
    close_days: Floats  # (3,): 10, 50 and 90 % quantiles of the days to the win, if it is won

    @classmethod
    def of(cls, win: WinModel, x: Floats, moment: int, left_days: float) -> DealProbabilities:
        """All probabilities by time from one prediction of the model; `x` (k,)."""
        days = _days_asked(win, left_days)
        curve = win.curve(x[None, :], np.array([moment], np.int64), np.append(days, np.inf))
        return cls.read(win, curve, days, left_days)

    @classmethod
    def read(cls, win: WinModel, curve: Curve, days: Floats, left_days: float) -> DealProbabilities:
        """Those of the curve (1, h + 1) of a deal at `days` (h,), then ever."""
        curve_days = _CURVE_DAYS[win.ever_days > _CURVE_DAYS]
        own = np.append(curve_days, left_days) if left_days > 0 else curve_days
        shown = np.unique(np.searchsorted(days, own))  # all of them are among the days
        by_end = curve.won[0, np.searchsorted(days, left_days)] if left_days > 0 else 0.0
        at_grid = curve.won[:, np.searchsorted(days, close_grid(win))]
        return cls(
            days,
            curve.won[0, :-1],
            curve.lost[0, :-1],
            tuple(shown.tolist()),
            float(curve.won[0, -1]),
            float(by_end),
            close_days_of(win, at_grid, curve.won[:, -1], CLOSE_SHARES)[0],
        )


def _days_asked(win: WinModel, left_days: float) -> Floats:
    """The horizons of a deal's curve: those shown, those close dates are read from, the period's end."""
    days = _usual_days(Same(win))
    place = int(np.searchsorted(days, left_days))
    if left_days <= 0 or (place < len(days) and days[place] == left_days):
        return days
    return np.concatenate([days[:place], [left_days], days[place:]])


@lru_cache(8)
def _usual_days(win: Same[WinModel]) -> Floats:
    """The horizons of every deal's curve (h,), ascending."""
    curve_days = _CURVE_DAYS[win.value.ever_days > _CURVE_DAYS]
    return np.unique(np.concatenate([close_grid(win.value), curve_days]))


def ask_model(
    bundle: Bundle, x: Floats, moments: tuple[int, int], left_days: float
) -> tuple[DealProbabilities, Contributions]:
    """The probabilities of a deal with features now and some time ago (2, k), and what they come from."""
    days = _days_asked(bundle.win, left_days)
    said = bundle.one_deal.ask(x, moments, np.append(days, np.inf), left_days)
    return DealProbabilities.read(bundle.win, said.curve, days, left_days), said.contributions


@dataclass(frozen=True)
class InsightInputs:
    """One deal at a moment: features (k,), probabilities by date and where they come from, and amounts."""

    deal_id: str
    moment: int
    since: int  # the moment that the trend starts from
    x_now: Floats
    probabilities: DealProbabilities
    contributions: Contributions  # by the period's end, ever, and ever a week ago
    amounts: Floats  # equally likely final amounts if won
    effect: DealEffect | None
    period: str
    period_end: int
    currency: str
    references: Mapping[float, Reference]  # by stage, of the deals won from it
    zone: ZoneInfo  # the organisation's, as of the moment
    codes: Mapping[str, Ints]  # (1,) of the segments that it is in
    original: Original | None = None  # the amount as recorded, where it is of another currency
    gap: float | None = None  # what is missing to the target
    goal_scope: str = "company"  # whose goal it is


def build_insight(
    bundle: Bundle,
    reader: explain.Reader,
    inputs: InsightInputs,
    grades: tuple[float, float, float],
    lang: Language,
) -> dict[str, Any]:
    """The fields of an insight, without as_of, model and warnings."""
    zone = inputs.zone
    left = max((inputs.period_end - inputs.moment) / DAY, 0.0)
    contributions = inputs.contributions
    columns = reader.columns
    deal = explain.DealFeatures(columns, reader.catalogue, inputs.x_now)
    close_dates = [
        local_datetime(inputs.moment + int(days * DAY), zone).date()
        for days in inputs.probabilities.close_days
    ]
    ever, by_end = inputs.probabilities.ever, inputs.probabilities.by_end
    p10, p50, p90 = _quantiles(inputs.amounts, (0.1, 0.5, 0.9))
    stage = inputs.x_now[columns["stage"]] if "stage" in columns else np.nan
    comparison = explain.compare_with_reference(contributions, 0, inputs.references.get(float(stage)))
    log_odds = contributions.log_odds
    asked = np.array([ever, by_end])
    intervals = chance_intervals(asked, contributions.sd[[1, 0]])
    lo, hi = intervals[LEVELS.index(SHOWN_LEVEL)]
    return {
        "deal_id": inputs.deal_id,
        "win": {
            "probability": ever,
            "by_period_end": by_end,
            "curve": _curve(inputs, zone),
            "interval": [float(lo[0]), float(hi[0])],
            "intervals": {
                f"{100 * level:.0f}": [float(low[0]), float(high[0])]
                for level, (low, high) in zip(LEVELS, intervals, strict=True)
            },
            "interval_by_period_end": [float(lo[1]), float(hi[1])] if left > 0 else None,
            "grade": _grade(ever, grades),
            "trend": explain.trend(
                reader,
                inputs.x_now,
                contributions.values[1] - contributions.values[2],
                (float(log_odds[2]), float(log_odds[1])),
                iso(inputs.since, zone),
                lang,
            ),
        },
        "flags": explain.flags(deal, inputs.moment, zone, lang),
        "close_date": dict(zip(("p10", "p50", "p90"), (day.isoformat() for day in close_dates), strict=True)),
        "revenue": {
            "expected": by_end * float(inputs.amounts.mean()),
            "p10": p10,
            "p50": p50,
            "p90": p90,
            "intervals": {
                f"{100 * level:.0f}": [float(low[0]), float(high[0])]
                for level, (low, high) in zip(
                    LEVELS, amount_intervals(inputs.amounts[None], LEVELS), strict=True
                )
            },
            "currency": inputs.currency,
            "original": _original(inputs.original, zone),
        },
        "attainment": _attainment(inputs),
        "reasons": explain.reasons(reader, inputs.x_now, comparison, lang),
        "factors": explain.factors(reader, inputs.x_now, comparison, lang),
        "bottlenecks": _bottlenecks(bundle, reader, inputs, lang),
    }


def _quantiles(ascending: Floats, shares: tuple[float, ...]) -> list[float]:
    """The quantiles of values in order (n,), as `np.quantile` has them, which sorts and checks for longer.

    >>> _quantiles(np.array([1.0, 2.0, 4.0]), (0.25, 0.5))
    [1.5, 2.0]
    """
    found = []
    for share in shares:
        place = share * (len(ascending) - 1)
        below = min(int(place), len(ascending) - 2)
        low, high, part = float(ascending[below]), float(ascending[below + 1]), place - below
        found.append(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))
    return found


def _bottlenecks(
    bundle: Bundle, reader: explain.Reader, inputs: InsightInputs, lang: Language
) -> list[dict[str, Any]]:
    """The bottlenecks that a deal is in."""
    x = inputs.x_now[None]
    if not bundle.bottlenecks:
        return []
    named = (reader.catalogue, bundle.levels)
    return [
        describe_bottleneck(bottleneck, reader.catalogue, lang)
        for bottleneck in bundle.bottlenecks
        if bottleneck.affected_and_at_risk(x, *named, inputs.codes)[0][0]
    ]


def _original(original: Original | None, zone: ZoneInfo) -> dict[str, Any] | None:
    """The amount of a deal of another currency as recorded, and the rate at which it counts."""
    if original is None:
        return None
    known = not math.isnan(original.rate)
    return {
        "amount": None if math.isnan(original.amount) else original.amount,
        "currency": original.currency,
        "rate": original.rate if known else None,
        "rate_at": iso(original.rate_at, zone) if known else None,
    }


def _curve(inputs: InsightInputs, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Probabilities at a few dates and at the period's end."""
    points, by_day = [], inputs.probabilities
    for at in by_day.shown:
        days, won, lost = (float(values[at]) for values in (by_day.days, by_day.won, by_day.lost))
        day = local_datetime(inputs.moment + int(days * DAY) - 1, zone).date()
        points.append({"date": day.isoformat(), "won": won, "lost": lost, "open": max(1 - won - lost, 0.0)})
    return points


def _grade(probability: float, grades: tuple[float, float, float]) -> str:
    return "DCBA"[sum(probability >= bound for bound in grades)]


def _attainment(inputs: InsightInputs) -> Mapping[str, Any]:
    effect = inputs.effect
    scope = {"period": inputs.period, "scope": inputs.goal_scope}
    if effect is None:
        names = ("probability", "probability_intervals", "if_won_pp", "if_lost_pp")
        return {
            **scope,
            **dict.fromkeys((*names, "if_won_revenue", "if_lost_revenue", "gap_share", "ranked_by")),
        }
    amount = float(inputs.amounts.mean())
    expected = inputs.probabilities.by_end * amount
    return {
        **scope,
        "probability": effect.probability,
        "probability_intervals": attainment_intervals(effect.probability),
        "if_won_pp": 100 * (effect.if_won - effect.probability),
        "if_lost_pp": 100 * (effect.if_lost - effect.probability),
        "if_won_revenue": amount - expected,
        "if_lost_revenue": -expected,
        "gap_share": share_of_gap(amount - expected, inputs.gap),
        "ranked_by": ranked_by(effect.probability),
    }
