"""What do a logistic regression and LightGBM say that learn from all ripe moments, open deals included?

Fitted anew for each exact horizon, or once with the horizon as a feature.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from features.arrays import Floats
from models.logistic import fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.encoder import fit_encoder
from models.win.horizons import HorizonWindows, ramps
from training.baselines.boosting import Boosting, grown
from training.baselines.past_moments import PastMoments, questions_at
from training.baselines.rates import (
    Baseline,
    Fit,
    Horizons,
    base_rate,
    by_horizon,
    only_questions,
    share_of_ripe,
)

MIN_WON = 5  # won questions, and others, with fewer of which the base rate answers


def boosted_at(layout: FeatureLayout, boosting: Boosting) -> Fit:
    """LightGBM on all moments ripe for exactly the horizon."""

    def fit_one(past: PastMoments, horizon: float) -> Baseline:
        ripe = past.where(past.ripe(horizon)).sampled(boosting.most, np.random.default_rng(boosting.seed))
        won = ripe.won(horizon)
        if not _enough(won):
            return base_rate(share_of_ripe)(past, ())
        predict = grown(ripe.rows.x, won, ripe.weight, layout.categorical, boosting)
        return lambda rows: predict(rows.x[rows.row])

    return by_horizon(fit_one)


def boosted_with_horizon(layout: FeatureLayout, windows: HorizonWindows | None, boosting: Boosting) -> Fit:
    """LightGBM on all ripe questions, with horizon and calendar as features."""

    def fit(past: PastMoments, horizons: Horizons) -> Baseline:
        rows = training_questions(past, horizons, boosting.most, boosting.seed)
        if not _enough(rows.won):
            return base_rate(share_of_ripe)(past, horizons)

        def columns(asked: SnapshotRows) -> Floats:
            horizon = np.minimum(asked.horizon, rows.ever_days)[:, None]
            return np.concatenate([asked.x[asked.row], horizon, _calendar(windows, asked)], axis=1)

        predict = grown(columns(rows), rows.won, rows.question_weight, layout.categorical, boosting)
        return lambda asked: predict(columns(asked))

    return fit


def regression_at(layout: FeatureLayout, ridge: float, seed: int, most: int) -> Fit:
    """Logistic regression on all moments ripe for exactly the horizon: logs, dummies, missing indicators."""

    def fit_one(past: PastMoments, horizon: float) -> Baseline:
        ripe = past.where(past.ripe(horizon)).sampled(most, np.random.default_rng(seed))
        won = ripe.won(horizon)
        if not _enough(won):
            return base_rate(share_of_ripe)(past, ())
        encoder = fit_encoder(ripe.rows.x, layout.categorical)
        coefficients = _fitted(encoder(ripe.rows.x), won, ripe.weight, ridge)
        return lambda rows: expit(coefficients[0] + (encoder(rows.x) @ coefficients[1:])[rows.row])

    return by_horizon(fit_one)


def regression_with_horizon(
    layout: FeatureLayout, windows: HorizonWindows | None, ridge: float, seed: int, most: int
) -> Fit:
    """Logistic regression on all ripe questions: logs, dummies, horizon, calendar, stage x horizon."""

    def fit(past: PastMoments, horizons: Horizons) -> Baseline:
        rows = training_questions(past, horizons, most, seed)
        if not _enough(rows.won):
            return base_rate(share_of_ripe)(past, horizons)
        encoder = fit_encoder(rows.x, layout.categorical)
        stages = np.unique(layout.column(rows.x, layout.stage))
        stages = stages[~np.isnan(stages)]
        top = np.abs(_calendar(windows, rows)).max(axis=0, initial=1.0)

        def design(asked: SnapshotRows) -> Floats:
            horizon = np.log1p(np.minimum(asked.horizon, rows.ever_days)) / np.log1p(rows.ever_days)
            stage = layout.column(asked.x, layout.stage)[asked.row]
            return np.concatenate(
                [
                    ramps(asked.horizon, rows.ever_days),
                    encoder(asked.x)[asked.row],
                    _calendar(windows, asked) / top,
                    (stage[:, None] == stages) * horizon[:, None],
                ],
                axis=1,
            )

        free = ramps(rows.horizon[:1], rows.ever_days).shape[1]
        coefficients = _fitted(design(rows), rows.won, rows.question_weight, ridge, free)
        return lambda asked: expit(coefficients[0] + design(asked) @ coefficients[1:])

    return fit


def training_questions(past: PastMoments, horizons: Horizons, most: int, seed: int) -> SnapshotRows:
    """Questions at the horizons asked, or the rows' own where each question has its own; at most so many."""
    rows = questions_at(past, horizons) if horizons else past.rows
    if len(rows.row) <= most:
        return rows
    keep = np.zeros(len(rows.row), bool)
    keep[np.random.default_rng(seed).choice(len(rows.row), most, replace=False)] = True
    return only_questions(rows, keep)


def _calendar(windows: HorizonWindows | None, asked: SnapshotRows) -> Floats:
    """What the calendar has in each question's window (m, c): working days and ends of periods."""
    if windows is None:
        return np.zeros((len(asked.row), 0))
    return windows(asked.question_at, asked.horizon)


def _fitted(design: Floats, won: Floats, weight: Floats, ridge: float, free: int = 0) -> Floats:
    """Intercept and coefficients; the first `free` columns are hardly penalised."""
    columns = np.concatenate([np.ones((len(design), 1)), design], axis=1)
    penalty = np.full(columns.shape[1], ridge)
    penalty[: 1 + free] = 1e-3
    penalty[0] = 1e-6
    return fit_logistic(columns, won, weight / weight.mean(), penalty).coefficients


def _enough(won: Floats) -> bool:
    return min(float(won.sum()), float(len(won) - won.sum())) >= MIN_WON
