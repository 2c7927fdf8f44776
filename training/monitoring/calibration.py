"""Are predictions since the training as well calibrated as before, overall and segment by segment?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, norm

from features.arrays import Flags, Floats, Ints
from training.metrics import calibration_error, calibration_slope, log_losses
from training.monitoring.drift import SHARE

MIN_DEALS = 30  # of a segment, for it to be tested
MIN_VARIANCE = 5.0  # and of its wins' variance, below which a normal distribution does not fit
MIN_DIFFERENCE = 0.1  # share of the expected wins; a smaller difference raises no alarm
_MAX_SHARE = 0.95  # a larger segment leaves too few other deals to compare with


@dataclass(frozen=True)
class PredictedOutcomes:
    """Predicted chances of windows that do not overlap within a deal, outcomes (0, 1) and deals (n,).

    `segments`: by feature, the level (n,), NaN = unknown.
    """

    chance: Floats
    outcome: Floats
    deal: Ints
    segments: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.chance)


@dataclass(frozen=True)
class SegmentCalibration:
    """Calibration in one segment (`feature` and `level`, None = all deals): expected and actual wins.

    `expected`: the sum of the predicted chances, corrected by their error before the data time. `shift` is
    the change in the log-odds of winning since then, minus that error and, for a segment, minus the change of
    all other deals; `lo` and `hi` are its 95% interval, `p_value` tests that it is 0.
    """

    feature: str | None
    level: float
    rows: int
    deals: int
    expected: float
    actual: float
    shift: float
    lo: float
    hi: float
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class Quality:
    """Scores of all predictions; `constant_log_loss` is that of always predicting the share won."""

    log_loss: float
    constant_log_loss: float
    calibration_error: float
    slope: float
    intercept: float


def segment_calibrations(
    since: PredictedOutcomes, before: PredictedOutcomes, company_sd: float, segment_sd: float
) -> list[SegmentCalibration]:
    """Calibration of all deals, then of each level of each segment; false discovery rate of the alarms 5%.

    The sum of outcomes minus predictions, divided by sum p(1 - p), is to first order the shift in log-odds;
    since minus before is the change. A segment is compared with all other deals, so a common shift raises no
    alarm in segments. `company_sd`, `segment_sd`: standard deviations of ordinary, temporary shifts.
    """
    everything = np.ones(len(since), bool), np.ones(len(before), bool)
    segments = [_calibration(None, np.nan, since, before, everything, company_sd, segment_sd)]
    for name, values in since.segments.items():
        for level in np.unique(values[~np.isnan(values)]):
            parts = values == level, before.segments[name] == level
            segments.append(_calibration(name, float(level), since, before, parts, company_sd, segment_sd))
    testable = [segment for segment in segments if segment is not None]
    significant = false_discovery_control([segment.p_value for segment in testable]) <= SHARE
    return [
        SegmentCalibration(
            **{
                **vars(segment),
                "alarm": bool(is_significant)
                and abs(segment.actual - segment.expected) >= MIN_DIFFERENCE * segment.expected,
            }
        )
        for segment, is_significant in zip(testable, significant, strict=True)
    ]


def _calibration(
    feature: str | None,
    level: float,
    since: PredictedOutcomes,
    before: PredictedOutcomes,
    parts: tuple[Flags, Flags],
    company_sd: float,
    segment_sd: float,
) -> SegmentCalibration | None:
    """A segment's calibration, `alarm` not yet set; None where there are too few predictions to test."""
    now, then = parts
    deals = len(np.unique(since.deal[now]))
    if deals < MIN_DEALS or min(_variance(since, now), _variance(before, then)) < MIN_VARIANCE:
        return None
    shift_before = _shift(before, then)
    shift, variance = _change(since, before, now, then)
    if feature is None:
        variance += company_sd**2
    else:
        if _variance(since, now) > _MAX_SHARE * _variance(since, np.ones(len(since), bool)):
            return None
        if min(_variance(since, ~now), _variance(before, ~then)) < MIN_VARIANCE:
            return None
        other_shift, other_variance = _change(since, before, ~now, ~then)
        shift, variance = shift - other_shift, variance + other_variance + segment_sd**2
    half_width = float(norm.ppf(0.975) * np.sqrt(variance))
    return SegmentCalibration(
        feature,
        level,
        int(now.sum()),
        deals,
        max(float(since.chance[now].sum()) + shift_before * _variance(since, now), 0.0),
        float(since.outcome[now].sum()),
        shift,
        shift - half_width,
        shift + half_width,
        float(2.0 * norm.sf(abs(shift) / np.sqrt(variance))),
        False,
    )


def _change(
    since: PredictedOutcomes, before: PredictedOutcomes, now: Flags, then: Flags
) -> tuple[float, float]:
    """The change in the log-odds of winning, and its variance."""
    shift = _shift(since, now) - _shift(before, then)
    return shift, 1.0 / _variance(since, now) + 1.0 / _variance(before, then)


def _shift(predicted: PredictedOutcomes, use: Flags) -> float:
    return float((predicted.outcome - predicted.chance)[use].sum()) / _variance(predicted, use)


def _variance(predicted: PredictedOutcomes, use: Flags) -> float:
    chance = predicted.chance[use]
    return float((chance * (1.0 - chance)).sum())


def quality(chance: Floats, outcome: Floats) -> Quality:
    """Scores of predicted chances (n,) and outcomes (n,)."""
    rate = np.full(len(outcome), float(outcome.mean()) if len(outcome) else 0.0)
    intercept, slope = calibration_slope(chance, outcome)
    return Quality(
        float(log_losses(chance, outcome).mean()) if len(outcome) else np.nan,
        float(log_losses(rate, outcome).mean()) if len(outcome) else np.nan,
        calibration_error(chance, outcome),
        slope,
        intercept,
    )
