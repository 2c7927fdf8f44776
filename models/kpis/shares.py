"""How many of those that come will also meet the numerator: win, be reached, get further, leave?

A person's share leans on the company's; how far the company's share strays from what it was is learned from
past stretches. What needs time (a lead of this week meets next week) is completed by how long it
took so far, right-censored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit
from scipy.stats import CensoredData, ecdf

from crm.instants import DAY, NEVER
from features.arrays import Floats, Ints
from features.kpis import CountedEvents
from models.kpis.counts import SCENARIOS, Draws, RemainingPeriod
from models.statistics import pooled_with_prior

_YEAR = 365 * DAY
_POOLED = 20.0  # of the company's that weigh like in a person's share
_ODDS_SD, _PRIOR_WINDOWS = 0.15, 4.0  # believed spread of the company's log-odds, and what that weighs
_MAX_WINDOWS = 8
_MIN_DENOMINATOR = 5.0  # of the denominator in a stretch that says something of the spread
_LONGEST_DAYS = 730
_MAX_CHANCE = 0.9999
_MIN_STYLE_EVENTS = 100  # of a selling style that show its own pace


@dataclass(frozen=True)
class ConversionShare:
    """`mean` (people + 1,) of each person's share; `odds_sd` of the company's log-odds around it."""

    mean: Floats
    odds_sd: float

    def of(self, count: Draws, ahead: RemainingPeriod, name: str) -> Draws:
        """How many of `count` (people + 1, S) also meet it, the same shift for all of a scenario."""
        return _binomial_draws(
            count, np.broadcast_to(self.mean[:, None], count.shape), self.odds_sd, ahead, name
        )


def conversion_share(top: CountedEvents, bottom: CountedEvents, ahead: RemainingPeriod) -> ConversionShare:
    """The share that `top` had of `bottom` in the past year, by person."""
    people, since = len(ahead.organisation.people) + 1, ahead.moment - _YEAR
    got, of = (one.by_person(since, ahead.moment, people) for one in (top, bottom))
    length = max(ahead.end - ahead.start, 30 * DAY)
    stretches = ahead.moment - length * np.arange(1, _MAX_WINDOWS + 1)
    seen = [
        [one.by_person(int(at), int(at) + length, people).sum() for at in stretches] for one in (top, bottom)
    ]
    return ConversionShare(_pooled_shares(got, of), _odds_sd(np.array(seen[0]), np.array(seen[1])))


@dataclass(frozen=True)
class Cohort:
    """How those that came get further with time: `by_age` (groups, days + 1) share that has by each age.

    `group` (people + 1,) of each person, by selling style; `factor` (people + 1,): a person's share against
    the group's.
    """

    by_age: Floats
    group: Ints
    factor: Floats
    odds_sd: float

    def from_waiting(self, came: CountedEvents, first: int, ahead: RemainingPeriod, name: str) -> Draws:
        """How many of those that came in the period so far, and have not got further, will by its end."""
        assert came.reached is not None  # noqa: S101 - a cohort says what is to be reached
        low, high = np.searchsorted(came.at, [first, ahead.moment])
        waiting = came.reached[low:high] == NEVER
        at, person = came.at[low:high][waiting], came.person[low:high][waiting]
        group = self.group[person]
        now, then = (self.share_by_age(group, (until - at) / DAY) for until in (ahead.moment, ahead.end))
        chance = np.clip((then - now) / np.maximum(1 - now, 1e-9) * self.factor[person], 0.0, _MAX_CHANCE)
        people = len(self.factor)
        count = np.bincount(person, minlength=people).astype(float)
        mean = np.bincount(person, chance, people) / np.maximum(count, 1)
        waiting_draws = np.broadcast_to(count.astype(np.float32)[:, None], (people, SCENARIOS))
        return _binomial_draws(
            waiting_draws, np.broadcast_to(mean[:, None], waiting_draws.shape), self.odds_sd, ahead, name
        )

    def of_new(self, count: Draws, ahead: RemainingPeriod, name: str) -> Draws:
        """How many of those still to come (people + 1, S), spread over the stretch, will by its end."""
        ages = np.linspace(0.0, max(ahead.end - ahead.start, 0) / DAY, 33)
        middle = (ages[1:] + ages[:-1]) / 2
        mean = np.array(
            [self.share_by_age(np.full(32, one), middle).mean() for one in range(len(self.by_age))]
        )
        chance = np.clip(mean[self.group] * self.factor, 0.0, _MAX_CHANCE)
        return _binomial_draws(
            count, np.broadcast_to(chance[:, None], count.shape), self.odds_sd, ahead, name
        )

    def share_by_age(self, group: Ints, age: Floats) -> Floats:
        """Share of each one's group that has got further by its age in days, (n,)."""
        last = self.by_age.shape[1] - 1
        day = np.clip(age, 0.0, last - 1e-9)
        low = day.astype(np.int64)
        part, rows = day - low, self.by_age
        return np.asarray(rows[group, low] * (1 - part) + rows[group, low + 1] * part)


def cohort_of(came: CountedEvents, first: int, ahead: RemainingPeriod) -> Cohort:
    """How those of the past two years got further, by Kaplan and Meier's estimate (1958).

    `first`: when the period begins, whose length past ones are looked back at for.
    """
    assert came.reached is not None  # noqa: S101 - a cohort says what is to be reached
    people = len(ahead.organisation.people) + 1
    low = int(np.searchsorted(came.at, ahead.moment - 2 * _YEAR))
    at, reached, person = came.at[low:], came.reached[low:], came.person[low:]
    done = reached != NEVER
    days = np.minimum(np.maximum(np.where(done, reached, ahead.moment) - at, 0) / DAY, _LONGEST_DAYS)
    if not len(at):
        return Cohort(np.zeros((1, 2)), np.zeros(people, np.int64), np.ones(people), _ODDS_SD)
    grid, group = np.arange(_LONGEST_DAYS + 1, dtype=float), np.zeros(people, np.int64)
    curves: list[Floats] = []
    for style in ("", *np.unique(ahead.style[ahead.style != ""])):
        mine = np.ones(len(at), bool) if style == "" else (ahead.style == style)[person]
        if style == "" or mine.sum() >= _MIN_STYLE_EVENTS:
            group[(ahead.style == style) & (style != "")] = len(curves)
            kept = ecdf(CensoredData.right_censored(days[mine], ~done[mine])).sf
            curves.append(1 - np.asarray(kept.evaluate(grid)))
    cohort = Cohort(np.array(curves), group, np.ones(people), _ODDS_SD)
    due = cohort.share_by_age(group[person], (ahead.moment - at) / DAY)
    got, expected = np.bincount(person, done, people), np.bincount(person, due, people)
    few = _POOLED * max(float(done.mean()), 0.02)
    factor = (got + few) / (expected + few)
    length = max(ahead.end - first, 7 * DAY)
    seen, size, ripe = np.zeros((3, _MAX_WINDOWS))
    for back in range(_MAX_WINDOWS):  # past periods, each as it stood at its own end
        end = ahead.moment - back * length
        mine = (at >= end - length) & (at < end)
        seen[back] = (done & (reached < end))[mine].sum()
        size[back] = mine.sum()
        ripe[back] = cohort.share_by_age(group[person[mine]], (end - at[mine]) / DAY).sum()
    odds_sd = _odds_sd(seen, size, ripe / np.maximum(size, 1))
    return replace(cohort, factor=factor, odds_sd=odds_sd)


def _pooled_shares(got: Floats, of: Floats) -> Floats:
    company = (got.sum() + 0.5) / (of.sum() + 1.0)
    return np.asarray((got + _POOLED * company) / (of + _POOLED))


def _odds_sd(got: Floats, of: Floats, due: Floats | None = None) -> float:
    """Standard deviation of a stretch's log-odds beyond chance, against what was due of it."""
    use = of >= _MIN_DENOMINATOR
    y = logit((got[use] + 0.5) / (of[use] + 1.0))
    noise = 1 / (got[use] + 0.5) + 1 / np.maximum(of[use] - got[use] + 0.5, 0.5)
    if due is not None:
        y = y - logit(np.clip(due[use], 0.005, 0.995))
    free, found = max(len(y) - 1, 0), 0.0
    if free:
        found = float(((y - np.average(y, weights=1 / noise)) ** 2 * len(y) / free - noise).mean())
    variance = pooled_with_prior(found, free, _ODDS_SD**2, _PRIOR_WINDOWS)
    return float(np.sqrt(np.clip(variance, 0.02**2, 1.0)))


def _binomial_draws(count: Draws, chance: Floats, odds_sd: float, ahead: RemainingPeriod, name: str) -> Draws:
    rng = ahead.rng(name)
    shift = odds_sd * rng.standard_normal(SCENARIOS)
    odds = logit(np.clip(chance[:, :1], 1e-6, 1 - 1e-6))
    taken = rng.binomial(np.round(count).astype(np.int64), expit(odds + shift))
    return np.where(chance > 0, taken, 0).astype(np.float32)
