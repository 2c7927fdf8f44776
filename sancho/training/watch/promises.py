"""Did what the model promised since it was made come true, overall and segment by segment?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sancho.training.metrics import calibration_error, calibration_slope, log_losses
from sancho.training.watch.drift import SHARE, false_discovery

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_DEALS = 30  # of a segment, for it to be judged
LEAST_MISS = 0.1  # of the wins expected: a smaller difference is no reason for alarm


@dataclass(frozen=True)
class Kept:
    """Promises of one segment (`feature` and `level`, None = all deals): wins expected, and wins that came.

    `p_value`: the chance of so large a difference if the promises were right, deals counted once and the
    shocks they share allowed for.
    """

    feature: str | None
    level: float
    rows: int
    deals: int
    expected: float
    came: float
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


def kept_promises(
    chance: Floats, came: Floats, deal: Ints, segments: Sequence[tuple[str, Floats]], shock_sd: float
) -> list[Kept]:
    """Promises (n,) of all deals, then of each level of each segment column (n,), alarms at 5 % false.

    `shock_sd` is the size of the shift in log-odds that all deals of a time share: by so much a total may
    miss without the model being wrong. Weeks of one deal count as one.
    """
    parts: list[tuple[str | None, float, NDArray[np.bool_]]] = [(None, np.nan, np.ones(len(chance), bool))]
    for name, values in segments:
        parts += [(name, float(level), values == level) for level in np.unique(values[~np.isnan(values)])]
    judged = [
        (name, level, mine)
        for name, level, mine in parts
        if mine.any() and len(np.unique(deal[mine])) >= LEAST_DEALS
    ]
    p_values = np.array([_surprise(chance[m], came[m], deal[m], shock_sd) for _, _, m in judged])
    alarms = false_discovery(p_values, SHARE)
    return [
        Kept(
            name,
            level,
            int(mine.sum()),
            len(np.unique(deal[mine])),
            float(chance[mine].sum()),
            float(came[mine].sum()),
            float(p),
            bool(alarm) and abs(float((came - chance)[mine].sum())) >= LEAST_MISS * float(chance[mine].sum()),
        )
        for (name, level, mine), p, alarm in zip(judged, p_values, alarms, strict=True)
    ]


def _surprise(chance: Floats, came: Floats, deal: Ints, shock_sd: float) -> float:
    from scipy.stats import norm

    _, number = np.unique(deal, return_inverse=True)
    # Were the promises right, a deal's rows would err together by no more than all at once.
    spread = np.sqrt(chance * (1.0 - chance))
    own = float((np.bincount(number, spread) ** 2).sum())
    shared = shock_sd * float((chance * (1.0 - chance)).sum())
    return float(2.0 * norm.sf(abs(float((came - chance).sum())) / np.sqrt(own + shared**2 + 1e-12)))


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
