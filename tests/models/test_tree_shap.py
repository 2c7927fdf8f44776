"""Are contributions from tables the Shapley values they claim to be?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import lightgbm
import numpy as np
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st

from models.explain import TreeShap
from models.explain.kernels import add_contributions
from models.explain.layout import build_layout, joined_layout
from models.explain.shares import quadrature_rules
from models.explain.splits import read_ensemble

NUMERICAL, CATEGORICAL = 0, 1
NONE, ZERO, NAN = 0, 1, 2
NEAR_ZERO = 1.0000000180025095e-35


@dataclass
class Leaf:
    value: float
    count: int


@dataclass
class Node:
    """A split; `threshold` of a categorical one is the set of categories that go left."""

    feature: int
    threshold: Any
    left: Node | Leaf
    right: Node | Leaf
    missing: int = NONE
    default_left: bool = False
    number: int = field(default=0, compare=False)

    @property
    def categorical(self) -> bool:
        return isinstance(self.threshold, frozenset)

    @property
    def count(self) -> int:
        return self.left.count + self.right.count


def goes_left(node: Node, value: float) -> bool:
    """LightGBM's rule, written once more from its documentation and include/LightGBM/tree.h."""
    if node.categorical:
        return not math.isnan(value) and int(value) in node.threshold
    if abs(value) <= NEAR_ZERO or (math.isnan(value) and node.missing != NAN):
        value = 0.0
    if (node.missing == ZERO and value == 0) or math.isnan(value):
        return node.default_left
    return value <= node.threshold


def expected(tree: Node | Leaf, row: np.ndarray, known: frozenset[int]) -> float:
    """The tree's answer where only some features are known: otherwise as the training rows went."""
    if isinstance(tree, Leaf):
        return tree.value
    if tree.feature in known:
        return expected(tree.left if goes_left(tree, row[tree.feature]) else tree.right, row, known)
    left, right = expected(tree.left, row, known), expected(tree.right, row, known)
    return (tree.left.count * left + tree.right.count * right) / tree.count


def shapley(tree: Node | Leaf, row: np.ndarray) -> np.ndarray:
    """Shapley values by their definition: all sets of features, one after the other."""
    k = len(row)
    out = np.zeros(k)
    for i in range(k):
        others = [j for j in range(k) if j != i]
        for size in range(k):
            weight = 1 / (k * math.comb(k - 1, size))
            for chosen in combinations(others, size):
                known = frozenset(chosen)
                out[i] += weight * (expected(tree, row, known | {i}) - expected(tree, row, known))
    return out


def model_text(trees: list[Node | Leaf], k: int) -> str:
    """The trees as LightGBM would write them."""
    names = " ".join(f"f{i}" for i in range(k))
    infos = " ".join(["[-9:9]"] * k)
    head = (
        f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={k - 1}\n"
        f"objective=regression\nfeature_names={names}\nfeature_infos={infos}\n\n"
    )
    return head + "".join(tree_text(tree, i) for i, tree in enumerate(trees)) + "end of trees\n\n"


def tree_text(tree: Node | Leaf, index: int) -> str:
    nodes: list[Node] = []
    leaves: list[Leaf] = []

    def visit(part: Node | Leaf) -> int:
        if isinstance(part, Leaf):
            leaves.append(part)
            return -len(leaves)
        part.number = len(nodes)
        nodes.append(part)
        children[part.number] = (visit(part.left), visit(part.right))
        return part.number

    children: dict[int, tuple[int, int]] = {}
    visit(tree)
    sets = [node.threshold for node in nodes if node.categorical]
    which = iter(range(len(sets)))
    thresholds = [next(which) if node.categorical else repr(float(node.threshold)) for node in nodes]
    kinds = [1 if node.categorical else node.missing << 2 | node.default_left << 1 for node in nodes]
    lines = {
        "num_leaves": [len(leaves)],
        "num_cat": [len(sets)],
        "split_feature": [node.feature for node in nodes],
        "split_gain": [1 for _ in nodes],
        "threshold": thresholds,
        "decision_type": kinds,
        "left_child": [children[node.number][0] for node in nodes],
        "right_child": [children[node.number][1] for node in nodes],
        "leaf_value": [repr(leaf.value) for leaf in leaves],
        "leaf_weight": [1 for _ in leaves],
        "leaf_count": [leaf.count for leaf in leaves],
        "internal_value": [0 for _ in nodes],
        "internal_weight": [1 for _ in nodes],
        "internal_count": [node.count for node in nodes],
    }
    if sets:
        lines["cat_boundaries"] = list(range(len(sets) + 1))
        lines["cat_threshold"] = [sum(1 << category for category in chosen) for chosen in sets]
    lines |= {"is_linear": [0], "shrinkage": [1]}
    body = "\n".join(f"{name}={' '.join(map(str, values))}" for name, values in lines.items())
    return f"Tree={index}\n{body}\n\n\n"


ON_PAPER = Node(0, 0.5, Leaf(1.0, 40), Node(1, 2.0, Leaf(2.0, 20), Leaf(4.0, 40)))


def test_a_tree_of_three_leaves_is_explained_as_on_paper():
    # Nothing known: (40 * 1 + 20 * 2 + 40 * 4) / 100 = 2.4. Row (1, 3) reaches 4.
    # Only f0 known: (20 * 2 + 40 * 4) / 60 = 10/3. Only f1 known: 0.4 * 1 + 0.6 * 4 = 2.8.
    # f0: ((10/3 - 2.4) + (4 - 2.8)) / 2 = 16/15; f1: ((2.8 - 2.4) + (4 - 10/3)) / 2 = 8/15.
    values, base = TreeShap.of(model_text([ON_PAPER], 2)).contributions(np.array([[1.0, 3.0]]))
    assert base == pytest.approx(2.4, abs=1e-15)
    assert values == pytest.approx(np.array([[16 / 15, 8 / 15]]), abs=1e-15)


def test_a_feature_asked_twice_on_a_path_is_one_player():
    # f0 in (1, 3] reaches 5. Nothing known: (50 * 0 + 30 * 5 + 20 * 1) / 100 = 1.7, and f0 has all the rest.
    twice = Node(0, 1.0, Leaf(0.0, 50), Node(0, 3.0, Leaf(5.0, 30), Leaf(1.0, 20)))
    values, base = TreeShap.of(model_text([twice], 2)).contributions(np.array([[2.0, 0.0], [9.0, 0.0]]))
    assert base == pytest.approx(1.7)
    assert values == pytest.approx(np.array([[3.3, 0.0], [-0.7, 0.0]]))


def test_a_tree_of_one_leaf_is_all_base():
    explainer = TreeShap.of(model_text([Leaf(0.25, 10), ON_PAPER], 2))
    values, base = explainer.contributions(np.array([[1.0, 3.0]]))
    assert base == pytest.approx(2.65)
    assert explainer.raw(np.array([[1.0, 3.0]])) == pytest.approx([4.25])
    assert values.sum() == pytest.approx(1.6)
    lonely = TreeShap.of(model_text([Leaf(0.25, 10)], 2))
    assert lonely.raw(np.zeros((2, 2))).tolist() == [0.25, 0.25]
    assert lonely.contributions(np.zeros((2, 2)))[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_split_that_no_training_row_reached_is_divided_evenly():
    nobody = Node(0, 0.5, Leaf(1.0, 10), Node(1, 2.0, Leaf(2.0, 0), Leaf(4.0, 0)))
    values, base = TreeShap.of(model_text([nobody], 2)).contributions(np.array([[1.0, 3.0]]))
    # Nothing known: 1. Only f0: (2 + 4) / 2 = 3. Only f1: 1. Both: 4.
    assert (values.tolist(), base) == ([[2.5, 0.5]], 1.0)


EDGES = [-1.5, -NEAR_ZERO, 0.0, NEAR_ZERO, 1.0, 2.5]
VALUES = [math.nan, -3.0, -1.5, -0.5, 0.0, -0.0, 1e-36, 0.5, 1.0, 2.0, 2.5, 6.0, 7.0, 1e300, math.inf]
KINDS = (NUMERICAL, NUMERICAL, NUMERICAL, CATEGORICAL)


def grown(rng: np.random.Generator, depth: int) -> Node | Leaf:
    """A random tree over features of `KINDS`, of at most this depth."""
    if depth == 0 or rng.random() < 0.15:
        return Leaf(round(rng.normal(), 3), int(rng.integers(1, 50)))
    feature = int(rng.integers(len(KINDS)))
    left, right = grown(rng, depth - 1), grown(rng, depth - 1)
    if KINDS[feature] == CATEGORICAL:
        return Node(feature, frozenset(rng.integers(0, 7, 3).tolist()), left, right)
    return Node(feature, float(rng.choice(EDGES)), left, right, int(rng.integers(3)), bool(rng.integers(2)))


def forest_and_rows(seed: int) -> tuple[list[Node | Leaf], np.ndarray]:
    rng = np.random.default_rng(seed)
    forest = [grown(rng, 5) for _ in range(rng.integers(1, 4))]
    x = rng.choice(VALUES, (3, len(KINDS)))
    # As C casts it, a huge category may be any.
    x[:, 3] = np.where(np.abs(x[:, 3]) < 1e9, x[:, 3], np.nan)
    return forest, x


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 4, 128]))
def test_random_trees_are_explained_as_by_trying_all_sets(seed, most_cells):
    forest, x = forest_and_rows(seed)
    explainer = TreeShap.of(model_text(forest, 4), max_cells=most_cells)
    values, base = explainer.contributions(x)
    by_hand = np.array([sum(shapley(tree, row) for tree in forest) for row in x])
    assert np.abs(values - by_hand).max() < 1e-12
    assert base == pytest.approx(sum(expected(tree, x[0], frozenset()) for tree in forest), abs=1e-12)
    whole = [sum(expected(tree, row, frozenset(range(4))) for tree in forest) for row in x]
    assert explainer.raw(x) == pytest.approx(whole, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_random_trees_are_read_as_lightgbm_reads_them(seed):
    forest, x = forest_and_rows(seed)
    booster = lightgbm.Booster(model_str=model_text(forest, 4))
    values, base = TreeShap.of(booster).contributions(x)
    theirs = booster.predict(x, pred_contrib=True)
    assert np.abs(values - theirs[:, :-1]).max() < 1e-12
    assert base == pytest.approx(theirs[0, -1], abs=1e-12)


def rows_of_deals(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Twelve features (0-3 have gaps, 4-5 many zeros, 6-7 are categories) and whether a deal was won."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 12)).round(2)
    x[:, :4][rng.random((n, 4)) < 0.3] = np.nan
    x[:, 4:6] *= rng.random((n, 2)) < 0.4
    x[:, 6:8] = rng.integers(0, 40, (n, 2))
    x[:, 7][rng.random(n) < 0.2] = np.nan
    known = np.nan_to_num(x[:, :4])
    score = known @ [1.0, -0.5, 0.3, 0.8] + x[:, 4] * x[:, 5] + np.sin(x[:, 6]) - 0.5 * (x[:, 7] % 3 == 1)
    return x, (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float)


def booster_of(categorical: list[int], rounds: int = 40, rows: int = 4000, **more: Any) -> lightgbm.Booster:
    x, won = rows_of_deals(rows, 1)
    x[:, 11] = 0.0  # a constant, never used
    parameters = {
        "objective": "binary",
        "num_leaves": 24,
        "max_depth": 6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "num_threads": 1,
        "verbosity": -1,
        "seed": 1,
    }
    data = lightgbm.Dataset(x, won, categorical_feature=categorical, params={"verbosity": -1, **more})
    return lightgbm.train(parameters | more, data, rounds)


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    return booster_of([6, 7])


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    x = rows_of_deals(10_000, 2)[0]
    x[::50, 6:8] += 35  # categories never seen
    x[1::50, 6] = -1
    return x


def test_ten_thousand_rows_are_explained_as_by_shap(booster, rows):
    explainer = shap.TreeExplainer(booster)
    values, base = TreeShap.of(booster).contributions(rows)
    assert values.shape == rows.shape
    assert np.abs(values - explainer.shap_values(rows)).max() <= 1e-9
    assert base == pytest.approx(float(explainer.expected_value), abs=1e-9)


def test_ten_thousand_rows_are_explained_as_by_shaps_own_algorithm(rows):
    # TreeExplainer hands LightGBM models back to LightGBM; told the model is its own, it does the work.
    # It reads neither categories nor all kinds of missing: rows with gaps are left out.
    booster = booster_of([])
    known = rows[~np.isnan(rows).any(axis=1)][:3000]
    explainer = shap.TreeExplainer(booster)
    explainer.model.model_type = "internal"
    values, _ = TreeShap.of(booster).contributions(known)
    assert len(known) > 1000
    assert np.abs(values - explainer.shap_values(known, check_additivity=False)).max() <= 1e-9


def test_contributions_add_up_to_the_score_and_the_score_is_lightgbms_bit_for_bit(booster, rows):
    explainer = TreeShap.of(booster)
    values, base = explainer.contributions(rows)
    assert np.array_equal(explainer.raw(rows), booster.predict(rows, raw_score=True))
    assert np.abs(values.sum(axis=1) + base - explainer.raw(rows)).max() < 1e-12


def test_a_feature_never_asked_about_gets_nothing(booster, rows):
    assert booster.feature_importance()[11] == 0
    values, _ = TreeShap.of(booster).contributions(rows)
    assert np.array_equal(values[:, 11], np.zeros(len(rows)))
    assert TreeShap.of(booster).features == tuple(booster.feature_name())


@pytest.mark.parametrize(
    "more",
    [
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting": "dart", "drop_rate": 0.5},
        {"objective": "regression", "boost_from_average": True},
        {"monotone_constraints": [1, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_every_way_of_growing_numerical_trees_is_explained_as_lightgbm_does(more, rows):
    booster = booster_of([], **more)
    few = rows[:500]
    values, base = TreeShap.of(booster).contributions(few)
    theirs = booster.predict(few, pred_contrib=True)
    assert np.abs(values - theirs[:, :-1]).max() < 1e-10
    assert base == pytest.approx(theirs[0, -1], abs=1e-10)


@pytest.mark.parametrize("most_cells", [1, 4, 2048])
def test_the_size_of_tables_changes_no_answer(booster, rows, most_cells):
    few = rows[:500]
    usual, sized = TreeShap.of(booster), TreeShap.of(booster, max_cells=most_cells)
    assert len(sized.layout.runs) != len(usual.layout.runs)
    assert (len(sized.layout.deep_value) > 0) == (most_cells < 256)
    assert np.abs(sized.contributions(few)[0] - usual.contributions(few)[0]).max() < 1e-12
    assert np.abs(sized.raw(few) - usual.raw(few)).max() < 1e-12


def test_trees_too_deep_for_tables_are_explained_all_the_same_and_memory_is_kept(rows):
    deep = booster_of([6, 7], rounds=12, num_leaves=255, max_depth=-1, min_data_in_leaf=3)
    few = rows[:300]
    theirs = deep.predict(few, pred_contrib=True)
    roomy, narrow = TreeShap.of(deep), TreeShap.of(deep, max_bytes=200_000)
    assert narrow.layout.shares.nbytes + narrow.layout.reached.nbytes <= 200_000 < roomy.layout.shares.nbytes
    for explainer in (roomy, narrow, TreeShap.of(deep, max_cells=1)):
        assert np.abs(explainer.contributions(few)[0] - theirs[:, :-1]).max() < 1e-10
        assert np.abs(explainer.raw(few) - deep.predict(few, raw_score=True)).max() < 1e-12
    assert len(narrow.layout.deep_value) > 0


def test_threads_blocks_and_single_rows_give_the_same_bits(booster, rows):
    explainer = TreeShap.of(booster)
    few = rows[:333]
    values, _ = explainer.contributions(few)
    assert np.array_equal(explainer.contributions(few, threads=3)[0], values)
    assert np.array_equal(explainer.raw(few, threads=3), explainer.raw(few))
    assert np.array_equal(
        np.concatenate([explainer.contributions(few[i : i + 1])[0] for i in range(333)]), values
    )
    assert np.array_equal(explainer.contributions(np.asfortranarray(few))[0], values)
    assert explainer.contributions(few[:0])[0].shape == (0, 12)


def test_the_text_of_a_model_is_explained_like_the_booster(booster, rows):
    text = booster.model_to_string()
    ours, theirs = TreeShap.of(text).contributions(rows[:50]), TreeShap.of(booster).contributions(rows[:50])
    assert np.array_equal(ours[0], theirs[0])
    assert TreeShap.of(text).table_bytes > 0


@pytest.mark.parametrize("degree", range(12))
def test_rules_integrate_polynomials_exactly(degree):
    points, weights = quadrature_rules(degree + 1)
    n = degree // 2 + 1
    mine = slice(n * (n - 1) // 2, n * (n + 1) // 2)
    assert weights[mine] @ points[mine] ** degree == pytest.approx(1 / (degree + 1), abs=1e-14)


def test_tree_shap_refuses_trees_that_cannot_be_explained_with_a_reason(rows):
    x, won = rows_of_deals(500, 3)
    quiet = {"verbosity": -1, "num_threads": 1}

    def trained(**more: Any) -> lightgbm.Booster:
        return lightgbm.train(quiet | more, lightgbm.Dataset(x, won, params=quiet | more), 2)

    with pytest.raises(ValueError, match=r"linear_tree=true; train it without"):
        TreeShap.of(trained(objective="regression", linear_tree=True))
    with pytest.raises(ValueError, match=r"one output, got num_tree_per_iteration=2"):
        TreeShap.of(trained(objective="multiclass", num_class=2))
    with pytest.raises(ValueError, match=r"random forest"):
        TreeShap.of(trained(objective="binary", boosting="rf", bagging_fraction=0.5, bagging_freq=1))
    with pytest.raises(ValueError, match=r"text of a LightGBM model"):
        TreeShap.of("a letter")
    both = Node(0, 0.5, Leaf(1.0, 1), Node(0, frozenset({1}), Leaf(2.0, 1), Leaf(3.0, 1)))
    with pytest.raises(ValueError, match=r"f0 to be either categorical or numerical"):
        TreeShap.of(model_text([both], 1))


def test_rows_of_another_width_are_refused(booster):
    with pytest.raises(ValueError, match=r"rows of 12 features as a matrix, got an array of shape \(3, 11\)"):
        TreeShap.of(booster).contributions(np.zeros((3, 11)))
    with pytest.raises(ValueError, match=r"shape \(12,\)"):
        TreeShap.of(booster).raw(np.zeros(12))


def test_the_layout_holds_each_split_of_a_feature_once(booster):
    ensemble = read_ensemble(booster.model_to_string())
    layout, _ = build_layout(ensemble, max_cells=128, max_bytes=1 << 20)
    asked = np.unique(ensemble.question_feature)
    assert layout.inputs[:, 0].tolist() == asked.tolist()
    assert len(ensemble.question_feature) < sum(len(tree.question) for tree in ensemble.trees)
    assert layout.bytes == sum(part.nbytes for part in layout if isinstance(part, np.ndarray))


def test_several_models_in_one_list_say_what_each_says_alone(rows):
    x = rows[:40]
    usual, deep = booster_of([6, 7]), booster_of([6, 7], rounds=12, num_leaves=60, max_depth=-1)
    alone = [TreeShap.of(usual), TreeShap.of(deep, max_cells=1), TreeShap.of(usual)]
    assert len(alone[1].layout.deep_value) > 0
    width = len(alone[0].features) + 2
    joined = joined_layout([explainer.layout for explainer in alone], width)
    out = np.zeros((len(x), len(alone) * width))
    add_contributions(joined, np.ascontiguousarray(x), out)
    for number, explainer in enumerate(alone):
        own = out[:, number * width : number * width + len(explainer.features)]
        assert own == pytest.approx(explainer.contributions(x)[0], abs=1e-12)
    assert len(joined_layout([], width).inputs) == 0
