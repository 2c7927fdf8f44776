"""Is the chance to be won in the end right on later deals, those still open included?

What was won among the deals that have ended says too much: deals that take long are mostly lost. Every open
deal counts here as long as it was seen (Aalen-Johansen), and what is left of the deals after that as often as
deals that closed so late. Beside it stand the bounds: all deals still open lost, and all of them won.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows, late_win_share
from models.statistics import Interval, clustered_means
from models.win.model import WinModel
from training.comparison import origin_of

MOST_MOMENTS = 10_000


@dataclass(frozen=True)
class InTheEnd:
    """Share of the deals open at later moments that is won in the end: as said, and as it happened.

    `lo` and `hi` are the ends of the 95 % interval of `happened`, in which a deal counts once and the moments
    of four weeks share luck; `still_open` is the share of the moments whose deal has not ended. `least` and
    `most`: the share won if all of those are lost, or won.
    """

    said: float
    happened: float
    lo: float
    hi: float
    moments: int
    deals: int
    still_open: float
    least: float
    most: float

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
    happened = share_won_interval(rows.days, rows.event, rows.weight, late, rows.deal, origin_of(rows.at))
    won, still_open = (float(np.average(rows.event == kind, weights=rows.weight)) for kind in (1, -1))
    return InTheEnd(
        said=float(np.average(chance, weights=rows.weight)),
        happened=happened.mean,
        lo=happened.lo,
        hi=happened.hi,
        moments=count,
        deals=len(np.unique(rows.deal)),
        still_open=still_open,
        least=won,
        most=won + still_open,
    )


@dataclass(frozen=True)
class _LifeTable:
    """Sums by day: won, ended and at risk, and the share still open before each day."""

    won: Floats
    closed: Floats
    at_risk: Floats
    still: Floats

    @classmethod
    def of(cls, day: Ints, event: Ints, weight: Floats) -> _LifeTable:
        sums = [np.bincount(day, weight * (event == kind), day.max() + 1) for kind in (1, 0, -1)]
        won, lost, seen = (np.asarray(one, np.float64) for one in sums)
        leaving = won + lost + seen
        # Who is last seen on a day was at risk of that day's closings for half of it.
        at_risk = np.maximum(leaving[::-1].cumsum()[::-1] - 0.5 * seen, 1e-12)
        closing = np.minimum((won + lost) / at_risk, 1.0)
        return cls(won, won + lost, at_risk, np.append(1.0, np.cumprod(1.0 - closing)))

    def share(self, late: float) -> float:
        return float((self.still[:-1] * self.won / self.at_risk).sum() + self.still[-1] * late)


def share_won(days: Floats, event: Ints, weight: Floats, late: float) -> float:
    """Share won in the end of deals that closed (`event` 1 won, 0 lost) or were last seen open (-1).

    `days` until then. Competing hazards by day (Aalen & Johansen 1978, "An empirical transition matrix"); of
    what is still open after the last day seen, the share `late` is won. Four deals, of which one is seen for
    two days only: one of four is won on day 1, and of the remaining three quarters half on day 5, when two
    are at risk.

    >>> share_won(np.array([1.0, 2.0, 5.0, 5.0]), np.array([1, -1, 1, 0]), np.ones(4), 0.0)
    0.625
    """
    return _LifeTable.of(days.astype(np.int64), event, weight).share(late)


def share_won_interval(
    days: Floats, event: Ints, weight: Floats, late: float, cluster: Ints, origin: Ints | None = None
) -> Interval:
    """`share_won` with its 95 % interval (`clustered_means`), from how much each row moves the share.

    A row moves the hazards of the days on which it was at risk, and with them what is won later
    (infinitesimal jackknife; Efron 1982, "The jackknife, the bootstrap and other resampling plans").
    """
    day = days.astype(np.int64)
    table = _LifeTable.of(day, event, weight)
    share, before = table.share(late), table.still[:-1]
    by_day = before * table.won / table.at_risk
    # Won after each day, of all; and for each who is open after it.
    later = np.append(by_day[::-1].cumsum()[::-1][1:], 0.0) + table.still[-1] * late
    goes_on = later / np.maximum(1.0 - np.minimum(table.closed / table.at_risk, 1.0), 1e-12)
    goes_on = np.where(table.still[1:] > 0, goes_on, 0.0)
    # At risk of a day and not closing: fewer are won on it, and fewer close on it.
    moved = np.cumsum((goes_on * table.closed / table.at_risk - by_day) / table.at_risk)
    at_half = (goes_on * table.closed / table.at_risk - by_day)[day] / table.at_risk[day]
    own = np.where(event == 1, before[day], 0.0) / table.at_risk[day]
    own -= np.where(event >= 0, goes_on[day], 0.0) / table.at_risk[day]
    influence = moved[day] - 0.5 * np.where(event == -1, at_half, 0.0) + own
    (found,) = clustered_means((share + weight.sum() * influence)[:, None], weight, cluster, origin)
    return Interval(share, found.lo, found.hi)
