"""Who does the heavy work of a training: this process, or others for it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sancho.features import History, build
from sancho.features.arrays import Floats, Ints
from sancho.models.trees import TreeFitter, fit_trees


@dataclass(frozen=True)
class Executor:
    """How features of moments are computed and trees are grown; by default here."""

    features: Callable[[History, Ints, Ints], Floats] = build
    trees: TreeFitter = fit_trees


IN_PROCESS = Executor()
