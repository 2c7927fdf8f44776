"""What would plain methods have said of the same rows: base rate, stage-rate table, closed deals alone?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.logistic import fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.encoder import fit_encoder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Baseline = Callable[
    [SnapshotRows], Floats
]  # chances (m,) to be won within the horizon, for each question of the rows


def horizon_bands(rows: SnapshotRows) -> Floats:
    """Inner edges of the horizon bands in which plain methods count: a week, two, four, eight, a quarter."""
    return np.array([1.5, 3.5, 7.5, 14.5, 28.5, 56.5, 92.5, rows.longest_days + 1e-6])


def base_rate(train: SnapshotRows) -> Baseline:
    """The share won within the horizon's band, of all training questions in it."""
    return _counted(train, lambda rows: np.zeros(len(rows.row)), 0.5)


def stage_rate_table(train: SnapshotRows, layout: FeatureLayout, prior: float = 5.0) -> Baseline:
    """The share won by stage and horizon band, leaning on the band's with so many rows' worth."""
    return _counted(train, lambda rows: layout.column(rows.x, layout.stage)[rows.row], prior)


def _counted(train: SnapshotRows, group_of: Callable[[SnapshotRows], Floats], prior: float) -> Baseline:
    edges = horizon_bands(train)
    band = np.searchsorted(edges, train.horizon)
    weight = train.question_weight
    groups = np.unique(np.nan_to_num(group_of(train), nan=-1.0))
    count = len(edges) + 1
    size = np.bincount(band, weight, count)
    overall = (np.bincount(band, weight * train.won, count) + 0.5) / (size + 1.0)
    # A band no training question fell into takes the rate of the nearest one that has some.
    full = np.flatnonzero(size > 0)
    if len(full):
        nearest = full[np.abs(np.arange(count)[:, None] - full[None, :]).argmin(axis=1)]
        overall = overall[nearest]
    place = np.searchsorted(groups, np.nan_to_num(group_of(train), nan=-1.0))
    cell = place * count + band
    seen = np.bincount(cell, weight, len(groups) * count).reshape(len(groups), count)
    won = np.bincount(cell, weight * train.won, len(groups) * count).reshape(len(groups), count)
    rate = (won + prior * overall) / (seen + prior)

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
    """A plain regression or LightGBM on moments of closed deals alone, won or lost, as is usually done."""
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
        return _by_band(train, lambda rows: np.asarray(booster.predict(rows.x), np.float64)[rows.row])
    encoder = fit_encoder(train.x, layout.categorical)
    design = np.concatenate([np.ones((len(x), 1)), encoder(x)], axis=1)
    penalty = np.ones(design.shape[1])
    penalty[0] = 1e-6
    found = fit_logistic(design, won, np.ones(len(x)), penalty).coefficients
    return _by_band(train, lambda rows: expit(found[0] + encoder(rows.x) @ found[1:])[rows.row])


def _by_band(train: SnapshotRows, ever: Callable[[SnapshotRows], Floats]) -> Baseline:
    """Brings a chance of ever winning to each horizon band by the ratio that fits the training questions."""
    edges = horizon_bands(train)
    band = np.searchsorted(edges, train.horizon)
    said = np.bincount(band, train.question_weight * ever(train), len(edges) + 1)
    came = np.bincount(band, train.question_weight * train.won, len(edges) + 1)
    ratio = (came + 0.5) / np.maximum(said, 0.5)
    return lambda rows: np.clip(ever(rows) * ratio[np.searchsorted(edges, rows.horizon)], 1e-4, 1.0 - 1e-4)
