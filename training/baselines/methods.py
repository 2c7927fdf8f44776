"""Which baseline methods are there, and which variants would a careful analyst try of each?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Text
from models.win.base_models import FeatureLayout
from models.win.horizons import HorizonWindows
from training.baselines.boosting import Boosting
from training.baselines.closed_deals import (
    bayes_columns,
    boosted_on_closed,
    boosted_on_closed_at,
    naive_bayes,
    recalibrated,
    scaled,
)
from training.baselines.rates import Fit, base_rate, life_table, share_of_all, share_of_ripe, stage_table
from training.baselines.ripe_questions import (
    boosted_at,
    boosted_with_horizon,
    regression_at,
    regression_with_horizon,
)

# The model's own parts, each by itself: by their names in `models.win.model.each_alone`.
ALONE = {
    "table": Text("ステージ・経過日数の表だけ", "Our stage and age table alone"),
    "regression": Text("ロジスティック回帰だけ", "Our regression alone"),
    "trees": Text("期日を組み込んだ木だけ", "Our trees alone"),
    "plain_trees": Text("通常のLightGBMだけ", "Our plain LightGBM alone"),
}
LABELS = {
    "base_rate": Text("全体の受注率", "Base rate"),
    "stage_rates": Text("ステージ別受注率表", "Stage-rate table"),
    "life_table": Text("ステージ×滞在日数の生命表", "Life table (stage x days in it)"),
    "naive_bayes": Text("ナイーブベイズ（Odoo方式）", "Naive Bayes (as in Odoo)"),
    "logistic": Text("ロジスティック回帰", "Logistic regression"),
    "lightgbm_closed": Text("LightGBM（決着済み商談のみ）", "LightGBM on closed deals only"),
    "lightgbm_ripe": Text("LightGBM（結果が確定した全時点）", "LightGBM on all ripe questions"),
}


def alone_name(part: str) -> str:
    """The name, as a method, of one of the model's base models by itself.

    >>> alone_name("trees")
    'alone_trees'
    """
    return f"alone_{part}"


ALL_LABELS = {**LABELS, **{alone_name(part): label for part, label in ALONE.items()}}


@dataclass(frozen=True)
class BaselineMethod:
    """A baseline method with its variants; one is chosen on data before the test period."""

    name: str
    label: Text
    variants: Sequence[tuple[str, Fit]]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is spent on the fitted methods: rows, threads; `exact`: a model for each horizon asked.

    Where horizons are not exact, as in a training, fewer sizes of trees are tried: it should not take long.
    """

    most: int = 40_000
    threads: int = 2
    seed: int = 0
    exact: bool = True


def baseline_methods(
    layout: FeatureLayout, windows: HorizonWindows | None, effort: Effort
) -> list[BaselineMethod]:
    """The baselines, each with its variants. The first is used where there is too little to choose by."""
    shared = {"seed": effort.seed, "threads": effort.threads, "most": effort.most}
    sizes = [
        Boosting(leaves=leaves, trees=trees, learning_rate=rate, **shared)
        for leaves, trees, rate in ((15, 100, 0.05), (31, 100, 0.1), (7, 60, 0.1))
    ]
    tables: list[tuple[str, Fit]] = [
        (f"ripe moments, prior {prior:g}", stage_table(layout, prior)) for prior in (2.0, 10.0)
    ]
    tables.append(("Aalen-Johansen, prior 10", stage_table(layout, 10.0, of_all=True)))
    logistic = [
        (
            f"with horizon, ridge {ridge:g}",
            regression_with_horizon(layout, windows, ridge, effort.seed, effort.most),
        )
        for ridge in (30.0, 300.0)
    ]
    tried = sizes if effort.exact else [sizes[0], sizes[2]]
    boosted = [(f"with horizon, {size.label}", boosted_with_horizon(layout, windows, size)) for size in tried]
    levels = scaled, recalibrated(effort.exact)
    on_closed = {size.label: boosted_on_closed(layout, size, levels) for size in tried}
    closed = [(f"scaled, {size.label}", on_closed[size.label][0]) for size in tried]
    closed += [
        (f"recalibrated, {size.label}", on_closed[size.label][1])
        for size in (tried if effort.exact else tried[-1:])
        if size is not sizes[1]
    ]
    bayes: list[tuple[str, Fit]] = [
        (f"{way}, {name}", naive_bayes(columns, level))
        for name, columns in bayes_columns(layout).items()
        for way, level in (("scaled", scaled), ("recalibrated", recalibrated(effort.exact)))
    ]
    if effort.exact:
        closed.append((f"exact horizon, {sizes[2].label}", boosted_on_closed_at(layout, sizes[2])))
        logistic = [
            *(
                (f"exact horizon, ridge {ridge:g}", regression_at(layout, ridge, effort.seed, effort.most))
                for ridge in (10.0, 100.0)
            ),
            logistic[-1],
        ]
        boosted = [
            *((f"exact horizon, {size.label}", boosted_at(layout, size)) for size in sizes),
            boosted[0],
        ]
    variants: dict[str, Sequence[tuple[str, Fit]]] = {
        "base_rate": [
            ("ripe moments", base_rate(share_of_ripe)),
            ("Aalen-Johansen", base_rate(share_of_all)),
        ],
        "stage_rates": tables,
        "life_table": [
            (f"stage x days in it, strength {strength:g}", life_table(layout, strength))
            for strength in (12.0, 50.0)
        ],
        "naive_bayes": bayes,
        "logistic": logistic,
        "lightgbm_closed": closed,
        "lightgbm_ripe": boosted,
    }
    return [BaselineMethod(name, label, variants[name]) for name, label in LABELS.items()]
