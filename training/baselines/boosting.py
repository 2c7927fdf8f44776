"""How is a plain LightGBM grown, with the settings an analyst would try?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Floats
from models.win.trees import openmp_threads


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """Settings of a fit; `most` rows are used, drawn at random."""

    leaves: int
    trees: int
    learning_rate: float
    seed: int = 0
    threads: int = 2
    most: int = 40_000

    @property
    def label(self) -> str:
        """The settings in words."""
        return f"{self.leaves} leaves, {self.trees} trees, learning rate {self.learning_rate:g}"


def grown(
    columns: Floats, won: Floats, weight: Floats, categorical: Sequence[int], settings: Boosting
) -> Callable[[Floats], Floats]:
    """Chances of rows (n, k) by boosted trees fitted on rows with outcomes and weights (m,)."""
    import lightgbm

    threads = openmp_threads(settings.threads)
    parameters = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "num_threads": threads,
        "seed": settings.seed,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
    }
    data = lightgbm.Dataset(
        columns, won, weight=weight / weight.mean(), categorical_feature=list(categorical)
    )
    booster = lightgbm.train(parameters, data, num_boost_round=settings.trees, keep_training_booster=True)
    return lambda rows: np.asarray(booster.predict(rows, num_threads=threads), np.float64)
