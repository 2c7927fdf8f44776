"""How many of the events of a denominator will also meet the numerator: win, connect, advance, leave?

A person's share is shrunk towards the company's; the variation of the company's share is estimated from past
windows. Steps that need time (a lead of this week meets next week) are completed by the distribution of
times so far, right-censored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from crm.instants import DAY, NEVER
from features.arrays import Flags, Floats, Ints
from features.kpis import CountedEvents
from models.kpis.counts import SCENARIOS, Draws, RemainingPeriod
from models.statistics import pooled_with_prior

_YEAR = 365 * DAY
_POOLED = 20.0  # events that the company's share weighs in a person's share
_ODDS_SD, _PRIOR_WINDOWS = 0.15, 4.0  # prior sd of the company's log-odds, and its weight
_MAX_WINDOWS = 8
_MIN_DENOMINATOR = 5.0  # smallest denominator of a window that is used for the variation
_LONGEST_DAYS = 730
_MAX_CHANCE = 0.9999
_MIN_STYLE_EVENTS = 100  # smallest number of events for a selling style's own curve


@dataclass(frozen=True)
class ConversionShare:
    """`mean` (people + 1,) of each person's share; `odds_sd` of the company's log-odds around it."""

    mean: Floats
    odds_sd: float

    def of(self, count: Draws, remaining: RemainingPeriod, name: str) -> Draws:
        """How many of `count` (people + 1, S) also meet it, with one common shift per scenario."""
        return _binomial_draws(
            count, np.broadcast_to(self.mean[:, None], count.shape), self.odds_sd, remaining, name
        )


def conversion_share(
    numerator: CountedEvents, denominator: CountedEvents, remaining: RemainingPeriod
) -> ConversionShare:
    """The share that `numerator` had of `denominator` in the past year, by person."""
    people, since = len(remaining.organisation.people) + 1, remaining.moment - _YEAR
    met, total = (events.by_person(since, remaining.moment, people) for events in (numerator, denominator))
    length = max(remaining.end - remaining.start, 30 * DAY)
    window_starts = remaining.moment - length * np.arange(1, _MAX_WINDOWS + 1)
    window_counts = [
        [events.by_person(int(at), int(at) + length, people).sum() for at in window_starts]
        for events in (numerator, denominator)
    ]
    return ConversionShare(
        _pooled_shares(met, total), _odds_sd(np.array(window_counts[0]), np.array(window_counts[1]))
    )


@dataclass(frozen=True)
class Cohort:
    """How a cohort advances with time: `by_age` (groups, days + 1) share advanced by each age.

    `group` (people + 1,) of each person, by selling style; `factor` (people + 1,): a person's share relative
    to the group's.
    """

    by_age: Floats
    group: Ints
    factor: Floats
    odds_sd: float

    def from_waiting(self, events: CountedEvents, first: int, remaining: RemainingPeriod, name: str) -> Draws:
        """How many of the period's events so far that have not advanced will advance by its end."""
        assert events.reached is not None  # noqa: S101 - a cohort has a `reached` step
        low, high = np.searchsorted(events.at, [first, remaining.moment])
        waiting = events.reached[low:high] == NEVER
        at, person = events.at[low:high][waiting], events.person[low:high][waiting]
        group = self.group[person]
        now, then = (
            self.share_by_age(group, (until - at) / DAY) for until in (remaining.moment, remaining.end)
        )
        chance = np.clip((then - now) / np.maximum(1 - now, 1e-9) * self.factor[person], 0.0, _MAX_CHANCE)
        people = len(self.factor)
        count = np.bincount(person, minlength=people).astype(float)
        mean = np.bincount(person, chance, people) / np.maximum(count, 1)
        waiting_draws = np.broadcast_to(count.astype(np.float32)[:, None], (people, SCENARIOS))
        return _binomial_draws(
            waiting_draws, np.broadcast_to(mean[:, None], waiting_draws.shape), self.odds_sd, remaining, name
        )

    def of_new(self, count: Draws, remaining: RemainingPeriod, name: str) -> Draws:
        """How many future events (people + 1, S), spread over the remaining period, advance by its end."""
        ages = np.linspace(0.0, max(remaining.end - remaining.start, 0) / DAY, 33)
        middle = (ages[1:] + ages[:-1]) / 2
        mean = np.array(
            [self.share_by_age(np.full(32, one), middle).mean() for one in range(len(self.by_age))]
        )
        chance = np.clip(mean[self.group] * self.factor, 0.0, _MAX_CHANCE)
        return _binomial_draws(
            count, np.broadcast_to(chance[:, None], count.shape), self.odds_sd, remaining, name
        )

    def share_by_age(self, group: Ints, age: Floats) -> Floats:
        """Share of each event's group that has advanced by its age in days, (n,)."""
        last = self.by_age.shape[1] - 1
        day = np.clip(age, 0.0, last - 1e-9)
        low = day.astype(np.int64)
        part, rows = day - low, self.by_age
        return np.asarray(rows[group, low] * (1 - part) + rows[group, low + 1] * part)


def cohort_of(events: CountedEvents, first: int, remaining: RemainingPeriod) -> Cohort:
    """How events of the past two years advanced, by the estimate of Kaplan and Meier (1958).

    `first`: the period's start, which gives the length of past windows.
    """
    assert events.reached is not None  # noqa: S101 - a cohort has a `reached` step
    people = len(remaining.organisation.people) + 1
    low = int(np.searchsorted(events.at, remaining.moment - 2 * _YEAR))
    at, reached, person = events.at[low:], events.reached[low:], events.person[low:]
    has_advanced = reached != NEVER
    days = np.minimum(
        np.maximum(np.where(has_advanced, reached, remaining.moment) - at, 0) / DAY, _LONGEST_DAYS
    )
    if not len(at):
        return Cohort(np.zeros((1, 2)), np.zeros(people, np.int64), np.ones(people), _ODDS_SD)
    grid, group = np.arange(_LONGEST_DAYS + 1, dtype=float), np.zeros(people, np.int64)
    curves: list[Floats] = []
    for style in ("", *np.unique(remaining.style[remaining.style != ""])):
        selected = np.ones(len(at), bool) if style == "" else (remaining.style == style)[person]
        if style == "" or selected.sum() >= _MIN_STYLE_EVENTS:
            group[(remaining.style == style) & (style != "")] = len(curves)
            curves.append(1 - surviving(days[selected], has_advanced[selected], grid))
    cohort = Cohort(np.array(curves), group, np.ones(people), _ODDS_SD)
    expected_share = cohort.share_by_age(group[person], (remaining.moment - at) / DAY)
    advanced_of, expected = (
        np.bincount(person, has_advanced, people),
        np.bincount(person, expected_share, people),
    )
    prior_weight = _POOLED * max(float(has_advanced.mean()), 0.02)
    factor = (advanced_of + prior_weight) / (expected + prior_weight)
    length = max(remaining.end - first, 7 * DAY)
    advanced, size, expected_advanced = np.zeros((3, _MAX_WINDOWS))
    for back in range(_MAX_WINDOWS):  # past windows, each as of its own end
        end = remaining.moment - back * length
        selected = (at >= end - length) & (at < end)
        advanced[back] = (has_advanced & (reached < end))[selected].sum()
        size[back] = selected.sum()
        expected_advanced[back] = cohort.share_by_age(
            group[person[selected]], (end - at[selected]) / DAY
        ).sum()
    odds_sd = _odds_sd(advanced, size, expected_advanced / np.maximum(size, 1))
    return replace(cohort, factor=factor, odds_sd=odds_sd)


def _pooled_shares(met: Floats, total: Floats) -> Floats:
    company = (met.sum() + 0.5) / (total.sum() + 1.0)
    return np.asarray((met + _POOLED * company) / (total + _POOLED))


def surviving(days: Floats, ended: Flags, at: Floats) -> Floats:
    """The share that has not ended after some days, where the others were last seen not ended.

    Kaplan & Meier (1958): the product over the days d on which some ended of 1 - ended(d) / still there(d).
    days, ended: (n,); at: (m,), in any order.

    >>> surviving(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, True]), np.array([0.0, 2.0]))
    array([1. , 0.5])
    """
    order = np.argsort(days, kind="stable")
    day, first, counts = np.unique(days[order], return_index=True, return_counts=True)
    there = len(days) - first
    ends = np.diff(np.cumsum(ended[order])[first + counts - 1], prepend=0)
    # Where all have ended the product is a plain share, which is rounded once only.
    share = 1 - np.cumsum(counts) / len(days) if ended.all() else np.cumprod((there - ends) / there)
    return np.asarray(np.append(1.0, share)[np.searchsorted(day, at, side="right")])


def _odds_sd(met: Floats, of: Floats, expected_share: Floats | None = None) -> float:
    """Standard deviation of a window's log-odds beyond chance, relative to the expected ones."""
    use = of >= _MIN_DENOMINATOR
    y = logit((met[use] + 0.5) / (of[use] + 1.0))
    noise = 1 / (met[use] + 0.5) + 1 / np.maximum(of[use] - met[use] + 0.5, 0.5)
    if expected_share is not None:
        y = y - logit(np.clip(expected_share[use], 0.005, 0.995))
    degrees, beyond_chance = max(len(y) - 1, 0), 0.0
    if degrees:
        beyond_chance = float(((y - np.average(y, weights=1 / noise)) ** 2 * len(y) / degrees - noise).mean())
    variance = pooled_with_prior(beyond_chance, degrees, _ODDS_SD**2, _PRIOR_WINDOWS)
    return float(np.sqrt(np.clip(variance, 0.02**2, 1.0)))


def _binomial_draws(
    count: Draws, chance: Floats, odds_sd: float, remaining: RemainingPeriod, name: str
) -> Draws:
    rng = remaining.rng(name)
    shift = odds_sd * rng.standard_normal(SCENARIOS)
    odds = logit(np.clip(chance[:, :1], 1e-6, 1 - 1e-6))
    taken = rng.binomial(np.round(count).astype(np.int64), expit(odds + shift))
    return np.where(chance > 0, taken, 0).astype(np.float32)
