"""Are deals won and lost more often than usual at present, and how long does such a mood last?

A mood comes and goes: what is seen of it today tells much of the next weeks and little of the next year.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm.instants import DAY
from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.horizons import HorizonWindows
from models.win.stage_rates import StageRates

WEEK_DAYS = 7.0
MONTH_DAYS = 28.0
# Candidates, all equally likely beforehand: sd of the log rate of wins and of losses, half-life in days.
WON_SD = LOST_SD = (0.0, 0.1, 0.2, 0.35, 0.5)
HALF_LIFE_DAYS = (60.0, 120.0, 240.0)
EXTRA_SD = 0.1  # of a month's log rate, beyond counting
LARGEST = 1.0  # log rate that counts as a mood; beyond it, records are missing or were entered at once


@dataclass(frozen=True)
class MonthlyCounts:
    """Deals won and lost in each of the last four-week months (m,), and how many were to be expected.

    The last month ends with the data. Expected are those of the open deals' stage and age at the rates of all
    months, so that neither growth nor a young pipeline looks like a mood.
    """

    won: Floats
    won_expected: Floats
    lost: Floats
    lost_expected: Floats


@dataclass(frozen=True)
class Mood:
    """The mood at the end of the data, for each candidate of sizes and half-life (c,), by its likelihood.

    `level` is in its own standard deviations. A level m multiplies the rate of wins by exp(won_sd m) and that
    of losses by exp(-lost_sd m).
    """

    likelihood: Floats
    level: Floats
    won_sd: Floats
    lost_sd: Floats
    half_life_days: Floats

    @property
    def half_life(self) -> float:
        """The half-life in days, averaged over the candidates."""
        return float(self.likelihood @ self.half_life_days)

    def factors(self, days_ahead: Floats) -> tuple[Floats, Floats]:
        """By how much the rates of wins and of losses are multiplied so many days ahead: (d,), (d,).

        What is left of a mood halves with each half-life.
        """
        left = self.level * np.exp2(-days_ahead[:, None] / self.half_life_days)
        return np.exp(self.won_sd * left) @ self.likelihood, np.exp(-self.lost_sd * left) @ self.likelihood


def monthly_counts(
    rows: SnapshotRows, rates: StageRates, layout: FeatureLayout, windows: HorizonWindows, as_of: int
) -> MonthlyCounts:
    """Closings by month before `as_of`, and those expected of the regular moments by a table of rates."""
    regular = rows.where(rows.regular)
    seen = np.clip((as_of - regular.at) / DAY / WEEK_DAYS, 0.0, 1.0)  # share of the moment's week
    clock = windows.terms(regular.at, np.full(len(regular.at), WEEK_DAYS), regular.ever_days).clock[:, None]
    stage, age = layout.column(regular.x, layout.stage), layout.column(regular.x, layout.age, 0.0)
    middle = np.minimum(regular.at + int(0.5 * WEEK_DAYS * DAY), as_of - 1)
    month = _months_ago(middle, as_of)
    months = int(month.max(initial=0)) + 1
    expected = [
        np.bincount(month, regular.weight * seen * rates.read(table, stage, age, clock)[:, 0], months)
        for table in (rates.won, rates.lost)
    ]
    of_deal = np.unique(rows.deal, return_index=True)[1]
    ended = rows.at[of_deal] + (rows.days[of_deal] * DAY).astype(np.int64)
    when = _months_ago(ended, as_of)
    happened = [
        np.bincount(when[(rows.event[of_deal] == event) & (when < months)], minlength=months)
        for event in (1, 0)
    ]
    won, lost, won_expected, lost_expected = (
        np.asarray(count[::-1], np.float64) for count in (*happened, *expected)
    )
    won_expected = won_expected * _ratio(won, won_expected)
    lost_expected = lost_expected * _ratio(lost, lost_expected)
    if rows.longest_days < MONTH_DAYS:
        # Deals end in the month they come in: how many do tells of arrivals, only their split of a mood.
        ended_in_month = (won + lost) / np.maximum(won_expected + lost_expected, 1e-12)
        won_expected, lost_expected = won_expected * ended_in_month, lost_expected * ended_in_month
    return MonthlyCounts(won, won_expected, lost, lost_expected)


def fit_mood(counts: MonthlyCounts) -> Mood:
    """The mood after the last month: a first-order autoregression seen through counts of wins and losses.

    For each candidate of sizes and half-life the Kalman filter gives the present level and the likelihood;
    where the counts vary no more than by chance, candidates without a mood prevail and the factors stay at 1.
    """
    won_sd, lost_sd, half_life = (
        values.ravel() for values in np.meshgrid(WON_SD, LOST_SD, HALF_LIFE_DAYS, indexing="ij")
    )
    kept = np.exp2(-MONTH_DAYS / half_life)
    level, variance, log_likelihood = np.zeros(len(kept)), np.ones(len(kept)), np.zeros(len(kept))
    series = [
        (*_log_ratio(counts.won, counts.won_expected), won_sd),
        (*_log_ratio(counts.lost, counts.lost_expected), -lost_sd),
    ]
    for month in range(len(counts.won)):
        level, variance = kept * level, kept**2 * variance + 1.0 - kept**2
        for ratio, noise, size in series:
            spread = size**2 * variance + noise[month]
            miss = ratio[month] - size * level
            log_likelihood -= 0.5 * (np.log(spread) + miss**2 / spread)
            gain = variance * size / spread
            level, variance = level + gain * miss, variance * (1.0 - gain * size)
    # The next day is half a month after the middle of the last one.
    level = level * np.exp2(-0.5 * MONTH_DAYS / half_life)
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    return Mood(likelihood / likelihood.sum(), level, won_sd, lost_sd, half_life)


def moved_rates(rates: StageRates, mood: Mood) -> StageRates:
    """The table of rates for moments in that mood, from which it fades."""
    begins = np.append(0.0, rates.grid[:-1])
    middle = np.append(0.5 * (begins + rates.grid)[:-1], begins[-1])
    won_factor, lost_factor = mood.factors(middle)
    won, lost = np.diff(rates.won, axis=2, prepend=0.0), np.diff(rates.lost, axis=2, prepend=0.0)
    before = np.zeros((*rates.won.shape[:2], 1))
    still = np.maximum(1.0 - np.concatenate([before, (rates.won + rates.lost)[:, :, :-1]], axis=2), 1e-12)
    won, lost = won / still * won_factor, lost / still * lost_factor
    total = np.maximum(won + lost, 1e-12)
    scale = np.minimum(1.0, 1.0 / total)
    scale[:, :, -1] = 1.0 / total[:, :, -1]  # "ever" decides all
    left = np.cumprod(1.0 - np.minimum(total * scale, 1.0), axis=2)
    still = np.concatenate([before + 1.0, left[:, :, :-1]], axis=2)
    by_won = np.minimum(np.cumsum(still * won * scale, axis=2), 1.0)
    by_lost = np.minimum(np.cumsum(still * lost * scale, axis=2), 1.0 - by_won)
    return replace(rates, won=by_won, lost=by_lost)


def _months_ago(at: Ints, as_of: int) -> Ints:
    return np.asarray(np.maximum(as_of - 1 - at, 0) // int(MONTH_DAYS * DAY), np.int64)


def _ratio(happened: Floats, expected: Floats) -> float:
    return float(happened.sum() / max(expected.sum(), 1e-12))


def _log_ratio(happened: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Log of happened / expected in each month (m,), and its variance by chance."""
    ratio = np.clip(np.log((happened + 0.5) / (expected + 0.5)), -LARGEST, LARGEST)
    return ratio, 1.0 / (expected + 0.5) + EXTRA_SD**2
