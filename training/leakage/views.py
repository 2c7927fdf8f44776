"""Which numbers stand for a column, so that two groups of deals can be compared in them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from training.leakage.columns import AskedColumn
from training.leakage.facts import DealFacts
from training.leakage.readings import Reading

MAX_NAMES = 10  # the most frequent values of a column that are asked about one by one
RARE = 0.02  # share of the deals below which a value is not asked about
FEW_NUMBERS = 12  # up to so many different numbers each is also asked about as a name
WITH_TIME = 0.3  # rank correlation with creation from which the rest without it is asked about, too


@dataclass(frozen=True)
class View:
    """One question about a column: a number for each deal (n,), NaN where it does not apply.

    `kind`: filled (0 or 1), value (0 or 1: is it `value`?), number or date (a normal score of its rank).
    `shown` are the numbers to say in a sentence (days from creation for dates).
    """

    kind: Literal["filled", "value", "number", "date"]
    score: Floats
    shown: Floats
    value: str = ""


def views_of(column: AskedColumn, facts: DealFacts) -> list[View]:
    """The questions about a column: is it filled in, how large, how late, which value?"""
    if column.shares:
        return _of_shares(column)
    reading, applies = column.reading, column.applies
    views = []
    filled = reading.filled
    share = filled[applies].mean() if applies.any() else 0.0
    if RARE / 2 < share < 1.0 - RARE / 2:
        views.append(_indicator("filled", filled, applies))
    if reading.meaning == "number":
        views += _of_numbers(reading.measured, applies & filled, facts)
        if len(np.unique(reading.measured[applies & filled])) <= FEW_NUMBERS:
            views += _of_names(reading, applies)
        else:
            views += _of_names(reading, applies, at_least=0.1)
    elif reading.meaning in ("date", "period"):
        days = (reading.measured - facts.created) / DAY
        known = applies & filled & ~np.isnan(days)
        views.append(View("date", normal_scores(days, known), np.where(known, days, np.nan)))
    if reading.meaning in ("category", "period"):
        views += _of_names(reading, applies)
    return views


def normal_scores(values: Floats, known: Flags) -> Floats:
    """Ranks among the known values as standard normal numbers, NaN elsewhere; ties share theirs."""
    out = np.full(len(values), np.nan)
    if known.any():
        out[known] = ndtri((rankdata(values[known]) - 0.5) / known.sum())
    return out


def without_trend(score: Floats, created: Ints) -> Floats:
    """What is left of a score once its linear trend over the time of creation is taken off, rescaled."""
    known = ~np.isnan(score)
    if known.sum() < 3:
        return score
    time = (created - created.min()) / DAY
    slope, level = np.polyfit(time[known], score[known], 1)
    rest = score - (level + slope * time)
    return normal_scores(rest, known)


def _of_numbers(values: Floats, known: Flags, facts: DealFacts) -> list[View]:
    known = known & ~np.isnan(values)
    shown = np.where(known, values, np.nan)
    score = normal_scores(values, known)
    views = [View("number", score, shown)]
    if known.sum() > 2 and np.ptp(values[known]) > 0:
        time = rankdata(facts.created[known])
        if abs(np.corrcoef(rankdata(values[known]), time)[0, 1]) > WITH_TIME:
            # Such as a date as a number: what it says besides the time of creation is the rest.
            views.append(View("number", without_trend(shown, facts.created), shown))
    return views


def _of_names(reading: Reading, applies: Flags, at_least: float = RARE) -> list[View]:
    codes = np.where(applies, reading.texts.codes, -1)
    count = np.bincount(codes[codes >= 0], minlength=len(reading.texts.names))
    order = np.argsort(-count, kind="stable")[:MAX_NAMES]
    return [
        _indicator("value", codes == code, applies, str(reading.texts.names[code]))
        for code in order
        if count[code] >= at_least * max(applies.sum(), 1) and count[code] < applies.sum()
    ]


def _indicator(kind: Literal["filled", "value"], holds: Flags, applies: Flags, value: str = "") -> View:
    score = np.where(applies, holds.astype(np.float64), np.nan)
    return View(kind, score, score, value)


def _of_shares(column: AskedColumn) -> list[View]:
    views = []
    for name, share in column.shares.items():
        known = ~np.isnan(share)
        if not known.any() or np.ptp(share[known]) == 0:
            continue
        if name == "#":
            views.append(View("number", normal_scores(share, known), share))
        else:
            views.append(View("value" if name else "filled", share, share, name))
    return views
