"""What do baseline methods predict for the same rows: base rate, stage-rate table, model of closed deals?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from features.arrays import Floats
from models.logistic import fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.encoder import fit_encoder

# Chances (m,) to be won within the horizon, for each question of the rows.
Baseline = Callable[[SnapshotRows], Floats]


def horizon_bands(rows: SnapshotRows) -> Floats:
    """Inner edges of the baselines' horizon bands: days, one, two, four, eight weeks, a quarter."""
    return np.array([1.5, 3.5, 7.5, 14.5, 28.5, 56.5, 92.5, rows.longest_days + 1e-6])


def base_rate(train: SnapshotRows) -> Baseline:
    """The share of all training questions of the horizon band that were won."""
    return _rates(train, lambda rows: np.zeros(len(rows.row)), 0.5)


def stage_rate_table(train: SnapshotRows, layout: FeatureLayout, prior: float = 5.0) -> Baseline:
    """The share won by stage and horizon band, shrunk towards the band's; `prior` in rows."""
    return _rates(train, lambda rows: layout.column(rows.x, layout.stage)[rows.row], prior)


def _rates(train: SnapshotRows, group_of: Callable[[SnapshotRows], Floats], prior: float) -> Baseline:
    edges = horizon_bands(train)
    band = np.searchsorted(edges, train.horizon)
    weight = train.question_weight
    groups = np.unique(np.nan_to_num(group_of(train), nan=-1.0))
    count = len(edges) + 1
    size = np.bincount(band, weight, count)
    overall = (np.bincount(band, weight * train.won, count) + 0.5) / (size + 1.0)
    # A band without training questions takes the rate of the nearest band that has some.
    filled = np.flatnonzero(size > 0)
    if len(filled):
        nearest = filled[np.abs(np.arange(count)[:, None] - filled[None, :]).argmin(axis=1)]
        overall = overall[nearest]
    group_number = np.searchsorted(groups, np.nan_to_num(group_of(train), nan=-1.0))
    cell = group_number * count + band
    rows_of = np.bincount(cell, weight, len(groups) * count).reshape(len(groups), count)
    won = np.bincount(cell, weight * train.won, len(groups) * count).reshape(len(groups), count)
    rate = (won + prior * overall) / (rows_of + prior)

    def chance(rows: SnapshotRows) -> Floats:
        group = np.nan_to_num(group_of(rows), nan=-1.0)
        at = np.minimum(np.searchsorted(groups, group), len(groups) - 1)
        bands = np.searchsorted(edges, rows.horizon)
        out: Floats = np.where(groups[at] == group, rate[at, bands], overall[bands])
        return out

    return chance


def closed_deals_model(
    train: SnapshotRows, layout: FeatureLayout, trees: bool, seed: int = 0, threads: int = 2
) -> Baseline:
    """A logistic regression or LightGBM on moments of closed deals, won or lost, as is common practice."""
    closed = train.event >= 0
    x, won = train.x[closed], (train.event[closed] == 1).astype(np.float64)
    if trees:
        import lightgbm

        data = lightgbm.Dataset(x, won, categorical_feature=list(layout.categorical), free_raw_data=True)
        settings = {
            "objective": "binary",
            "num_threads": threads,
            "seed": seed,
            "verbosity": -1,
            "deterministic": True,
        }
        booster = lightgbm.train(settings, data, num_boost_round=100)
        return by_band(train, lambda rows: np.asarray(booster.predict(rows.x), np.float64)[rows.row])
    encoder = fit_encoder(train.x, layout.categorical)
    design = np.concatenate([np.ones((len(x), 1)), encoder(x)], axis=1)
    penalty = np.ones(design.shape[1])
    penalty[0] = 1e-6
    coefficients = fit_logistic(design, won, np.ones(len(x)), penalty).coefficients
    return by_band(train, lambda rows: expit(coefficients[0] + encoder(rows.x) @ coefficients[1:])[rows.row])


def by_band(train: SnapshotRows, ever: Baseline) -> Baseline:
    """Scales a chance of ever winning in each horizon band to the share won in the training questions."""
    edges = horizon_bands(train)
    band = np.searchsorted(edges, train.horizon)
    predicted = np.bincount(band, train.question_weight * ever(train), len(edges) + 1)
    actual = np.bincount(band, train.question_weight * train.won, len(edges) + 1)
    ratio = (actual + 0.5) / np.maximum(predicted, 0.5)
    return lambda rows: np.clip(ever(rows) * ratio[np.searchsorted(edges, rows.horizon)], 1e-4, 1.0 - 1e-4)
