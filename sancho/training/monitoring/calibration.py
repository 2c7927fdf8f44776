"""Did what the model promised since it was made come true as before, overall and segment by segment?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sancho.training.metrics import calibration_error, calibration_slope, log_losses
from sancho.training.monitoring.drift import SHARE, false_discovery

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAST_DEALS = 30  # of a segment, for it to be judged
LEAST_SPREAD = 5.0  # and of its wins' variance, below which a normal distribution is no measure
LEAST_MISS = 0.1  # of the wins expected: less matters to no one, however certain
_MOST_SHARE = 0.95  # a segment of nearly all deals has no rest to be compared with


@dataclass(frozen=True)
class PredictedOutcomes:
    """Chances given to windows that do not overlap within a deal, what came (0, 1) and whose they were (n,).

    `segments`: by feature, the level (n,) each was in, NaN = unknown.
    """

    chance: Floats
    came: Floats
    deal: Ints
    segments: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.chance)


@dataclass(frozen=True)
class SegmentCalibration:
    """Promises of one segment (`feature` and `level`, None = all deals): wins expected, and wins that came.

    Expected: by the chances, corrected by how far they missed in training. `shift` is by how much the
    log-odds of winning moved since, as far as that and, for a segment, all other deals do not explain it;
    `lo` and `hi` are its 95 % interval, `p_value` the chance of so large a one where nothing moved.
    """

    feature: str | None
    level: float
    rows: int
    deals: int
    expected: float
    came: float
    shift: float
    lo: float
    hi: float
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class Quality:
    """Figures of all promises together; log loss beside that of always saying the share that came."""

    log_loss: float
    constant_log_loss: float
    calibration_error: float
    slope: float
    intercept: float


def segment_calibrations(
    since: PredictedOutcomes, before: PredictedOutcomes, company_sd: float, segment_sd: float
) -> list[SegmentCalibration]:
    """Promises of all deals, then of each level of each segment; where nothing moved, any alarm in 5 %.

    What came minus what was promised, over sum p(1 - p), is to first order the shift in log-odds; since minus
    before is what moved. A segment is held against all other deals, so that what they share is no alarm of
    its own. `company_sd` and `segment_sd` are the sizes of shifts that come and go by themselves.
    """
    everything = np.ones(len(since), bool), np.ones(len(before), bool)
    found = [_judged(None, np.nan, since, before, everything, company_sd, segment_sd)]
    for name, values in since.segments.items():
        for level in np.unique(values[~np.isnan(values)]):
            parts = values == level, before.segments[name] == level
            found.append(_judged(name, float(level), since, before, parts, company_sd, segment_sd))
    judged = [one for one in found if one is not None]
    stands = false_discovery(np.array([one.p_value for one in judged]), SHARE)
    return [
        SegmentCalibration(
            **{
                **vars(one),
                "alarm": bool(stand) and abs(one.came - one.expected) >= LEAST_MISS * one.expected,
            }
        )
        for one, stand in zip(judged, stands, strict=True)
    ]


def _judged(
    feature: str | None,
    level: float,
    since: PredictedOutcomes,
    before: PredictedOutcomes,
    parts: tuple[Flags, Flags],
    company_sd: float,
    segment_sd: float,
) -> SegmentCalibration | None:
    """A segment's promises, no alarm yet; None where they are too few to be judged."""
    from scipy.stats import norm

    now, then = parts
    deals = len(np.unique(since.deal[now]))
    if deals < LEAST_DEALS or min(_spread(since, now), _spread(before, then)) < LEAST_SPREAD:
        return None
    usual = _shift(before, then)
    shift, variance = _moved(since, before, now, then)
    if feature is None:
        variance += company_sd**2
    else:
        if _spread(since, now) > _MOST_SHARE * _spread(since, np.ones(len(since), bool)):
            return None
        if min(_spread(since, ~now), _spread(before, ~then)) < LEAST_SPREAD:
            return None
        others, theirs = _moved(since, before, ~now, ~then)
        shift, variance = shift - others, variance + theirs + segment_sd**2
    reach = float(norm.ppf(0.975) * np.sqrt(variance))
    return SegmentCalibration(
        feature,
        level,
        int(now.sum()),
        deals,
        max(float(since.chance[now].sum()) + usual * _spread(since, now), 0.0),
        float(since.came[now].sum()),
        shift,
        shift - reach,
        shift + reach,
        float(2.0 * norm.sf(abs(shift) / np.sqrt(variance))),
        False,
    )


def _moved(
    since: PredictedOutcomes, before: PredictedOutcomes, now: Flags, then: Flags
) -> tuple[float, float]:
    """By how much the log-odds of winning moved, and the variance of that."""
    shift = _shift(since, now) - _shift(before, then)
    return shift, 1.0 / _spread(since, now) + 1.0 / _spread(before, then)


def _shift(promises: PredictedOutcomes, mine: Flags) -> float:
    return float((promises.came - promises.chance)[mine].sum()) / _spread(promises, mine)


def _spread(promises: PredictedOutcomes, mine: Flags) -> float:
    chance = promises.chance[mine]
    return float((chance * (1.0 - chance)).sum())


def quality(chance: Floats, came: Floats) -> Quality:
    """Figures of promises (n,) and what came (n,)."""
    rate = np.full(len(came), float(came.mean()) if len(came) else 0.0)
    intercept, slope = calibration_slope(chance, came)
    return Quality(
        float(log_losses(chance, came).mean()) if len(came) else np.nan,
        float(log_losses(rate, came).mean()) if len(came) else np.nan,
        calibration_error(chance, came),
        slope,
        intercept,
    )
