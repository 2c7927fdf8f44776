"""Are the scores of boosted trees LightGBM's own, digit for digit?"""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest

from models.win.tree_scores import BLOCK, ROWS_PER_THREAD, raw_scores, read_nodes


def rows_of(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight features: 0-2 with gaps, 3 with zeros, 4 and 5 categories, 6 known or not, 7 whole numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 8))
    x[:, :3][rng.random((count, 3)) < 0.3] = np.nan
    x[:, 3] *= rng.random(count) < 0.5
    x[:, 4:6] = rng.integers(0, 40, (count, 2))
    x[:, 5][rng.random(count) < 0.2] = np.nan
    x[:, 6] = np.where(rng.random(count) < 0.5, 1.0, np.nan)
    x[:, 7] = rng.integers(0, 5, count)
    score = np.nan_to_num(x[:, :3]) @ [1.0, -0.7, 0.4] + x[:, 3] + np.sin(x[:, 4]) + np.isnan(x[:, 6])
    return x, (rng.random(count) < 1 / (1 + np.exp(-score))).astype(float)


def booster_of(**more: Any) -> lightgbm.Booster:
    x, won = rows_of(4_000, 1)
    parameters = {"objective": "binary", "num_leaves": 24, "num_threads": 1, "verbosity": -1, **more}
    data = lightgbm.Dataset(x, won, categorical_feature=[4, 5], params={"verbosity": -1, **more})
    return lightgbm.train(parameters, data, 40)


def asked(count: int) -> np.ndarray:
    """Rows with what no training row had: other categories, gaps everywhere, no gaps, ends of the scale."""
    x = rows_of(count, 2)[0]
    x[::7, 4:6] += 35
    x[1::7, 4] = -1.0
    x[2::7, 4] = -0.5
    x[3::7] = np.nan
    x[4::7, 3] = 1e-36
    x[5::7, 6] = np.inf
    x[6::7, 7] = -np.inf
    return x


@pytest.mark.parametrize(
    ("more", "asks_whether_known"),
    [
        ({}, True),
        ({"max_depth": 3}, True),
        ({"use_missing": False}, False),
        ({"min_data_in_leaf": 5_000}, False),
    ],
)
def test_scores_are_lightgbms_digit_for_digit(more: dict[str, Any], asks_whether_known: bool):
    booster, x = booster_of(**more), asked(3_000)
    nodes = read_nodes(booster.model_to_string())
    assert raw_scores(nodes, x).tobytes() == booster.predict(x, raw_score=True).tobytes()
    # Where a split parts unknown values from all known ones, its threshold is above every number.
    assert np.isinf(nodes.threshold).any() == asks_whether_known


def test_single_rows_blocks_and_threads_score_alike():
    booster, x = booster_of(), asked(3 * ROWS_PER_THREAD + 5)
    nodes, whole = read_nodes(booster.model_to_string()), booster.predict(x, raw_score=True)
    assert np.array_equal(raw_scores(nodes, x, threads=3), whole)
    assert np.array_equal(raw_scores(nodes, np.asfortranarray(x)), whole)
    for count in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1):
        assert np.array_equal(raw_scores(nodes, x[:count]), whole[:count])


def test_trees_that_take_zeros_for_missing_are_refused_by_name():
    text = booster_of(zero_as_missing=True).model_to_string()
    with pytest.raises(ValueError, match="zero_as_missing=true; train it without"):
        read_nodes(text)
