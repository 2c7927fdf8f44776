"""Which moments and outcomes does a baseline learn from? Regular ones, ripe for exactly the horizon asked.

A moment is ripe for a horizon once so many days have passed since it, whatever became of its deal. The
baselines are judged at moments on a regular grid, so they learn from such moments: those just after a change
crowd where deals move, and are won more often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from models.snapshot_rows import SnapshotRows, drawn_wins, late_win_share


@dataclass(frozen=True)
class PastMoments:
    """Regular moments (n,) of deals, with what was known of them at `as_of`."""

    rows: SnapshotRows
    as_of: int

    @classmethod
    def of(cls, rows: SnapshotRows, as_of: int) -> PastMoments:
        """The regular ones of training rows."""
        return cls(rows.where(rows.regular), as_of)

    def __len__(self) -> int:
        return len(self.rows.at)

    @property
    def weight(self) -> Floats:
        """The weight (n,) of each moment."""
        return self.rows.weight

    @cached_property
    def seen_days(self) -> Floats:
        """For how many days (n,) each moment has been followed."""
        out: Floats = (self.as_of - self.rows.at) / DAY
        return out

    @cached_property
    def late_share(self) -> float:
        """The share won of deals that close later than the longest cycle."""
        rows = self.rows
        return late_win_share(rows.days, rows.event, rows.deal, rows.longest_days)

    def is_ever(self, horizon: float) -> bool:
        """Whether a horizon stands for "ever"."""
        return horizon >= self.rows.ever_days

    def ripe(self, horizon: float) -> Flags:
        """Whether the answer for a horizon is known (n,)."""
        days = self.rows.longest_days if self.is_ever(horizon) else horizon
        out: Flags = self.seen_days >= days
        return out

    def won(self, horizon: float) -> Floats:
        """Whether each deal (n,) was won within a horizon, 1 or 0; right where `ripe`.

        "Ever": of the deals alive after the longest cycle, the share of those that closed so late.
        """
        rows = self.rows
        if not self.is_ever(horizon):
            within: Floats = ((rows.event == 1) & (rows.days < horizon)).astype(np.float64)
            return within
        late = (rows.event == -1) & (drawn_wins(rows.deal, self.late_share) > 0)
        won: Floats = ((rows.event == 1) | late).astype(np.float64)
        return won

    def where(self, moments: Flags) -> PastMoments:
        """Only some of the moments."""
        return PastMoments(self.rows.where(moments), self.as_of)

    def sampled(self, most: int, rng: np.random.Generator) -> PastMoments:
        """At most so many moments, drawn at random."""
        if len(self) <= most:
            return self
        keep = np.zeros(len(self), bool)
        keep[rng.choice(len(self), most, replace=False)] = True
        return self.where(keep)


def questions_at(past: PastMoments, horizons: tuple[float, ...]) -> SnapshotRows:
    """The moments as rows, each asked about every one of the horizons that it is ripe for."""
    asked = [np.flatnonzero(past.ripe(horizon)) for horizon in horizons]
    row = np.concatenate([np.zeros(0, np.int64), *asked]).astype(np.int64)
    empty = np.zeros(0)
    won = [past.won(horizon)[ripe] for horizon, ripe in zip(horizons, asked, strict=True)]
    horizon = np.repeat(np.asarray(horizons, np.float64), [len(ripe) for ripe in asked])
    outcome = np.concatenate([empty, *won])
    return replace(
        past.rows,
        row=row,
        horizon=horizon,
        won=outcome,
        lost=np.full(len(row), np.nan),
        matures_after_days=np.where(horizon >= past.rows.ever_days, past.rows.longest_days, horizon),
    )


@dataclass(frozen=True)
class RipeSums:
    """Weighted sums over ripe moments, for any horizon exactly: of the weights, and of what was won.

    Won within h days and ripe for h = won within h, less those seen for fewer than h days; so both are
    differences of cumulative sums, and no horizon is put in a band.
    """

    seen: Floats
    weight_seen: Floats  # weight of the moments seen for fewer days, (n + 1,)
    won: Floats
    weight_won: Floats
    won_seen: Floats
    weight_won_seen: Floats
    ever: tuple[float, float]
    ever_days: float

    @classmethod
    def of(cls, past: PastMoments, weight: Floats | None = None) -> RipeSums:
        """Of moments (n,), each counted `weight` times."""
        rows, weight = past.rows, past.weight if weight is None else weight
        won = rows.event == 1
        ripe = past.ripe(rows.ever_days)
        ever = float(weight[ripe].sum()), float((weight * past.won(rows.ever_days))[ripe].sum())
        return cls(
            *_cumulative(past.seen_days, weight),
            *_cumulative(rows.days[won], weight[won]),
            *_cumulative(past.seen_days[won], weight[won]),
            ever,
            rows.ever_days,
        )

    def ripe_weight(self, horizons: Floats) -> Floats:
        """The weight (m,) of the moments ripe for each horizon."""
        below = self.weight_seen[np.searchsorted(self.seen, horizons, side="left")]
        return np.where(horizons >= self.ever_days, self.ever[0], self.weight_seen[-1] - below)

    def won_weight(self, horizons: Floats) -> Floats:
        """The weight (m,) of those of them whose deal was won within it."""
        within = self.weight_won[np.searchsorted(self.won, horizons, side="left")]
        unripe = self.weight_won_seen[np.searchsorted(self.won_seen, horizons, side="left")]
        return np.where(horizons >= self.ever_days, self.ever[1], within - unripe)


def _cumulative(value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(value, kind="stable")
    return value[order], np.append(0.0, np.cumsum(weight[order]))


@dataclass(frozen=True)
class Incidence:
    """Share won within any number of days, moments of open deals counted as long as they were seen.

    Aalen & Johansen (1978). `ever`: the share won in the end, with `late` of what is still open then.
    """

    days: Floats
    share: Floats  # won by just after each of the days, after a 0
    ever: float
    ever_days: float

    @classmethod
    def of(cls, past: PastMoments) -> Incidence:
        """Of moments (n,) with their weights."""
        rows = past.rows
        days, group = np.unique(rows.days, return_inverse=True)
        leaving = np.bincount(group, rows.weight, len(days))
        won, lost = (np.bincount(group, rows.weight * (rows.event == kind), len(days)) for kind in (1, 0))
        at_risk = np.maximum(leaving[::-1].cumsum()[::-1], 1e-12)
        still = np.append(1.0, np.cumprod(1.0 - np.minimum((won + lost) / at_risk, 1.0)))
        share = np.append(0.0, np.cumsum(still[:-1] * won / at_risk))
        return cls(days, share, float(share[-1] + still[-1] * past.late_share), rows.ever_days)

    def __call__(self, horizons: Floats) -> Floats:
        """The share won (m,) within horizons."""
        finite = self.share[np.searchsorted(self.days, horizons, side="left")]
        return np.where(horizons >= self.ever_days, self.ever, finite)


def deal_votes(past: PastMoments, among: Ints | None = None) -> float:
    """By what a weight is multiplied so that the weights of the moments sum to the number of deals."""
    total = float(past.weight.sum())
    deals = len(np.unique(past.rows.deal if among is None else among))
    return deals / total if total > 0 else 0.0
