"""How are the members weighed, and their log-odds bent, so that promises come true on later deals?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit

from features.arrays import Floats, Ints
from models.logistic import fit_logistic
from models.win.horizons import ramps

FULL_WEIGHTS = (0.1, 0.45, 0.45)  # stage rates, regression, trees once there are deals enough for all
SMALL_WEIGHTS = (0.5, 0.5, 0.0)
SOON_DAYS = 28.0
WEIGHT_PULL, BAND_PULL, LEVEL_PULL = 40.0, 8.0, 1.0  # in deals: how firmly each stays where it was


@dataclass(frozen=True)
class Stack:
    """Calibrated log-odds = shift + a shift that grows with the horizon + weights x members' log-odds.

    Soon ahead the log-odds below 0 are stretched by `sharpening` x soon(horizon) x `blend`: what is told apart at
    all a few days ahead is told apart clearly. All coefficients are at least 0, so the answer never falls
    with the horizon (the stretch fades, and what it lowers is below 0), and being linear in the log-odds of a
    row it leaves explanations additive.
    """

    shift: float
    bands: Floats
    weights: Floats
    blend: Floats
    sharpening: float
    ever_days: float

    def __call__(self, logits: Floats, days: Floats) -> Floats:
        """Calibrated log-odds (n,) of members' log-odds (n, 3) for horizons (n,)."""
        shift = self.shift + ramps(days, self.ever_days) @ self.bands
        out: Floats = shift + (logits * self.row_weights(logits, days)).sum(axis=1)
        return out

    def row_weights(self, logits: Floats, days: Floats) -> Floats:
        """What each member's log-odds count for in each row (n, 3), the stretch included."""
        stretch = self.sharpening * soon(days) * (logits @ self.blend < 0.0)
        out: Floats = self.weights + stretch[:, None] * self.blend
        return out

    @classmethod
    def weighted_mean(cls, weights: Floats, ever_days: float) -> Stack:
        """The weighted mean, not bent."""
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
        shift, sharp, ever_days = (float(stored[name]) for name in ("shift", "sharp", "ever_days"))
        return cls(shift, bands, weights, blend, sharp, ever_days)


def soon(days: Floats) -> Floats:
    """1 at once, falling (in log days) to 0 four weeks ahead.

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
    """The stack that later deals ask for: members' log-odds (m, 3), horizons, outcomes 0/1 and weights (m,).

    Each of the `deals` counts once however many rows it has; few of them, beside the `pull` in deals, leave
    the default weights as they are. How
    high or low a whole `fold` (m,) came out is set aside: a few periods say little about the level of the
    next, and learning it from them made forecasts worse. The level is what `recalibrate_intercept` finds.
    """
    periods = np.zeros(len(days), np.int64) if fold is None else fold
    own = periods[:, None] == np.unique(periods)
    bands = ramps(days, ever_days)
    stretch = soon(days) * np.minimum(logits @ default, 0.0)
    design = np.concatenate([bands, logits, stretch[:, None], own], axis=1)
    votes = weight / max(weight.sum(), 1e-12) * deals
    count = bands.shape[1]
    periods_count = own.shape[1]
    penalty = np.concatenate(
        [np.full(count, BAND_PULL), np.full(4, pull), np.full(periods_count, LEVEL_PULL)]
    )
    # A member that is not there keeps its weight of 0.
    penalty[count : count + 3][default <= 0] = 1e6
    centre = np.concatenate([np.zeros(count), default, np.zeros(1 + periods_count)])
    bounded = np.concatenate([np.ones(count + 4, bool), np.zeros(periods_count, bool)])
    found = fit_logistic(design, outcome, votes, penalty, centre, bounded).coefficients
    weights = np.where(default > 0, found[count : count + 3], 0.0)
    return Stack(0.0, found[:count], weights, default, float(found[count + 3]), ever_days)


def recalibrate_intercept(
    stack: Stack, logits: Floats, days: Floats, outcome: Floats, weight: Floats
) -> Stack:
    """The stack whose mean chance is the share that happened among rows learned from, of many periods."""
    score = stack(logits, days) - stack.shift
    votes = weight / max(weight.sum(), 1e-12)
    share = float(np.clip(votes @ outcome, 1e-4, 1.0 - 1e-4))
    low, high = -4.0, 4.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (votes * expit(score + middle)).sum() < share:  # a dot product would wake all cores each time
            low = middle
        else:
            high = middle
    return replace(stack, shift=0.5 * (low + high))
