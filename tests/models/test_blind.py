"""Does the owner-blind variant see only what others wrote, and is a difference told where it is large?"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from features.catalogue import CATALOGUE
from models.win.blind import (
    SEEN_ACTIVITIES,
    UNSEEN,
    UNSEEN_GROUPS,
    BlindVariant,
    blind_variant,
    is_seen,
    seen_columns,
)
from models.win.model import WinModel

BY_NAME = {feature.name: feature for feature in CATALOGUE}


class Says:
    """Stands in for a win model: the first feature is the chance."""

    def won_by(self, x: np.ndarray, moments: np.ndarray, horizon: np.ndarray) -> np.ndarray:
        assert np.isinf(horizon).all()
        return x[:, 0]


class SaysHalf(Says):
    """Another: one half for every deal."""

    def won_by(self, x: np.ndarray, moments: np.ndarray, horizon: np.ndarray) -> np.ndarray:
        return np.full(len(x), 0.5)


def test_what_is_named_is_there():
    assert set(UNSEEN) | SEEN_ACTIVITIES <= set(BY_NAME)
    assert set(UNSEEN_GROUPS) <= {feature.group for feature in CATALOGUE}


def test_nothing_is_seen_of_the_owner_the_close_date_or_what_the_owner_alone_logged():
    seen = {feature.name for feature in CATALOGUE if is_seen(feature)}
    assert {"stage", "age_days", "amount", "industry", "inbound", "lead_source"} <= seen
    for feature in CATALOGUE:
        if {"deals.owner_id", "deals.expected_close_date"} & set(feature.reads):
            assert feature.name not in seen
    assert not {"calls", "visits", "activities_7d", "effective_meetings", "last_outcome"} & seen


def test_own_columns_of_the_account_are_seen_and_those_of_the_deal_are_not():
    own = replace(BY_NAME["source"], name="deals.確度", group="custom", reads=("deals.確度",))
    of_account = replace(own, name="accounts.上場区分", reads=("accounts.上場区分",))
    assert [is_seen(own), is_seen(of_account)] == [False, True]
    columns = seen_columns([own, of_account, BY_NAME["stage"]], np.array([0, 1, 2]))
    assert columns.tolist() == [1, 2]


def test_both_differ_much_from_the_difference_that_few_training_moments_have():
    usual = np.full((1000, 1), 0.5)
    usual[:30] = 0.999  # 3 %: more than the 2 % that count as much
    usual[:10] = 0.9999
    moments = np.zeros(1000, np.int64)
    variant = blind_variant(cast("WinModel", SaysHalf()), cast("WinModel", Says()), usual, moments)
    assert abs(variant.much - np.log(999)) < 0.01
    chance = np.array([0.5, 0.99, 0.9995, 0.0005, 1.0])
    assert variant.differs(chance, np.full(5, 0.5)).tolist() == [False, False, True, True, True]


def test_a_small_difference_is_never_much():
    moments = np.zeros(50, np.int64)
    variant = blind_variant(
        cast("WinModel", SaysHalf()), cast("WinModel", Says()), np.full((50, 1), 0.5), moments
    )
    assert variant.much == 1.0
    assert isinstance(variant, BlindVariant)
    assert variant.differs(np.array([0.6]), np.array([0.5])).tolist() == [False]
