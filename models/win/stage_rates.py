"""How often, and how soon, are deals of a stage and age won or lost?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints

# Number of deals that the pooled hazard weighs in a cell.
STRENGTH = 12.0
AGE_SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class StageRates:
    """Cumulative probabilities of being won and lost within `grid` days, by stage and age band.

    `won` and `lost` have shape (stages + 1, ages, grid); the last stage stands for unknown or unseen ones.
    `stages` are the stage codes, ascending; `ages` the inner edges of the age bands in days. The last
    entry of the grid is "ever": what is not won by then counts as lost. `ended` (stages + 1,) is the number
    of deals in each stage whose ending the rates were learned from.
    """

    stages: Floats
    ages: Floats
    grid: Floats
    won: Floats
    lost: Floats
    share: Floats  # of training rows by (stage, age), sums to 1: the reference of explanations
    ended: Floats

    def curve(self, stage: Floats, age_days: Floats, horizon_days: Floats) -> tuple[Floats, Floats]:
        """Probabilities (n, h) of being won and lost within horizons (h,) or (n, h) days, interpolated."""
        return (
            self.read(self.won, stage, age_days, horizon_days),
            self.read(self.lost, stage, age_days, horizon_days),
        )

    def cell(self, stage: Floats, age_days: Floats) -> tuple[Ints, Ints]:
        """Row and column of the table for each deal: the last row where the stage is unknown or unseen."""
        row = np.searchsorted(self.stages, stage)
        known = np.append(self.stages, np.nan)[row] == stage
        band = np.searchsorted(self.ages, np.nan_to_num(age_days, nan=0.0), side="right")
        return np.where(known, row, len(self.stages)).astype(np.int64), band.astype(np.int64)

    def read(self, table: Floats, stage: Floats, age_days: Floats, horizon_days: Floats) -> Floats:
        """Probabilities (n, h) by one of the tables within horizons (h,) or (n, h) days."""
        row, band = self.cell(stage, age_days)
        days = np.broadcast_to(horizon_days, (len(row), horizon_days.shape[-1]))
        return interpolate(table[row, band], self.grid, days)

    def variance(self, chance: Floats, stage: Floats, age_days: Floats) -> Floats:
        """Variance (n,) of the log-odds of chances (n,) read from the table: 1 / (1 + deals p (1 - p)).

        The prior of the log-odds has variance 1, as win rates of organisations and stages differ; each deal
        that ended in the stage adds p (1 - p) of information.
        """
        ended = self.ended[self.cell(stage, age_days)[0]]
        out: Floats = 1.0 / (1.0 + ended * chance * (1.0 - chance))
        return out

    def unseen(self, stage: Floats) -> NDArray[np.bool_]:
        """Whether no deal was in the stage (n,) when the rates were learned; False where it is not stated.

        Rates that learned from no deal at all, the prior, know every stage that has a position.
        """
        row, _ = self.cell(stage, np.zeros(len(stage)))
        empty = self.share.sum(axis=1) == 0.0
        empty[-1] = True
        out: NDArray[np.bool_] = ~np.isnan(stage) & empty[row]
        return out if self.share.any() else ~np.isnan(stage) & (row == len(self.stages))

    def to_json(self) -> dict[str, Any]:
        """Plain lists, for storage."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> StageRates:
        """The table that `to_json` stored."""
        # A table stored before `ended` was counted: as if its deals were many, as then.
        known = {"ended": [np.inf] * (len(stored["stages"]) + 1), **stored}
        return cls(**{name: np.asarray(known[name], np.float64) for name in cls.__dataclass_fields__})


def interpolate(values: Floats, grid: Floats, days: Floats) -> Floats:
    """Values (n, g) known at `grid` days, read at days (n, h); 0 at day 0, flat beyond the grid.

    >>> interpolate(np.array([[0.2, 0.4]]), np.array([10.0, 20.0]), np.array([[5.0, 15.0, 99.0]])).round(3)
    array([[0.1, 0.3, 0.4]])
    """
    edges = np.concatenate([[0.0], grid])
    padded = np.concatenate([np.zeros((len(values), 1)), values], axis=1)
    inside = np.clip(days, 0.0, grid[-1])
    right = np.clip(np.searchsorted(edges, inside, side="left"), 1, len(grid))
    part = (inside - edges[right - 1]) / (edges[right] - edges[right - 1])
    rows = np.arange(len(values))[:, None]
    below, above = padded[rows, right - 1], padded[rows, right]
    out: Floats = below + (above - below) * part
    return out


def horizon_grid(longest_days: float, ever_days: float) -> Floats:
    """Days of the grid: dense at first, up to the longest cycle, then "ever"."""
    steps = np.array(
        [0.25, 1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 70, 91, 120, 150, 182, 240, 300, 365, 500, 730]
    )
    inner = steps[steps < longest_days * 0.95]
    return np.concatenate([inner, [longest_days, ever_days]])


def stated_prior(position: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """The prior: probabilities (n, g) of being won and lost by each grid day.

    A deal at relative position 0 (start of the pipeline) to 1 (last stage) is won with 15 % to 50 %; the
    half-life of open deals is 60 (start) to 30 days (end).
    """
    ever = 0.15 + 0.35 * position
    half_life = 60.0 - 30.0 * position
    decided = 1.0 - np.exp2(-grid[None, :] / half_life[:, None])
    decided[:, -1] = 1.0
    return ever[:, None] * decided, (1.0 - ever)[:, None] * decided


def fit_stage_rates(
    stage: Floats,
    age_days: Floats,
    days: Floats,
    event: Ints,
    deal: Ints,
    grid: Floats,
    position: Mapping[float, float] | None = None,
    strength: float = STRENGTH,
    weight: Floats | None = None,
) -> StageRates:
    """Rates from rows (deal, moment): cells pooled with their stage, it with all deals, those with the prior.

    Competing hazards between grid days (Aalen-Johansen): a row counts as at risk until it closes (`event`
    1 won, 0 lost) or is cut off (-1) after `days`. Rows of one deal share one vote per cell. A hazard is
    (events + strength x the pooled hazard) / (at risk + strength): the mean of a beta with that prior.
    """
    weight = np.ones(len(days)) if weight is None else weight
    # Stages without rows get their prior by position.
    stages = np.unique([*stage[~np.isnan(stage)], *(position or ())])
    ages = np.unique(np.quantile(age_days, AGE_SHARES)) if len(age_days) else np.zeros(0)
    empty = StageRates(stages, ages, grid, *(np.zeros(0) for _ in range(4)))
    row, band = empty.cell(stage, age_days)
    shape = (len(stages) + 1, len(ages) + 1)
    positions = np.array([position.get(code, 0.5) if position else 0.5 for code in stages] + [0.5])
    prior = [_hazards(*stated_prior(positions[k : k + 1], grid)) for k in range(len(positions))]
    overall = _pooled_hazards(
        days, event, deal, weight, grid, _hazards(*stated_prior(np.array([0.5]), grid)), strength
    )
    won, lost = np.empty((*shape, len(grid))), np.empty((*shape, len(grid)))
    for k in range(shape[0]):
        of_this_stage = row == k
        # A stage with few rows keeps its prior position relative to the others.
        base = tuple(
            e * p / np.maximum(m, 1e-12) for e, p, m in zip(overall, prior[k], prior[-1], strict=True)
        )
        base = tuple(np.minimum(hazard, 0.98) for hazard in base)
        of_stage = _pooled_hazards(
            days[of_this_stage],
            event[of_this_stage],
            deal[of_this_stage],
            weight[of_this_stage],
            grid,
            base,
            strength,
        )
        for b in range(shape[1]):
            in_cell = of_this_stage & (band == b)
            hazards = _pooled_hazards(
                days[in_cell], event[in_cell], deal[in_cell], weight[in_cell], grid, of_stage, strength
            )
            won[k, b], lost[k, b] = _cumulative(*hazards)
    share = np.bincount(row * shape[1] + band, minlength=shape[0] * shape[1]).reshape(shape)
    ended = np.array([len(np.unique(deal[(row == k) & (event >= 0)])) for k in range(shape[0])], np.float64)
    return StageRates(stages, ages, grid, won, lost, share / max(len(row), 1), ended)


def _hazards(won: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """Hazards (g,) of each interval from cumulative probabilities (1, g)."""
    still = np.concatenate([[1.0], 1.0 - (won + lost)[0, :-1]])
    step = np.diff(np.concatenate([np.zeros((2, 1)), np.stack([won[0], lost[0]])], axis=1))
    return step[0] / still, step[1] / still


def _pooled_hazards(
    days: Floats,
    event: Ints,
    deal: Ints,
    weight: Floats,
    grid: Floats,
    base: tuple[Floats, ...],
    strength: float,
) -> tuple[Floats, Floats]:
    if not len(days):
        return base[0], base[1]
    votes = weight * (len(np.unique(deal)) / len(deal))
    closes = np.minimum(np.searchsorted(grid, days, side="left"), len(grid) - 1)
    count = len(grid)
    won = np.bincount(closes[event == 1], votes[event == 1], count)
    lost = np.bincount(closes[event == 0], votes[event == 0], count)
    # Censored inside an interval: at risk for half of it.
    cut = np.bincount(closes[event == -1], votes[event == -1], count)
    leaving = won + lost + cut
    at_risk = leaving[::-1].cumsum()[::-1] - 0.5 * cut
    return (
        (won + strength * base[0]) / (at_risk + strength),
        (lost + strength * base[1]) / (at_risk + strength),
    )


def _cumulative(won: Floats, lost: Floats) -> tuple[Floats, Floats]:
    total = np.maximum(won + lost, 1e-12)
    scale = np.minimum(1.0, 1.0 / total)
    still = np.concatenate([[1.0], np.cumprod(1.0 - (total * scale))[:-1]])
    by_won = np.cumsum(still * won * scale)
    by_won = np.minimum(by_won, 1.0)
    by_lost = np.minimum(np.cumsum(still * lost * scale), 1.0 - by_won)
    by_lost[-1] = 1.0 - by_won[-1]
    return by_won, by_lost
