"""Which runs of neighbouring leaves share one table, and what are its values?

What a run of leaves adds to the score and to the contributions depends only on which leaves' conditions each
feature's value meets. Values that meet the same conditions are one class; the table has a cell for every
combination of classes, with number sum_j class_j * stride_j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints
from features.kernel_cache import compiled
from models.explain.paths import Paths
from models.explain.shares import add_shares

Bytes = NDArray[np.uint8]


SINGLE_LEAF_FACTOR = 8  # a single leaf may have a table so many times larger than a run of leaves


@dataclass(frozen=True)
class LeafRuns:
    """The division of leaves: run i is leaves ends[i] ... ends[i + 1], with numbers of cells and features.

    A run that is not `tabled` is a single leaf whose table would be too large.
    """

    ends: Ints
    cells: Floats
    features: Ints
    tabled: NDArray[np.bool_]

    @property
    def bytes(self) -> float:
        """The size of the tables in bytes."""
        return float((8.0 * self.cells * (self.features + 1.0) * self.tabled).sum())


@dataclass(frozen=True)
class Table:
    """What a run of leaves adds: `shares` (cells, features) and, to the score itself, `reached` (cells,).

    Bin b of feature `features[j]` adds `steps[j, b]` to the number of the cell. Features ascend.
    """

    features: Ints
    steps: Ints
    shares: Floats
    reached: Floats

    @property
    def bits(self) -> int:
        """How many bits the number of a cell needs."""
        return max((len(self.reached) - 1).bit_length(), 1)


class _Leaves(NamedTuple):
    """A run of leaves as the kernel takes it: arrays of `Paths`, the run's first leaf and its end."""

    at: Ints
    feature: Ints
    met: Bytes
    kept: Floats
    value: Floats
    first: int
    end: int


class _Cells(NamedTuple):
    """How a run's table is numbered: its features, the class of each of their bins, how many, and strides."""

    features: Ints
    classes: Ints
    sizes: Ints
    strides: Ints


def cut_into_runs(paths: Paths, bins: Ints, max_cells: int) -> LeafRuns:
    """The best division of leaves into runs of at most so many cells. `bins` (k,): bins by feature."""
    ends, cells, features = _cut(paths.at, paths.feature, paths.met, bins, max_cells)
    return LeafRuns(ends, cells, features, cells <= max_cells * SINGLE_LEAF_FACTOR)


def fill_table(paths: Paths, bins: Ints, first: int, end: int, points: Floats, weights: Floats) -> Table:
    """The table of the run of leaves first ... end; points and weights: `shares.quadrature_rules`."""
    features, classes, sizes = _classify(paths.at, paths.feature, paths.met, bins, first, end)
    order = np.argsort(features)
    features, classes, sizes = features[order], classes[order], sizes[order]
    strides = np.cumprod(np.append(1, sizes))[:-1]
    leaves = _Leaves(paths.at, paths.feature, paths.met, paths.kept, paths.value, first, end)
    shares, reached = _fill(leaves, _Cells(features, classes, sizes, strides), points, weights)
    return Table(features, classes * strides[:, None], shares, reached)


@compiled
def _add_leaf(
    leaf: int,
    at: Ints,
    feature: Ints,
    met: Bytes,
    bins: Ints,
    known: int,
    features: Ints,
    classes: Ints,
    sizes: Ints,
) -> int:
    """Divide the classes of a run by one more leaf's conditions; returns the number of `known` features."""
    for slot in range(at[leaf], at[leaf + 1]):
        position = 0
        while position < known and features[position] != feature[slot]:
            position += 1
        if position == known:
            features[position], sizes[position] = feature[slot], 1
            classes[position] = 0
            known += 1
        renamed = np.full(2 * sizes[position], -1, np.int64)
        count = 0
        for b in range(bins[feature[slot]]):
            old = 2 * classes[position, b] + met[slot, b]
            if renamed[old] < 0:
                renamed[old] = count
                count += 1
            classes[position, b] = renamed[old]
        sizes[position] = count
    return known


@compiled
def _classify(
    at: Ints, feature: Ints, met: Bytes, bins: Ints, first: int, end: int
) -> tuple[Ints, Ints, Ints]:
    """Features of a run of leaves, the class (features, bins) of their bins, and how many there are."""
    most = len(bins)
    features, sizes = np.empty(most, np.int64), np.empty(most, np.int64)
    classes = np.empty((most, met.shape[1]), np.int64)
    known = 0
    for leaf in range(first, end):
        known = _add_leaf(leaf, at, feature, met, bins, known, features, classes, sizes)
    return features[:known], classes[:known], sizes[:known]


@compiled
def _cut(at: Ints, feature: Ints, met: Bytes, bins: Ints, most_cells: int) -> tuple[Ints, Floats, Ints]:
    """The cheapest division, a shortest path: a run costs a look-up and an addition per feature."""
    look_up = 3.0  # in additions
    leaves, most = len(at) - 1, len(bins)
    features, sizes = np.empty(most, np.int64), np.empty(most, np.int64)
    classes = np.empty((most, met.shape[1]), np.int64)
    cost = np.full(leaves + 1, np.inf)
    came_from, cells_of = np.zeros(leaves + 1, np.int64), np.zeros(leaves + 1)
    features_of = np.zeros(leaves + 1, np.int64)
    cost[0] = 0.0
    for first in range(leaves):
        known = 0
        for leaf in range(first, leaves):
            known = _add_leaf(leaf, at, feature, met, bins, known, features, classes, sizes)
            cells = 1.0
            for position in range(known):
                cells *= sizes[position]
            if cells > most_cells and leaf > first:
                break
            if cost[first] + known + look_up < cost[leaf + 1]:
                cost[leaf + 1] = cost[first] + known + look_up
                came_from[leaf + 1], cells_of[leaf + 1], features_of[leaf + 1] = first, cells, known
    ends = [leaves]
    while ends[-1] > 0:
        ends.append(came_from[ends[-1]])
    kept = np.array(ends[::-1])
    return kept, cells_of[kept[1:]], features_of[kept[1:]]


@compiled
def _fill(leaves: _Leaves, table: _Cells, points: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Shares (cells, features), reached values (cells,); each leaf's once per pattern of conditions met."""
    at, feature, met, kept, value, first, end = leaves
    features, classes, sizes, strides = table
    cells = 1
    for size in sizes:
        cells *= size
    shares, reached = np.zeros((cells, len(features))), np.zeros(cells)
    example = np.zeros((len(features), classes.shape[1]), np.int64)  # the first bin of each class
    for position in range(len(features)):
        for b in range(classes.shape[1] - 1, -1, -1):
            example[position, classes[position, b]] = b
    for leaf in range(first, end):
        low, d = at[leaf], at[leaf + 1] - at[leaf]
        own, done = np.zeros((1 << d, d)), np.zeros(1 << d, np.bool_)
        agrees, ahead = np.zeros(d, np.uint8), np.empty(d + 1)
        places = np.searchsorted(features, feature[low : low + d])
        for cell in range(cells):
            pattern = 0
            for j in range(d):
                which = cell // strides[places[j]] % sizes[places[j]]
                agrees[j] = met[low + j, example[places[j], which]]
                pattern |= int(agrees[j]) << j
            if not done[pattern]:
                done[pattern] = True
                add_shares(agrees, kept[low : low + d], value[leaf], points, weights, ahead, own[pattern])
            for j in range(d):
                shares[cell, places[j]] += own[pattern, j]
            if pattern == (1 << d) - 1:
                reached[cell] += value[leaf]
    return shares, reached
