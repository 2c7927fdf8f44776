"""What is a training row? A deal at a moment, its later outcome, and the outcome within a horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class SnapshotRows:
    """`n` moments of deals and `m` questions "won (lost) within so many days?" about them.

    Moments: features x (n, k), instant `at` (n,), number of the deal (n,), `days` (n,) until it closed or the
    cut-off, `event` (n,) 1 won, 0 lost, -1 still open then; `weight` (n,), the weeks that a moment stands
    for, twice as much where half of the deals stand for all; `regular` (n,), whether it lies on the grid of
    weeks, not just after a change. Questions: `row` (m,) says of which moment, `horizon` (m,) in days, `won`
    and `lost` (m,) 0/1, `matures_after_days` (m,) after how many days the answer is certain: the horizon
    itself, or the longest cycle for horizon `ever_days`, which stands for "ever".
    """

    x: Floats
    at: Ints
    deal: Ints
    days: Floats
    event: Ints
    weight: Floats
    regular: Flags
    row: Ints
    horizon: Floats
    won: Floats
    lost: Floats
    matures_after_days: Floats
    longest_days: float
    ever_days: float

    @property
    def deals(self) -> int:
        """How many deals the moments belong to."""
        return len(np.unique(self.deal))

    @property
    def closed_deals(self) -> int:
        """How many of the deals are known to have closed."""
        return len(np.unique(self.deal[self.event >= 0]))

    @property
    def won_deals(self) -> int:
        """How many of the deals are known to have been won."""
        return len(np.unique(self.deal[self.event == 1]))

    @property
    def question_at(self) -> Ints:
        """The moment (m,) of each question."""
        return self.at[self.row]

    @property
    def question_deal(self) -> Ints:
        """The deal (m,) of each question."""
        return self.deal[self.row]

    @property
    def question_weight(self) -> Floats:
        """The weight (m,) of each question."""
        return self.weight[self.row]

    def where(self, moments: Flags, questions: Flags | None = None) -> SnapshotRows:
        """Only some moments (n,), and of their questions only some (m,)."""
        kept = moments[self.row] if questions is None else moments[self.row] & questions
        number = np.cumsum(moments) - 1
        return replace(
            self,
            x=self.x if moments.all() else self.x[moments],
            at=self.at[moments],
            deal=self.deal[moments],
            days=self.days[moments],
            event=self.event[moments],
            weight=self.weight[moments],
            regular=self.regular[moments],
            row=number[self.row[kept]].astype(np.int64),
            horizon=self.horizon[kept],
            won=self.won[kept],
            lost=self.lost[kept],
            matures_after_days=self.matures_after_days[kept],
        )

    def known_at(self, cut: int) -> SnapshotRows:
        """The rows as known at an earlier cut-off: later closings hidden, immature questions left out."""
        until = (cut - self.at) / DAY
        hidden = (self.days >= until) & (self.event >= 0)
        mature = self.matures_after_days <= until[self.row]
        ever = self.horizon == self.ever_days
        won = np.where(ever & hidden[self.row], 0.0, self.won)
        as_known = replace(
            self,
            days=np.minimum(self.days, np.maximum(until, 0.0)),
            event=np.where(hidden, -1, self.event),
            won=won,
            lost=np.where(ever, 1.0 - won, self.lost),
        )
        return as_known.where(self.at < cut, mature)

    def with_columns(self, columns: Ints) -> SnapshotRows:
        """The same rows with only some features."""
        # `take` keeps a row's features contiguous, since rows are selected later.
        return replace(self, x=np.take(self.x, columns, axis=1))
