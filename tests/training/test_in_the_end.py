"""Is what became of later deals told without leaving out those that are still open?"""

from __future__ import annotations

import numpy as np
import pytest

from training.in_the_end import share_won


def test_without_deals_still_open_the_share_won_is_counted():
    days, event = np.array([1.0, 2.0, 2.0, 9.0]), np.array([1, 0, 1, 0])
    assert share_won(days, event, np.ones(4), 0.9) == pytest.approx(0.5)


def test_deals_still_open_count_as_long_as_they_were_seen():
    rng = np.random.default_rng(0)
    count = 40_000
    won = rng.random(count) < 0.4
    ends = np.where(won, rng.exponential(20.0, count), rng.exponential(60.0, count))  # losses take longer
    seen = rng.uniform(0.0, 120.0, count)
    event = np.where(ends < seen, won.astype(int), -1)
    days = np.minimum(ends, seen)
    assert won[event >= 0].mean() > 0.48  # what has ended says too much
    assert share_won(days, event, np.ones(count), 0.05) == pytest.approx(0.4, abs=0.02)


def test_what_is_left_at_the_end_is_won_as_often_as_late_deals_are():
    days, event = np.array([3.0, 10.0, 10.0, 10.0]), np.array([1, -1, -1, -1])
    assert share_won(days, event, np.ones(4), 0.2) == pytest.approx(0.25 + 0.75 * 0.2)
