"""Which moments of which deals are training rows, and which outcomes were known by the cut-off?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER, iso
from features import History, weeks_represented
from features.arrays import Flags, Floats, Ints
from models.snapshot_rows import SnapshotRows, drawn_wins, late_win_share

SHORTEST_HORIZON = 1.0
SHORT_CYCLE = 7.0  # days; the longest cycle of an organisation is at least so long
CHANGE_WEIGHT = 1.0  # of a moment just after a change, in weeks
LONG_SHARE = 0.98  # share of won deals whose cycle is at most the longest


@dataclass(frozen=True)
class DealOutcomes:
    """Each deal (d,) of a log: instants created and closed (NEVER = open), outcome 1 won, 0 lost, -1 open.

    `last_sign` is the last instant before the cut-off at which anything about the deal was recorded.
    """

    created: Ints
    closed: Ints
    outcome: Ints
    last_sign: Ints

    def __len__(self) -> int:
        return len(self.created)


@dataclass(frozen=True)
class Cycle:
    """The company's sales cycle, from the deals that closed before the cut-off.

    longest_days: 98% of the won deals were won within it. silent_days: only 2% of all closings followed a
    longer silence. A deal older than longest_days and silent for longer than silent_days counts as abandoned:
    it is lost for "ever".
    """

    longest_days: float
    silent_days: float
    deals: int

    @property
    def ever_days(self) -> float:
        """The horizon, in days, that stands for "ever"."""
        return 2.0 * self.longest_days

    def describe(self) -> Text:
        """The rule in words."""
        return Text(
            "作成から{longest:.0f}日を超え、{silent:.0f}日以上記録のない商談は、失注（放置）とみなします"
            "（決着済みの商談{deals}件から推定）。",
            "A deal older than {longest:.0f} days with nothing recorded for {silent:.0f} days counts as lost "
            "(abandoned); estimated from {deals} closed deals.",
        ).format(longest=self.longest_days, silent=self.silent_days, deals=self.deals)


def deal_outcomes(past: EventLog, history: History) -> DealOutcomes:
    """When each deal was created, closed and last active, and its outcome."""
    last = last_signs(past, history.deal_ids, history.created, history.closed)
    return DealOutcomes(history.created, history.closed, history.outcome.astype(np.int64), last)


def last_signs(past: EventLog, deal_ids: pd.Index, created: Ints, closed: Ints) -> Ints:
    """The last instant (d,) before each deal closed (NEVER = open) at which anything about it was recorded.

    The closing itself does not count.
    """
    last = created.copy()
    ends = np.where(closed == NEVER, np.iinfo(np.int64).max, closed)
    for table in ("deal_events", "activities"):
        row, at = codes_in(past[table]["deal_id"], deal_ids), micros(past[table]["at"])
        sign = (row >= 0) & (at < ends[row])
        np.maximum.at(last, row[sign], at[sign])
    return last


def cycle_of(outcomes: DealOutcomes, as_of: int) -> Cycle:
    """The sales cycle of a log as of the cut-off; 180 and 60 days where fewer than 10 deals have closed."""
    done = (outcomes.closed != NEVER) & (outcomes.closed < as_of)
    if done.sum() < 10:
        return Cycle(180.0, 60.0, int(done.sum()))
    won = done & (outcomes.outcome == 1)
    closed = won if won.sum() >= 10 else done
    age = (outcomes.closed - outcomes.created)[closed] / DAY
    span = (as_of - outcomes.created.min()) / DAY
    longest = float(np.clip(np.quantile(age, LONG_SHARE), SHORT_CYCLE, max(0.6 * span, SHORT_CYCLE)))
    silence = (outcomes.closed - np.minimum(outcomes.last_sign, outcomes.closed))[done] / DAY
    return Cycle(longest, float(np.clip(np.quantile(silence, LONG_SHARE), 14.0, 365.0)), int(done.sum()))


def draw_horizons(
    at: Ints, as_of: int, period_days: Floats, cycle: Cycle, per_moment: int, rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """Horizons of moments (n,): row, horizon and days until the outcome is known, each (m,).

    Each moment draws from: the period's end, any horizon between a day and the longest cycle (uniform in log
    days), ever. Horizons whose outcome cannot be known yet are left out whatever happened to the deal, so the
    selection does not depend on the outcome.
    """
    count = len(at)
    row = np.repeat(np.arange(count), per_moment)
    kind = rng.random(len(row))
    low, high = np.log(SHORTEST_HORIZON), np.log(cycle.longest_days)
    any_horizon = np.exp(low + (high - low) * rng.random(len(row)))
    horizon = np.where(kind < 0.4, period_days[row], any_horizon)
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
    """Training rows: the state of each moment's deal at the cut-off, and the outcome of each question.

    A moment on the grid weighs the weeks it stands for, one just after a change `CHANGE_WEIGHT`; both are
    known at the moment. Where deals end within days, their creation counts as a regular moment.
    "Ever": abandoned deals are lost, and those alive after the longest cycle are won at the share of the
    deals that closed so late; leaving them out would select on the outcome: most of them are lost.
    """
    closed = outcomes.closed[deal]
    done = (closed != NEVER) & (closed < as_of)
    days = (np.where(done, closed, as_of) - at) / DAY
    event = np.where(done, outcomes.outcome[deal], -1)
    row, horizon, matures = questions
    ever = horizon == cycle.ever_days
    abandoned = ~done & (as_of - outcomes.last_sign[deal] > cycle.silent_days * DAY)
    within = days[row] < horizon
    alive = ever & ~done[row] & ~abandoned[row]
    late_wins = drawn_wins(deal[row], late_win_share(days, event, deal, cycle.longest_days)) > 0
    won = ((event[row] == 1) & (within | ever)) | (alive & late_wins)
    lost = np.where(ever, ~won, (event[row] == 0) & within)
    created = outcomes.created[deal]
    weeks = weeks_represented(created, at)
    regular = weeks > 0
    if cycle.longest_days <= SHORT_CYCLE:
        regular |= at == created + 1
    return SnapshotRows(
        x=x,
        at=at,
        deal=deal,
        days=days,
        event=event.astype(np.int64),
        weight=np.where(weeks > 0, weeks, CHANGE_WEIGHT),
        regular=regular,
        row=row,
        horizon=horizon,
        won=won.astype(np.float64),
        lost=lost.astype(np.float64),
        matures_after_days=matures,
        longest_days=cycle.longest_days,
        ever_days=cycle.ever_days,
    )


@dataclass(frozen=True)
class Fold:
    """Training on what was known at `train_until`, validation on later moments of other deals.

    A question is used for training only if its outcome was known by `train_until` (the maturity gap), and for
    validation only if it was known in the end, and only at regular moments (the grid). Of the deals
    open at `train_until` one half is used for training and the other for validation, with weight two.
    `changed` are the validation deals' moments just after changes: base models are weighed on them, none is
    judged.
    """

    train_until: int
    valid_from: int
    valid_until: int
    train: SnapshotRows
    valid: SnapshotRows
    changed: SnapshotRows

    def with_features(self, x: Floats, columns: Ints) -> Fold:
        """The fold with some columns of `x`; its own rows have one column, their number in `x`."""

        def filled(rows: SnapshotRows) -> SnapshotRows:
            return replace(rows, x=x[np.ix_(rows.x[:, 0].astype(np.int64), columns)])

        return replace(self, train=filled(self.train), valid=filled(self.valid), changed=filled(self.changed))

    def describe(self, zone: ZoneInfo) -> str:
        """The fold in one line: cut-offs, rows and deals on each side."""
        train, valid = self.train, self.valid
        return (
            f"train until {iso(self.train_until, zone)[:16]} ({len(train.row)} rows of {train.deals} deals; "
            f"outcomes known by then), validate from {iso(self.valid_from, zone)[:16]} until "
            f"{iso(self.valid_until, zone)[:16]} ({len(valid.row)} rows of {valid.deals} deals)"
        )


def split(
    rows: SnapshotRows,
    train_until: int,
    valid_until: int,
    as_of: int,
    halves: Flags,
) -> Fold:
    """The fold of rows at `train_until`; validates on moments before `valid_until`, outcomes as of `as_of`.

    `halves` (deals of the log,) is True for deals that are used for training if they were open at
    `train_until`.
    """
    begun = _first(rows.deal, rows.at, len(halves)) < train_until
    closes = rows.at + (rows.days * DAY).astype(np.int64)
    ended = np.zeros(len(halves), bool)
    ended[rows.deal[(rows.event >= 0) & (closes < train_until)]] = True
    open_then = begun & ~ended
    in_training = (begun & ended) | (open_then & halves)
    in_validation = ~begun | (open_then & ~halves)

    def weighted(some: SnapshotRows) -> SnapshotRows:
        return replace(some, weight=some.weight * np.where(open_then[some.deal], 2.0, 1.0))

    train = weighted(rows.where(in_training[rows.deal] & (rows.at < train_until))).known_at(train_until)
    later = in_validation[rows.deal] & (rows.at >= train_until) & (rows.at < valid_until)
    valid, changed = (
        weighted(rows.where(later & kind)).known_at(as_of) for kind in (rows.regular, ~rows.regular)
    )
    return Fold(train_until, train_until, valid_until, train, valid, changed)


def _first(deal: Ints, at: Ints, count: int) -> Ints:
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, deal, at)
    return first
