"""How is one leaf's value divided among the features on its path?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats
from features.kernel_cache import compiled

Bytes = NDArray[np.uint8]


def quadrature_rules(most: int) -> tuple[Floats, Floats]:
    """Points and weights on [0, 1] of Gauss-Legendre rules with 1 ... ceil(most / 2) points, concatenated.

    The rule with n points starts at n (n - 1) / 2 and is exact for polynomials up to degree 2 n - 1.
    """
    rules = [np.polynomial.legendre.leggauss(n) for n in range(1, max((most + 1) // 2, 1) + 1)]
    return np.concatenate([(x + 1.0) / 2.0 for x, _ in rules]), np.concatenate([w / 2.0 for _, w in rules])


@compiled
def add_shares(
    met: Bytes, kept: Floats, value: float, points: Floats, weights: Floats, forward: Floats, out: Floats
) -> None:
    """Add to `out` (d,) the Shapley values of a leaf of `value` whose path splits on d features.

    `met[j]` is 1 where the row meets all conditions of the path on feature j; `kept[j]` is the share of
    training rows that follow the path where feature j is unknown. Known features S then make the leaf worth
    value * prod_S met * prod_not-S kept, and by Owen (1972), "Multilinear extensions of games", Shapley's

        phi_i = value (met_i - kept_i) * integral over t in [0, 1] of prod_{j != i} met_j t + kept_j (1 - t),

    a polynomial of degree d - 1, which ceil(d / 2) points integrate exactly. `forward` (d + 1,) is scratch.
    """
    d = len(met)
    n = (d + 1) // 2
    first = n * (n - 1) // 2
    for q in range(first, first + n):
        t = points[q]
        forward[0] = value * weights[q]
        for j in range(d):
            forward[j + 1] = forward[j] * (met[j] * t + kept[j] * (1.0 - t))
        backward = 1.0
        for j in range(d - 1, -1, -1):
            out[j] += (met[j] - kept[j]) * forward[j] * backward
            backward *= met[j] * t + kept[j] * (1.0 - t)
