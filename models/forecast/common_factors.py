"""How strongly are deals correlated? Sizes of the shocks that a company, or a team, shares in a period.

With independent deals the distribution of their sum would be too narrow. The sizes are estimated from the
errors of past periods' totals, as a function of the working days left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from models.forecast.shock_scale import PRIOR_LOG_SPREAD, degrees_of_freedom

PRIOR_SD = 0.25  # prior: a shock that changes odds by about a quarter
KNOTS = np.array([2.0, 5.0, 10.0, 20.0, 40.0, 65.0])  # working days left
_GRID = np.geomspace(0.02, 1.6, 60)


@dataclass(frozen=True)
class CommonFactors:
    """Standard deviations of shared shifts in log-odds, `left` working days before the period's end."""

    left: Floats
    company: Floats
    team: Floats
    periods: int = 0

    @classmethod
    def prior(cls) -> CommonFactors:
        """The prior sizes, before any past period."""
        return cls(KNOTS, np.full(len(KNOTS), PRIOR_SD), np.full(len(KNOTS), PRIOR_SD / 2))

    @property
    def degrees(self) -> float:
        """Degrees of freedom with which the past periods say how large the shared shifts are."""
        return degrees_of_freedom(self.periods)

    def at(self, days_left: float) -> tuple[float, float]:
        """(company, team) sizes with so many working days left; linear in log days, flat outside."""
        x, knots = np.log(max(days_left, 0.5)), np.log(self.left)
        return float(np.interp(x, knots, self.company)), float(np.interp(x, knots, self.team))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ("left", "company", "team")}
        return {**arrays, "periods": self.periods}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> CommonFactors:
        """The factors `to_json` described."""
        left, company, team = (np.asarray(state[name], np.float64) for name in ("left", "company", "team"))
        return cls(left, company, team, int(state["periods"]))


def fit_common_factors(
    probability: Floats, won: Floats, origin: Ints, period: Ints, team: Ints, days_left: Floats
) -> CommonFactors:
    """Sizes that best explain the errors of past totals.

    One row per (open deal, past moment), all of shape (n,): the probability then given to "won by the
    period's end" (by a model that had not seen the outcome), what happened (0 or 1), the number of the
    moment, of its period and of the deal's team (-1 = none), and the working days left. With E, V the mean
    and variance of a total if deals were independent and D = sum p(1-p), its slope in a shared log-odds
    shift, the total is taken as N(E, V + sd^2 D^2); `sd` is the posterior mode on a grid, smoothed over
    neighbouring times left; moments of one period count as one together.
    """
    if len(probability) == 0:
        return CommonFactors.prior()
    variance = probability * (1 - probability)
    _, moment_number = np.unique(origin, return_inverse=True)
    error, noise = sums_by_group(moment_number, won - probability), sums_by_group(moment_number, variance)
    first = np.unique(moment_number, return_index=True)[1]
    left_of_moment, period_of_moment = days_left[first], period[first]
    weight = (
        1.0
        / np.bincount(np.unique(period_of_moment, return_inverse=True)[1])[
            np.unique(period_of_moment, return_inverse=True)[1]
        ]
    )
    company = np.array(
        [_mode(error, noise, noise, 0.0, PRIOR_SD, weight * _near(left_of_moment, knot)) for knot in KNOTS]
    )

    pair, of_pair = np.unique(np.stack([moment_number, team]), axis=1, return_inverse=True)
    use = pair[1] >= 0
    team_error = sums_by_group(of_pair.ravel(), won - probability)[use]
    team_noise = sums_by_group(of_pair.ravel(), variance)[use]
    moment = pair[0][use]
    company_sd = np.interp(np.log(np.maximum(left_of_moment, 0.5)), np.log(KNOTS), company)[moment]
    teams = max(len(np.unique(team[team >= 0])), 1)
    team_sd = np.array(
        [
            _mode(
                team_error,
                team_noise + (company_sd * team_noise) ** 2,
                team_noise,
                0.0,
                PRIOR_SD / 2,
                weight[moment] * _near(left_of_moment[moment], knot) / np.sqrt(teams),
            )
            for knot in KNOTS
        ]
    )
    return CommonFactors(KNOTS, company, team_sd, len(np.unique(period)))


def sums_by_group(group: Ints, values: Floats, groups: int = 0) -> Floats:
    """Sums of values (n,) by group number (n,), at least `groups` of them.

    >>> sums_by_group(np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0])).tolist()
    [4.0, 0.0, 2.0]
    """
    return np.asarray(np.bincount(group, values, minlength=groups), np.float64)


def _near(left: Floats, knot: float) -> Floats:
    """The weight of a moment for a knot: a Gaussian in log2 days left, with sd 1."""
    return np.asarray(np.exp(-0.5 * (np.log2(np.maximum(left, 0.5) / knot)) ** 2))


def _mode(error: Floats, noise: Floats, slope: Floats, extra: float, prior: float, weight: Floats) -> float:
    variance = noise[:, None] + extra + (slope[:, None] * _GRID) ** 2 + 1e-9
    log_likelihood = -0.5 * (np.log(variance) + error[:, None] ** 2 / variance)
    # Small totals are far from normal: a group with a variance below one gets less weight.
    weights = weight * np.minimum(noise, 1.0)
    log_prior = -0.5 * (np.log(_GRID / prior) / PRIOR_LOG_SPREAD) ** 2
    return float(_GRID[np.argmax(weights @ log_likelihood + log_prior)])
