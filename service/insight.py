"""What does an insight say of a deal? Its fields, computed from the numbers of the models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from models.scoring import close_edges, close_grid
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.mix_kernels import close_days
from models.win.model import LEVEL as SHOWN_LEVEL
from models.win.model import Contributions, Curve, WinModel
from models.win.reference import Reference
from service import explain
from service.bottlenecks import describe_bottleneck

TREND_DAYS = 7
CLOSE_SHARES = (0.1, 0.5, 0.9)
_SHARES = np.array(CLOSE_SHARES)
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
        asked = _Asked.of(win, left_days)
        curve = win.curve(x[None, :], np.array([moment], np.int64), asked.with_ever)
        return cls.read(asked, curve)

    @classmethod
    def read(cls, asked: _Asked, curve: Curve) -> DealProbabilities:
        """Those of the curve (1, h + 1) of a deal at the days asked about, then ever."""
        won, ever = curve.won[0], float(curve.won[0, -1])
        days_to_win = np.empty(len(CLOSE_SHARES))
        close_days(won[asked.grid], ever, asked.edges, _SHARES, days_to_win)
        return cls(
            asked.with_ever[:-1],
            won[:-1],
            curve.lost[0, :-1],
            asked.shown,
            ever,
            0.0 if asked.of_period is None else float(won[asked.of_period]),
            days_to_win,
        )


@dataclass(frozen=True)
class _Asked:
    """The horizons of a deal's curve: those shown, those close dates are read from, the period's end.

    `with_ever` (h + 1,) ascend, the last is infinite. Of the others `shown` are shown, from those of `grid`
    close dates are read (with `edges`, see `close_days`), and `of_period` is the period's end, if ahead.
    """

    with_ever: Floats
    shown: tuple[int, ...]
    grid: Ints
    edges: Floats
    of_period: int | None

    @classmethod
    def of(cls, win: WinModel, left_days: float) -> _Asked:
        """Those of a model's curves with so many days left in the period."""
        usual = _usual(Same(win))
        if left_days <= 0:
            return usual
        days = usual.with_ever
        place = int(days.searchsorted(left_days))
        if days[place] == left_days:
            return replace(usual, shown=tuple(sorted({*usual.shown, place})), of_period=place)
        shown = sorted([place, *(at + (at >= place) for at in usual.shown)])
        with_end = np.concatenate([days[:place], [left_days], days[place:]])
        return cls(with_end, tuple(shown), usual.grid + (usual.grid >= place), usual.edges, place)


@lru_cache(8)
def _usual(win: Same[WinModel]) -> _Asked:
    """The horizons of every deal's curve, whatever its period."""
    curve_days, grid = _CURVE_DAYS[win.value.ever_days > _CURVE_DAYS], close_grid(win.value)
    days = np.unique(np.concatenate([grid, curve_days]))
    shown = tuple(np.searchsorted(days, curve_days).tolist())
    return _Asked(np.append(days, np.inf), shown, np.searchsorted(days, grid), close_edges(win.value), None)


def ask_model(
    bundle: Bundle, x: Floats, moments: tuple[int, int], left_days: float
) -> tuple[DealProbabilities, Contributions]:
    """The probabilities of a deal with features now and some time ago (2, k), and what they come from."""
    asked = _Asked.of(bundle.win, left_days)
    said = bundle.one_deal.ask(x, moments, asked.with_ever, left_days)
    return DealProbabilities.read(asked, said.curve), said.contributions


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
    written = explain.Written(reader, inputs.x_now, lang)
    close_dates = [
        local_datetime(inputs.moment + int(days * DAY), zone).date()
        for days in inputs.probabilities.close_days
    ]
    ever, by_end = inputs.probabilities.ever, inputs.probabilities.by_end
    p10, p50, p90 = _quantiles(inputs.amounts, (0.1, 0.5, 0.9))
    stage = inputs.x_now[columns["stage"]] if "stage" in columns else np.nan
    comparison = explain.compare_with_reference(contributions, 0, inputs.references.get(float(stage)))
    log_odds = contributions.log_odds
    intervals = chance_intervals(np.array([ever, by_end]), contributions.sd[[1, 0]])
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
                written,
                contributions.values[1] - contributions.values[2],
                (float(log_odds[2]), float(log_odds[1])),
                iso(inputs.since, zone),
            ),
        },
        "flags": explain.flags(explain.raised_flags(deal), inputs.moment, zone, lang),
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
        "reasons": explain.reasons(written, comparison),
        "factors": explain.factors(written, comparison),
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
