"""How are the base models weighted and calibrated so that probabilities are right on later deals?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from features.arrays import Flags, Floats, Ints
from models.logistic import fit_logistic
from models.win.horizons import ramps

BASE_MODELS = ("table", "regression", "trees", "plain_trees")
FULL_WEIGHTS = (0.1, 0.3, 0.3, 0.3)  # with enough deals for all
SMALL_WEIGHTS = (0.5, 0.5, 0.0, 0.0)
SOON_DAYS = 28.0
FRESH_DAYS = 3.0  # after which a change is no news at all; by half after half of them
FRESH_FROM = 0.5  # freshness from which a moment counts as fresh when weights are fitted
FEW_FRESH = 100  # deals with fresh moments; with fewer, fresh moments have the shift of all
WEIGHT_PULL, BAND_PULL, LEVEL_PULL = (
    40.0,
    8.0,
    1.0,
)  # penalties in deals: how strongly each stays at its prior


@dataclass(frozen=True)
class Mix:
    """Calibrated log-odds = shift + shift increasing with the horizon + weights x base models' log-odds.

    Where a base model's log-odds are below 0, its weight is larger by `within` for horizons short of "ever",
    and by `soon` x soon(horizon): differences between deals are clearer a few days ahead. No coefficient is
    below 0, so the result never decreases with the horizon (what is added only lowers log-odds below 0, and
    fades as the horizon grows); being linear in a row's log-odds, it keeps explanations additive.
    """

    shift: float
    bands: Floats
    weights: Floats
    within: Floats
    soon: Floats

    @classmethod
    def weighted_mean(cls, weights: Floats, ever_days: float) -> Mix:
        """The weighted mean without calibration."""
        weights = np.asarray(weights, np.float64)
        none = np.zeros(len(weights))
        return cls(0.0, np.zeros(ramps(np.ones(1), ever_days).shape[1]), weights, none, none)

    @property
    def all_weights(self) -> tuple[Floats, Floats, Floats]:
        """The base models' weights (4,), by all that is added to them."""
        return self.weights, self.within, self.soon

    def row_weights(self, logits: Floats, clock: Floats, ever_days: float) -> Floats:
        """The weight of each base model's log-odds in each row (n, 4)."""
        added = np.outer(clock < ever_days, self.within) + np.outer(soon(clock), self.soon)
        out: Floats = self.weights + added * (logits < 0.0)
        return out

    def shifts(self, rising: Floats) -> Floats:
        """The shift (n,) at horizons with these `ramps` (n, r)."""
        out: Floats = self.shift + rising @ self.bands
        return out


@dataclass(frozen=True)
class Stack:
    """The base models' calibrated mix at quiet moments, and at fresh ones: just after a deal has changed.

    In between, a moment's mix is as near to the fresh one as it is fresh (0 to 1), so that a chance does not
    jump when a change grows old. Horizons are business days, as the base models': a quarter's last week is
    longer than its days. "Ever" is `ever_days`.
    """

    quiet: Mix
    fresh: Mix
    ever_days: float

    @property
    def weights(self) -> Floats:
        """The base models' weights (4,) on quiet days."""
        return self.quiet.weights

    @cached_property
    def asks(self) -> Flags:
        """Which base models (4,) have a weight at any moment and horizon."""
        mixes = np.array([part for mix in (self.quiet, self.fresh) for part in mix.all_weights])
        out: Flags = (mixes != 0.0).any(axis=0)
        return out

    def __call__(self, logits: Floats, clock: Floats, fresh: Floats) -> Floats:
        """Calibrated log-odds (n,) from base models' log-odds (n, 4), horizons and freshness (n,)."""
        rising = ramps(clock, self.ever_days)
        quiet = self.quiet.shifts(rising)
        shift = quiet + fresh * (self.fresh.shifts(rising) - quiet)
        out: Floats = shift + (logits * self.row_weights(logits, clock, fresh)).sum(axis=1)
        return out

    def row_weights(self, logits: Floats, clock: Floats, fresh: Floats) -> Floats:
        """The weight of each base model's log-odds in each row (n, 4)."""
        out = self.quiet.row_weights(logits, clock, self.ever_days)
        some = np.flatnonzero(fresh > 0.0)  # few are: the serving path pays for one mix only
        if len(some):
            other = self.fresh.row_weights(logits[some], clock[some], self.ever_days)
            out[some] += fresh[some, None] * (other - out[some])
        return out

    @classmethod
    def weighted_mean(cls, weights: Floats, ever_days: float) -> Stack:
        """The weighted mean without calibration, at all moments."""
        plain = Mix.weighted_mean(weights, ever_days)
        return cls(plain, plain, ever_days)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for storage."""
        kinds = {
            name: {part: np.asarray(value).tolist() for part, value in vars(mix).items()}
            for name, mix in (("quiet", self.quiet), ("fresh", self.fresh))
        }
        return {**kinds, "ever_days": self.ever_days}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Stack:
        """The stack that `to_json` stored."""
        quiet, fresh = (
            Mix(
                float(stored[kind]["shift"]),
                *(
                    np.asarray(stored[kind][name], np.float64)
                    for name in ("bands", "weights", "within", "soon")
                ),
            )
            for kind in ("quiet", "fresh")
        )
        return cls(quiet, fresh, float(stored["ever_days"]))


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the base models said of later questions (m,), and what happened.

    `logits` (m, 4), horizons in business days (infinite = ever), outcomes 0/1, weights, numbers of the deals
    and of the validation folds; `fresh`: how new the deal's last change was, 0 to 1; `regular`: whether the
    moment lies on the grid.
    """

    logits: Floats
    clock: Floats
    outcome: Floats
    weight: Floats
    deal: Ints
    fold: Ints
    fresh: Floats
    regular: Flags

    def where(self, use: Flags) -> Answers:
        """Some of the questions (m,)."""
        return Answers(**{name: value[use] for name, value in vars(self).items()})

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """Several answers after each other."""
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})

    @property
    def deals(self) -> int:
        """How many deals they are about."""
        return len(np.unique(self.deal))


def soon(clock: Floats) -> Floats:
    """1 at horizon 0, decreasing (in log days) to 0 at four weeks.

    >>> soon(np.array([0.0, 28.0, 90.0]))
    array([1., 0., 0.])
    """
    out: Floats = np.clip(1.0 - np.log1p(clock) / np.log1p(SOON_DAYS), 0.0, 1.0)
    return out


def freshness(days_since: Floats) -> Floats:
    """How new a deal's last change is, 0 to 1 (n,), by the days (n, c) since each kind of change.

    >>> freshness(np.array([[0.0, 90.0], [1.5, np.nan], [8.0, 3.0]]))
    array([1. , 0.5, 0. ])
    """
    newest = np.min(np.where(np.isnan(days_since), np.inf, days_since), axis=1, initial=np.inf)
    out: Floats = np.clip(1.0 - newest / FRESH_DAYS, 0.0, 1.0)
    return out


def default_weights(closed_deals: int, has_linear: bool, has_trees: bool, has_plain: bool = False) -> Floats:
    """Weights (4,) of table, regression, trees and plain trees by the number of closed deals; they add to 1.

    >>> default_weights(100, True, False), default_weights(5000, True, True, True)
    (array([0.5, 0.5, 0. , 0. ]), array([0.1, 0.3, 0.3, 0.3]))
    """
    small = np.array(SMALL_WEIGHTS if has_linear else (1.0, 0.0, 0.0, 0.0))
    if not has_linear:
        return small
    full = np.array(FULL_WEIGHTS if has_trees else (0.2, 0.8, 0.0, 0.0))
    if not has_plain and has_trees:
        full = np.array([full[0], *(full[1:3] + 0.5 * full[3]), 0.0])
    grown = float(np.clip(np.log(max(closed_deals, 1) / 300.0) / np.log(1000.0 / 300.0), 0.0, 1.0))
    out: Floats = small + grown * (full - small)
    return out


def fit_stack(answers: Answers, default: Floats, ever_days: float, pull: float = WEIGHT_PULL) -> Stack:
    """The stack fitted to later deals: the mix of quiet days at regular moments, then that of fresh moments.

    Each deal counts once however many questions it has; with few of them relative to `pull`, the weights of
    quiet days stay near the default, and those of fresh moments near these. The level of each fold is a
    nuisance parameter: a few periods do not determine the level of the next, and using it made forecasts
    worse. `recalibrate_intercept` sets the level.
    """
    fresh = answers.fresh >= FRESH_FROM
    plain = Mix.weighted_mean(default, ever_days)
    quiet = _fit_mix(answers.where(answers.regular & ~fresh), plain, default, ever_days, pull)
    return Stack(quiet, _fit_mix(answers.where(fresh), quiet, default, ever_days, pull), ever_days)


def _fit_mix(answers: Answers, centre: Mix, default: Floats, ever_days: float, pull: float) -> Mix:
    """The mix of one kind of moment; it leans on `centre`."""
    logits, clock = answers.logits, np.minimum(answers.clock, ever_days)
    if not len(clock):
        return centre
    fold_columns = answers.fold[:, None] == np.unique(answers.fold)
    below = np.minimum(logits, 0.0)
    bands = ramps(clock, ever_days)
    design = np.concatenate(
        [bands, logits, below * (clock < ever_days)[:, None], below * soon(clock)[:, None], fold_columns],
        axis=1,
    )
    votes = answers.weight / max(answers.weight.sum(), 1e-12) * answers.deals
    count, models, periods = bands.shape[1], logits.shape[1], fold_columns.shape[1]
    of_model = np.where(default > 0, pull, 1e6)  # a missing base model keeps its weight of 0
    penalty = np.concatenate([np.full(count, BAND_PULL), *[of_model] * 3, np.full(periods, LEVEL_PULL)])
    start = np.concatenate([centre.bands, centre.weights, centre.within, centre.soon, np.zeros(periods)])
    bounded = np.arange(len(start)) < count + 3 * models
    found = fit_logistic(design, answers.outcome, votes, penalty, start, bounded).coefficients
    weights, within, near = (
        np.where(default > 0, found[at : at + models], 0.0) for at in range(count, count + 3 * models, models)
    )
    return Mix(0.0, found[:count], weights, within, near)


def recalibrate_intercept(stack: Stack, answers: Answers) -> Stack:
    """The stack whose mean probability equals the observed share among training rows of many periods.

    Fresh moments, regular or not, set how far their shift is from that of quiet days, where enough deals have
    any; regular moments set the level of both.
    """
    level = _shifted(stack, -stack.quiet.shift, -stack.fresh.shift)
    regular, fresh = answers.where(answers.regular), answers.where(answers.fresh >= FRESH_FROM)
    quiet = regular.where(regular.fresh < FRESH_FROM)
    if min(quiet.deals, fresh.deals) >= FEW_FRESH:
        level = _shifted(level, _shift(level, quiet), _shift(level, fresh))
    of_all = _shift(level, regular)
    return _shifted(level, of_all, of_all)


def _shifted(stack: Stack, quiet: float, fresh: float) -> Stack:
    return replace(
        stack,
        quiet=replace(stack.quiet, shift=stack.quiet.shift + quiet),
        fresh=replace(stack.fresh, shift=stack.fresh.shift + fresh),
    )


def _shift(stack: Stack, answers: Answers) -> float:
    score = stack(answers.logits, np.minimum(answers.clock, stack.ever_days), answers.fresh)
    votes = answers.weight / max(answers.weight.sum(), 1e-12)
    return shift_to_mean(score, float(votes @ answers.outcome), answers.weight)


def shift_to_mean(log_odds: Floats, mean: float, weight: Floats) -> float:
    """The shift of log-odds (n,) at which their mean chance is `mean`.

    >>> round(shift_to_mean(np.array([0.0, 0.0]), 0.75, np.ones(2)), 4)
    1.0986
    """
    votes = weight / max(weight.sum(), 1e-12)
    target = float(np.clip(mean, 1e-4, 1.0 - 1e-4))
    low, high = -4.0, 4.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (votes * expit(log_odds + middle)).sum() < target:  # a dot product would start threads each time
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
