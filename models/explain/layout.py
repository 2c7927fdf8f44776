"""How are tables laid out in memory so that a row's contributions take few additions?

The cell numbers of several runs of leaves share one 64-bit word, each in its own bits: adding one word for
each feature that a tree splits on finds the cells of all its runs at once. What one bin adds to all words is
stored contiguously.
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
    """A model's arrays for the kernels. Positions are unsigned, so that numba omits handling negative ones.

    `inputs` has a row for every split feature: the feature; where its parts of `edges`, `codes` and
    `word` begin and end (two columns each); where its part of `step`, (bins, words) of it, begins.
    `runs` has a row for every run of leaves: its word, shift and mask; where its part of `feature` begins and
    ends; where its part of `shares` begins and how far apart the cells are; where that of `reached` begins.
    `deep_...` are the leaves too deep for a table: where their slots begin and end; a slot has a row of
    `inputs`, the column of what it adds, the training share, and the bins that meet its conditions as bits.
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
    deep_feature: Words
    deep_kept: Floats
    deep_met: Bytes
    points: Floats
    weights: Floats

    @property
    def bytes(self) -> int:
        """The size of its arrays in bytes."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))


class DeepLeaf(NamedTuple):
    """A leaf too deep for a table: its value and, by slot, feature, training share, and bins as bits."""

    value: float
    features: Ints
    kept: Floats
    met: Bytes


def build_layout(ensemble: Ensemble, max_cells: int, max_bytes: int) -> tuple[TableLayout, float]:
    """The layout of an ensemble, and its average score where nothing is known of a row.

    Runs of leaves have at most `max_cells` cells, fewer where a tree's tables would take more than its part
    of `max_bytes`.
    """
    bins = np.array([feature_bins.count for feature_bins in ensemble.bins], np.int64)
    longest = max((len(tree.question) for tree in ensemble.trees), default=0)
    points, weights = quadrature_rules(min(longest, len(bins)))
    base = 0.0
    tables: list[list[Table]] = []
    deep_leaves: list[DeepLeaf] = []
    for tree in ensemble.trees:
        paths = read_paths(tree, ensemble, int(bins.max()))
        base += paths.expected
        leaf_runs = _cut(paths, bins, max_cells, max_bytes / len(ensemble.trees))
        runs = list(zip(leaf_runs.ends[:-1], leaf_runs.ends[1:], leaf_runs.tabled, strict=True))
        tables.append([fill_table(paths, bins, a, b, points, weights) for a, b, tabled in runs if tabled])
        deep_leaves += [_deep_leaf(paths, a) for a, _, tabled in runs if not tabled]
    rows = {int(feature): row for row, feature in enumerate(np.unique(ensemble.question_feature))}
    positions, words = _table_positions(tables)
    inputs, deep = _inputs(ensemble, rows, tables, positions), _deep_leaves(deep_leaves, rows)
    layout = TableLayout(*(*inputs, words, *_runs(tables, positions), *deep, points, weights))
    return _in_one_block(layout), base


def joined_layout(several: Sequence[TableLayout], width: int) -> TableLayout:
    """Several models of the same rows as one: what number i says of feature j is column i * width + j."""
    if not several:
        return _no_layout()
    parts: list[dict[str, Any]] = []
    inputs = edges = codes = words = word = step = feature = shares = reached = slots = 0
    for number, layout in enumerate(several):
        moved = layout._asdict()
        moved["inputs"] = layout.inputs + np.array(
            [0, edges, edges, codes, codes, word, word, step], np.uint64
        )
        moved["word"] = layout.word + np.uint32(words)
        moved["runs"] = layout.runs + np.array([words, 0, 0, feature, feature, shares, 0, reached], np.uint32)
        moved["feature"] = layout.feature + np.uint32(number * width)
        moved["deep_at"] = layout.deep_at[min(number, 1) :] + np.uint64(slots)
        moved["deep_input"] = layout.deep_input + np.uint64(inputs)
        moved["deep_feature"] = layout.deep_feature + np.uint64(number * width)
        parts.append(moved)
        inputs, edges, codes = (
            inputs + len(layout.inputs),
            edges + len(layout.edges),
            codes + len(layout.codes),
        )
        words, word, step = words + layout.words, word + len(layout.word), step + len(layout.step)
        feature, shares = feature + len(layout.feature), shares + len(layout.shares)
        reached, slots = reached + len(layout.reached), slots + len(layout.deep_input)
    bits = max(layout.deep_met.shape[1] for layout in several)
    for moved in parts:
        moved["deep_met"] = np.pad(moved["deep_met"], ((0, 0), (0, bits - moved["deep_met"].shape[1])))
    longest = max(several, key=lambda layout: len(layout.points))
    whole: dict[str, Any] = {"words": words, "points": longest.points, "weights": longest.weights}
    for name in TableLayout._fields:
        if name not in whole:
            whole[name] = np.concatenate([moved[name] for moved in parts])
    return _in_one_block(TableLayout(**whole))


def _no_layout() -> TableLayout:
    """That of no model at all."""
    points, weights = quadrature_rules(1)
    inputs, runs = np.zeros((0, 8), np.uint64), np.zeros((0, 8), np.uint32)
    no_words, no_positions, nothing = np.zeros(0, np.uint64), np.zeros(0, np.uint32), np.zeros(0)
    deep = _deep_leaves([], {})
    return TableLayout(
        inputs, nothing, no_words, no_positions, no_words, 0, runs, no_positions, nothing, nothing, *deep,
        points, weights,
    )  # fmt: skip


def _cut(paths: Paths, bins: Ints, most_cells: int, most_bytes: float) -> LeafRuns:
    """The largest runs that the memory allows."""
    leaf_runs = cut_into_runs(paths, bins, most_cells)
    while leaf_runs.bytes > most_bytes and most_cells > 1:
        most_cells //= 2
        leaf_runs = cut_into_runs(paths, bins, most_cells)
    return leaf_runs


def _deep_leaf(paths: Paths, leaf: int) -> DeepLeaf:
    slots = slice(paths.at[leaf], paths.at[leaf + 1])
    bits = np.packbits(paths.met[slots], axis=1, bitorder="little")
    return DeepLeaf(float(paths.value[leaf]), paths.feature[slots], paths.kept[slots], bits)


def _table_positions(tables: Sequence[Sequence[Table]]) -> tuple[list[list[tuple[int, int]]], int]:
    """The word and the shift of every table of every tree, and how many words there are."""
    positions: list[list[tuple[int, int]]] = []
    word = 0
    for runs in tables:
        of_tree: list[tuple[int, int]] = []
        shift = 0
        for table in runs:
            if shift + table.bits > WORD_BITS:
                word, shift = word + 1, 0
            of_tree.append((word, shift))
            shift += table.bits
        positions.append(of_tree)
        word += 1
    return positions, word


def _inputs(
    ensemble: Ensemble,
    rows: dict[int, int],
    tables: Sequence[Sequence[Table]],
    positions: Sequence[Sequence[tuple[int, int]]],
) -> tuple[Words, Floats, Words, Positions, Words]:
    """`inputs`, `edges`, `codes`, `word`, `step`."""
    steps: dict[int, dict[int, Words]] = {feature: {} for feature in rows}
    for runs, of_tree in zip(tables, positions, strict=True):
        for table, (word, shift) in zip(runs, of_tree, strict=True):
            for feature, step in zip(table.features.tolist(), table.steps, strict=True):
                added = step[: ensemble.bins[feature].count].astype(np.uint64) << np.uint64(shift)
                steps[feature][word] = steps[feature][word] + added if word in steps[feature] else added
    bins = [ensemble.bins[feature] for feature in rows]
    blocks = [
        np.stack(list(steps[f].values()), axis=1) if steps[f] else np.zeros((0, 0), np.uint64) for f in rows
    ]
    edges_at, edges = _concatenated([feature_bins.edges for feature_bins in bins], np.float64)
    codes_at, codes = _concatenated([feature_bins.codes for feature_bins in bins], np.uint64)
    word_at, numbers = _concatenated([np.array(list(steps[feature])) for feature in rows], np.uint32)
    step_at, step = _concatenated([block.ravel() for block in blocks], np.uint64)
    features = np.array(list(rows), np.uint64)
    ends = [part for at in (edges_at, codes_at, word_at) for part in (at[:-1], at[1:])]
    return np.stack([features, *ends, step_at[:-1]], axis=1), edges, codes, numbers, step


def _runs(
    tables: Sequence[Sequence[Table]], positions: Sequence[Sequence[tuple[int, int]]]
) -> tuple[Positions, Positions, Floats, Floats]:
    """`runs`, `feature`, `shares`, `reached`."""
    all_tables = [table for runs in tables for table in runs]
    word_shift = np.array([position for of_tree in positions for position in of_tree], np.uint64).reshape(
        -1, 2
    )
    masks = np.array([(1 << table.bits) - 1 for table in all_tables], np.uint64)
    feature_at, feature = _concatenated([table.features for table in all_tables], np.uint32)
    padded = [_in_lines(table.shares) for table in all_tables]
    strides = np.array([cells.shape[1] for cells in padded], np.uint32)
    shares_at, shares = _concatenated([_whole_lines(cells.ravel()) for cells in padded], np.float64)
    reached_at, reached = _concatenated([table.reached for table in all_tables], np.float64)
    columns: list[NDArray[Any]] = [word_shift[:, 0], word_shift[:, 1], masks, feature_at[:-1], feature_at[1:]]
    columns += [shares_at[:-1], strides, reached_at[:-1]]
    return np.stack(columns, axis=1).astype(np.uint32), feature, shares, reached


def _deep_leaves(
    leaves: Sequence[DeepLeaf], rows: dict[int, int]
) -> tuple[Floats, Words, Words, Words, Floats, Bytes]:
    """`deep_value`, `deep_at`, `deep_input`, `deep_feature`, `deep_kept`, `deep_met`."""
    value = np.array([leaf.value for leaf in leaves], np.float64)
    at, features = _concatenated([leaf.features for leaf in leaves], np.int64)
    asked = np.array([rows[feature] for feature in features.tolist()], np.uint64)
    _, kept = _concatenated([leaf.kept for leaf in leaves], np.float64)
    met = np.concatenate([leaf.met for leaf in leaves]) if leaves else np.zeros((0, 0), np.uint8)
    return value, at, asked, features.astype(np.uint64), kept, met


def _in_lines(cells: Floats) -> Floats:
    """Cells (cells, features) padded so that none spans more cache lines than necessary.

    Reading a cache line costs more than summing the numbers in it.
    """
    width = cells.shape[1]
    wide = 1 << (width - 1).bit_length() if 0 < width <= LINE else -(-width // LINE) * LINE
    return np.pad(cells, ((0, 0), (0, wide - width)))


def _whole_lines(part: NDArray[Any]) -> NDArray[Any]:
    return np.pad(part, (0, -len(part) % LINE))


def _in_one_block(layout: TableLayout) -> TableLayout:
    """The same arrays in one block of memory, so large that numpy uses large pages.

    An explanation reads from all arrays; looking up thousands of small pages would take a quarter of its
    time.
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
