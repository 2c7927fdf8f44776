"""Which of two models predicts the same later rows better, how surely, and is either of them calibrated?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from crm.instants import DAY
from features.arrays import Floats, Ints
from training import metrics

MIN_DEALS = 30  # with fewer, nothing can be told
MARGIN = 0.005  # increase of the mean log loss that still counts as "not worse"
MIN_EXCESS = 0.02  # calibration error beyond luck that matters
SLOPE = (0.6, 1.6)
SURE = float(ndtri(0.995))  # a slope is off where its whole 99 % interval is outside of SLOPE
MAX_LUCK = 0.01  # a calibration error that luck reaches more rarely is not luck

ORIGIN_DAYS = 28  # questions asked within so many days share the luck of their time

Verdict = Literal["better", "not_worse", "worse", "cannot_tell"]


@dataclass(frozen=True)
class LaterRows:
    """Questions (m,) that neither model was trained on: outcome 0/1, weight, and the deal's number.

    `origin` (m,) numbers the time they were asked in (four weeks, see `origin_of`), whose luck they share;
    -1 = not known, which counts as one time.
    """

    outcome: Floats
    weight: Floats
    deal: Ints
    origin: Ints | None = None

    @property
    def deals(self) -> int:
        """How many deals the questions are about."""
        return len(np.unique(self.deal))

    @classmethod
    def joined(cls, parts: list[LaterRows]) -> LaterRows:
        """Several sets of rows as one."""
        return cls(
            np.concatenate([part.outcome for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.deal for part in parts]),
            np.concatenate([part.origins for part in parts]),
        )

    @property
    def origins(self) -> Ints:
        """The time (m,) that each question was asked in."""
        return np.full(len(self.deal), -1, np.int64) if self.origin is None else self.origin


def origin_of(moments: Ints) -> Ints:
    """The four weeks (m,) that moments, in microseconds UTC, lie in.

    >>> origin_of(np.array([0, 27 * DAY, 28 * DAY]))
    array([0, 0, 1])
    """
    out: Ints = moments // (ORIGIN_DAYS * DAY)
    return out


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How far probabilities are from what happened, and how far luck alone would put them.

    `error` is the calibration error in 15 bins, `luck` its mean where the probabilities are right, `p_value`
    the chance of an error as large then. `slope` and `intercept` of the log-odds have standard errors that
    count a deal once.
    """

    error: float
    luck: float
    p_value: float
    intercept: float
    slope: float
    intercept_se: float
    slope_se: float

    @property
    def excess(self) -> float:
        """The calibration error beyond luck."""
        return self.error - self.luck

    @property
    def is_off(self) -> bool:
        """Whether the probabilities are wrong by more than luck explains, and by enough to matter."""
        off = self.p_value <= MAX_LUCK and self.excess > MIN_EXCESS
        low, high = SLOPE
        reach = SURE * self.slope_se
        return off or self.slope + reach < low or self.slope - reach > high


@dataclass(frozen=True)
class Comparison:
    """Model A against model B on the same rows; `difference`: A minus B in log loss, with a 95 % interval."""

    deals: int
    rows: int
    difference: metrics.Difference
    a: Calibration
    b: Calibration

    @property
    def verdict(self) -> Verdict:
        """What the rows say of A. A difference that cannot be computed says nothing.

        "better": the whole interval is below 0; "not_worse": it is below the margin; "worse": it is above 0,
        or A is less calibrated than B by more than luck explains.
        """
        gap = self.difference
        if self.deals < MIN_DEALS or not np.isfinite([gap.mean, gap.lo, gap.hi]).all():
            return "cannot_tell"
        if self.is_less_calibrated:
            return "worse"
        if gap.hi < 0.0:
            return "better"
        if gap.hi <= MARGIN:
            return "not_worse"
        return "worse" if gap.lo > 0.0 else "cannot_tell"

    @property
    def is_broken(self) -> bool:
        """Whether there are rows, and yet no number for the difference: a model's answers are no numbers."""
        return self.rows > 0 and not np.isfinite(self.difference.mean)

    @property
    def is_less_calibrated(self) -> bool:
        """Whether A is off, and further than B: what neither can know (a market that turns) puts both off."""
        return self.a.is_off and self.a.excess > self.b.excess + MIN_EXCESS

    @property
    def passes(self) -> bool:
        """Whether A is shown to be better than B, or not worse."""
        return self.verdict in ("better", "not_worse")


def compare(a: Floats, b: Floats, rows: LaterRows, rng: np.random.Generator) -> Comparison:
    """Models by their probabilities (m,) for the same rows; pure, so that both kinds of error can be counted.

    The interval counts a deal once, and the questions of the same time as partly one (`clustered_means`).
    """
    losses = metrics.log_losses(a, rows.outcome), metrics.log_losses(b, rows.outcome)
    gap = metrics.paired_difference(*losses, rows.deal, rng, rows.weight, origin=rows.origins)
    return Comparison(rows.deals, len(rows.outcome), gap, calibration(a, rows), calibration(b, rows))


def calibration(chance: Floats, rows: LaterRows) -> Calibration:
    """The calibration of probabilities (m,) of some rows, and what luck alone would make of it."""
    error = metrics.calibration_error(chance, rows.outcome, rows.weight)
    luck = metrics.calibration_luck(chance, rows.deal, rows.weight)
    fit = metrics.calibration_fit(chance, rows.outcome, rows.deal, rows.weight)
    return Calibration(
        error=error,
        luck=luck.mean,
        p_value=luck.p_value(error),
        intercept=fit.intercept,
        slope=fit.slope,
        intercept_se=fit.intercept_se,
        slope_se=fit.slope_se,
    )
