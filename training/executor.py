"""Who does the heavy work of a training: this process, or others for it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features import History, build_features
from features.arrays import Floats, Ints
from models.win.trees import TreeFitter, fit_trees


@dataclass(frozen=True)
class Executor:
    """How features of moments are computed and trees are grown; by default here."""

    features: Callable[[History, Ints, Ints], Floats] = build_features
    trees: TreeFitter = fit_trees


IN_PROCESS = Executor()
