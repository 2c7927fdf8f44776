"""What would a policy for choosing actions bring, estimated from the choices of another policy?

Inputs: logged choices with their propensities, the new policy's probabilities, and a model of outcomes.
Inverse propensity scoring, its self-normalised form, and the doubly robust estimate, which uses the model
where there are no data (Dudík, Langford & Li 2011), each with a normal 90 % interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.statistics import Z90


@dataclass(frozen=True)
class Estimate:
    """A mean outcome with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyValue:
    """A policy's value by three estimators; `effective_size` is the effective number of logged choices."""

    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    effective_size: float


def evaluate_policy(
    outcome: Floats,
    chosen: Ints,
    propensity: Floats,
    rule: Floats,
    expected: Floats,
    max_weight: float = 50.0,
) -> PolicyValue:
    """The value of a policy from the logged choices of another.

    outcome (n,); chosen (n,) number of the choice; propensity (n,) of that choice; rule (n, k) the new
    policy's probabilities of each choice; expected (n, k) predicted outcomes. Weights are capped at
    `max_weight`.
    """
    rows = np.arange(len(outcome))
    weight = np.minimum(rule[rows, chosen] / np.maximum(propensity, 1e-6), max_weight)
    plain = weight * outcome
    total = float(weight.sum())
    normalised = float(plain.sum() / total) if total else float("nan")
    influence = weight * (outcome - normalised) / max(total / len(outcome), 1e-12) + normalised
    model = (rule * expected).sum(axis=1)
    robust = model + weight * (outcome - expected[rows, chosen])
    effective = total**2 / max(float((weight**2).sum()), 1e-12)
    return PolicyValue(_mean(plain), _mean(influence), _mean(robust), effective)


def mean_difference(first: Floats, second: Floats) -> Estimate:
    """The difference of two groups' mean outcomes (n,), (m,), with its 90 % interval."""
    gap = float(first.mean() - second.mean())
    sd = float(np.sqrt(first.var() / len(first) + second.var() / len(second)))
    return Estimate(gap, gap - Z90 * sd, gap + Z90 * sd)


def _mean(values: Floats) -> Estimate:
    mean = float(values.mean())
    sd = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return Estimate(mean, mean - Z90 * sd, mean + Z90 * sd)
