"""Between which ends does the amount of a deal lie if it is won? The shortest interval that holds enough.

Many deals are won at exactly the amount on the quote, so the distribution has an atom there, often near its
upper end. Quantiles equally far from both ends then stop within the atom, and the interval between them holds
all of it: more than its name says. The shortest interval takes the atom first and as little else as it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.arrays import Floats
from models.win.chance_interval import LEVELS

_SAME = 1e-9  # relative; amounts nearer than this are one amount


def amount_intervals(amounts: Floats, levels: Sequence[float] = LEVELS) -> list[tuple[Floats, Floats]]:
    """The shortest intervals (n,), (n,) in relative terms, at ascending levels, each containing those before.

    `amounts` (n, k) are the equally likely final amounts of each deal, ascending. An end halfway between two
    amounts cuts between them; an amount that is reached counts with all its equals.

    >>> amount_intervals(np.array([[50.0, 80.0, 90.0, 100.0, 100.0, 100.0, 100.0, 110.0]]), [0.5])
    [(array([100.]), array([100.]))]
    """
    count, size = amounts.shape
    lo, hi = np.zeros((len(levels), count)), np.zeros((len(levels), count))
    for row, drawn in enumerate(np.asarray(amounts, np.float64)):
        inside: tuple[float, float] | None = None
        edges = _edges(drawn)
        reached = np.searchsorted(drawn, edges * (1.0 + _SAME), side="right")
        below = np.searchsorted(drawn, edges * (1.0 - _SAME), side="left")
        for number, level in enumerate(levels):
            inside = _shortest(edges, below, reached, round(level * size), inside)
            lo[number, row], hi[number, row] = inside
    return list(zip(lo, hi, strict=True))


def _edges(drawn: Floats) -> Floats:
    """Where an interval may end (k + 1,): the amounts' midpoints in logs, and the outermost amounts."""
    middle = np.sqrt(drawn[:-1] * drawn[1:])
    return np.concatenate([drawn[:1], middle, drawn[-1:]])


def _shortest(
    edges: Floats,
    below: np.ndarray,
    reached: np.ndarray,
    needed: int,
    inside: tuple[float, float] | None,
) -> tuple[float, float]:
    """The two edges with the smallest ratio that hold `needed` amounts, and what is `inside`."""
    first = np.arange(len(edges))
    last = np.searchsorted(reached, below[first] + needed, side="left")
    if inside is not None:
        first = first[edges[first] <= inside[0]]
        last = np.maximum(last[: len(first)], np.searchsorted(edges, inside[1], side="left"))
    whole = last < len(edges)
    first, last = first[whole], last[whole]
    spread = np.log(np.maximum(edges[last], 1e-300)) - np.log(np.maximum(edges[first], 1e-300))
    best = int(np.argmin(spread))
    return float(edges[first[best]]), float(edges[last[best]])
