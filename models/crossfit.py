"""What do trees predict for rows that they were not fitted on (cross-fitting)?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from features import Feature
from features.arrays import Flags, Floats, Ints
from models.win.trees import TreeSettings, parameters

FOLDS = 5
_SETTINGS = TreeSettings(count=80, leaves=12, depth=4, learning_rate=0.06, rows_per_leaf=40)
_LEAST = 100  # rows to fit on; with fewer, the prediction is the mean
_ROWS_PER_THREAD = 10_000  # with fewer rows, threads wait for each other longer than they work


def folds_of(groups: Ints) -> Ints:
    """The fold (n,) of each row; rows of the same group (n,) have the same fold."""
    count = int(groups.max(initial=-1)) + 1
    return np.asarray((np.random.default_rng(7).permutation(count) % FOLDS)[groups])


def cross_fitted(
    x: Floats,
    features: Sequence[Feature],
    y: Floats,
    fold: Ints,
    learn: Flags | None = None,
    weight: Floats | None = None,
    objective: str = "binary",
) -> Floats:
    """Expected `y` (n,) of rows x (n, k), each by trees fitted on the other folds.

    `learn` (n,): rows that may be fitted on. `objective`: "binary" for probabilities where `y` is 0 or 1,
    "regression" for means. With too few rows: the mean.
    """
    learn = np.ones(len(y), bool) if learn is None else learn
    weight = np.ones(len(y)) if weight is None else weight
    total = float(weight[learn].sum())
    mean = float(weight[learn] @ y[learn]) / total if total else 0.0
    if objective == "binary":
        mean = (mean * total + 0.5) / (total + 1.0)
    expected = np.full(len(y), mean)
    if learn.sum() < _LEAST or np.ptp(y[learn]) == 0:
        return expected
    for part in range(FOLDS):
        left_out, fitted = fold == part, learn & (fold != part)
        if left_out.any() and fitted.any():
            expected[left_out] = _fitted_trees(
                x[fitted], features, y[fitted], weight[fitted], objective
            ).predict(x[left_out])
    return expected


def _fitted_trees(x: Floats, features: Sequence[Feature], y: Floats, weight: Floats, objective: str) -> Any:
    import lightgbm

    categorical = [at for at, feature in enumerate(features) if feature.kind == "category"]
    size = replace(_SETTINGS, threads=min(_SETTINGS.threads, 1 + len(x) // _ROWS_PER_THREAD))
    settings = parameters(size, [], x.shape[1]) | {"objective": objective}
    del settings["monotone_constraints"], settings["monotone_constraints_method"]
    data = lightgbm.Dataset(x, label=y, weight=weight, categorical_feature=categorical, free_raw_data=True)
    return lightgbm.train(settings, data, num_boost_round=size.count, keep_training_booster=True)
