"""What are the splits, bins and leaves of each tree of a LightGBM model?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints

Bytes = NDArray[np.uint8]

NEAR_ZERO = float(np.float32(1e-35))  # LightGBM treats smaller values as 0
CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of decision_type; the two above them say what counts as missing
MISSING_ZERO, MISSING_NAN = 1, 2


@dataclass(frozen=True)
class Tree:
    """One tree. A child c >= 0 is a node, otherwise the leaf ~c; a tree may be a single leaf.

    `question` (nodes,) indexes `Ensemble.answers`; counts are of training rows.
    """

    question: Ints
    left: Ints
    right: Ints
    node_count: Floats
    leaf_count: Floats
    leaf_value: Floats


@dataclass(frozen=True)
class Bins:
    """The bins of one feature: values that no split separates share a bin.

    Numerical: bin i holds edges[i-1] < value <= edges[i], bin m = len(edges) larger values, m + 1
    unknown ones, m + 2 zeros. Categorical: `codes[c]` is the bin of category c, and of all others at the end.
    """

    edges: Floats
    codes: Ints
    count: int


@dataclass(frozen=True)
class Ensemble:
    """A model as trees of splits: `answers[q][b]` is 1 where bin b of `question_feature[q]` goes left."""

    features: tuple[str, ...]
    bins: tuple[Bins, ...]  # by feature
    question_feature: Ints
    answers: tuple[Bytes, ...]
    trees: tuple[Tree, ...]


@dataclass(frozen=True)
class Split:
    """A question to one feature: at most a threshold, or one of some categories?"""

    feature: int
    threshold: float
    missing: int
    default_left: bool
    categories: tuple[int, ...] | None


def read_ensemble(text: str) -> Ensemble:
    """The ensemble that a LightGBM model text describes: one output, numerical and categorical splits."""
    features, blocks = _parts(text)
    numbers: dict[Split, int] = {}
    trees = []
    for fields in blocks:
        question = np.array([numbers.setdefault(split, len(numbers)) for split in _splits(fields)], np.int64)
        trees.append(
            Tree(
                question,
                _numbers(fields, "left_child").astype(np.int64),
                _numbers(fields, "right_child").astype(np.int64),
                _numbers(fields, "internal_count"),
                _numbers(fields, "leaf_count"),
                _numbers(fields, "leaf_value"),
            )
        )
    splits = list(numbers)
    bins: list[Bins] = []
    answers: list[Bytes] = [np.zeros(0, np.uint8)] * len(splits)
    of_feature: dict[int, list[int]] = {}
    for number, split in enumerate(splits):
        of_feature.setdefault(split.feature, []).append(number)
    for feature, name in enumerate(features):
        of_this = of_feature.get(feature, [])
        feature_bins, table = _bins(name, [splits[number] for number in of_this])
        bins.append(feature_bins)
        for row, number in enumerate(of_this):
            answers[number] = table[row]
    asked = np.array([split.feature for split in splits], np.int64)
    return Ensemble(features, tuple(bins), asked, tuple(answers), tuple(trees))


def trees_of(text: str) -> tuple[tuple[str, ...], list[tuple[list[Split], Ints, Ints, Floats]]]:
    """The features of a LightGBM model text, and each tree: splits, left and right children, leaves' values.

    A child c >= 0 is a split, otherwise the leaf ~c.
    """
    features, blocks = _parts(text)
    trees = []
    for fields in blocks:
        left, right = (_numbers(fields, name).astype(np.int64) for name in ("left_child", "right_child"))
        trees.append((list(_splits(fields)), left, right, _numbers(fields, "leaf_value")))
    return features, trees


def _parts(text: str) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The names of the features, and the fields of each tree."""
    blocks = text.split("\nTree=")
    header = _fields(blocks[0])
    _refuse_others(blocks[0], header)
    trees = [_fields(block.split("\nend of trees")[0]) for block in blocks[1:]]
    if any(fields.get("is_linear", "0") != "0" for fields in trees):
        raise ValueError(
            "tree_shap: expected constant leaves, got a model with linear_tree=true; "
            "train it without linear_tree"
        )
    return tuple(header["feature_names"].split()), trees


def _refuse_others(head: str, header: Mapping[str, str]) -> None:
    if "feature_names" not in header or "version" not in header:
        raise ValueError(
            "tree_shap: expected the text of a LightGBM model (Booster.model_to_string()), got another text"
        )
    if header.get("num_tree_per_iteration", "1") != "1":
        raise ValueError(
            f"tree_shap: expected a model with one output, got num_tree_per_iteration="
            f"{header['num_tree_per_iteration']}; explain one class at a time with a binary model"
        )
    if "average_output" in head.split("\n"):
        raise ValueError(
            "tree_shap: expected trees that are added up, got a random forest (boosting=rf), "
            "which averages them; use boosting=gbdt or dart"
        )


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _numbers(fields: Mapping[str, str], name: str) -> Floats:
    return np.array(fields.get(name, "").split(), np.float64)


def _splits(fields: Mapping[str, str]) -> Iterator[Split]:
    kinds = fields.get("decision_type", "").split()
    if int(fields.get("num_cat", 0)):
        ends = [int(word) for word in fields["cat_boundaries"].split()]
        words = [int(word) for word in fields["cat_threshold"].split()]
    for feature, threshold, decision in zip(
        fields.get("split_feature", "").split(), fields.get("threshold", "").split(), kinds, strict=True
    ):
        kind = int(decision)
        if kind & CATEGORICAL:
            which = int(threshold)
            bits = words[ends[which] : ends[which + 1]]
            chosen = tuple(
                32 * i + bit for i, word in enumerate(bits) for bit in range(32) if word >> bit & 1
            )
            yield Split(int(feature), 0.0, 0, False, chosen)
        else:
            yield Split(int(feature), float(threshold), kind >> 2 & 3, bool(kind & DEFAULT_LEFT), None)


def _bins(name: str, splits: list[Split]) -> tuple[Bins, Bytes]:
    """The bins of one feature and the answers (splits, bins) to its questions."""
    sets = [split.categories for split in splits if split.categories is not None]
    if len(sets) not in (0, len(splits)):
        raise ValueError(
            f"tree_shap: expected {name} to be either categorical or numerical throughout, "
            f"got a model that uses it as both; train it in one go"
        )
    if sets:
        return _category_bins(sets)
    edges = np.unique(np.array([split.threshold for split in splits], np.float64))
    m = len(edges)
    answers = np.zeros((len(splits), m + 3), np.uint8)
    for row, split in zip(answers, splits, strict=True):
        row[: np.searchsorted(edges, split.threshold) + 1] = 1
        zero_left = split.default_left if split.missing == MISSING_ZERO else split.threshold >= 0.0
        # Where missing values have no own direction, LightGBM treats them as 0.
        row[m + 1] = split.default_left if split.missing == MISSING_NAN else zero_left
        row[m + 2] = zero_left
    return Bins(edges, np.zeros(0, np.int64), m + 3), answers


def _category_bins(sets: list[tuple[int, ...]]) -> tuple[Bins, Bytes]:
    top = max(max(chosen, default=-1) for chosen in sets) + 1
    member = np.zeros((len(sets), top + 1), np.uint8)
    for row, chosen in zip(member, sets, strict=True):
        row[list(chosen)] = 1
    answers, codes = np.unique(member, axis=1, return_inverse=True)
    return Bins(np.zeros(0), codes.astype(np.int64).ravel(), answers.shape[1]), answers
