"""Where are a training's features and trees computed: in this process, or on a cluster?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features import History, build_features
from features.arrays import Floats, Ints
from models.win.trees import TreeFitter, fit_trees


@dataclass(frozen=True)
class Executor:
    """The functions that compute features of moments and fit trees; by default in this process."""

    features: Callable[[History, Ints, Ints], Floats] = build_features
    trees: TreeFitter = fit_trees


IN_PROCESS = Executor()
