"""How many of those that come will also meet the numerator: win, be reached, get further, leave?

A person's share leans on the company's; how far the company's share strays from what it was is learned from
past stretches. What needs time (a lead of this week meets next week) is completed by how long it
took so far, right-censored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import CensoredData, ecdf

from sancho.crm.moment import DAY, NEVER
from sancho.features.kpis import Tally
from sancho.models.kpis.counts import SCENARIOS, Ahead, Draws

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_YEAR = 365 * DAY
_POOLED = 20.0  # of the company's that weigh like in a person's share
_ODDS_SD, _PRIOR_WINDOWS = 0.15, 4.0  # believed spread of the company's log-odds, and what that weighs
_MOST_WINDOWS = 8
_LEAST = 5.0  # of the denominator in a stretch that says something of the spread
_LONGEST_DAYS = 730


@dataclass(frozen=True)
class Share:
    """`mean` (people + 1,) of each person's share; `odds_sd` of the company's log-odds around it."""

    mean: Floats
    odds_sd: float

    def of(self, count: Draws, ahead: Ahead, name: str) -> Draws:
        """How many of `count` (people + 1, S) also meet it, the same shift for all of a scenario."""
        return _taken(count, np.broadcast_to(self.mean[:, None], count.shape), self.odds_sd, ahead, name)


def share_of(top: Tally, bottom: Tally, ahead: Ahead) -> Share:
    """The share that `top` had of `bottom` in the past year, by person."""
    people, since = len(ahead.organisation.people) + 1, ahead.moment - _YEAR
    got, of = (one.by_person(since, ahead.moment, people) for one in (top, bottom))
    length = max(ahead.end - ahead.start, 30 * DAY)
    stretches = ahead.moment - length * np.arange(1, _MOST_WINDOWS + 1)
    seen = [
        [one.by_person(int(at), int(at) + length, people).sum() for at in stretches] for one in (top, bottom)
    ]
    return Share(_leaning(got, of), _odds_sd(np.array(seen[0]), np.array(seen[1])))


@dataclass(frozen=True)
class Cohort:
    """How those that came get further with time: `by_age` (days + 1,) share that has by each age in days.

    `factor` (people + 1,): a person's share against the company's.
    """

    by_age: Floats
    factor: Floats
    odds_sd: float

    def later(self, came: Tally, first: int, ahead: Ahead, name: str) -> Draws:
        """How many of those that came in the period so far, and have not got further, will by its end."""
        assert came.reached is not None  # noqa: S101 - a cohort says what is to be reached
        low, high = np.searchsorted(came.at, [first, ahead.moment])
        waiting = came.reached[low:high] == NEVER
        at, person = came.at[low:high][waiting], came.person[low:high][waiting]
        now, then = self._by((ahead.moment - at) / DAY), self._by((ahead.end - at) / DAY)
        chance = np.clip((then - now) / np.maximum(1 - now, 1e-9) * self.factor[person], 0.0, 0.99)
        people = len(self.factor)
        count = np.bincount(person, minlength=people).astype(float)
        mean = np.bincount(person, chance, people) / np.maximum(count, 1)
        waiting_draws = np.broadcast_to(count.astype(np.float32)[:, None], (people, SCENARIOS))
        return _taken(
            waiting_draws, np.broadcast_to(mean[:, None], waiting_draws.shape), self.odds_sd, ahead, name
        )

    def of_new(self, count: Draws, ahead: Ahead, name: str) -> Draws:
        """How many of those still to come (people + 1, S), spread over the stretch, will by its end."""
        ages = np.linspace(0.0, max(ahead.end - ahead.start, 0) / DAY, 33)
        chance = np.clip(self._by((ages[1:] + ages[:-1]) / 2).mean() * self.factor, 0.0, 0.99)
        return _taken(count, np.broadcast_to(chance[:, None], count.shape), self.odds_sd, ahead, name)

    def _by(self, age: Floats) -> Floats:
        return np.asarray(np.interp(age, np.arange(len(self.by_age)), self.by_age))


def cohort_of(came: Tally, ahead: Ahead) -> Cohort:
    """How those of the past two years got further, by Kaplan and Meier's estimate (1958)."""
    assert came.reached is not None  # noqa: S101 - a cohort says what is to be reached
    people = len(ahead.organisation.people) + 1
    low = int(np.searchsorted(came.at, ahead.moment - 2 * _YEAR))
    at, reached, person = came.at[low:], came.reached[low:], came.person[low:]
    done = reached != NEVER
    days = np.minimum(np.maximum(np.where(done, reached, ahead.moment) - at, 0) / DAY, _LONGEST_DAYS)
    if not len(at):
        return Cohort(np.zeros(2), np.ones(people), _ODDS_SD)
    kept = ecdf(CensoredData.right_censored(days, ~done)).sf
    grid = np.arange(_LONGEST_DAYS + 1, dtype=float)
    by_age = 1 - np.asarray(kept.evaluate(grid))
    due = np.interp((ahead.moment - at) / DAY, grid, by_age)
    got, expected = np.bincount(person, done, people), np.bincount(person, due, people)
    few = _POOLED * max(float(done.mean()), 0.02)
    factor = (got + few) / (expected + few)
    length = max(ahead.end - ahead.start, 30 * DAY)
    which = ((ahead.moment - at) // length).astype(np.int64)
    ripe = (which > 0) & (which <= _MOST_WINDOWS)
    seen, of = (np.bincount(which[ripe], values[ripe], _MOST_WINDOWS + 1) for values in (done, due))
    size = np.bincount(which[ripe], minlength=_MOST_WINDOWS + 1)
    return Cohort(by_age, factor, _odds_sd(seen.astype(float), size.astype(float), of / np.maximum(size, 1)))


def _leaning(got: Floats, of: Floats) -> Floats:
    company = (got.sum() + 0.5) / (of.sum() + 1.0)
    return np.asarray((got + _POOLED * company) / (of + _POOLED))


def _odds_sd(got: Floats, of: Floats, due: Floats | None = None) -> float:
    """Standard deviation of a stretch's log-odds beyond chance, against what was due of it."""
    use = of >= _LEAST
    y = logit((got[use] + 0.5) / (of[use] + 1.0))
    noise = 1 / (got[use] + 0.5) + 1 / np.maximum(of[use] - got[use] + 0.5, 0.5)
    if due is not None:
        y = y - logit(np.clip(due[use], 0.005, 0.995))
    free, excess = max(len(y) - 1, 0), 0.0
    if free:
        excess = float(((y - np.average(y, weights=1 / noise)) ** 2 * len(y) / free - noise).sum())
    found = (excess * free / max(len(y), 1) + _PRIOR_WINDOWS * _ODDS_SD**2) / (free + _PRIOR_WINDOWS)
    return float(np.sqrt(np.clip(found, 0.02**2, 1.0)))


def _taken(count: Draws, chance: Floats, odds_sd: float, ahead: Ahead, name: str) -> Draws:
    rng = ahead.rng(name)
    shift = odds_sd * rng.standard_normal(SCENARIOS)
    odds = logit(np.clip(chance[:, :1], 1e-6, 1 - 1e-6))
    taken = rng.binomial(np.round(count).astype(np.int64), expit(odds + shift))
    return np.where(chance > 0, taken, 0).astype(np.float32)
