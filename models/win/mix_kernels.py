"""What do the base models of a win model say together of a few questions about one deal? Two compiled calls.

`mix` weighs and calibrates their log-odds as `models.win.stacking.Stack` and `models.win.level.Level` do for
many deals, `close_days` reads close dates as `models.scoring.close_days_of` does: digit for digit, since
logarithms and exponentials are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from features.arrays import Floats
from features.kernel_cache import compiled
from models.win.horizons import ramp_edges
from models.win.stacking import SOON_DAYS, Stack


class Mixes(NamedTuple):
    """The mixes of both outcomes at quiet and at fresh moments, (2, 2, ...).

    `weights` (2, 2, 3, b): of each base model's log-odds, always, within finite horizons, and soon.
    `edges` (r,), `widths` (r - 1,): of the ramps, in log days; `soon`: the log days at which soon ends.
    """

    weights: Floats
    shift: Floats
    bands: Floats
    edges: Floats
    widths: Floats
    soon: float
    ever_days: float

    @classmethod
    def of(cls, stacks: Sequence[Stack]) -> Mixes:
        """Those of the stacks of both outcomes."""
        kinds = [(stack.quiet, stack.fresh) for stack in stacks]
        edges, ever_days = ramp_edges(stacks[0].ever_days), stacks[0].ever_days
        return cls(
            np.array([[mix.all_weights for mix in pair] for pair in kinds]),
            np.array([[mix.shift for mix in pair] for pair in kinds]),
            np.array([[mix.bands for mix in pair] for pair in kinds]),
            edges,
            np.diff(edges),
            float(np.log1p(SOON_DAYS)),
            ever_days,
        )

    def shifts(self, clock: Floats, log_clock: Floats) -> Floats:
        """The shifts (2, 2, q) at horizons in business days (q,), also given as log days."""
        rising = np.empty((len(clock), len(self.edges)))
        _ramps(self.edges, self.widths, self.ever_days, clock, log_clock, rising)
        out = np.empty((2, 2, len(clock)))
        for side in range(2):
            for kind in range(2):
                out[side, kind] = self.shift[side, kind] + rising @ self.bands[side, kind]
        return out


@compiled
def _ramps(
    edges: Floats, widths: Floats, ever_days: float, clock: Floats, log_clock: Floats, out: Floats
) -> None:
    """The ramps (q, r) of horizons, as `models.win.horizons.ramps`."""
    last = len(widths)
    for i in range(len(clock)):
        for j in range(last):
            out[i, j] = min(max((log_clock[i] - edges[j]) / widths[j], 0.0), 1.0)
        out[i, last] = clock[i] >= ever_days


@compiled
def mix(
    mixes: Mixes,
    log_odds: Floats,
    shifts: Floats,
    levels: Floats,
    clock: Floats,
    log_clock: Floats,
    fresh: Floats,
    total: Floats,
    weights: Floats,
) -> None:
    """Fill calibrated log-odds (2, q) of both outcomes, and the weights (q, b) of the first's base models.

    `log_odds` (2, q, b) are the base models'; `shifts` (2, 2, q), `levels` (2, q); `fresh` (q,).
    """
    count, models = log_odds.shape[1], log_odds.shape[2]
    for side in range(2):
        quiet, other = mixes.weights[side, 0], mixes.weights[side, 1]
        for i in range(count):
            finite = 1.0 if clock[i] < mixes.ever_days else 0.0
            soon = min(max(1.0 - log_clock[i] / mixes.soon, 0.0), 1.0)
            summed = 0.0
            for b in range(models):
                below = 1.0 if log_odds[side, i, b] < 0.0 else 0.0
                weight = quiet[0, b] + (finite * quiet[1, b] + soon * quiet[2, b]) * below
                if fresh[i] > 0.0:
                    news = other[0, b] + (finite * other[1, b] + soon * other[2, b]) * below
                    weight += fresh[i] * (news - weight)
                if side == 0:
                    weights[i, b] = weight
                summed += log_odds[side, i, b] * weight
            shift = shifts[side, 0, i]
            shift += fresh[i] * (shifts[side, 1, i] - shift)
            total[side, i] = shift + summed + levels[side, i]


@compiled
def close_days(won: Floats, ever: float, edges: Floats, shares: Floats, out: Floats) -> None:
    """Fill the days within which a deal is won with these shares (above 0, below 1) of its chance `ever`.

    `won` (g,): its chance by each day of a grid. `edges` (g + 2,): no days, those of the grid, and "ever".
    """
    most, last = max(ever, 1e-12), len(won) + 1
    for number in range(len(shares)):
        share, right = shares[number], 1
        for j in range(len(won)):
            if won[j] / most < share:
                right += 1
        below = 0.0 if right == 1 else won[right - 2] / most
        above = 1.0 if right == last else won[right - 1] / most
        within = min(max((share - below) / max(above - below, 1e-12), 0.0), 1.0)
        out[number] = edges[right - 1] + within * (edges[right] - edges[right - 1])
