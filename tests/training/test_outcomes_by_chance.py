"""Are later deals counted once, in tenths of the chance said, with the ends of a share?"""

from __future__ import annotations

import numpy as np
import pytest

from training.outcomes_by_chance import (
    group_of,
    groups_of_curve,
    one_question_each,
    recorded_groups,
    wilson,
)


def test_wilson_gives_the_published_ends() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, 15 of 148, 0 of 20 and 1 of 29."""
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611)}
    published[(1, 29)] = (0.0061, 0.1718)
    for (successes, trials), ends in published.items():
        assert wilson(successes, trials) == pytest.approx(ends, abs=5e-5)


def test_one_question_each_asks_every_deal_once_and_the_same_again() -> None:
    deal = np.array([3, 3, 3, 1, 1, 7])
    asked = one_question_each(deal)
    assert sorted(deal[asked].tolist()) == [1, 3, 7]
    assert asked.tolist() == one_question_each(deal).tolist()


def test_a_group_has_its_mean_chance_its_share_won_and_its_count() -> None:
    group = group_of(np.array([0.5, 0.6, 0.7]), np.array([1.0, 0.0, 1.0]))
    assert (group.predicted, group.observed, group.count) == (pytest.approx(0.6), pytest.approx(2 / 3), 3)
    assert (group.low, group.high) == wilson(2, 3)


def test_an_older_records_curve_counts_each_deal_once_in_all() -> None:
    groups = groups_of_curve([[0.1, 0.0, 300.0], [0.6, 0.5, 100.0]], deals=40)
    assert [group.count for group in groups] == [30, 10]
    assert (groups[1].low, groups[1].high) == wilson(5, 10)


def test_what_is_recorded_goes_before_the_curve() -> None:
    kept = {"predicted": 0.6, "observed": 0.5, "low": 0.2, "high": 0.8, "count": 6}
    (group,) = recorded_groups({"by_chance": [kept], "curve": [[0.1, 0.0, 3.0]], "deals": 3})
    assert group.to_json() == kept
    assert recorded_groups({"deals": 3, "curve": []}) == []
