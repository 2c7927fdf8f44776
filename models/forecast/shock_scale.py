"""How much larger than usual may a period's shared shocks be? As uncertain as few periods leave their size.

The size of the common factors is estimated from K past periods. A normal factor of exactly that size would
claim that it is known: its tails are too thin, and a target a little out of reach would have a probability of
nearly 0. With the size uncertain, the variance of a period to come is its estimate times nu / chi2(nu), and
the factor is Student's t with nu degrees of freedom (Gelman et al., Bayesian Data Analysis, 3rd ed., sections
3.2 and 2.6). So each scenario has one scale, sqrt(nu / chi2(nu)), that multiplies all shared shocks in it: of
the company, of the teams and of new business, as turbulent periods are turbulent everywhere (the multivariate
t distribution; McNeil, Frey & Embrechts, Quantitative Risk Management, 2nd ed., section 6.2).

The scales are divided by their root mean square, so that the variance stays the estimated one: with it,
intervals of revenue hold about as often as they say (`benchmarks/interval_coverage.py`), and on development
worlds the larger variance of plain t made the scores of companies and teams worse (seeds 1 and 2 of
`benchmarks/attainment_tails.py`, with 500 days of records).
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
_CELLS, _FINE = 48, 1 << 14  # cells of scales, where a few do and where the tail counts
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


def scale_quantiles(degrees: float, cells: int) -> Floats:
    """Scales of the shared shocks in so many equally likely cells (cells,), the largest first.

    Their mean square is 1: the shocks vary as much as estimated, with wider tails.

    >>> scale_quantiles(KNOWN, 3).tolist()
    [1.0, 1.0, 1.0]
    >>> scale_quantiles(8.0, 5).round(2).tolist()
    [1.31, 1.04, 0.9, 0.79, 0.67]
    """
    if np.isinf(degrees):
        return np.ones(cells)
    return _plain_quantiles(degrees, cells) / _root_mean_square(degrees)


def _plain_quantiles(degrees: float, cells: int) -> Floats:
    """Before they are divided by their root mean square: those of Student's t."""
    share = (np.arange(cells) + 0.5) / cells
    return np.asarray(np.minimum(np.sqrt(degrees / chdtri(degrees, 1.0 - share)), LARGEST))


@lru_cache(maxsize=16)
def _root_mean_square(degrees: float) -> float:
    return float(np.sqrt((_plain_quantiles(degrees, _FINE) ** 2).mean()))


def scenario_scales(degrees: float, scenarios: int, seed: int) -> Floats:
    """The scale of the shared shocks in each scenario (S,): one in each of S equally likely cells."""
    cells = np.random.default_rng((seed, 2)).permutation(scenarios)
    return np.asarray(_kept_quantiles(float(degrees), scenarios)[cells])


@lru_cache(maxsize=16)
def _kept_quantiles(degrees: float, cells: int) -> Floats:
    return scale_quantiles(degrees, cells)


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
    for scale in scale_quantiles(degrees, cells).tolist():
        mean += (expit(_GRID[:, None] + scale * sd * _NODES) @ _WEIGHTS) / _WEIGHTS.sum() / cells
    return np.asarray(logit(mean), np.float64)
