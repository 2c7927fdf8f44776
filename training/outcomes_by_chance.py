"""What came of later deals of which a chance was said? Counted by tenths of the chance.

One question of each deal counts, so that a count is one of deals and the ends of a share are those of
independent draws (Wilson 1927).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows

TENTHS = 10
SEED = 20  # of the question drawn for each deal
_Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class ChanceGroup:
    """Deals of which similar chances were said: mean chance, share that was won with its 95 % ends, count."""

    predicted: float
    observed: float
    low: float
    high: float
    count: int

    def to_json(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        return dict(vars(self))


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The 95 % ends of a share, by Wilson's score interval (1927).

    >>> [round(end, 4) for end in wilson(5, 11)]
    [0.2127, 0.7199]
    """
    share, square = successes / trials, _Z95**2 / trials
    middle = (share + square / 2) / (1 + square)
    half = _Z95 * sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def outcomes_by_chance(valid: SnapshotRows, chance: Floats) -> list[ChanceGroup]:
    """Groups of a fold's later deals by the chances (m,) said of its questions, ascending."""
    asked = one_question_each(valid.question_deal)
    said, won = chance[asked], valid.won[asked]
    tenth = np.minimum((said * TENTHS).astype(np.int64), TENTHS - 1)
    return [group_of(said[tenth == at], won[tenth == at]) for at in np.unique(tenth)]


def one_question_each(deal: Ints) -> Ints:
    """The number of one question of each deal (n,), drawn at random but the same at every call."""
    asked = np.random.default_rng(SEED).permutation(len(deal))
    drawn: Ints = asked[np.unique(deal[asked], return_index=True)[1]]
    return drawn


def group_of(said: Floats, won: Floats) -> ChanceGroup:
    """The group of deals of which chances (n,) were said and that were won or not (n,)."""
    low, high = wilson(float(won.sum()), len(won))
    return ChanceGroup(
        predicted=float(said.mean()), observed=float(won.mean()), low=low, high=high, count=len(won)
    )


def groups_of_curve(curve: Sequence[Sequence[float]], deals: int) -> list[ChanceGroup]:
    """Groups of an older record, which has a reliability curve (mean chance, share won, weight) alone.

    A deal counts once in all of them together, so the ends are wider than they need be.
    """
    total = sum(weight for *_, weight in curve)
    groups = []
    for predicted, observed, weight in curve:
        count = deals * weight / total
        low, high = wilson(observed * count, count)
        groups.append(
            ChanceGroup(predicted=predicted, observed=observed, low=low, high=high, count=round(count))
        )
    return groups


def recorded_groups(evaluation: Mapping[str, Any]) -> list[ChanceGroup]:
    """The groups that the record of a version's evaluation holds; empty where it holds none."""
    if (kept := evaluation.get("by_chance")) is not None:
        return [ChanceGroup(**group) for group in kept]
    curve = evaluation.get("curve") or []
    return groups_of_curve(curve, int(evaluation["deals"])) if curve else []
