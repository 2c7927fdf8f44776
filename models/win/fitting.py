"""How is the win model fitted to training rows, and are there enough of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows, sample_questions
from models.win.base_models import FeatureLayout, Linear, fit_linear
from models.win.calibrating import with_stacks
from models.win.encoder import fit_encoder
from models.win.horizons import ALMOST, HorizonWindows
from models.win.model import Side, WinModel, parts_of, tree_columns
from models.win.stacking import Stack, default_weights
from models.win.stage_rates import fit_stage_rates, horizon_grid
from models.win.trees import PLAIN_TREES, TreeFitter, Trees, TreeSettings, fit_trees

FEW_DEALS = 30  # with fewer closed deals only the stated prior is used
MIN_LOST, MIN_LOST_SHARE = 5, 0.05  # lost deals: with fewer of both, the list holds wins only
TREES_FROM, TREES_FULL_WEIGHT = (
    300,
    1000,
)  # closed deals from which trees are used, and have their full weight
LEAF_DEALS = 25.0  # minimal number of deals' rows in a leaf


def can_learn(rows: SnapshotRows) -> bool:
    """Whether probabilities can be learned from rows: enough closed deals, and not of one outcome only."""
    return rows.closed_deals >= FEW_DEALS and both_outcomes(rows.closed_deals, rows.won_deals)


def both_outcomes(closed: int, won: int) -> bool:
    """Whether there are won and lost deals among the closed ones.

    A list of wins (contracts exported as deals) has hardly a lost deal; nobody wins 19 of 20 deals. A real
    organisation can lose nearly all.

    >>> both_outcomes(100, 3), both_outcomes(100, 98), both_outcomes(100, 100), both_outcomes(200, 190)
    (True, False, False, True)
    """
    lost = closed - won
    wins_only = lost == 0 or (lost < MIN_LOST and lost < MIN_LOST_SHARE * closed)
    return won > 0 and not wins_only


@dataclass(frozen=True)
class WinSettings:
    """Settings of a fit; the defaults were chosen by backtests."""

    trees: TreeSettings = field(default_factory=TreeSettings)
    plain: TreeSettings = PLAIN_TREES
    max_questions: int = 80_000
    linear_questions: int = 40_000
    with_trees: bool | None = None  # None = by the number of closed deals
    with_level: bool = True  # False: for moments of all history alike
    calibrated: bool = True  # False: intercepts and level are left to `Calibrating`
    grow: TreeFitter = fit_trees


def fit_win(
    rows: SnapshotRows,
    layout: FeatureLayout,
    used: Ints,
    windows: HorizonWindows,
    settings: WinSettings,
    rng: np.random.Generator,
    stage_position: Mapping[float, float] | None = None,
    stacks: tuple[Stack, Stack] | None = None,
) -> WinModel:
    """The win model of rows that have only the `used` features, stacked by `stacks` (else by default).

    Below 30 closed deals, or with one outcome only, the stated prior is used; trees are used from 300 on.
    """
    closed = rows.closed_deals
    grid = horizon_grid(rows.longest_days, rows.ever_days)
    stage, age = layout.column(rows.x, layout.stage), layout.column(rows.x, layout.age, 0.0)
    enough = can_learn(rows)
    take = slice(None) if enough else slice(0, 0)
    rates = fit_stage_rates(
        stage[take],
        age[take],
        windows.terms(rows.at, np.minimum(rows.days, ALMOST * rows.ever_days), rows.ever_days).clock[take],
        rows.event[take],
        rows.deal[take],
        grid,
        stage_position,
        weight=rows.weight[take],
    )
    with_trees = closed >= TREES_FROM if settings.with_trees is None else settings.with_trees
    linear: list[Linear | None] = [None, None]
    trees: list[Trees | None] = [None, None]
    plain: Trees | None = None
    if enough and len(rows.row):
        encoder = fit_encoder(rows.x, layout.categorical)
        linear_rows = sample_questions(rows, settings.linear_questions, rng)
        terms = windows.terms(linear_rows.question_at, linear_rows.horizon, rows.ever_days)
        linear = [*fit_linear(linear_rows, (linear_rows.won, linear_rows.lost), layout, encoder, terms)]
        if with_trees:
            tree_rows = sample_questions(rows, settings.max_questions, rng)
            # Losses matter less in every answer: half the trees at twice the learning rate suffice.
            lost_settings = replace(
                settings.trees,
                count=settings.trees.count // 2,
                learning_rate=2.0 * settings.trees.learning_rate,
            )
            sizes = [settings.trees, lost_settings]
            trees = [
                *_fit_trees(tree_rows, (tree_rows.won, tree_rows.lost), layout, windows, sizes, settings.grow)
            ]
            grid_rows = sample_questions(rows.where(rows.regular), settings.max_questions, rng)
            if len(grid_rows.row):
                sizes = [settings.plain]
                plain = _fit_trees(grid_rows, [grid_rows.won], layout, windows, sizes, settings.grow)[0]
    has = (linear[0] is not None, trees[0] is not None)
    if stacks is None:
        won_stack, lost_stack = (
            Stack.weighted_mean(default_weights(closed, *has, has_plain), rows.ever_days)
            for has_plain in (plain is not None, False)
        )
    else:
        won_stack, lost_stack = stacks
    model = WinModel(
        used=used,
        layout=layout,
        rates=rates,
        won=Side(linear[0], trees[0], won_stack, plain),
        lost=Side(linear[1], trees[1], lost_stack),
        ever_days=rows.ever_days,
        closed_deals=closed,
        windows=windows,
    )
    if not settings.calibrated:
        return model
    return with_stacks(model, won_stack, lost_stack, rows, rng, settings.with_level)


def _fit_trees(
    rows: SnapshotRows,
    outcomes: Sequence[Floats],
    layout: FeatureLayout,
    windows: HorizonWindows,
    sizes: Sequence[TreeSettings],
    grow: TreeFitter,
) -> list[Trees]:
    columns = _question_columns(rows, layout, windows)
    first = rows.x.shape[1]
    # A leaf should hold several deals, not several moments of one.
    per_deal = len(columns) / max(rows.deals, 1)
    least = int(np.clip(LEAF_DEALS * per_deal, 40, 0.02 * len(columns) + 40))
    return grow(
        columns,
        outcomes,
        rows.question_weight,
        range(first, columns.shape[1]),
        layout.categorical,
        [replace(size, rows_per_leaf=least) for size in sizes],
    )


def _question_columns(rows: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows) -> Floats:
    """`tree_columns` of all questions, filled in blocks to save memory."""

    def columns_of(block: slice) -> Floats:
        row = rows.row[block]
        terms = windows.terms(rows.at[row], rows.horizon[block], rows.ever_days)
        return tree_columns(rows.x[row], layout, terms)

    out: Floats = np.empty((len(rows.row), columns_of(slice(0, 0)).shape[1]))
    for block in parts_of(len(rows.row)):
        out[block] = columns_of(block)
    return out
