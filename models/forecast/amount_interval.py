"""Between which ends does the amount of a deal lie if it is won? The shortest interval that holds enough.

Many deals are won at exactly the amount on the quote, so the distribution has an atom there, often near its
upper end. Quantiles equally far from both ends then stop within the atom, and the interval between them holds
all of it: more than its name says. The shortest interval takes the atom first and as little else as it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.arrays import Floats, Ints
from features.kernel_cache import compiled
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
    needed = np.array([round(level * size) for level in levels], np.int64)
    for row, drawn in enumerate(np.asarray(amounts, np.float64)):
        edges = _edges(drawn)
        reached = np.searchsorted(drawn, edges * (1.0 + _SAME), side="right")
        below = np.searchsorted(drawn, edges * (1.0 - _SAME), side="left")
        logs = np.log(np.maximum(edges, 1e-300))
        _add_shortest(edges, logs, below, reached, needed, lo[:, row], hi[:, row])
    return list(zip(lo, hi, strict=True))


def _edges(drawn: Floats) -> Floats:
    """Where an interval may end (k + 1,): the amounts' midpoints in logs, and the outermost amounts."""
    middle = np.sqrt(drawn[:-1] * drawn[1:])
    return np.concatenate([drawn[:1], middle, drawn[-1:]])


@compiled
def _add_shortest(
    edges: Floats, logs: Floats, below: Ints, reached: Ints, needed: Ints, lo: Floats, hi: Floats
) -> None:
    """Fill the two edges (levels,) with the smallest ratio that hold so many amounts and the ends before."""
    count, inside_first, inside_last = len(edges), len(edges) - 1, 0
    for level in range(len(needed)):
        best_first, best_last, least = 0, 0, np.inf
        for first in range(inside_first + 1):
            last = max(np.searchsorted(reached, below[first] + needed[level]), inside_last)
            if last < count and logs[last] - logs[first] < least:
                best_first, best_last, least = first, last, logs[last] - logs[first]
        lo[level], hi[level] = edges[best_first], edges[best_last]
        while inside_first > 0 and edges[inside_first] > lo[level]:
            inside_first -= 1
        inside_last = np.searchsorted(edges, hi[level])
