"""What do boosted trees predict for a row and a horizon, monotone in the horizon?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.arrays import Floats
from models.explain import TreeShap
from models.win.tree_scores import Nodes, raw_scores, read_nodes


@dataclass(frozen=True)
class TreeSettings:
    """Size and learning rate of the ensemble; small, because single rows are scored on request."""

    count: int = 200
    leaves: int = 24
    depth: int = 6
    learning_rate: float = 0.06
    rows_per_leaf: int = 100
    features_share: float = 0.35
    rows_share: float = 0.7
    ridge: float = 10.0
    bins: int = 63
    threads: int = 2
    seed: int = 0


# As LightGBM comes, but for fewer bins and levels, since every row is explained on request.
PLAIN_TREES = TreeSettings(
    count=100,
    leaves=31,
    depth=6,
    learning_rate=0.1,
    features_share=1.0,
    rows_share=1.0,
    ridge=1.0,
)


@dataclass(frozen=True)
class Trees:
    """A LightGBM ensemble stored as its text; the booster is built on first use."""

    text: str
    threads: int = 2

    @cached_property
    def booster(self) -> Any:
        """The LightGBM booster."""
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def score(self, columns: Floats) -> Floats:
        """Log-odds (n,) of rows (n, c)."""
        return raw_scores(self.nodes, columns, self.threads)

    @cached_property
    def nodes(self) -> Nodes:
        """The trees' nodes, to score rows by."""
        return read_nodes(self.text)

    @cached_property
    def explainer(self) -> TreeShap:
        """The ensemble's SHAP tables."""
        return TreeShap.of(self.text)

    def contributions(self, columns: Floats) -> Floats:
        """Exact path-dependent SHAP values (n, c + 1), the average of the training rows last."""
        values, base = self.explainer.contributions(columns, threads=self._threads(len(columns)))
        return np.column_stack([values, np.full(len(values), base)])

    def _threads(self, rows: int) -> int:
        return self.threads if rows > 500 else 1


def fit_trees(
    columns: Floats,
    outcomes: Sequence[Floats],
    weight: Floats,
    rising: Sequence[int],
    categorical: Sequence[int],
    settings: Sequence[TreeSettings],
) -> list[Trees]:
    """Boosted trees on columns (n, c) for each of some outcomes (n,) 0/1, non-decreasing in columns `rising`.

    Ensembles may differ in number of trees and learning rate only: the columns are binned once.
    """
    # Threads that spin while waiting slow down a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import lightgbm

    data = lightgbm.Dataset(columns, weight=weight, categorical_feature=list(categorical), free_raw_data=True)
    ensembles = []
    for outcome, size in zip(outcomes, settings, strict=True):
        data.set_label(outcome)
        lightgbm_parameters = parameters(size, rising, columns.shape[1])
        booster = lightgbm.train(lightgbm_parameters, data, num_boost_round=size.count)
        ensembles.append(Trees(booster.model_to_string(), size.threads))
    return ensembles


def openmp_threads(wanted: int) -> int:
    """So many threads, at most those that OMP_NUM_THREADS allows; LightGBM ignores it once told a number.

    On a machine whose cores all work, threads that wait for each other cost several times what they do.
    """
    allowed = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(wanted, int(allowed)) if allowed.isdecimal() and int(allowed) else wanted


def parameters(settings: TreeSettings, rising: Sequence[int], width: int) -> dict[str, Any]:
    """LightGBM's parameters for trees on `width` columns, non-decreasing in the columns `rising`."""
    constraints = np.zeros(width, int)
    constraints[list(rising)] = 1
    threads = openmp_threads(settings.threads)
    by_columns = threads == 1 and settings.features_share < 0.5
    return {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.rows_per_leaf,
        "feature_fraction": settings.features_share,
        "bagging_fraction": settings.rows_share,
        "bagging_freq": 1,
        "lambda_l2": settings.ridge,
        "max_bin": settings.bins,
        "monotone_constraints": constraints.tolist(),
        "monotone_constraints_method": "basic",
        "cat_smooth": 30.0,
        "max_cat_threshold": 16,
        "num_threads": threads,
        "seed": settings.seed,
        "deterministic": True,
        # Either way the same sums: by columns only those drawn for a tree, but each thread waits for all.
        "force_col_wise": by_columns,
        "force_row_wise": not by_columns,
        "verbosity": -1,
    }


TreeFitter = Callable[
    [Floats, Sequence[Floats], Floats, Sequence[int], Sequence[int], Sequence[TreeSettings]], list[Trees]
]
"""The signature of `fit_trees`, so that trees may be grown elsewhere."""
