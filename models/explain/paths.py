"""On the path to each leaf of a tree, which conditions apply to a feature, and how many rows meet them?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints
from models.explain.splits import Ensemble, Tree

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Paths:
    """The leaves of one tree from left to right, and for each its path with one slot per distinct feature.

    Slots of leaf l are at[l] ... at[l + 1]; `met[s, b]` is 1 where bin b of the slot's feature meets
    all conditions of the path on it.
    """

    value: Floats  # (leaves,)
    at: Ints  # (leaves + 1,)
    feature: Ints  # (slots,)
    kept: Floats  # (slots,) share of the training rows that follow the path at these splits
    met: Bytes  # (slots, most bins of a feature)

    @property
    def expected(self) -> float:
        """The tree's average score where nothing is known of a row."""
        ends = zip(self.at[:-1], self.at[1:], strict=True)
        return float(sum(v * self.kept[a:b].prod() for v, (a, b) in zip(self.value, ends, strict=True)))


def read_paths(tree: Tree, ensemble: Ensemble, max_bins: int) -> Paths:
    """The paths of one tree of the ensemble."""
    value: list[float] = []
    at = [0]
    slots: list[tuple[int, float, Bytes]] = []
    pending: list[tuple[int, dict[int, tuple[float, Bytes]]]] = [(0 if len(tree.question) else -1, {})]
    while pending:
        node, path = pending.pop()
        if node < 0:
            value.append(float(tree.leaf_value[~node]))
            slots += [(feature, *slot) for feature, slot in path.items()]
            at.append(len(slots))
            continue
        question = tree.question[node]
        feature, goes_left = int(ensemble.question_feature[question]), ensemble.answers[question]
        kept, met = path.get(feature, (1.0, np.ones(1, np.uint8)))
        share = _left_share(tree, node)
        pending.append(
            (int(tree.right[node]), {**path, feature: (kept * (1.0 - share), met & (goes_left ^ 1))})
        )
        pending.append((int(tree.left[node]), {**path, feature: (kept * share, met & goes_left)}))
    table = np.zeros((len(slots), max_bins), np.uint8)
    for row, (_, _, met) in zip(table, slots, strict=True):
        row[: len(met)] = met
    return Paths(
        np.array(value),
        np.array(at),
        np.array([slot[0] for slot in slots], np.int64),
        np.array([slot[1] for slot in slots], np.float64),
        table,
    )


def _left_share(tree: Tree, node: int) -> float:
    """The share of the node's training rows that went left; 0.5 for a node without rows."""
    left, right = (
        tree.node_count[child] if child >= 0 else tree.leaf_count[~child]
        for child in (tree.left[node], tree.right[node])
    )
    return float(left / (left + right)) if left + right > 0 else 0.5
