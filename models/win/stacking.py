"""How are the base models weighted and calibrated so that probabilities are right on later deals?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit

from features.arrays import Floats, Ints
from models.logistic import fit_logistic
from models.win.horizons import ramps

FULL_WEIGHTS = (0.1, 0.45, 0.45)  # stage rates, regression, trees with enough deals for all
SMALL_WEIGHTS = (0.5, 0.5, 0.0)
SOON_DAYS = 28.0
WEIGHT_PULL, BAND_PULL, LEVEL_PULL = (
    40.0,
    8.0,
    1.0,
)  # penalties in deals: how strongly each stays at its prior


@dataclass(frozen=True)
class Stack:
    """Calibrated log-odds = shift + shift increasing with the horizon + weights x base models' log-odds.

    For short horizons, log-odds below 0 are stretched by `sharpening` x soon(horizon) x `blend`: differences
    between deals are clearer a few days ahead. All coefficients are at least 0, so the result never decreases
    with the horizon (the stretch fades, and only lowers log-odds below 0); being linear in a row's log-odds,
    it keeps explanations additive.
    """

    shift: float
    bands: Floats
    weights: Floats
    blend: Floats
    sharpening: float
    ever_days: float

    def __call__(self, logits: Floats, days: Floats) -> Floats:
        """Calibrated log-odds (n,) from base models' log-odds (n, 3) for horizons (n,)."""
        shift = self.shift + ramps(days, self.ever_days) @ self.bands
        out: Floats = shift + (logits * self.row_weights(logits, days)).sum(axis=1)
        return out

    def row_weights(self, logits: Floats, days: Floats) -> Floats:
        """The weight of each base model's log-odds in each row (n, 3), including the stretch."""
        stretch = self.sharpening * soon(days) * (logits @ self.blend < 0.0)
        out: Floats = self.weights + stretch[:, None] * self.blend
        return out

    @classmethod
    def weighted_mean(cls, weights: Floats, ever_days: float) -> Stack:
        """The weighted mean without calibration."""
        weights = np.asarray(weights, np.float64)
        bands = np.zeros(ramps(np.ones(1), ever_days).shape[1])
        return cls(0.0, bands, weights, weights, 0.0, ever_days)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for storage."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Stack:
        """The stack that `to_json` stored."""
        bands, weights, blend = (
            np.asarray(stored[name], np.float64) for name in ("bands", "weights", "blend")
        )
        shift, sharp, ever_days = (float(stored[name]) for name in ("shift", "sharpening", "ever_days"))
        return cls(shift, bands, weights, blend, sharp, ever_days)


def soon(days: Floats) -> Floats:
    """1 at horizon 0, decreasing (in log days) to 0 at four weeks.

    >>> soon(np.array([0.0, 28.0, 90.0]))
    array([1., 0., 0.])
    """
    out: Floats = np.clip(1.0 - np.log1p(days) / np.log1p(SOON_DAYS), 0.0, 1.0)
    return out


def default_weights(closed_deals: int, has_linear: bool, has_trees: bool) -> Floats:
    """Weights (3,) of stage rates, regression and trees by the number of closed deals; they add to 1.

    >>> default_weights(100, True, False), default_weights(5000, True, True)
    (array([0.5, 0.5, 0. ]), array([0.1 , 0.45, 0.45]))
    """
    small = np.array(SMALL_WEIGHTS if has_linear else (1.0, 0.0, 0.0))
    if not has_linear:
        return small
    full = np.array(FULL_WEIGHTS if has_trees else (0.2, 0.8, 0.0))
    grown = float(np.clip(np.log(max(closed_deals, 1) / 300.0) / np.log(1000.0 / 300.0), 0.0, 1.0))
    out: Floats = small + grown * (full - small)
    return out


def fit_stack(
    logits: Floats,
    days: Floats,
    outcome: Floats,
    weight: Floats,
    deals: int,
    default: Floats,
    ever_days: float,
    fold: Ints | None = None,
    pull: float = WEIGHT_PULL,
) -> Stack:
    """The stack fitted to later deals: base models' log-odds (m, 3), horizons, outcomes 0/1 and weights (m,).

    Each of the `deals` counts once however many rows it has; with few of them relative to `pull`, the weights
    stay near the default. The level of each `fold` (m,) is a nuisance parameter: a few periods do not
    determine the level of the next, and using it made forecasts worse. `recalibrate_intercept` sets the
    level.
    """
    periods = np.zeros(len(days), np.int64) if fold is None else fold
    fold_columns = periods[:, None] == np.unique(periods)
    bands = ramps(days, ever_days)
    stretch = soon(days) * np.minimum(logits @ default, 0.0)
    design = np.concatenate([bands, logits, stretch[:, None], fold_columns], axis=1)
    votes = weight / max(weight.sum(), 1e-12) * deals
    count = bands.shape[1]
    periods_count = fold_columns.shape[1]
    penalty = np.concatenate(
        [np.full(count, BAND_PULL), np.full(4, pull), np.full(periods_count, LEVEL_PULL)]
    )
    # A missing base model keeps its weight of 0.
    penalty[count : count + 3][default <= 0] = 1e6
    centre = np.concatenate([np.zeros(count), default, np.zeros(1 + periods_count)])
    bounded = np.concatenate([np.ones(count + 4, bool), np.zeros(periods_count, bool)])
    coefficients = fit_logistic(design, outcome, votes, penalty, centre, bounded).coefficients
    weights = np.where(default > 0, coefficients[count : count + 3], 0.0)
    return Stack(0.0, coefficients[:count], weights, default, float(coefficients[count + 3]), ever_days)


def recalibrate_intercept(
    stack: Stack, logits: Floats, days: Floats, outcome: Floats, weight: Floats
) -> Stack:
    """The stack whose mean probability equals the observed share among training rows of many periods."""
    score = stack(logits, days) - stack.shift
    votes = weight / max(weight.sum(), 1e-12)
    return replace(stack, shift=shift_to_mean(score, float(votes @ outcome), weight))


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
