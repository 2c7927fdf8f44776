"""What does an action do to which deals? Differences left over after adjusting, shrunk towards their kind's.

Each deal with the action leaves a residual: its outcome minus what was to be expected of it. The effect on a
deal is the action's mean plus one deviation per column (industry, size, ...), all normal around 0, the spread
of each column learned from the data: a segment of few deals stays near the others (a linear mixed model; EM,
Laird & Ware 1982).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.arrays import Floats, Ints

# Believed beforehand, in win rate: an action's mean effect; how a column's levels differ, and how many
# levels' worth that belief weighs.
MEAN_SD, LEVEL_SD, LEVEL_WEIGHT = 0.10, 0.03, 1.0
SLOPE_SD = 0.5  # of what half of the deals foresee of the other half's effects, around once
_ROUNDS = 60


@dataclass(frozen=True)
class Effects:
    """Effects by segment: `columns` with their numbers of levels, `mean` (p,), `covariance` (p, p) of the parts.

    Part 0 is the action's mean; then each column's levels in turn. All are in win rate on a deal that is as
    likely won as lost; on others they are `effect_scale` times as much.
    """

    columns: tuple[str, ...]
    levels: tuple[int, ...]
    mean: Floats
    covariance: Floats

    def of(self, codes: Mapping[str, Ints], chance: Floats) -> tuple[Floats, Floats]:
        """(effect, its variance) on deals (n,) with these codes (-1 = unknown) and chances to be won."""
        design = _design(self.columns, self.levels, codes, len(chance)) * effect_scale(chance)[:, None]
        return design @ self.mean, np.einsum("ij,jk,ik->i", design, self.covariance, design)

    def times(self, slope: float) -> Effects:
        """The same effects, `slope` times as large; how well they are known stays."""
        return replace(self, mean=slope * self.mean)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "columns": list(self.columns),
            "levels": list(self.levels),
            "mean": self.mean.tolist(),
            "spread": self.covariance.tolist(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Effects:
        """The effects `to_json` stored."""
        return cls(
            tuple(stored["columns"]),
            tuple(stored["levels"]),
            np.asarray(stored["mean"], float),
            np.asarray(stored["spread"], float),
        )


def effect_scale(chance: Floats) -> Floats:
    """How much a push moves deals (n,) of some chance, against one as likely won as lost: the odds' slope."""
    return np.asarray(4 * chance * (1 - chance))


def fit_effects(
    left: Floats, chance: Floats, codes: Mapping[str, Ints], levels: Mapping[str, int]
) -> Effects:
    """Learn from residuals `left` (n,) of deals with these codes and chances to be won without the action."""
    variance = np.clip(chance * (1 - chance), 0.02, None)
    columns = tuple(codes)
    counts = tuple(levels[column] for column in columns)
    present = _design(columns, counts, codes, len(left))
    design = present * effect_scale(chance)[:, None]
    group = np.repeat(np.arange(len(columns) + 1), [1, *counts])
    seen = present.any(axis=0)
    precision = (design / variance[:, None]).T @ design
    pull = design.T @ (left / variance)
    between = np.full(len(columns) + 1, LEVEL_SD**2)
    between[0] = MEAN_SD**2
    for _ in range(_ROUNDS):
        spread = np.linalg.inv(precision + np.diag(1 / between[group]))
        mean = spread @ pull
        squares = mean**2 + np.diag(spread)
        for number in range(1, len(between)):
            mine = (group == number) & seen
            total = float(squares[mine].sum()) + LEVEL_WEIGHT * LEVEL_SD**2
            between[number] = total / (mine.sum() + LEVEL_WEIGHT)
    return Effects(columns, counts, np.asarray(mean, float), np.asarray(spread, float))


def cross_half_slope(
    left: Floats, chance: Floats, codes: Mapping[str, Ints], levels: Mapping[str, int], half: Ints
) -> float:
    """How much of the effects learned from one `half` (n,) of the deals the other bears out, 0 to 1.

    The slope of the residuals on what the other half foresees, leaning on 1: an action that does nothing has
    kinds of deal where it seems to, but not the same ones in both halves.
    """
    weight = 1 / np.clip(chance * (1 - chance), 0.02, None)
    together = squares = 0.0
    for mine in (half == 0, half == 1):
        theirs = {column: code[~mine] for column, code in codes.items()}
        learned = fit_effects(left[~mine], chance[~mine], theirs, levels)
        foreseen, _ = learned.of({column: code[mine] for column, code in codes.items()}, chance[mine])
        together += float((weight[mine] * foreseen) @ left[mine])
        squares += float(weight[mine] @ foreseen**2)
    return float(np.clip((together + SLOPE_SD**-2) / (squares + SLOPE_SD**-2), 0.0, 1.0))


def _design(columns: Sequence[str], levels: Sequence[int], codes: Mapping[str, Ints], count: int) -> Floats:
    parts = [np.ones((count, 1))]
    for column, known in zip(columns, levels, strict=True):
        code = codes.get(column, np.full(count, -1))
        part = np.zeros((count, known))
        rows = np.flatnonzero((code >= 0) & (code < known))
        part[rows, code[rows]] = 1.0
        parts.append(part)
    return np.concatenate(parts, axis=1)
