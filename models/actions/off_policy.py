"""What would a rule for choosing actions bring, judged by what another rule chose?

Logged choices with the probability each had; the new rule's probability of the same choice; and a model of
outcomes. Inverse propensity scoring, its self-normalised form, and the doubly robust estimate that leans on
the model where there are no data (Dudík, Langford & Li 2011), each with a normal 90 % interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.statistics import Z90


@dataclass(frozen=True)
class Estimate:
    """A rule's mean outcome with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyValue:
    """A rule's value three ways; `effective_size` is how many logged choices the weights leave."""

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
    """The value of a rule from choices of another.

    outcome (n,); chosen (n,) number of the choice; propensity (n,) it had then; rule (n, k) probabilities
    that the new rule gives each choice; expected (n, k) outcomes foreseen of each. Weights are cut at
    `max_weight`.
    """
    rows = np.arange(len(outcome))
    weight = np.minimum(rule[rows, chosen] / np.maximum(propensity, 1e-6), max_weight)
    plain = weight * outcome
    total = float(weight.sum())
    own = float(plain.sum() / total) if total else float("nan")
    spread = weight * (outcome - own) / max(total / len(outcome), 1e-12) + own
    model = (rule * expected).sum(axis=1)
    robust = model + weight * (outcome - expected[rows, chosen])
    effective = total**2 / max(float((weight**2).sum()), 1e-12)
    return PolicyValue(_mean(plain), _mean(spread), _mean(robust), effective)


def mean_difference(first: Floats, second: Floats) -> Estimate:
    """The difference of two groups' mean outcomes (n,), (m,), with its 90 % interval."""
    gap = float(first.mean() - second.mean())
    sd = float(np.sqrt(first.var() / len(first) + second.var() / len(second)))
    return Estimate(gap, gap - Z90 * sd, gap + Z90 * sd)


def _mean(values: Floats) -> Estimate:
    mean = float(values.mean())
    sd = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return Estimate(mean, mean - Z90 * sd, mean + Z90 * sd)
