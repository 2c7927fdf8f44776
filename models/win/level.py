"""At what level are the chances of all deals together, at present and in the long run?

Learned answers about "ever" are old: only moments older than the longest cycle have one. The level is that
of a life table of all history, up to yesterday, in which open deals count as long as they were seen
(Aalen-Johansen), moved by what is left of the present mood at each horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.horizons import ALMOST, HorizonWindows
from models.win.moods import fit_mood, monthly_counts, moved_rates
from models.win.stacking import shift_to_mean
from models.win.stage_rates import StageRates, fit_stage_rates, horizon_grid

SIDES = ("won", "lost")
KNOTS = (7.0, 14.0, 28.0, 56.0, 91.0, 182.0)  # days of horizon, then "ever"
RECENT_DAYS, RECENT_DEALS = 14.0, 100  # moments of the last weeks, of at least so many deals
MOST_MOMENTS = 4_000

# Log-odds (n,) of an outcome for rows of the used features at moments (n,) within days (n,).
LogOdds = Callable[[str, Floats, Ints, Floats], Floats]


@dataclass(frozen=True)
class Level:
    """Shifts of log-odds by horizon, the same for all deals: of won and of lost.

    `days` (k,), horizons in days of the calendar, ascend, the last is "ever"; `now` (2, k) are the shifts for
    moments at `as_of`, `usual` (2, k) those once the mood has gone, which it does by half every `half_life`
    days. Before `as_of` the shifts fade as fast into the past, where the model's own calibration is right.
    Between horizons they are linear in log days and never fall; only the shift for "ever" may be lower than
    those before.
    """

    days: Floats
    now: Floats
    usual: Floats
    as_of: int
    half_life: float

    @classmethod
    def none(cls) -> Level:
        """No shift at all."""
        return cls(np.zeros(0), np.zeros((2, 0)), np.zeros((2, 0)), 0, 1.0)

    def shift(self, side: str, moments: Ints, days: Floats) -> Floats:
        """The shift (n,) for moments and horizons (n,)."""
        out: Floats = self.shifts(moments, days, (side,))[0]
        return out

    def shifts(self, moments: Ints, days: Floats, sides: Sequence[str] = SIDES) -> Floats:
        """The shifts (sides, n) for moments and horizons (n,)."""
        out = np.zeros((len(sides), len(days)))
        if not len(self.days):
            return out
        left, is_past = np.exp2(-np.abs(moments - self.as_of) / DAY / self.half_life), moments < self.as_of
        log_days, is_ever = np.log1p(days), days >= self.days[-1]
        for number, side in enumerate(sides):
            row = SIDES.index(side)
            usual, now = (self._read(part[row], log_days, is_ever) for part in (self.usual, self.now))
            out[number] = np.where(is_past, left * now, usual + left * (now - usual))
        return out

    @cached_property
    def _log_days(self) -> Floats:
        return np.asarray(np.log1p(self.days[:-1]))

    @cached_property
    def ever_is_lower(self) -> bool:
        """Whether chances to be won by a day may exceed those in the end, and must be capped by them."""
        if len(self.days) < 2:
            return False
        return bool((self.now[0, -1] < self.now[0, -2]) or (self.usual[0, -1] < self.usual[0, -2]))

    def _read(self, shifts: Floats, log_days: Floats, is_ever: Flags) -> Floats:
        if len(shifts) < 2:  # where deals end within days, "ever" is all there is
            return np.full(len(log_days), shifts[-1])
        finite: Floats = np.interp(log_days, self._log_days, shifts[:-1])
        return np.where(is_ever, shifts[-1], finite)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for storage."""
        return {
            "days": self.days.tolist(),
            "now": self.now.tolist(),
            "usual": self.usual.tolist(),
            "as_of": self.as_of,
            "half_life": self.half_life,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Level:
        """The level that `to_json` stored."""
        days, now, usual = (np.asarray(stored[name], np.float64) for name in ("days", "now", "usual"))
        return cls(days, now, usual, int(stored["as_of"]), float(stored["half_life"]))


@dataclass(frozen=True, kw_only=True)
class LevelTargets:
    """What share of the recent moments should be won and lost by each horizon, whichever model is asked.

    `share` (2, 2, k): in the present mood and once it has gone, of won and of lost, by horizon `days` (k,).
    """

    recent: SnapshotRows
    days: Floats
    share: Floats
    as_of: int
    half_life: float

    def level(self, log_odds: LogOdds) -> Level:
        """The level at which a model with these log-odds promises these shares."""
        shifts = np.zeros_like(self.share)
        weight = self.recent.weight
        for row, side in enumerate(SIDES):
            for column, horizon in enumerate(self.days):
                horizons = np.full(len(self.recent.at), horizon)
                score = log_odds(side, self.recent.x, self.recent.at, horizons)
                for number in range(2):
                    target = float(self.share[number, row, column])
                    shifts[number, row, column] = shift_to_mean(score, target, weight)
        shifts[:, :, :-1] = np.apply_along_axis(never_falling, 2, shifts[:, :, :-1])
        return Level(self.days, shifts[0], shifts[1], self.as_of, self.half_life)


def fit_level(rows: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows, log_odds: LogOdds) -> Level:
    """The level of a model with these log-odds, learned from its training rows (used features only)."""
    targets = level_targets(rows, layout, windows)
    return Level.none() if targets is None else targets.level(log_odds)


def level_targets(rows: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows) -> LevelTargets | None:
    """The targets that training rows set; None where no moment of theirs is regular."""
    regular = rows.where(rows.regular)
    if not len(regular.at):
        return None
    as_of = int((rows.at + rows.days * DAY).max())
    usual_rates = life_table(regular, layout, windows)
    mood = fit_mood(monthly_counts(rows, usual_rates, layout, windows, as_of))
    recent = recent_moments(regular, as_of)
    days = np.array([*(day for day in KNOTS if day < 0.5 * rows.ever_days), rows.ever_days])
    share = np.zeros((2, 2, len(days)))
    stage, age = layout.column(recent.x, layout.stage), layout.column(recent.x, layout.age, 0.0)
    for column, horizon in enumerate(days):
        horizons = np.full(len(recent.at), horizon)
        passed = windows.terms(recent.at, horizons, recent.ever_days).clock
        for number, rates in enumerate((moved_rates(usual_rates, mood), usual_rates)):
            for row, table in enumerate((rates.won, rates.lost)):
                expected = rates.read(table, stage, age, passed[:, None])[:, 0]
                share[number, row, column] = np.average(expected, weights=recent.weight)
    return LevelTargets(recent=recent, days=days, share=share, as_of=as_of, half_life=mood.half_life)


def life_table(regular: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows) -> StageRates:
    """Shares won and lost by stage, age and horizon of all regular moments, those of open deals included."""
    days = np.minimum(regular.days, ALMOST * regular.ever_days)
    return fit_stage_rates(
        layout.column(regular.x, layout.stage),
        layout.column(regular.x, layout.age, 0.0),
        windows.terms(regular.at, days, regular.ever_days).clock,
        regular.event,
        regular.deal,
        horizon_grid(regular.longest_days, regular.ever_days),
        weight=regular.weight,
    )


def recent_moments(regular: SnapshotRows, as_of: int) -> SnapshotRows:
    """The moments of the last two weeks, or as many more weeks as it takes for a hundred deals."""
    deals, number = np.unique(regular.deal, return_inverse=True)
    last = np.full(len(deals), np.iinfo(np.int64).min)
    np.maximum.at(last, number, regular.at)
    newest = np.sort(last)[::-1]
    since = min(as_of - int(RECENT_DAYS * DAY), int(newest[min(RECENT_DEALS, len(newest)) - 1]))
    recent = regular.at >= since
    if recent.sum() > MOST_MOMENTS:
        inside = np.flatnonzero(recent)
        recent[:] = False
        recent[inside[np.linspace(0, len(inside) - 1, MOST_MOMENTS).astype(np.int64)]] = True
    return regular.where(recent)


def never_falling(values: Floats) -> Floats:
    """The never-falling values (k,) nearest to these in squares: neighbours out of order take their mean.

    >>> never_falling(np.array([0.0, 3.0, 1.0, 5.0]))
    array([0., 2., 2., 5.])
    """
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (left, m), (right, n) = blocks[-2:]
            blocks[-2:] = [((left * m + right * n) / (m + n), m + n)]
    return np.repeat([value for value, _ in blocks], [count for _, count in blocks])
