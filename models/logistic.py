"""Which coefficients explain 0/1 outcomes best, with a ridge penalty and some of them non-negative?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from features.arrays import Floats

LOGIT_LIMIT = 15.0
MANY_COLUMNS = 64  # from this many columns on, intermediate curvatures are summed in single precision


def bounded_logit(probability: ArrayLike) -> Floats:
    """Log-odds, with probabilities kept off 0 and 1 so that the answer stays within 15.

    >>> float(bounded_logit(0.5)), round(float(bounded_logit(1.0)), 6)
    (0.0, 15.0)
    """
    limit = 1.0 / (1.0 + np.exp(LOGIT_LIMIT))
    p = np.clip(np.asarray(probability, np.float64), limit, 1.0 - limit)
    out: Floats = logit(p)
    return out


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients (p,) and the curvature (p, p) of the penalised loss at them, in units of `weight`."""

    coefficients: Floats
    curvature: Floats


def fit_logistic(
    design: Floats,
    outcome: Floats,
    weight: Floats,
    penalty: Floats,
    centre: Floats | None = None,
    not_negative: NDArray[np.bool_] | None = None,
    rounds: int = 40,
) -> LogisticFit:
    """Ridge logistic regression with sign constraints, by projected Newton steps.

    Minimises sum_i weight_i log(1 + exp(-s_i design_i b)) + sum_j penalty_j (b_j - centre_j)^2 / 2 with
    s = 2 outcome - 1, subject to b_j >= 0 where `not_negative`. Shapes: design (n, p), outcome and weight
    (n,), penalty and centre (p,). Bertsekas (1982), "Projected Newton methods for optimization problems
    with simple constraints". Without penalty, the log-odds of the mean come out:

    >>> ones = np.ones((4, 1))
    >>> fit = fit_logistic(ones, np.array([1.0, 1, 1, 0]), np.ones(4), np.zeros(1))
    >>> round(float(fit.coefficients[0]), 6) == round(float(np.log(3)), 6)
    True
    """
    count = design.shape[1]
    centre = np.zeros(count) if centre is None else centre
    bounded = np.zeros(count, bool) if not_negative is None else not_negative
    coefficients = np.where(bounded, np.maximum(centre, 0.0), centre)
    score = design @ coefficients
    value = _loss(score, outcome, weight, coefficients, penalty, centre)
    # Intermediate steps need less precision than the optimum: half the bytes, half the time.
    single_precision = design.astype(np.float32) if count >= MANY_COLUMNS else design
    for _ in range(rounds):
        chance = expit(score)
        gradient = design.T @ (weight * (chance - outcome)) + penalty * (coefficients - centre)
        curvature = _curvature(single_precision, weight * chance * (1.0 - chance), penalty)
        held = bounded & (coefficients <= 1e-12) & (gradient > 0)
        free = np.flatnonzero(~held)
        step = np.zeros(count)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        search_result = _search(design, outcome, weight, penalty, centre, bounded, coefficients, step, value)
        if search_result is None:
            break
        coefficients, score, better = search_result
        done = value - better <= 1e-9 * (abs(value) + 1e-9)
        value = better
        if done:
            break
    chance = expit(score)
    return LogisticFit(coefficients, _curvature(design, weight * chance * (1.0 - chance), penalty))


def _curvature(design: NDArray[np.floating], weight: Floats, penalty: Floats) -> Floats:
    scaled = design * np.sqrt(weight).astype(design.dtype)[:, None]
    out: Floats = (scaled.T @ scaled).astype(np.float64)
    out[np.diag_indices_from(out)] += penalty + 1e-9
    return out


def _loss(
    score: Floats, outcome: Floats, weight: Floats, coefficients: Floats, penalty: Floats, centre: Floats
) -> float:
    surprise = np.logaddexp(0.0, score) - outcome * score
    return float(weight @ surprise + 0.5 * penalty @ (coefficients - centre) ** 2)


def _search(
    design: Floats,
    outcome: Floats,
    weight: Floats,
    penalty: Floats,
    centre: Floats,
    bounded: NDArray[np.bool_],
    coefficients: Floats,
    step: Floats,
    value: float,
) -> tuple[Floats, Floats, float] | None:
    """The first of the halved steps that lowers the loss, its scores and loss; None when none does."""
    size = 1.0
    while size > 1e-6:
        trial = coefficients - size * step
        trial = np.where(bounded, np.maximum(trial, 0.0), trial)
        score = design @ trial
        reached = _loss(score, outcome, weight, trial, penalty, centre)
        if reached < value:
            return trial, score, reached
        size /= 2.0
    return None
