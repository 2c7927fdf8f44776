"""What can be counted on where the target is out of reach, and what may be lost where it is safe?

Both are read from the scenarios of the forecast.
"""

from __future__ import annotations

import numpy as np

from features.arrays import Floats
from models.forecast.undecided import UNDECIDED

CONFIDENCES = (0.5, 0.8, 0.9)


def reachable(total: Floats) -> list[dict[str, float]]:
    """The revenue that draws (S,) reach with 50, 80 and 90 % confidence.

    >>> [row["revenue"] for row in reachable(np.arange(101.0))]
    [50.0, 20.0, 10.0]
    """
    values = np.quantile(total, [1.0 - confidence for confidence in CONFIDENCES]).tolist()
    return [
        {"confidence": confidence, "revenue": round(value, 6)}
        for confidence, value in zip(CONFIDENCES, values, strict=True)
    ]


def margin(total: Floats, target: float) -> float:
    """How much revenue may be lost before the target is no longer safe; at least 0.

    The largest amount that leaves the target reached in 98 % of the draws (S,).

    >>> margin(np.arange(1000.0, 1101.0), 900.0)
    102.0
    """
    return max(float(np.quantile(total, 1.0 - UNDECIDED[1])) - target, 0.0)
