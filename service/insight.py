"""What is there to say about one deal? The Insight of the contract, put together from the models' numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language
from crm.instants import DAY, iso, local_datetime
from features import Feature
from models.bundle import Bundle
from models.forecast.attainment import DealEffect
from models.scoring import close_days_of, close_grid
from models.win.model import WinModel
from models.win.reference import Reference
from service import explain
from service.bottlenecks import describe_bottleneck

Floats = NDArray[np.float64]

TREND_DAYS = 7
CLOSE_SHARES = (0.1, 0.5, 0.9)
_CURVE_DAYS = np.array([7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0])


@dataclass(frozen=True)
class DealProbabilities:
    """Chances of one deal: won and lost within `days` (h,), ascending; won ever, and by the period's end."""

    days: Floats
    won: Floats
    lost: Floats
    shown: tuple[int, ...]  # which of the days are shown
    ever: float
    by_end: float
    close_days: Floats  # (3,): days within which it is won with 10, 50 and 90 %, if it is won at all

    @classmethod
    def of(cls, win: WinModel, x: Floats, moment: int, left_days: float) -> DealProbabilities:
        """One question to the model for all that is told about time; `x` (k,)."""
        grid = close_grid(win)
        told = _CURVE_DAYS[win.ever_days > _CURVE_DAYS]
        days = np.unique(np.concatenate([grid, told, [left_days] if left_days > 0 else []]))
        curve = win.curve(x[None, :], np.array([moment], np.int64), np.append(days, np.inf))
        shown = np.flatnonzero(np.isin(days, told) | (days == left_days))
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
    """One deal at a moment: features now and a week ago (k,), its chances by date, and its money."""

    deal_id: str
    moment: int
    since: int  # the moment the trend starts from
    x_now: Floats
    x_then: Floats
    chances: DealProbabilities
    amounts: Floats  # equally likely final amounts if won
    effect: DealEffect | None
    period: str
    period_end: int
    currency: str
    references: Mapping[float, Reference]  # by stage: what won deals of it have


def build_insight(
    bundle: Bundle,
    catalogue: tuple[Feature, ...],
    asked: InsightInputs,
    grades: tuple[float, float, float],
    lang: Language,
) -> dict[str, Any]:
    """The Insight, without as_of, model and warnings."""
    zone = bundle.calendar.zone
    left = max((asked.period_end - asked.moment) / DAY, 0.0)
    rows = np.stack([asked.x_now, asked.x_now, asked.x_then])
    moments = np.array([asked.moment, asked.moment, asked.since], np.int64)
    horizons = np.array([left, np.inf, np.inf])
    why = bundle.win.contributions(rows, moments, horizons)
    lo, hi = why.interval()
    place = {feature.name: at for at, feature in enumerate(catalogue)}
    deal = explain.DealFeatures(place, catalogue, asked.x_now)
    ends = [local_datetime(asked.moment + int(days * DAY), zone).date() for days in asked.chances.close_days]
    ever, by_end = asked.chances.ever, asked.chances.by_end
    p10, p50, p90 = np.quantile(asked.amounts, [0.1, 0.5, 0.9]).tolist()
    words = (catalogue, bundle.levels)
    stage = asked.x_now[place["stage"]] if "stage" in place else np.nan
    beside = explain.compare_with_reference(why, 0, asked.references.get(float(stage)))
    log_odds = why.log_odds
    return {
        "deal_id": asked.deal_id,
        "win": {
            "probability": ever,
            "by_period_end": by_end,
            "curve": _curve(asked, zone),
            "interval": [min(float(lo[1]), ever), max(float(hi[1]), ever)],
            "grade": _grade(ever, grades),
            "trend": explain.trend(
                *words,
                asked.x_now,
                why.values[1] - why.values[2],
                (float(log_odds[2]), float(log_odds[1])),
                iso(asked.since, zone),
                asked.currency,
                lang,
            ),
        },
        "flags": explain.flags(deal, asked.moment, zone, lang),
        "close_date": dict(zip(("p10", "p50", "p90"), (day.isoformat() for day in ends), strict=True)),
        "revenue": {
            "expected": by_end * float(asked.amounts.mean()),
            "p10": p10,
            "p50": p50,
            "p90": p90,
            "currency": asked.currency,
        },
        "attainment": _attainment(asked),
        "reasons": explain.reasons(*words, asked.x_now, beside, asked.currency, lang),
        "factors": explain.factors(*words, asked.x_now, beside, asked.currency, lang),
        "bottlenecks": [
            describe_bottleneck(one, catalogue, lang)
            for one in bundle.bottlenecks
            if one.affected_and_at_risk(asked.x_now[None], catalogue, bundle.levels)[0][0]
        ],
    }


def _curve(asked: InsightInputs, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Chances at a few dates and at the period's end."""
    points = []
    for at in asked.chances.shown:
        days, won, lost = (
            float(values[at]) for values in (asked.chances.days, asked.chances.won, asked.chances.lost)
        )
        day = local_datetime(asked.moment + int(days * DAY) - 1, zone).date()
        points.append({"date": day.isoformat(), "won": won, "lost": lost, "open": max(1 - won - lost, 0.0)})
    return points


def _grade(chance: float, grades: tuple[float, float, float]) -> str:
    return "DCBA"[sum(chance >= bound for bound in grades)]


def _attainment(asked: InsightInputs) -> Mapping[str, Any]:
    effect = asked.effect
    scope = {"period": asked.period, "scope": "company"}
    if effect is None:
        return {**scope, "probability": None, "if_won_pp": None, "if_lost_pp": None}
    return {
        **scope,
        "probability": effect.probability,
        "if_won_pp": 100 * (effect.if_won - effect.probability),
        "if_lost_pp": 100 * (effect.if_lost - effect.probability),
    }
