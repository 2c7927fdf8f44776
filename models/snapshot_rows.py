"""What is a training row? A deal at a moment, its later outcome, and the outcome within a horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints

GOLDEN = 0.5 * (5.0**0.5 - 1.0)  # multiples of it are spread evenly between whole numbers


class Silence(Protocol):
    """Which deals of a log count as abandoned, at any moment until that of the rows' labels."""

    @property
    def as_of(self) -> int:
        """The moment whose knowledge is in the labels."""

    def as_known_at(self, moment: int) -> Silence:
        """The same for labels of an earlier moment."""

    def abandoned_at(self, moment: int) -> Flags:
        """Which deals (d,) count as abandoned at a moment."""


@dataclass(frozen=True, kw_only=True)
class SnapshotRows:
    """`n` moments of deals and `m` questions "won (lost) within so many days?" about them.

    Moments: features x (n, k), instant `at` (n,), number of the deal (n,), `days` (n,) until it closed or the
    cut-off, `event` (n,) 1 won, 0 lost, -1 still open then; `weight` (n,), the weeks that a moment stands
    for, twice as much where half of the deals stand for all; `regular` (n,), whether it lies on the grid,
    not just after a change. Questions: `row` (m,) says of which moment, `horizon` (m,) in days, `won`
    and `lost` (m,) 0/1, `matures_after_days` (m,) after how many days the answer is certain: the horizon
    itself, or the longest cycle for horizon `ever_days`, which stands for "ever". Deals alive after the
    longest cycle are not left out: they are drawn as won at the share of those that closed so late. `silence`
    says which were abandoned at an earlier moment; without it none is told apart from those alive then.
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
    silence: Silence | None = None

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
        """The rows as known at an earlier cut-off: later closings hidden, immature questions left out.

        "Ever" of a deal open then: lost if it had been silent for too long by then, else won at the share of
        the deals that had closed so late.
        """
        until = (cut - self.at) / DAY
        hidden = (self.days >= until) & (self.event >= 0)
        mature = self.matures_after_days <= until[self.row]
        ever = self.horizon == self.ever_days
        days = np.minimum(self.days, np.maximum(until, 0.0))
        event = np.where(hidden, -1, self.event)
        began = self.at < cut
        share = late_win_share(days[began], event[began], self.deal[began], self.longest_days)
        alive, silence = ever & hidden[self.row], self.silence
        drawn = drawn_wins(self.question_deal, share)
        if silence is not None and cut < silence.as_of:
            alive = ever & (event == -1)[self.row]
            drawn = np.where(silence.abandoned_at(cut)[self.question_deal], 0.0, drawn)
            silence = silence.as_known_at(cut)
        won = np.where(alive, drawn, self.won)
        lost = np.where(ever, 1.0 - won, self.lost)
        as_known = replace(self, days=days, event=event, won=won, lost=lost, silence=silence)
        return as_known.where(began, mature)

    def with_columns(self, columns: Ints) -> SnapshotRows:
        """The same rows with only some features."""
        # `take` keeps a row's features contiguous, since rows are selected later.
        return replace(self, x=np.take(self.x, columns, axis=1))


def late_win_share(days: Floats, event: Ints, deal: Ints, longest_days: float) -> float:
    """The share won of the deals that closed later than the longest cycle after one of their moments (n,).

    One more loss is counted, so that where hardly any closed so late the share is small.

    >>> late_win_share(np.array([90.0, 70.0, 5.0]), np.array([1, 0, 1]), np.arange(3), 60.0)
    0.3333333333333333
    """
    late = (event >= 0) & (days > longest_days)
    deals, first = np.unique(deal[late], return_index=True)
    return float((event[late][first] == 1).sum() / (len(deals) + 1))


def drawn_wins(deal: Ints, share: float) -> Floats:
    """Whether each deal (n,) counts as won, 1 or 0: about `share` of them, the same ones every time."""
    out: Floats = ((deal + 1) * GOLDEN % 1.0 < share).astype(np.float64)
    return out


def sample_questions(rows: SnapshotRows, max_questions: int, rng: np.random.Generator) -> SnapshotRows:
    """At most so many of the questions, sampled uniformly."""
    if len(rows.row) <= max_questions:
        return rows
    keep = np.zeros(len(rows.row), bool)
    keep[rng.choice(len(rows.row), max_questions, replace=False)] = True
    return replace(
        rows,
        row=rows.row[keep],
        horizon=rows.horizon[keep],
        won=rows.won[keep],
        lost=rows.lost[keep],
        matures_after_days=rows.matures_after_days[keep],
    )
