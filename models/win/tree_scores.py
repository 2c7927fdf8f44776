"""What is the raw score of rows by boosted trees? The same digits as LightGBM's own, in a third of the time.

A row takes as many steps in each tree as the tree is deep, and a leaf leads to itself: so no branch has to be
guessed, and all rows of a block are on their way at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints
from features.kernel_cache import compiled
from models.explain.splits import MISSING_NAN, MISSING_ZERO, NEAR_ZERO, Split, trees_of

Whole = NDArray[np.uint32]  # unsigned: numba then omits the handling of negative positions

BLOCK = 32  # rows that go through a tree together
ROWS_PER_THREAD = 500  # with fewer rows, starting a thread costs more than it saves
ONE, TWO = np.uint64(1), np.uint64(2)


class Nodes(NamedTuple):
    """The nodes of all trees, leaves included, one tree after the other.

    From node i a row goes to `next[2 i]` if what it has in `column` is at most `threshold`, else to
    `next[2 i + 1]`. The columns are the features twice: an unknown value is NaN in the first half, at most no
    threshold, and -inf in the second, at most any. At a question for categories the threshold is NaN, and
    the answers by category are `bits[category[i, 0]:category[i, 1]]`. A row of `trees`: root and depth.
    """

    column: Whole
    threshold: Floats
    next: Whole
    category: Whole
    bits: NDArray[np.uint8]
    value: Floats
    trees: Whole


def read_nodes(text: str) -> Nodes:
    """The nodes of the trees of a LightGBM model's text."""
    features, every_tree = trees_of(text)
    column: list[int] = []
    threshold: list[float] = []
    category: list[tuple[int, int]] = []
    bits: list[bool] = []
    after, values, trees = [np.zeros((0, 2), np.int64)], [np.zeros(0)], []
    for splits, left, right, leaves in every_tree:
        first, inner = len(column), len(splits)
        trees.append((first, _depth(left, right)))
        for split in splits:
            begin = len(bits)
            if split.categories is not None:
                named = set(split.categories)
                bits += [code in named for code in range(max(named, default=-1) + 1)]
            category.append((begin, len(bits)))
            threshold.append(np.nan if split.categories is not None else split.threshold)
            column.append(split.feature + len(features) * _goes_low_unknown(split))
        column += [0] * len(leaves)
        threshold += [0.0] * len(leaves)
        category += [(0, 0)] * len(leaves)
        below = np.stack([left, right], axis=1).reshape(-1, 2)
        after.append(first + np.where(below >= 0, below, inner + ~below))
        after.append(np.repeat(first + inner + np.arange(len(leaves)), 2).reshape(-1, 2))
        values += [np.zeros(inner), leaves]
    return Nodes(
        np.array(column, np.uint32),
        np.array(threshold, np.float64),
        np.concatenate(after).astype(np.uint32).ravel(),
        np.array(category, np.uint32).reshape(-1, 2),
        np.array(bits, np.uint8),
        np.concatenate(values),
        np.array(trees, np.uint32).reshape(-1, 2),
    )


def joined_nodes(several: Sequence[Nodes]) -> tuple[Ints, Nodes]:
    """Several models' trees as one list, and at which tree each begins (n + 1,)."""
    nodes = bits = 0
    moved = []
    for part in several:
        root = np.array([nodes, 0], np.uint32)
        moved.append(
            part._replace(
                next=part.next + np.uint32(nodes),
                category=part.category + np.uint32(bits),
                trees=part.trees + root,
            )
        )
        nodes, bits = nodes + len(part.column), bits + len(part.bits)
    begins = np.cumsum([0, *(len(part.trees) for part in several)])
    return begins, Nodes(*(np.concatenate(each) for each in zip(_no_nodes(), *moved, strict=True)))


def _no_nodes() -> Nodes:
    whole, pairs = np.zeros(0, np.uint32), np.zeros((0, 2), np.uint32)
    return Nodes(whole, np.zeros(0), whole, pairs, np.zeros(0, np.uint8), np.zeros(0), pairs)


def raw_scores(nodes: Nodes, rows: Floats, threads: int = 1) -> Floats:
    """The sum of the trees' values (n,), added in the order of the trees, for rows (n, k)."""
    rows, out = np.ascontiguousarray(rows, np.float64), np.zeros(len(rows))
    parts = min(threads, len(rows) // ROWS_PER_THREAD)
    if parts <= 1:
        _add_scores(nodes, rows, out)
        return out
    ends = np.linspace(0, len(rows), parts + 1).astype(int)
    with ThreadPoolExecutor(parts) as pool:
        done = [pool.submit(_add_scores, nodes, rows[a:b], out[a:b]) for a, b in pairwise(ends)]
    for part in done:
        part.result()
    return out


def leaves_of(nodes: Nodes, rows: Floats) -> NDArray[np.int16]:
    """The node, counted from its root, of the leaf that each row (n, k) reaches in each tree: (n, trees)."""
    rows = np.ascontiguousarray(rows, np.float64)
    reached = np.empty((len(nodes.trees), len(rows)), np.uint32)
    _find_leaves(nodes, rows, reached)
    leaves: NDArray[np.int16] = (reached - nodes.trees[:, :1]).T.astype(np.int16)
    return np.ascontiguousarray(leaves)


def _goes_low_unknown(split: Split) -> bool:
    """Whether a row without a value goes where the values up to the threshold go."""
    if split.categories is not None:
        return False
    if split.missing == MISSING_ZERO:
        raise ValueError(
            "trees: expected NaN for a missing value, got a model with zero_as_missing=true; "
            "train it without zero_as_missing"
        )
    # Where missing values have no own direction, LightGBM treats them as 0.
    return split.default_left if split.missing == MISSING_NAN else split.threshold >= 0.0


def _depth(left: Ints, right: Ints) -> int:
    """How many questions the deepest leaf has above it; a child has a larger number than its parent."""
    depth = np.zeros(len(left), np.int64)
    for node, children in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        for child in children:
            if child >= 0:
                depth[child] = depth[node] + 1
    return int(depth.max(initial=-1)) + 1


@compiled
def _add_scores(nodes: Nodes, rows: Floats, out: Floats) -> None:
    column, threshold, after, category, bits, value, trees = nodes
    width, block = np.uint64(rows.shape[1]), np.uint64(min(BLOCK, len(rows)))
    at = np.empty(block, np.uint32)
    x = np.empty((block, TWO * width))
    for first in range(np.uint64(0), np.uint64(len(rows)), max(block, ONE)):
        count = min(block, np.uint64(len(rows)) - first)
        for i in range(count):
            for j in range(width):
                given = rows[first + i, j]
                if abs(given) <= NEAR_ZERO:
                    given = 0.0
                x[i, j] = given
                x[i, width + j] = -math.inf if math.isnan(given) else given
        for tree in range(np.uint64(len(trees))):
            for i in range(count):
                at[i] = trees[tree, 0]
            for _ in range(trees[tree, 1]):
                for i in range(count):
                    node = np.uint64(at[i])
                    has, limit = x[i, np.uint64(column[node])], threshold[node]
                    above = ONE - np.uint64(has <= limit)
                    if math.isnan(limit):
                        begin, end = np.uint64(category[node, 0]), np.uint64(category[node, 1])
                        # As in C, a category is truncated to a whole number: -0.5 is category 0.
                        if -1.0 < has < float(end - begin):
                            above = ONE - np.uint64(bits[begin + np.uint64(max(has, 0.0))])
                    at[i] = after[TWO * node + above]
            for i in range(count):
                out[first + i] += value[np.uint64(at[i])]


@compiled
def _find_leaves(nodes: Nodes, rows: Floats, out: Whole) -> None:
    column, threshold, after, category, bits, _, trees = nodes
    width = rows.shape[1]
    for row in range(len(rows)):
        for tree in range(len(trees)):
            node = trees[tree, 0]
            for _ in range(trees[tree, 1]):
                asks = np.int64(column[node])
                has, limit = rows[row, asks % width], threshold[node]
                if abs(has) <= NEAR_ZERO:
                    has = 0.0
                goes_low = asks >= width if math.isnan(has) else has <= limit
                if math.isnan(limit):
                    begin, end = np.int64(category[node, 0]), np.int64(category[node, 1])
                    goes_low = -1.0 < has < float(end - begin) and bits[begin + np.int64(max(has, 0.0))] > 0
                node = after[2 * np.int64(node) + (0 if goes_low else 1)]
            out[tree, row] = node
