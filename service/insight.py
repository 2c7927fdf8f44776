"""What does an insight say of a deal? Its fields, computed from the numbers of the models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.conversion import Original
from crm.i18n import Language
from crm.instants import DAY, iso, local_datetime
from features import Feature
from features.arrays import Floats
from models.bundle import Bundle
from models.forecast.amount_interval import amount_intervals
from models.forecast.attainment import DealEffect
from models.forecast.attainment_interval import attainment_intervals
from models.forecast.undecided import ranked_by, share_of_gap
from models.scoring import close_days_of, close_grid
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.model import LEVEL as SHOWN_LEVEL
from models.win.model import WinModel
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
        grid = close_grid(win)
        curve_days = _CURVE_DAYS[win.ever_days > _CURVE_DAYS]
        days = np.unique(np.concatenate([grid, curve_days, [left_days] if left_days > 0 else []]))
        curve = win.curve(x[None, :], np.array([moment], np.int64), np.append(days, np.inf))
        shown = np.flatnonzero(np.isin(days, curve_days) | (days == left_days))
        by_end = curve.won[0, np.searchsorted(days, left_days)] if left_days > 0 else 0.0
        return cls(
            days,
            curve.won[0, :-1],
            curve.lost[0, :-1],
            tuple(shown.tolist()),
            float(curve.won[0, -1]),
            float(by_end),
            close_days_of(win, curve.won[:, np.searchsorted(days, grid)], curve.won[:, -1], CLOSE_SHARES)[0],
        )


@dataclass(frozen=True)
class InsightInputs:
    """One deal at a moment: features now and a week ago (k,), probabilities by date, and amounts."""

    deal_id: str
    moment: int
    since: int  # the moment that the trend starts from
    x_now: Floats
    x_then: Floats
    probabilities: DealProbabilities
    amounts: Floats  # equally likely final amounts if won
    effect: DealEffect | None
    period: str
    period_end: int
    currency: str
    references: Mapping[float, Reference]  # by stage, of the deals won from it
    zone: ZoneInfo  # the organisation's, as of the moment
    original: Original | None = None  # the amount as recorded, where it is of another currency
    gap: float | None = None  # what is missing to the target


def build_insight(
    bundle: Bundle,
    catalogue: tuple[Feature, ...],
    inputs: InsightInputs,
    grades: tuple[float, float, float],
    lang: Language,
) -> dict[str, Any]:
    """The fields of an insight, without as_of, model and warnings."""
    zone = inputs.zone
    left = max((inputs.period_end - inputs.moment) / DAY, 0.0)
    rows = np.stack([inputs.x_now, inputs.x_now, inputs.x_then])
    moments = np.array([inputs.moment, inputs.moment, inputs.since], np.int64)
    horizons = np.array([left, np.inf, np.inf])
    contributions = bundle.win.contributions(rows, moments, horizons)
    columns = {feature.name: at for at, feature in enumerate(catalogue)}
    deal = explain.DealFeatures(columns, catalogue, inputs.x_now)
    close_dates = [
        local_datetime(inputs.moment + int(days * DAY), zone).date()
        for days in inputs.probabilities.close_days
    ]
    ever, by_end = inputs.probabilities.ever, inputs.probabilities.by_end
    p10, p50, p90 = np.quantile(inputs.amounts, [0.1, 0.5, 0.9]).tolist()
    named = (catalogue, bundle.levels)
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
                *named,
                inputs.x_now,
                contributions.values[1] - contributions.values[2],
                (float(log_odds[2]), float(log_odds[1])),
                iso(inputs.since, zone),
                inputs.currency,
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
        "reasons": explain.reasons(*named, inputs.x_now, comparison, inputs.currency, lang),
        "factors": explain.factors(*named, inputs.x_now, comparison, inputs.currency, lang),
        "bottlenecks": [
            describe_bottleneck(bottleneck, catalogue, lang)
            for bottleneck in bundle.bottlenecks
            if bottleneck.affected_and_at_risk(inputs.x_now[None], catalogue, bundle.levels)[0][0]
        ],
    }


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
    scope = {"period": inputs.period, "scope": "company"}
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
