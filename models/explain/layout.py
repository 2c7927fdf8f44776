"""How do tables lie in memory so that a row is answered by adding a few numbers?

The cell numbers of several runs of leaves share one 64-bit word, each in bits of its own: adding one word for
each feature that a tree asks about finds the cells of all its runs at once. What one bin adds to all words is
kept in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints
from models.explain.paths import Paths, read_paths
from models.explain.shares import quadrature_rules
from models.explain.splits import Ensemble
from models.explain.tables import LeafRuns, Table, cut_into_runs, fill_table

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Positions = NDArray[np.uint32]

Kind = TypeVar("Kind", bound=np.generic)

WORD_BITS = 64
LINE = 8  # numbers in a line of the processor's cache
LINE_BYTES, LARGE_PAGE = 64, 2 << 20


class TableLayout(NamedTuple):
    """A model, ready to be asked. Positions are unsigned, which spares numba a look at negative ones.

    `inputs` has a row for every feature asked about: the feature; where its parts of `edges`, `codes` and
    `word` begin and end (two columns each); where its part of `step`, (bins, words) of it, begins.
    `runs` has a row for every run of leaves: its word, shift and mask; where its part of `feature` begins and
    ends; where its part of `shares` begins and how far apart the cells are; where that of `reached` begins.
    `lone_...` are the leaves too deep for a table: where their slots begin and end; a slot has a row of
    `inputs`, the share kept, and the bins that meet its demands as bits.
    """

    inputs: Words
    edges: Floats
    codes: Words
    word: Positions
    step: Words
    words: int
    runs: Positions
    feature: Positions
    shares: Floats
    reached: Floats
    deep_value: Floats
    deep_at: Words
    deep_input: Words
    deep_kept: Floats
    deep_met: Bytes
    points: Floats
    weights: Floats

    @property
    def bytes(self) -> int:
        """The memory it takes."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))


class DeepLeaf(NamedTuple):
    """A leaf too deep for a table: its value and, by slot, feature, share kept, and the bins as bits."""

    value: float
    features: Ints
    kept: Floats
    met: Bytes


def build_layout(ensemble: Ensemble, max_cells: int, max_bytes: int) -> tuple[TableLayout, float]:
    """The layout of an ensemble, and what it says on average where nothing is known of a row.

    Runs of leaves have at most `max_cells` cells, fewer where a tree's tables would take more than its part
    of `max_bytes`.
    """
    bins = np.array([one.count for one in ensemble.bins], np.int64)
    longest = max((len(tree.question) for tree in ensemble.trees), default=0)
    points, weights = quadrature_rules(min(longest, len(bins)))
    base = 0.0
    tables: list[list[Table]] = []
    lone: list[DeepLeaf] = []
    for tree in ensemble.trees:
        paths = read_paths(tree, ensemble, int(bins.max()))
        base += paths.expected
        found = _cut(paths, bins, max_cells, max_bytes / len(ensemble.trees))
        runs = list(zip(found.ends[:-1], found.ends[1:], found.tabled, strict=True))
        tables.append([fill_table(paths, bins, a, b, points, weights) for a, b, tabled in runs if tabled])
        lone += [_deep_leaf(paths, a) for a, _, tabled in runs if not tabled]
    rows = {int(feature): row for row, feature in enumerate(np.unique(ensemble.inputs))}
    place, words = _table_positions(tables)
    asked, alone = _inputs(ensemble, rows, tables, place), _deep_leaves(lone, rows)
    layout = TableLayout(*(*asked, words, *_runs(tables, place), *alone, points, weights))
    return _in_one_block(layout), base


def _cut(paths: Paths, bins: Ints, most_cells: int, most_bytes: float) -> LeafRuns:
    """The cut into runs as large as the memory allows."""
    found = cut_into_runs(paths, bins, most_cells)
    while found.bytes > most_bytes and most_cells > 1:
        most_cells //= 2
        found = cut_into_runs(paths, bins, most_cells)
    return found


def _deep_leaf(paths: Paths, leaf: int) -> DeepLeaf:
    mine = slice(paths.at[leaf], paths.at[leaf + 1])
    bits = np.packbits(paths.met[mine], axis=1, bitorder="little")
    return DeepLeaf(float(paths.value[leaf]), paths.feature[mine], paths.kept[mine], bits)


def _table_positions(tables: Sequence[Sequence[Table]]) -> tuple[list[list[tuple[int, int]]], int]:
    """The word and the shift of every table of every tree, and how many words there are."""
    places: list[list[tuple[int, int]]] = []
    word = 0
    for runs in tables:
        mine: list[tuple[int, int]] = []
        shift = 0
        for table in runs:
            if shift + table.bits > WORD_BITS:
                word, shift = word + 1, 0
            mine.append((word, shift))
            shift += table.bits
        places.append(mine)
        word += 1
    return places, word


def _inputs(
    ensemble: Ensemble,
    rows: dict[int, int],
    tables: Sequence[Sequence[Table]],
    places: Sequence[Sequence[tuple[int, int]]],
) -> tuple[Words, Floats, Words, Positions, Words]:
    """`inputs`, `edges`, `codes`, `word`, `step`."""
    steps: dict[int, dict[int, Words]] = {feature: {} for feature in rows}
    for runs, mine in zip(tables, places, strict=True):
        for table, (word, shift) in zip(runs, mine, strict=True):
            for feature, step in zip(table.features.tolist(), table.steps, strict=True):
                more = step[: ensemble.bins[feature].count].astype(np.uint64) << np.uint64(shift)
                steps[feature][word] = steps[feature][word] + more if word in steps[feature] else more
    bins = [ensemble.bins[feature] for feature in rows]
    blocks = [
        np.stack(list(steps[f].values()), axis=1) if steps[f] else np.zeros((0, 0), np.uint64) for f in rows
    ]
    edges_at, edges = _concatenated([one.edges for one in bins], np.float64)
    codes_at, codes = _concatenated([one.codes for one in bins], np.uint64)
    word_at, numbers = _concatenated([np.array(list(steps[feature])) for feature in rows], np.uint32)
    step_at, step = _concatenated([block.ravel() for block in blocks], np.uint64)
    features = np.array(list(rows), np.uint64)
    ends = [part for at in (edges_at, codes_at, word_at) for part in (at[:-1], at[1:])]
    return np.stack([features, *ends, step_at[:-1]], axis=1), edges, codes, numbers, step


def _runs(
    tables: Sequence[Sequence[Table]], places: Sequence[Sequence[tuple[int, int]]]
) -> tuple[Positions, Positions, Floats, Floats]:
    """`runs`, `feature`, `shares`, `reached`."""
    every = [table for runs in tables for table in runs]
    where = np.array([place for mine in places for place in mine], np.uint64).reshape(-1, 2)
    masks = np.array([(1 << table.bits) - 1 for table in every], np.uint64)
    feature_at, feature = _concatenated([table.features for table in every], np.uint32)
    padded = [_in_lines(table.shares) for table in every]
    strides = np.array([cells.shape[1] for cells in padded], np.uint32)
    shares_at, shares = _concatenated([_whole_lines(cells.ravel()) for cells in padded], np.float64)
    reached_at, reached = _concatenated([table.reached for table in every], np.float64)
    columns: list[NDArray[Any]] = [where[:, 0], where[:, 1], masks, feature_at[:-1], feature_at[1:]]
    columns += [shares_at[:-1], strides, reached_at[:-1]]
    return np.stack(columns, axis=1).astype(np.uint32), feature, shares, reached


def _deep_leaves(
    leaves: Sequence[DeepLeaf], rows: dict[int, int]
) -> tuple[Floats, Words, Words, Floats, Bytes]:
    """`deep_value`, `deep_at`, `deep_input`, `deep_kept`, `deep_met`."""
    value = np.array([leaf.value for leaf in leaves], np.float64)
    at, features = _concatenated([leaf.features for leaf in leaves], np.int64)
    asked = np.array([rows[feature] for feature in features.tolist()], np.uint64)
    _, kept = _concatenated([leaf.kept for leaf in leaves], np.float64)
    met = np.concatenate([leaf.met for leaf in leaves]) if leaves else np.zeros((0, 0), np.uint8)
    return value, at, asked, kept, met


def _in_lines(cells: Floats) -> Floats:
    """Cells (cells, features) made so wide that none lies across more cache lines than it must.

    Reading a line costs more than adding up the numbers in it.
    """
    width = cells.shape[1]
    wide = 1 << (width - 1).bit_length() if 0 < width <= LINE else -(-width // LINE) * LINE
    return np.pad(cells, ((0, 0), (0, wide - width)))


def _whole_lines(part: NDArray[Any]) -> NDArray[Any]:
    return np.pad(part, (0, -len(part) % LINE))


def _in_one_block(layout: TableLayout) -> TableLayout:
    """The same arrays in one piece of memory, so large that numpy asks the system for large pages.

    An explanation reads a little of everything; finding thousands of small pages takes a quarter of its time.
    """
    arrays = {name: part for name, part in layout._asdict().items() if isinstance(part, np.ndarray)}
    sizes = [-(-part.nbytes // LINE_BYTES) * LINE_BYTES for part in arrays.values()]
    memory = np.empty(max(sum(sizes), LARGE_PAGE) + 2 * LARGE_PAGE, np.uint8)
    at = -memory.ctypes.data % LARGE_PAGE
    moved: dict[str, Any] = {}
    for (name, part), size in zip(arrays.items(), sizes, strict=True):
        moved[name] = memory[at : at + part.nbytes].view(part.dtype).reshape(part.shape)
        moved[name][...] = part
        at += size
    return layout._replace(**moved)


def _concatenated(parts: Sequence[NDArray[Any]], kind: type[Kind]) -> tuple[Words, NDArray[Kind]]:
    """Where each part begins, then the end, and the parts one after the other."""
    at = np.cumsum([0, *(len(part) for part in parts)]).astype(np.uint64)
    return at, np.concatenate([np.zeros(0, kind), *(part.astype(kind) for part in parts)])
