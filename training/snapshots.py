"""Which moments of which deals are learned from, and what is known to have come of them by the cut-off?"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog, codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER, iso
from features import History, weeks_represented
from models.snapshot_rows import SnapshotRows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SHORTEST_HORIZON = 1.0
LONG_SHARE = 0.98  # the longest cycle is the one that this share of won deals keep within


@dataclass(frozen=True)
class DealOutcomes:
    """How each deal (d,) of a log came and went: instants created and closed (NEVER = open), outcome 1/0/-1.

    `last_sign` is the last instant at which anything was recorded of it before the cut-off.
    """

    created: Ints
    closed: Ints
    outcome: Ints
    last_sign: Ints

    def __len__(self) -> int:
        return len(self.created)


@dataclass(frozen=True)
class Cycle:
    """The company's own pace, from the deals that closed before the cut-off.

    longest_days: within it 98 % of the won deals were won. silent_days: as long a silence came before only
    2 % of all closings; a deal older than longest_days and silent for longer counts as abandoned, which is
    lost for "ever".
    """

    longest_days: float
    silent_days: float
    deals: int

    @property
    def ever_days(self) -> float:
        """The horizon, in days, that stands for "ever"."""
        return 2.0 * self.longest_days

    def said(self) -> Text:
        """The rule in words."""
        return Text(
            "作成から{longest:.0f}日を超え、{silent:.0f}日以上記録のない商談は、失注（放置）とみなします"
            "（決着済み{deals}件から学習）。",
            "A deal older than {longest:.0f} days with nothing recorded for {silent:.0f} days counts as lost "
            "(abandoned); learned from {deals} closed deals.",
        ).format(longest=self.longest_days, silent=self.silent_days, deals=self.deals)


def deal_outcomes(past: EventLog, history: History) -> DealOutcomes:
    """When each deal came, went and last gave a sign."""
    last = last_signs(past, history.deal_ids, history.created, history.closed)
    return DealOutcomes(history.created, history.closed, history.outcome.astype(np.int64), last)


def last_signs(past: EventLog, deal_ids: pd.Index, created: Ints, closed: Ints) -> Ints:
    """The last instant (d,) at which anything was recorded of each deal before it closed (NEVER = open).

    The closing itself is no sign of life.
    """
    last = created.copy()
    ends = np.where(closed == NEVER, np.iinfo(np.int64).max, closed)
    for table in ("deal_events", "activities"):
        row, at = codes_in(past[table]["deal_id"], deal_ids), micros(past[table]["at"])
        sign = (row >= 0) & (at < ends[row])
        np.maximum.at(last, row[sign], at[sign])
    return last


def cycle_of(outcomes: DealOutcomes, as_of: int) -> Cycle:
    """The pace of a log as it stood at the cut-off; 180 and 60 days where fewer than 10 deals have closed."""
    done = (outcomes.closed != NEVER) & (outcomes.closed < as_of)
    if done.sum() < 10:
        return Cycle(180.0, 60.0, int(done.sum()))
    won = done & (outcomes.outcome == 1)
    judged = won if won.sum() >= 10 else done
    age = (outcomes.closed - outcomes.created)[judged] / DAY
    span = (as_of - outcomes.created.min()) / DAY
    longest = float(np.clip(np.quantile(age, LONG_SHARE), 7.0, max(0.6 * span, 7.0)))
    silence = (outcomes.closed - np.minimum(outcomes.last_sign, outcomes.closed))[done] / DAY
    return Cycle(longest, float(np.clip(np.quantile(silence, LONG_SHARE), 14.0, 365.0)), int(done.sum()))


def draw_horizons(
    at: Ints, as_of: int, period_days: Floats, cycle: Cycle, per_moment: int, rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """Questions asked of moments (n,): row, horizon and days until the answer is certain, each (m,).

    Each moment draws from: the period's end, anything between a day and the longest cycle (evenly in log
    days), ever. Unripe ones are left out whatever came of the deal, so nothing is selected by its answer.
    """
    count = len(at)
    row = np.repeat(np.arange(count), per_moment)
    kind = rng.random(len(row))
    low, high = np.log(SHORTEST_HORIZON), np.log(cycle.longest_days)
    anything = np.exp(low + (high - low) * rng.random(len(row)))
    horizon = np.where(kind < 0.4, period_days[row], anything)
    ever = (kind > 0.85) | (horizon > cycle.longest_days)
    horizon = np.where(ever, cycle.ever_days, horizon)
    matures = np.where(ever, cycle.longest_days, horizon)
    ripe = matures <= (as_of - at[row]) / DAY
    return row[ripe].astype(np.int64), horizon[ripe], matures[ripe]


def make_rows(
    outcomes: DealOutcomes,
    deal: Ints,
    at: Ints,
    x: Floats,
    questions: tuple[Ints, Floats, Floats],
    cycle: Cycle,
    as_of: int,
) -> SnapshotRows:
    """Training rows: what came of each moment by the cut-off, and the answer to each ripe question.

    A moment on the grid weighs the weeks it stands for, one just after a change 1: known at the moment.
    "Ever" is answered for deals that closed and for abandoned ones; a deal still alive then has none.
    """
    closed = outcomes.closed[deal]
    done = (closed != NEVER) & (closed < as_of)
    days = (np.where(done, closed, as_of) - at) / DAY
    event = np.where(done, outcomes.outcome[deal], -1)
    row, horizon, matures = questions
    ever = horizon == cycle.ever_days
    abandoned = ~done & (as_of - outcomes.last_sign[deal] > cycle.silent_days * DAY)
    within = days[row] < horizon
    won = (event[row] == 1) & (within | ever)
    lost = np.where(ever, ~won, (event[row] == 0) & within)
    answered = ~ever | done[row] | abandoned[row]
    weeks = weeks_represented(outcomes.created[deal], at)
    return SnapshotRows(
        x=x,
        at=at,
        deal=deal,
        days=days,
        event=event.astype(np.int64),
        weight=np.maximum(weeks, 1).astype(np.float64),
        regular=weeks > 0,
        row=row[answered],
        horizon=horizon[answered],
        won=won[answered].astype(np.float64),
        lost=lost[answered].astype(np.float64),
        matures_after_days=matures[answered],
        longest_days=cycle.longest_days,
        ever_days=cycle.ever_days,
    )


@dataclass(frozen=True)
class Fold:
    """Learn from what was known at `train_until`; judge on later moments of deals not learned from.

    A question is learned from only when its answer was certain by `train_until` (the maturity gap), and
    judged only when it was by `valid_until`, and only at regular moments: as on any Monday. Of the deals
    open at `train_until` every other one is learned from and the others judged, each standing for two.
    """

    train_until: int
    valid_from: int
    valid_until: int
    train: SnapshotRows
    valid: SnapshotRows

    def said(self, zone: ZoneInfo) -> str:
        """The fold, printed: until when, from when, rows and deals on each side."""
        train, valid = self.train, self.valid
        return (
            f"train until {iso(self.train_until, zone)[:16]} ({len(train.row)} rows of {train.deals} deals; "
            f"answers certain by then), validate from {iso(self.valid_from, zone)[:16]} until "
            f"{iso(self.valid_until, zone)[:16]} ({len(valid.row)} rows of {valid.deals} deals)"
        )


def split(rows: SnapshotRows, train_until: int, valid_until: int, as_of: int, halves: Flags) -> Fold:
    """The fold of rows at `train_until`, moments judged up to `valid_until`, answers as known at `as_of`.

    `halves` (deals of the log,) says on which side a deal goes that was open at `train_until`.
    """
    begun = _first(rows.deal, rows.at, len(halves)) < train_until
    closes = rows.at + (rows.days * DAY).astype(np.int64)
    ended = np.zeros(len(halves), bool)
    ended[rows.deal[(rows.event >= 0) & (closes < train_until)]] = True
    open_then = begun & ~ended
    learned = (begun & ended) | (open_then & halves)
    judged = ~begun | (open_then & ~halves)
    weight = np.where(open_then[rows.deal], 2.0, 1.0)
    weighed = SnapshotRows(**{**rows.__dict__, "weight": rows.weight * weight})
    train = weighed.where(learned[rows.deal] & (rows.at < train_until)).known_at(train_until)
    later = (rows.at >= train_until) & (rows.at < valid_until)
    valid = weighed.where(judged[rows.deal] & later & rows.regular).known_at(as_of)
    return Fold(train_until, train_until, valid_until, train, valid)


def _first(deal: Ints, at: Ints, count: int) -> Ints:
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, deal, at)
    return first
