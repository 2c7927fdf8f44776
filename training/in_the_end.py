"""Is the chance to be won in the end right on later deals, those still open included?

What was won among the deals that have ended says too much: deals that take long are mostly lost. Every open
deal counts here as long as it was seen (Aalen-Johansen), and what is left of the deals after that as often as
deals that closed so late.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.arrays import Floats
from models.snapshot_rows import SnapshotRows, late_win_share
from models.win.model import WinModel

DRAWS = 200
MOST_MOMENTS = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class InTheEnd:
    """Share of the deals open at later moments that is won in the end: as said, and as it happened.

    `lo` and `hi` are the ends of the 95 % interval of `happened`, by bootstrap of deals; `still_open` is the
    share of the moments whose deal has not ended.
    """

    said: float
    happened: float
    lo: float
    hi: float
    moments: int
    deals: int
    still_open: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


def judge_in_the_end(
    model: WinModel, train: SnapshotRows, valid: SnapshotRows, rng: np.random.Generator
) -> InTheEnd | None:
    """The model's chances in the end at the moments of `valid`, and what became of their deals.

    Both have the used features only; `train` tells how often deals are won that close very late. None where
    nothing has closed.
    """
    chosen = np.ones(len(valid.at), bool)
    if len(chosen) > MOST_MOMENTS:
        chosen[:] = False
        chosen[rng.choice(len(chosen), MOST_MOMENTS, replace=False)] = True
    rows = valid.where(chosen)
    if not (rows.event >= 0).any():
        return None
    count = len(rows.at)
    ever = np.full(count, rows.ever_days)
    nothing = np.full(count, np.nan)
    asked = replace(
        rows, row=np.arange(count), horizon=ever, won=nothing, lost=nothing, matures_after_days=ever
    )
    chance = model.won_by_logits(asked, model.question_log_odds(asked)[0])
    late = late_win_share(train.days, train.event, train.deal, train.longest_days)
    _, number = np.unique(rows.deal, return_inverse=True)
    deals = int(number.max()) + 1
    draws = [
        share_won(rows.days, rows.event, rows.weight * copies[number], late)
        for copies in rng.multinomial(deals, np.full(deals, 1.0 / deals), DRAWS)
    ]
    lo, hi = np.quantile(draws, [0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0])
    return InTheEnd(
        said=float(np.average(chance, weights=rows.weight)),
        happened=share_won(rows.days, rows.event, rows.weight, late),
        lo=float(lo),
        hi=float(hi),
        moments=count,
        deals=deals,
        still_open=float(np.average(rows.event < 0, weights=rows.weight)),
    )


def share_won(days: Floats, event: np.ndarray, weight: Floats, late: float) -> float:
    """Share won in the end of deals that closed (`event` 1 won, 0 lost) or were last seen open (-1).

    `days` until then. Competing hazards by day (Aalen & Johansen 1978, "An empirical transition matrix"); of
    what is still open after the last day seen, the share `late` is won. Four deals, of which one is seen for
    two days only: one of four is won on day 1, and of the remaining three quarters half on day 5, when two
    are at risk.

    >>> share_won(np.array([1.0, 2.0, 5.0, 5.0]), np.array([1, -1, 1, 0]), np.ones(4), 0.0)
    0.625
    """
    day = days.astype(np.int64)
    won, lost, seen = (np.bincount(day, weight * (event == kind), day.max() + 1) for kind in (1, 0, -1))
    leaving = won + lost + seen
    # Who is last seen on a day was at risk of that day's closings for half of it.
    at_risk = np.maximum(leaving[::-1].cumsum()[::-1] - 0.5 * seen, 1e-12)
    closing = np.minimum((won + lost) / at_risk, 1.0)
    still = np.append(1.0, np.cumprod(1.0 - closing))
    return float((still[:-1] * won / at_risk).sum() + still[-1] * late)
