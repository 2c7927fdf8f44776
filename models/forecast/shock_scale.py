"""How much larger than usual may a period's shared shocks be? As uncertain as few periods leave their size.

The size of the common factors is estimated from K past periods. A normal factor of exactly that size would
claim that it is known: its tails are too thin, and a target a little out of reach would have a probability of
nearly 0. With the size uncertain, the variance of a period to come is its estimate times nu / chi2(nu), and
the factor is Student's t with nu degrees of freedom (Gelman et al., Bayesian Data Analysis, 3rd ed., sections
3.2 and 2.6). So each scenario has one scale, sqrt(nu / chi2(nu)), that multiplies all shared shocks in it: of
the company, of the teams and of new business, as turbulent periods are turbulent everywhere (the multivariate
t distribution; McNeil, Frey & Embrechts, Quantitative Risk Management, 2nd ed., section 6.2).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import chdtri, expit, logit, ndtri

from features.arrays import Floats

# Prior of a size: known to within a factor of two (the spread of its logarithm).
PRIOR_LOG_SPREAD = 0.7
# chi2 degrees of freedom whose log size spreads as much: trigamma(nu / 2) / 4 = spread^2, nearly 2.
PRIOR_DEGREES = 2.0
# A shock is at most so many times its usual size: where the 99 % interval of the prior ends.
LARGEST = float(np.exp(ndtri(0.995) * PRIOR_LOG_SPREAD))
KNOWN = float("inf")  # degrees of freedom of a size that is known
_CELLS = 48
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_GRID = np.linspace(-20, 20, 1601)


def degrees_of_freedom(periods: int) -> float:
    """Degrees of freedom of a size estimated from so many periods, one of them for the level; 2 of the prior.

    >>> degrees_of_freedom(0), degrees_of_freedom(10)
    (2.0, 11.0)
    >>> from scipy.special import polygamma
    >>> abs(float(polygamma(1, PRIOR_DEGREES / 2)) / 4 - PRIOR_LOG_SPREAD**2) < 0.1
    True
    """
    return PRIOR_DEGREES + max(periods - 1, 0)


def scale_quantiles(degrees: float, share: Floats) -> Floats:
    """Scales of the shared shocks at shares (n,) between 0 and 1 of the scenarios, the largest first.

    Their mean square over all scenarios is 1: the shocks vary as much as estimated, with wider tails.

    >>> scale_quantiles(KNOWN, np.array([0.1, 0.9])).tolist()
    [1.0, 1.0]
    >>> scale_quantiles(8.0, np.array([0.05, 0.5, 0.95])).round(2).tolist()
    [1.48, 0.9, 0.62]
    """
    if np.isinf(degrees):
        return np.ones(len(share))
    scale = np.minimum(np.sqrt(degrees / chdtri(degrees, 1.0 - share)), LARGEST)
    return np.asarray(scale / _root_mean_square(degrees))


@lru_cache(maxsize=64)
def _root_mean_square(degrees: float) -> float:
    share = (np.arange(1 << 14) + 0.5) / (1 << 14)
    scale = np.minimum(np.sqrt(degrees / chdtri(degrees, 1.0 - share)), LARGEST)
    return float(np.sqrt((scale**2).mean()))


def scenario_scales(degrees: float, scenarios: int, seed: int) -> Floats:
    """The scale of the shared shocks in each scenario (S,): one in each of S equally likely cells."""
    cells = np.random.default_rng((seed, 2)).permutation(scenarios)
    return scale_quantiles(degrees, (cells + 0.5) / scenarios)


def centred_log_odds(probability: Floats, sd: float, degrees: float = KNOWN) -> Floats:
    """Log-odds m whose average probability under a random shift is p: E[expit(m + sd T)] = p.

    T is the shared factor: standard normal, or Student's t with `degrees` of freedom up to `LARGEST` times
    its usual size. Any shape; 0 and 1 give -inf and inf.

    >>> round(float(centred_log_odds(np.array([0.9]), 0.0)[0]), 4)
    2.1972
    >>> float(centred_log_odds(np.array([0.9]), 1.0)[0]) > 2.3
    True
    """
    log_odds = np.asarray(logit(probability), np.float64)
    if sd == 0:
        return log_odds
    centred = np.interp(log_odds, _shifted_log_odds(float(sd), float(degrees)), _GRID)
    return np.where(np.isfinite(log_odds), centred, log_odds)


@lru_cache(maxsize=64)
def _shifted_log_odds(sd: float, degrees: float) -> Floats:
    """Log-odds of the average probability under the shift, at each of the grid's log-odds."""
    cells = 1 if np.isinf(degrees) else _CELLS
    mean = np.zeros(len(_GRID))
    for scale in scale_quantiles(degrees, (np.arange(cells) + 0.5) / cells).tolist():
        mean += (expit(_GRID[:, None] + scale * sd * _NODES) @ _WEIGHTS) / _WEIGHTS.sum() / cells
    return np.asarray(logit(mean), np.float64)
