"""Does the interval of the target's probability hold the true one as often as it says, within bounds?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from models.forecast.attainment_interval import SETTLED, attainment_intervals, settled_ends

QUARTERS = 20_000


def quarters_with_a_settled_part(target: float, seed: int) -> tuple[float, np.ndarray]:
    """The shown probability of a target, and the true ones of quarters whose settled part is hidden."""
    hidden = np.random.default_rng(seed).normal(0.0, SETTLED**0.5, QUARTERS)
    shown = float(ndtr(-target))
    return shown, ndtr((hidden - target) / (1.0 - SETTLED) ** 0.5)


@pytest.mark.parametrize("target", [-1.0, 0.0, 0.6, 1.5])
def test_true_probabilities_lie_between_the_ends_as_often_as_their_level_says(target: float) -> None:
    shown, true = quarters_with_a_settled_part(target, seed=5)
    assert true.mean() == pytest.approx(shown, abs=0.01)
    for level in (0.5, 0.8, 0.95):
        lo, hi = settled_ends(shown, level)
        held = ((lo <= true) & (true <= hi)).mean()
        assert held >= level - 0.01
        if (
            abs(target) < 1
        ):  # further out the shown probability lies outside the central part, and is included
            assert held == pytest.approx(level, abs=0.01)


def test_each_level_contains_the_one_before_and_the_shown_probability() -> None:
    for probability in (1e-12, 3e-5, 0.001, 0.02, 0.3, 0.5, 0.77, 0.98, 1 - 3e-5, 1 - 1e-12):
        intervals = attainment_intervals(probability)
        assert intervals is not None
        assert list(intervals) == ["50", "80", "95"]
        inner_lo = inner_hi = probability
        for lo, hi in intervals.values():
            assert 0 < lo <= inner_lo
            assert inner_hi <= hi < 1
            inner_lo, inner_hi = lo, hi


def test_where_the_quarter_is_decided_the_interval_is_narrow() -> None:
    draws = 1 << 14
    for probability in (0.5 / draws, 1 - 0.5 / draws):
        intervals = attainment_intervals(probability)
        assert intervals is not None
        lo, hi = intervals["95"]
        assert hi - lo < 0.005
    near = attainment_intervals(0.5)
    assert near is not None
    assert near["80"][1] - near["80"][0] > 0.4


def test_probabilities_and_their_complements_have_mirrored_intervals() -> None:
    for probability in (0.02, 0.3, 0.5):
        both = attainment_intervals(probability), attainment_intervals(1.0 - probability)
        assert both[0] is not None
        assert both[1] is not None
        for level, (lo, hi) in both[0].items():
            assert both[1][level] == pytest.approx([1.0 - hi, 1.0 - lo])


def test_without_a_probability_there_is_no_interval() -> None:
    assert attainment_intervals(None) is None
