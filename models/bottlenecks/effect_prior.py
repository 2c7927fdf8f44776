"""What is left of an effect that was chosen for being large? Its posterior, given all that could be chosen.

The estimate of an effect that passed a filter is too large: luck helped it to pass. Its posterior mean is
not, however it was chosen, if the prior is that of everything there was to choose from (Dawid 1994,
"Selection paradoxes of Bayesian inference"; Efron 2011, "Tweedie's formula and selection bias"). That prior
is estimated from the effects of all that were tested: unimodal with its mode at no effect, a mixture of
uniform distributions that have one end there (Stephens 2017, "False discovery rates: a new deal").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Floats

STEP = 0.005
GRID = np.arange(-200, 201) * STEP  # effects, as differences in win rate
ENDS = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)  # of the uniform parts, on either side of no effect
# Effects that each part holds before any is seen: so that of few tested the largest is not believed wholly.
# Chosen on made-up contrasts of `benchmarks/accuracy_found.py` with seeds from 1,000 and worlds 741 to 745.
PART_COUNT = 0.3
ROUNDS = 300  # of expectation and maximisation


@dataclass(frozen=True)
class Posterior:
    """The probability `mass` (401,) of each effect on `GRID`."""

    mass: Floats

    @property
    def mean(self) -> float:
        """The expected effect."""
        return float(self.mass @ GRID)

    def quantile(self, share: float) -> float:
        """The effect below which a share of the mass lies."""
        return float(np.interp(share, np.cumsum(self.mass) - self.mass / 2, GRID))


@dataclass(frozen=True)
class EffectPrior:
    """The probability `mass` (401,) of each effect on `GRID`, for one of those that were tested."""

    mass: Floats

    @classmethod
    def fit(cls, effect: Floats, sd: Floats) -> EffectPrior:
        """From tested effects (n,) with their standard errors (n,).

        The parts' weights are those of the greatest likelihood, with `PART_COUNT` more effects in each part,
        by expectation and maximisation.
        """
        parts = _parts()
        miss = (effect[:, None] - GRID) / sd[:, None]
        likelihood = np.exp(-0.5 * miss**2) / sd[:, None] @ parts.T  # up to a factor that all parts share
        weight = np.full(len(parts), 1.0 / len(parts))
        for _ in range(ROUNDS):
            belongs = weight * likelihood
            belongs /= np.maximum(belongs.sum(axis=1, keepdims=True), 1e-300)
            weight = belongs.sum(axis=0) + PART_COUNT
            weight /= weight.sum()
        return cls(weight @ parts)

    def given(self, effect: float, sd: float) -> Posterior:
        """The posterior of one effect measured with standard error `sd`.

        >>> all_alike = EffectPrior(np.full(len(GRID), 1 / len(GRID)))
        >>> round(all_alike.given(-0.2, 0.05).mean, 4)
        -0.2
        """
        mass = self.mass * np.exp(-0.5 * ((effect - GRID) / sd) ** 2)
        return Posterior(mass / mass.sum())


def _parts() -> Floats:
    """The uniform distributions on `GRID` (k, 401): one at no effect, the others on either side of it."""
    sides = [(0.0, 0.0), *((-end, 0.0) for end in ENDS[1:]), *((0.0, end) for end in ENDS[1:])]
    among = [(low - STEP / 2 < GRID) & (high + STEP / 2 > GRID) for low, high in sides]
    out: Floats = np.array([inside / inside.sum() for inside in among])
    return out
