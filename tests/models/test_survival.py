"""Do our few lines of survival analysis and smoothing say what scipy says, bit for bit?

They are written out because `scipy.stats` and `scipy.signal` take longer to load than an answer may.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import CensoredData, ecdf

from models.kpis import counts
from models.kpis.shares import surviving


@pytest.mark.parametrize("seed", range(20))
def test_the_share_that_survives_is_scipys_to_the_last_bit(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 400))
    days = np.minimum(rng.integers(0, 40, n) / rng.choice([1.0, 3.0, 7.0]), 25.0)  # with ties
    ended = rng.random(n) < rng.choice([0.0, 0.3, 1.0])
    at = np.arange(50, dtype=float)
    expected = ecdf(CensoredData.right_censored(days, ~ended)).sf.evaluate(at)
    np.testing.assert_array_equal(surviving(days, ended, at), expected)


def test_a_smoothed_series_is_that_of_a_recursive_filter_to_the_last_bit():
    daily = np.random.default_rng(3).poisson(2.0, 900).astype(float)
    keep = 0.5 ** (1 / 20.0)
    total, weight = (lfilter([1.0], [1.0, -keep], values) for values in (daily, np.ones(900)))
    np.testing.assert_array_equal(counts._smoothed(daily, 20.0), total / weight)
