"""What would have been expected of each row by trees that did not see it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.features import Feature
from sancho.models.trees import TreeSettings, parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FOLDS = 5
_SETTINGS = TreeSettings(count=80, leaves=12, depth=4, pace=0.06, rows_per_leaf=40)
_LEAST = 100  # rows to learn from; with fewer all are alike


def folds_of(groups: Ints) -> Ints:
    """A fold (n,) for each row; rows of one group (n,) share theirs."""
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
    """Expected `y` (n,) of rows x (n, k), each from the other folds' rows; `learn` (n,) may be learned from.

    `objective` "binary" for chances of a `y` of 0 and 1, "regression" for means. Too few rows: the mean.
    """
    learn = np.ones(len(y), bool) if learn is None else learn
    weight = np.ones(len(y)) if weight is None else weight
    total = float(weight[learn].sum())
    mean = float(weight[learn] @ y[learn]) / total if total else 0.0
    if objective == "binary":
        mean = (mean * total + 0.5) / (total + 1.0)
    out = np.full(len(y), mean)
    if learn.sum() < _LEAST or np.ptp(y[learn]) == 0:
        return out
    for part in range(FOLDS):
        held, taught = fold == part, learn & (fold != part)
        if held.any() and taught.any():
            out[held] = _grown(x[taught], features, y[taught], weight[taught], objective).predict(x[held])
    return out


def _grown(x: Floats, features: Sequence[Feature], y: Floats, weight: Floats, objective: str) -> Any:
    import lightgbm

    kinds = [at for at, one in enumerate(features) if one.kind == "category"]
    told = parameters(_SETTINGS, [], x.shape[1]) | {"objective": objective}
    del told["monotone_constraints"], told["monotone_constraints_method"]
    data = lightgbm.Dataset(x, label=y, weight=weight, categorical_feature=kinds, free_raw_data=True)
    return lightgbm.train(told, data, num_boost_round=_SETTINGS.count)
