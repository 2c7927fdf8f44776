"""Do open deals show something else than deals of the same age did, that have ended since?

A column known from creation says the same about a deal whenever it is asked. So deals open now, and deals
that were open at a past moment at the same age, may differ by a trend only, and by that trend the deals of
the same cohorts that had ended by then differ as well. What is left over was written at or after the ending,
or goes on changing while a deal is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints, floats
from training.leakage.facts import MIN_DEALS, DealFacts
from training.leakage.views import View

BANDS = 5  # of age
LANDMARKS = 10  # past moments at most
SMALLEST = 4  # deals of a mean, at least
FLOOR = 0.01  # added to the variance of a single deal, so that none is taken for certain
MONTH = 30 * DAY


@dataclass(frozen=True)
class Contrast:
    """The mean of a view among open deals, what it was to be expected to be, and how sure the difference is.

    `doubts` is the difference in standard errors. `same_age`: compared with deals open at the same age;
    otherwise only with ended deals created in the same months.
    """

    here: float
    expected: float
    doubts: float
    same_age: bool

    @property
    def gap(self) -> float:
        """Open minus expected."""
        return self.here - self.expected


Pair = tuple[Ints, Ints]
"""Deals of one cohort: those open at a moment, and those that had ended by then."""


@dataclass(frozen=True)
class Stratum:
    """Deals of like age: now, and at past moments (none = compared within the present cohort only)."""

    now: Pair
    past: tuple[Pair, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OpenComparison:
    """Which deals are compared with which, made once for all columns.

    `months` compares within months of creation, for histories too short to have past moments.
    """

    ages: tuple[Stratum, ...]
    months: tuple[Stratum, ...]
    moments: tuple[int, ...]
    by_creation: Ints
    created: Floats  # days since the first deal
    done: Flags

    @classmethod
    def of(cls, facts: DealFacts) -> OpenComparison:
        """From what is known about the endings."""
        ages, moments = _strata_of_ages(facts)
        return cls(
            ages=ages,
            months=_strata_of_months(facts),
            moments=moments,
            by_creation=np.argsort(facts.created, kind="stable"),
            created=(facts.created - facts.created.min()) / DAY,
            done=facts.done,
        )

    @property
    def possible(self) -> bool:
        """Whether there are enough open and ended deals for any comparison."""
        return bool(self.ages or self.months)

    def contrast(self, score: Floats, groups: Ints) -> Contrast | None:
        """The difference in a view, by the best comparison that there are enough deals for."""
        rest = score - self._usual(score)
        for strata, same_age in ((self.ages, True), (self.months, False)):
            found = _contrast(strata, score, rest, groups, same_age)
            if found is not None:
                return found
        return None

    def _usual(self, score: Floats) -> Floats:
        """A view's local linear trend over the time of creation, (n,): what drifts does not count."""
        order = self.by_creation
        known = ~np.isnan(score[order])
        time, value = self.created[order], np.where(known, score[order], 0.0)
        place, width = np.arange(len(order)), max(len(order) // 80, 15)
        low, high = np.maximum(place - width, 0), np.minimum(place + width + 1, len(order))

        def windowed(values: Floats) -> Floats:
            sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
            return floats(sums[high] - sums[low])

        count = np.maximum(windowed(np.ones(len(order))), 1.0)
        mean, at = windowed(value) / count, windowed(time) / count
        spread = windowed(time**2) / count - at**2
        slope = np.where(
            spread > 1e-6, (windowed(time * value) / count - at * mean) / np.maximum(spread, 1e-6), 0.0
        )
        out = np.empty(len(order))
        out[order] = mean + slope * (time - at)
        return out

    def typical(self, view: View) -> tuple[float, float]:
        """What open deals show, and the ended ones that they are compared with: a share, or a median."""
        strata = self.ages or self.months
        here = np.concatenate([stratum.now[0] for stratum in strata])
        pairs = [pair[0] for stratum in strata for pair in stratum.past]
        there = np.concatenate(pairs or [stratum.now[1] for stratum in strata])
        values = [view.shown[here], view.shown[there[self.done[there]]]]
        values = [part[~np.isnan(part)] for part in values]
        of = np.mean if view.kind in ("filled", "value") else np.median
        first, second = (float(of(part)) if len(part) else np.nan for part in values)
        return first, second


def _strata_of_ages(facts: DealFacts) -> tuple[tuple[Stratum, ...], tuple[int, ...]]:
    begun = facts.created[~facts.done]
    if len(begun) < MIN_DEALS or facts.done.sum() < 2 * MIN_DEALS:
        return (), ()
    lives = facts.life[facts.done]
    age = (facts.as_of - begun) / DAY
    age = age[age <= np.quantile(lives, 0.98)]
    if len(age) < MIN_DEALS:
        return (), ()
    edges = np.unique(np.quantile(age, np.linspace(0, 1, BANDS + 1)))
    moments = _past_moments(facts, lives)
    strata = []
    for low, high in pairwise(edges):
        past = tuple(_cohort(facts, moment, low, high) for moment in moments)
        strata.append(Stratum(_cohort(facts, facts.as_of, low, high), past))
    return tuple(strata), tuple(moments)


def _past_moments(facts: DealFacts, lives: Floats) -> list[int]:
    """Past moments since which nearly all deals then open have ended, the latest first."""
    last = facts.as_of - int(np.quantile(lives, 0.9) * DAY)
    step = max(int(np.quantile(lives, 0.5) * DAY), DAY)
    return list(range(last, int(facts.created.min()), -step))[:LANDMARKS]


def _cohort(facts: DealFacts, moment: int, low: float, high: float) -> Pair:
    """Deals of an age at a moment: those open then, and those of the same cohort that had ended by then."""
    age = (moment - facts.created) / DAY
    cohort = (age >= low) & (age <= high)
    over = facts.ended_by(moment)
    return np.flatnonzero(cohort & ~over), np.flatnonzero(cohort & over)


def _strata_of_months(facts: DealFacts) -> tuple[Stratum, ...]:
    if min((~facts.done).sum(), facts.done.sum()) < MIN_DEALS:
        return ()
    month = facts.created // MONTH
    strata = []
    for number in np.unique(month[~facts.done]):
        of_month = month == number
        strata.append(
            Stratum((np.flatnonzero(of_month & ~facts.done), np.flatnonzero(of_month & facts.done)))
        )
    # In a short history open and ended deals hardly share a month: then all are compared.
    if sum(_harmonic(*stratum.now) for stratum in strata) < MIN_DEALS / 2:
        strata = [Stratum((np.flatnonzero(~facts.done), np.flatnonzero(facts.done)))]
    return tuple(strata)


def _contrast(
    strata: tuple[Stratum, ...], score: Floats, rest: Floats, groups: Ints, same_age: bool
) -> Contrast | None:
    known = ~np.isnan(score)
    parts: list[tuple[float, Ints]] = []  # weight and deals of each mean that the difference is made of
    weights, heres, compared = [], [], 0
    for stratum in strata:
        pairs = [tuple(deals[known[deals]] for deals in pair) for pair in (stratum.now, *stratum.past)]
        now, past = pairs[0], [pair for pair in pairs[1:] if min(len(deals) for deals in pair) >= SMALLEST]
        if min(len(deals) for deals in now) < (SMALLEST if same_age else 1) or (same_age and not past):
            continue
        share = np.array([_harmonic(*pair) for pair in past])
        distinct = [np.unique(np.concatenate(side)) for side in zip(*past, strict=True)]
        weight = 1.0 / sum(1.0 / len(deals) for deals in (*now, *distinct))
        weights.append(weight)
        heres.append(score[now[0]].mean())
        compared += len(now[0])
        parts += [(weight, now[0]), (-weight, now[1])]
        for part, (alive, over) in zip(share / max(share.sum(), 1e-12), past, strict=True):
            parts += [(-weight * part, alive), (weight * part, over)]
    total = sum(weights)
    if compared < MIN_DEALS or total <= 0:
        return None
    gap, error = sum_of_means([(weight / total, deals, rest[deals]) for weight, deals in parts], groups)
    here = float(np.average(heres, weights=weights))
    return Contrast(here, here - gap, gap / error, same_age)


def sum_of_means(parts: list[tuple[float, Ints, Floats]], groups: Ints) -> tuple[float, float]:
    """A weighted sum of means, and its standard error, robust to deals of one group sharing a value.

    `parts`: weight, deals (rows of `groups`) and their values.
    """
    total, floor, spread = 0.0, 0.0, np.zeros(len(groups))
    for weight, deals, values in parts:
        mean = values.mean()
        total += weight * mean
        spread[deals] += weight / len(deals) * (values - mean)
        floor += weight**2 / len(deals) * FLOOR
    of_group = np.bincount(groups, spread)
    return float(total), float(np.sqrt((of_group**2).sum() + floor))


def _harmonic(one: Ints, other: Ints) -> float:
    return len(one) * len(other) / max(len(one) + len(other), 1)
