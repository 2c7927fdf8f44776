"""What is an action's effect on which deals? Residual differences after adjusting, shrunk by segment.

Each deal with the action has a residual: its outcome minus its expected outcome. The effect on a deal is the
action's mean plus one deviation per column (industry, size, ...), all normal around 0, the variance of each
column learned from the data: small segments are shrunk most (a linear mixed model; EM, Laird & Ware 1982).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from features.kernel_cache import compiled

# Priors, in win rate: sd of an action's mean effect; sd between a column's levels, and how many levels this
# prior weighs.
MEAN_SD, LEVEL_SD, LEVEL_WEIGHT = 0.10, 0.03, 1.0
_ROUNDS = 60


@dataclass(frozen=True)
class Effects:
    """Effects by segment: `columns`, their numbers of levels, `mean` (p,), `covariance` (p, p) of the parts.

    Part 0 is the action's mean; then each column's levels in turn. All are in win rate for a deal with a win
    probability of 0.5; for others they are multiplied by `effect_scale`.
    """

    columns: tuple[str, ...]
    levels: tuple[int, ...]
    mean: Floats
    covariance: Floats

    def of(self, codes: Mapping[str, Ints], chance: Floats) -> tuple[Floats, Floats]:
        """(effect, its variance) on deals (n,) with these codes (-1 = unknown) and win probabilities."""
        effect, variance = EffectsTogether.of([self])(codes, chance)
        return effect[0], variance[0]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "columns": list(self.columns),
            "levels": list(self.levels),
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Effects:
        """The effects `to_json` stored."""
        return cls(
            tuple(stored["columns"]),
            tuple(stored["levels"]),
            np.asarray(stored["mean"], float),
            np.asarray(stored["covariance"], float),
        )


@dataclass(frozen=True)
class EffectsTogether:
    """Several effects (a,), in groups that differ by the same columns, so that each group is one sum."""

    size: int
    groups: tuple[tuple[Ints, tuple[str, ...], tuple[int, ...], Floats, Floats], ...]

    @classmethod
    def of(cls, several: Sequence[Effects]) -> EffectsTogether:
        """The groups of some effects: their numbers, columns, levels, means and covariances."""
        numbers: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = {}
        for number, effects in enumerate(several):
            numbers.setdefault((effects.columns, effects.levels), []).append(number)
        groups = tuple(
            (
                np.array(at, np.int64),
                *kind,
                np.stack([several[number].mean for number in at]),
                np.stack([several[number].covariance for number in at]),
            )
            for kind, at in numbers.items()
        )
        return cls(len(several), groups)

    def __call__(self, codes: Mapping[str, Ints], chance: Floats) -> tuple[Floats, Floats]:
        """(effects, their variances), both (a, n), on deals with these codes and win probabilities."""
        scale = effect_scale(chance)
        effect, variance = np.empty((2, self.size, len(chance)))
        for numbers, columns, levels, mean, covariance in self.groups:
            chosen = _parts_of_deals(columns, levels, codes, len(chance))
            _add_up(chosen, scale, numbers, mean, covariance, effect, variance)
        return effect, variance


def effect_scale(chance: Floats) -> Floats:
    """The factor on effects by win probability (n,): 4 p (1 - p), the logistic curve's slope, 1 at 0.5."""
    return np.asarray(4 * chance * (1 - chance))


def fit_effects(
    residual: Floats,
    chance: Floats,
    codes: Mapping[str, Ints],
    levels: Mapping[str, int],
    weight: Floats | None = None,
) -> Effects:
    """Learn from residuals (n,) of deals with these codes and win probabilities without the action.

    `weight` (n,): how many observations each row counts for, 1 without it.
    """
    variance = np.clip(chance * (1 - chance), 0.02, None)
    from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

    if weight is not None:
        variance = variance / weight
    columns = tuple(codes)
    counts = tuple(levels[column] for column in columns)
    present = _design(columns, counts, codes, len(residual))
    design = present * effect_scale(chance)[:, None]
    group = np.repeat(np.arange(len(columns) + 1), [1, *counts])
    # Of a level that no deal has nothing is learned: it keeps its variance, apart from all others.
    seen = np.flatnonzero(np.append(True, present[:, 1:].any(axis=0)))
    design, column = design[:, seen], group[seen]
    precision = (design / variance[:, None]).T @ design
    weighted_residual = design.T @ (residual / variance)
    size = np.bincount(column, minlength=len(columns) + 1)[1:]
    level_variance = np.full(len(columns) + 1, LEVEL_SD**2)
    level_variance[0] = MEAN_SD**2
    for _ in range(_ROUNDS):
        prior = level_variance[group]
        factor, _ = dpotrf(precision + np.diag(1 / prior[seen]), lower=1)
        of_seen = dpotrs(factor, weighted_residual, lower=1)[0]
        half, _ = dpotri(factor, lower=1)
        total = np.bincount(column, of_seen**2 + np.diag(half), len(columns) + 1)[1:]
        level_variance[1:] = (total + LEVEL_WEIGHT * LEVEL_SD**2) / (size + LEVEL_WEIGHT)
    mean, covariance = np.zeros(len(group)), np.diag(prior)
    mean[seen], covariance[np.ix_(seen, seen)] = of_seen, np.tril(half) + np.tril(half, -1).T
    return Effects(columns, counts, mean, covariance)


def _design(columns: Sequence[str], levels: Sequence[int], codes: Mapping[str, Ints], count: int) -> Floats:
    return _design_of(_parts_of_deals(columns, levels, codes, count), 1 + sum(levels))


def _parts_of_deals(
    columns: Sequence[str], levels: Sequence[int], codes: Mapping[str, Ints], count: int
) -> Ints:
    """Which parts (n, 1 + columns) each deal has: the mean, then one level a column, -1 = unknown."""
    chosen, first = np.full((count, 1 + len(columns)), -1, np.int64), 1
    chosen[:, 0] = 0
    for number, (column, known) in enumerate(zip(columns, levels, strict=True), 1):
        if column in codes:
            _choose(codes[column], known, first, chosen[:, number])
        first += known
    return chosen


@compiled
def _choose(code: Ints, known: int, first: int, chosen: Ints) -> None:
    """Fill the part that each deal has (n,), counted from `first`; -1 stays where its code is unknown."""
    for row in range(len(code)):
        if 0 <= code[row] < known:
            chosen[row] = first + code[row]


def _design_of(chosen: Ints, width: int) -> Floats:
    """A column per part (n, width): 1 where a deal has it."""
    design = np.zeros((len(chosen), width + 1))
    design[np.arange(len(chosen))[:, None], chosen] = 1.0  # -1, unknown, is the last, which is cut off
    return design[:, :width]


@compiled
def _add_up(
    chosen: Ints,
    scale: Floats,
    numbers: Ints,
    mean: Floats,
    covariance: Floats,
    effect: Floats,
    variance: Floats,
) -> None:
    """The sums of each deal's parts and their variances, both (a, n), over the few parts that it has."""
    for place in range(len(numbers)):
        for row in range(len(chosen)):
            total, spread = 0.0, 0.0
            for j in chosen[row]:
                if j < 0:
                    continue
                total += mean[place, j]
                for k in chosen[row]:
                    if k >= 0:
                        spread += covariance[place, j, k]
            effect[numbers[place], row] = scale[row] * total
            variance[numbers[place], row] = scale[row] ** 2 * spread
