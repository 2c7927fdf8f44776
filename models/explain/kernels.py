"""What are the contributions and scores of rows, by the tables? The inner loops.

All positions are unsigned: numba then omits the handling of negative ones, which halves the time. Adding a
signed number to an unsigned one would give a float, hence ONE.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats
from features.kernel_cache import compiled
from models.explain.layout import TableLayout
from models.explain.shares import add_shares
from models.explain.splits import NEAR_ZERO

Words = NDArray[np.uint64]

ONE, TWO, THREE, SEVEN = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(7)
BLOCK = 32  # rows processed together per table: the table is still in the cache for the next row
FEW = 4  # up to this many rows, blocks do not pay


@compiled
def add_contributions(model: TableLayout, x: Floats, out: Floats) -> None:
    """Add every feature's contribution to the score of rows (n, k) to `out` (n, k)."""
    rows = np.uint64(len(x))
    block = np.uint64(BLOCK if len(x) > FEW else 1)
    words = np.empty((block, model.words), np.uint64)
    bins = np.empty((block, len(model.inputs)), np.uint64)
    for first in range(np.uint64(0), rows, block):
        count = min(block, rows - first)
        for row in range(count):
            _find(model, x[first + row], bins[row], words[row])
        if count == 1:
            _add_row(model, words[0], out[first])
        else:
            _add_block(model, words, out[first : first + count])
        if len(model.deep_value):
            _add_deep_leaves(model, bins, out[first : first + count])


@compiled
def add_scores(model: TableLayout, x: Floats, out: Floats) -> None:
    """Add the score of rows (n, k) to `out` (n,), in the order of the trees, as LightGBM does."""
    words, bins = np.empty(model.words, np.uint64), np.empty(len(model.inputs), np.uint64)
    for row in range(np.uint64(len(x))):
        _find(model, x[row], bins, words)
        score = 0.0
        for run in range(np.uint64(len(model.runs))):
            word, shift, mask = model.runs[run, 0], model.runs[run, 1], model.runs[run, 2]
            score += model.reached[model.runs[run, 7] + ((words[word] >> shift) & mask)]
        for leaf in range(np.uint64(len(model.deep_value))):
            if _all_agree(model, bins, leaf):
                score += model.deep_value[leaf]
        out[row] += score


@compiled
def _find(model: TableLayout, x: Floats, bins: Words, words: Words) -> None:
    """The bin of every split feature and the cells of all runs, for one row (k,)."""
    for word in range(np.uint64(model.words)):
        words[word] = 0
    for number in range(np.uint64(len(model.inputs))):
        bins[number] = _bin(model, number, x[model.inputs[number, 0]])
        begin, end = model.inputs[number, 5], model.inputs[number, 6]
        offset = model.inputs[number, 7] + bins[number] * (end - begin) - begin
        for j in range(begin, end):
            words[model.word[j]] += model.step[offset + j]


@compiled
def _add_row(model: TableLayout, words: Words, out: Floats) -> None:
    """Add the tables' values for one row to `out` (k,)."""
    for run in range(np.uint64(len(model.runs))):
        word, shift, mask = model.runs[run, 0], model.runs[run, 1], model.runs[run, 2]
        begin, end = model.runs[run, 3], model.runs[run, 4]
        offset = model.runs[run, 5] + ((words[word] >> shift) & mask) * model.runs[run, 6] - begin
        for j in range(begin, end):
            out[model.feature[j]] += model.shares[offset + j]


@compiled
def _add_block(model: TableLayout, words: Words, out: Floats) -> None:
    """Add the tables' values for some rows to `out` (n, k), table by table."""
    for run in range(np.uint64(len(model.runs))):
        word, shift, mask = model.runs[run, 0], model.runs[run, 1], model.runs[run, 2]
        begin, end = model.runs[run, 3], model.runs[run, 4]
        for row in range(np.uint64(len(out))):
            offset = model.runs[run, 5] + ((words[row, word] >> shift) & mask) * model.runs[run, 6] - begin
            for j in range(begin, end):
                out[row, model.feature[j]] += model.shares[offset + j]


@compiled
def _bin(model: TableLayout, number: int, value: float) -> Any:
    """The bin of a value, as `splits.Bins` describes."""
    begin, end = model.inputs[number, 1], model.inputs[number, 2]
    codes, others = model.inputs[number, 3], model.inputs[number, 4] - ONE
    if begin == end:
        # As in C, a category is truncated to a whole number: -0.5 is category 0.
        if -1.0 < value < others - codes:
            return model.codes[codes + np.uint64(max(value, 0.0))]
        return model.codes[others]
    if math.isnan(value):
        return end - begin + ONE
    if abs(value) <= NEAR_ZERO:
        return end - begin + TWO
    at, left = begin, end - begin
    while left > ONE:
        half = left >> ONE
        if model.edges[at + half - ONE] < value:
            at += half
        left -= half
    if model.edges[at] < value:
        at += ONE
    return at - begin


@compiled
def _agrees(model: TableLayout, bins: Words, slot: int) -> Any:
    """Does the row meet all conditions of the slot's path on its feature?"""
    which = bins[model.deep_input[slot]]
    return (np.uint64(model.deep_met[slot, which >> THREE]) >> (which & SEVEN)) & ONE


@compiled
def _all_agree(model: TableLayout, bins: Words, leaf: int) -> bool:
    met = True
    for slot in range(model.deep_at[leaf], model.deep_at[leaf + ONE]):
        met &= _agrees(model, bins, slot) > 0
    return met


@compiled
def _add_deep_leaves(model: TableLayout, bins: Words, out: Floats) -> None:
    """Add the contributions of leaves too deep for a table, computed for each row."""
    deepest = np.diff(model.deep_at).max()
    agrees, values, scratch = np.empty(deepest, np.uint8), np.empty(deepest), np.empty(deepest + 1)
    for leaf in range(np.uint64(len(model.deep_value))):
        first, end = model.deep_at[leaf], model.deep_at[leaf + ONE]
        kept, d = model.deep_kept[first:end], end - first
        for row in range(np.uint64(len(out))):
            for j in range(d):
                agrees[j] = _agrees(model, bins[row], first + j)
                values[j] = 0.0
            add_shares(agrees[:d], kept, model.deep_value[leaf], model.points, model.weights, scratch, values)
            for j in range(d):
                out[row, model.deep_feature[first + j]] += values[j]
