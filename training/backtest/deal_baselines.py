"""What do baseline methods, tuned on the training period only, predict for the same open deals?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from crm.i18n import Text
from features.arrays import Flags, Floats
from models.logistic import fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.encoder import fit_encoder
from models.win.horizons import HorizonWindows
from models.win.stage_rates import fit_stage_rates, horizon_grid
from training import baselines, metrics
from training.baselines import Baseline
from training.snapshots import split

Fit = Callable[[SnapshotRows], Baseline]

MAX_QUESTIONS = 40_000  # training questions, sampled, on which a regression or LightGBM is fitted
MIN_LATER = 50  # questions needed to choose between variants
_INNER_SHARE = 0.25  # the last part of the training time, on which variants are chosen


@dataclass(frozen=True)
class BaselineMethod:
    """A baseline method with its variants; one is chosen on data before the test period."""

    name: str
    label: Text
    variants: Sequence[tuple[str, Fit]]


@dataclass(frozen=True)
class FittedBaseline:
    """A fitted baseline method, with the chosen variant and the inner log loss of each variant."""

    name: str
    variant: str
    inner_losses: dict[str, float]
    chance: Baseline


LABELS = {
    "base_rate": Text("全体の受注率", "Base rate"),
    "stage_rates": Text("ステージ別受注率表", "Stage-rate table"),
    "naive_bayes": Text("ナイーブベイズ（Odoo方式）", "Naive Bayes (as in Odoo)"),
    "logistic": Text("ロジスティック回帰", "Logistic regression"),
    "lightgbm_closed": Text("LightGBM（決着済み商談のみ）", "LightGBM on closed deals only"),
}


def baseline_methods(
    layout: FeatureLayout, windows: HorizonWindows, seed: int = 0, threads: int = 2
) -> list[BaselineMethod]:
    """The named baselines, each with the variants a careful analyst would try."""
    stage_table: list[tuple[str, Fit]] = [
        (f"stage x horizon, prior {prior:g}", _stage_table(layout, prior)) for prior in (2.0, 20.0)
    ]
    stage_table += [
        (f"stage x age x horizon, strength {strength:g}", _survival(layout, strength))
        for strength in (12.0, 50.0)
    ]
    regressions: list[tuple[str, Fit]] = [
        (f"all ripe questions, ridge {ridge:g}", _regression(layout, windows, ridge, seed))
        for ridge in (3.0, 30.0, 300.0)
    ]
    regressions.append(("closed deals", lambda rows: baselines.closed_deals_model(rows, layout, trees=False)))
    boosted: list[tuple[str, Fit]] = [
        (
            f"{leaves} leaves, {trees} trees, learning rate {learning_rate:g}",
            _boosted(layout, windows, leaves, trees, learning_rate, seed, threads),
        )
        for leaves, trees, learning_rate in ((31, 100, 0.1), (15, 100, 0.05), (7, 60, 0.1))
    ]
    boosted.append(
        ("31 leaves, 100 trees, no horizon", lambda rows: _plain_boosted(rows, layout, seed, threads)),
    )
    variants: dict[str, Sequence[tuple[str, Fit]]] = {
        "base_rate": [("by horizon band", baselines.base_rate)],
        "stage_rates": stage_table,
        "naive_bayes": [
            (f"{name}, +0.1", _naive_bayes(columns)) for name, columns in _bayes_columns(layout).items()
        ],
        "logistic": regressions,
        "lightgbm_closed": boosted,
    }
    return [BaselineMethod(name, label, variants[name]) for name, label in LABELS.items()]


def fit_baselines(
    train: SnapshotRows, as_of: int, methods: Sequence[BaselineMethod], deals: int, rng: np.random.Generator
) -> dict[str, FittedBaseline]:
    """Each method, fitted on all training rows in the variant that was best on the last quarter of the time.

    `deals` is the number of deals of the log. No deal is on both sides of the inner split, and only answers
    known at its cut-off are used for fitting.
    """
    span = as_of - int(train.at.min())
    cut = as_of - int(span * _INNER_SHARE)
    inner = split(train, cut, as_of, as_of, rng.random(deals) < 0.5)
    enough = len(inner.valid.row) >= MIN_LATER and inner.train.closed_deals >= MIN_LATER
    fitted = {}
    for method in methods:
        inner_losses: dict[str, float] = {}
        fits = dict(method.variants)
        if enough and len(fits) > 1:
            for variant, fit in method.variants:
                loss = metrics.log_losses(fit(inner.train)(inner.valid), inner.valid.won)
                inner_losses[variant] = float(np.average(loss, weights=inner.valid.question_weight))
        best = min(inner_losses, key=inner_losses.__getitem__) if inner_losses else method.variants[0][0]
        fitted[method.name] = FittedBaseline(method.name, best, inner_losses, fits[best](train))
    return fitted


def _stage_table(layout: FeatureLayout, prior: float) -> Fit:
    return lambda rows: baselines.stage_rate_table(rows, layout, prior)


def _survival(layout: FeatureLayout, strength: float) -> Fit:
    """Rates by stage, age and horizon that include open deals as censored observations."""

    def fit(train: SnapshotRows) -> Baseline:
        grid = horizon_grid(train.longest_days, train.ever_days)
        stage, age = layout.column(train.x, layout.stage), layout.column(train.x, layout.age, 0.0)
        table = fit_stage_rates(
            stage, age, train.days, train.event, train.deal, grid, strength=strength, weight=train.weight
        )

        def chance(rows: SnapshotRows) -> Floats:
            state = layout.column(rows.x, layout.stage), layout.column(rows.x, layout.age, 0.0)
            return table.read(table.won, state[0][rows.row], state[1][rows.row], rows.horizon[:, None])[:, 0]

        return chance

    return fit


# The fields that Odoo uses by default, as far as they exist here.
_FEW = ("stage", "source", "deal_type", "product", "industry", "region")


def _bayes_columns(layout: FeatureLayout) -> dict[str, list[int]]:
    few = [column for column in layout.categorical if layout.names[column] in _FEW]
    return {
        "stage and source": [column for column in few if layout.names[column] in _FEW[:2]],
        "usual columns": few,
        "all categories": list(layout.categorical),
    }


def _naive_bayes(columns: Sequence[int]) -> Fit:
    """Frequencies of categories among won and lost deals, + 0.1, multiplied as if independent.

    As in Odoo, a deal counts once for each value it ever had, so a won deal counts in every stage it passed
    through, and the chance is clipped to 1% and 99%. The method has no horizon: see `baselines.by_band`.
    """

    def fit(train: SnapshotRows) -> Baseline:
        closed = train.event >= 0
        deal, won, x = train.deal[closed], train.event[closed] == 1, train.x[closed]
        of_deal = dict(zip(deal.tolist(), won.tolist(), strict=True))
        total = {True: sum(of_deal.values()), False: len(of_deal) - sum(of_deal.values())}
        prior = np.log((total[True] + 0.1) / (total[False] + 0.1))
        tables = []
        for column in columns:
            known = ~np.isnan(x[:, column])
            pairs = np.unique(np.stack([deal[known], x[known, column], won[known]], axis=1), axis=0)
            codes, position = np.unique(pairs[:, 1], return_inverse=True)
            counts = [np.bincount(position[pairs[:, 2] == side], minlength=len(codes)) for side in (1, 0)]
            ratio = np.log((counts[0] + 0.1) / (total[True] + 0.1)) - np.log(
                (counts[1] + 0.1) / (total[False] + 0.1)
            )
            tables.append((column, codes, ratio))

        def ever(rows: SnapshotRows) -> Floats:
            score = np.full(len(rows.x), prior)
            for column, codes, ratio in tables:
                if len(codes):
                    at = np.minimum(np.searchsorted(codes, rows.x[:, column]), len(codes) - 1)
                    score += np.where(codes[at] == rows.x[:, column], ratio[at], 0.0)
            return np.asarray(np.clip(expit(score), 0.01, 0.99)[rows.row])

        return baselines.by_band(train, ever)

    return fit


def _regression(layout: FeatureLayout, windows: HorizonWindows, ridge: float, seed: int) -> Fit:
    """Logistic regression on all ripe questions: logs, dummies, horizon, working days, stage x horizon."""

    def fit(train: SnapshotRows) -> Baseline:
        rows = thinned(train, np.random.default_rng(seed))
        encoder = fit_encoder(rows.x, layout.categorical)
        stages = np.unique(layout.column(rows.x, layout.stage))
        stages = stages[~np.isnan(stages)]
        top = np.maximum(np.abs(windows(rows.question_at, rows.horizon)).max(axis=0, initial=1.0), 1.0)

        def design(questions: SnapshotRows) -> Floats:
            log_horizon = np.log1p(np.minimum(questions.horizon, rows.ever_days))[:, None] / np.log1p(
                rows.ever_days
            )
            stage = layout.column(questions.x, layout.stage)[questions.row]
            ever = (questions.horizon >= rows.ever_days)[:, None].astype(np.float64)
            parts = [
                np.ones((len(questions.row), 1)),
                encoder(questions.x)[questions.row],
                log_horizon,
                log_horizon**2,
                ever,
            ]
            parts += [
                windows(questions.question_at, questions.horizon) / top,
                (stage[:, None] == stages) * log_horizon,
            ]
            return np.concatenate(parts, axis=1)

        columns = design(rows)
        penalty = np.full(columns.shape[1], ridge)
        penalty[0] = 1e-6
        coefficients = fit_logistic(columns, rows.won, rows.question_weight, penalty).coefficients
        return lambda questions: expit(design(questions) @ coefficients)

    return fit


def _boosted(
    layout: FeatureLayout,
    windows: HorizonWindows,
    leaves: int,
    trees: int,
    learning_rate: float,
    seed: int,
    threads: int,
) -> Fit:
    """LightGBM on questions about closed deals, with the horizon as a feature."""

    def fit(train: SnapshotRows) -> Baseline:
        import lightgbm

        rows = thinned(train.where(train.event >= 0), np.random.default_rng(seed))
        if not len(rows.row) or rows.won.min() == rows.won.max():
            return baselines.base_rate(train)

        def columns(questions: SnapshotRows) -> Floats:
            horizon = np.minimum(questions.horizon, rows.ever_days)[:, None]
            return np.concatenate(
                [questions.x[questions.row], horizon, windows(questions.question_at, questions.horizon)],
                axis=1,
            )

        settings = {
            "objective": "binary",
            "num_leaves": leaves,
            "learning_rate": learning_rate,
            "num_threads": threads,
            "seed": seed,
            "verbosity": -1,
            "deterministic": True,
        }
        data = lightgbm.Dataset(columns(rows), rows.won, categorical_feature=list(layout.categorical))
        booster = lightgbm.train(settings, data, num_boost_round=trees)
        return lambda questions: np.asarray(
            booster.predict(columns(questions), num_threads=threads), np.float64
        )

    return fit


def _plain_boosted(train: SnapshotRows, layout: FeatureLayout, seed: int, threads: int) -> Baseline:
    return baselines.closed_deals_model(train, layout, trees=True, seed=seed, threads=threads)


def thinned(rows: SnapshotRows, rng: np.random.Generator, max_questions: int = MAX_QUESTIONS) -> SnapshotRows:
    """At most `max_questions` of the questions, sampled."""
    if len(rows.row) <= max_questions:
        return rows
    keep: Flags = np.zeros(len(rows.row), bool)
    keep[rng.choice(len(rows.row), max_questions, replace=False)] = True
    return replace(
        rows,
        row=rows.row[keep],
        horizon=rows.horizon[keep],
        won=rows.won[keep],
        lost=rows.lost[keep],
        matures_after_days=rows.matures_after_days[keep],
    )
