"""What do the base models predict: pooled stage rates, a ridge regression, boosted trees?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats
from models.logistic import bounded_logit, fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.encoder import Encoder
from models.win.horizons import HorizonTerms, close_columns, ramps
from models.win.stacking import freshness
from models.win.stage_rates import StageRates, interpolate

LOG_ODDS_LIMIT = 9.0  # log-odds of a base model are clipped here
DAYS_SINCE = (
    "age_days",
    "days_in_stage",
    "days_since_amount_change",
    "days_since_close_date_change",
    "days_with_owner",
)
RIDGE = 12.0  # penalty of a standardised coefficient, in deals
ROWS_TOGETHER = 16  # rows of a product that are summed side by side; fewer only at its end
_ONE_THREAD = 9_000  # entries of a product that BLAS leaves to one thread (OpenBLAS: below 9,216)


@dataclass(frozen=True)
class FeatureLayout:
    """The indices of features that the base models treat specially, -1 = missing."""

    names: tuple[str, ...]
    categorical: tuple[int, ...]
    stage: int
    age: int
    close: int  # days to the expected close date
    since: tuple[int, ...] = ()  # days since the deal was created or changed

    @classmethod
    def of(cls, names: Sequence[str], categorical: Sequence[int]) -> FeatureLayout:
        """The layout of named features, some of them categorical."""
        stage, age, close = (
            names.index(name) if name in names else -1 for name in ("stage", "age_days", "days_to_close_date")
        )
        since = tuple(number for number, name in enumerate(names) if name in DAYS_SINCE)
        return cls(tuple(names), tuple(categorical), stage, age, close, since)

    def freshness(self, x: Floats) -> Floats:
        """How new a deal's last change is, 0 to 1 (n,), as far as these features tell."""
        return freshness(x[:, list(self.since)])

    def column(self, x: Floats, index: int, missing: float = np.nan) -> Floats:
        """The feature at `index`, or `missing` for every row where there is none."""
        return x[:, index] if index >= 0 else np.full(len(x), missing)


@dataclass(frozen=True)
class Linear:
    """Log-odds linear in encoded features and in terms that never decrease with the horizon.

    `coefficients`: intercept, encoded columns, ramps, period ends, close columns, then for each stage code
    of `stages` ramps of its own. `covariance` is their covariance, in units of deals.
    """

    encoder: Encoder
    stages: Floats
    top: Floats  # largest numbers of period ends
    ever_days: float
    coefficients: Floats
    covariance: Floats
    mean: Floats  # of the encoded columns over the training moments
    stage_mean: Floats  # share of each stage over the training moments
    close_reference: Floats  # quantiles of the days to the expected close date over them, some unknown

    @property
    def width(self) -> int:
        """How many encoded columns there are."""
        return len(self.mean)

    def fixed_design(self, x: Floats) -> Floats:
        """The part (n, 1 + c) of the design that does not depend on the horizon."""
        return np.concatenate([np.ones((len(x), 1)), self.encoder(x)], axis=1)

    def horizon_design(self, stage: Floats, close: Floats, terms: HorizonTerms) -> Floats:
        """The part (n, p) of the design that depends on the horizon; all inputs have n rows."""
        rising = ramps(terms.clock, self.ever_days)
        return np.concatenate(
            [
                rising,
                terms.ends / self.top,
                close_columns(close, terms.days),
                self._by_stage(stage[:, None] == self.stages, rising),
            ],
            axis=1,
        )

    def _by_stage(self, at: NDArray[Any], rising: Floats) -> Floats:
        """Ramps (n, r) times each stage's weight in a row: (n, stages x r)."""
        out: Floats = (at[:, :, None] * rising[:, None, :]).reshape(len(rising), -1)
        return out

    def score(self, fixed: Floats, moving: Floats) -> Floats:
        """Log-odds (n,)."""
        cut = fixed.shape[1]
        out = _products(fixed, self.coefficients[:cut]) + _products(moving, self.coefficients[cut:])
        return np.clip(out, -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT)

    def variance(self, fixed: Floats, moving: Floats) -> Floats:
        """Variance (n,) of the log-odds."""
        design = np.concatenate([fixed, moving], axis=1)
        out: Floats = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        return out

    def contributions(self, layout: FeatureLayout, x: Floats, terms: HorizonTerms) -> Floats:
        """Log-odds by feature (n, k) relative to the average training moment at the same horizon."""
        stage, close = layout.column(x, layout.stage), layout.column(x, layout.close)
        fixed, moving = self.fixed_design(x), self.horizon_design(stage, close, terms)
        cut = fixed.shape[1]
        weights, slopes = self.coefficients[:cut], self.coefficients[cut:]
        values = np.zeros_like(x)
        np.add.at(values.T, self.encoder.sources, ((fixed[:, 1:] - self.mean) * weights[1:]).T)
        rising = ramps(terms.clock, self.ever_days)
        stage_at = moving.shape[1] - len(self.stages) * rising.shape[1]
        if layout.close >= 0:
            closes = slice(stage_at - 3, stage_at)
            values[:, layout.close] += (moving[:, closes] - self._usual_close(terms.days)) @ slopes[closes]
        if layout.stage >= 0:
            usual = self._by_stage(np.broadcast_to(self.stage_mean, (len(x), len(self.stages))), rising)
            values[:, layout.stage] += (moving[:, stage_at:] - usual) @ slopes[stage_at:]
        return values

    def _usual_close(self, horizon: Floats) -> Floats:
        usual = self.close_reference
        if not len(usual):
            return np.zeros((len(horizon), 3))
        every = close_columns(np.tile(usual, len(horizon)), np.repeat(horizon, len(usual)))
        return np.asarray(every.reshape(len(horizon), len(usual), 3).mean(axis=1))

    def arrays(self) -> dict[str, Floats]:
        """What is stored as arrays."""
        names = ("stages", "top", "coefficients", "covariance", "mean", "stage_mean", "close_reference")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """What is stored as text."""
        return {"encoder": self.encoder.to_json(), "ever_days": self.ever_days}

    @classmethod
    def restored(cls, stored: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Linear:
        """The model that `to_json` and `arrays` stored."""
        return cls(
            encoder=Encoder.from_json(stored["encoder"]), ever_days=float(stored["ever_days"]), **arrays
        )


def fit_linear(
    rows: SnapshotRows,
    outcomes: Sequence[Floats],
    layout: FeatureLayout,
    encoder: Encoder,
    terms: HorizonTerms,
    ridge: float = RIDGE,
) -> list[Linear]:
    """The ridge regression of each outcome (m,); each deal counts once, so `ridge` is in deals."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    stage, close = layout.column(rows.x, layout.stage), layout.column(rows.x, layout.close)
    stages = np.unique(stage[~np.isnan(stage)])
    top = np.maximum(terms.ends.max(axis=0, initial=0.0), 1.0)
    known = close[~np.isnan(close)]
    unknown = round(16 * (1.0 - len(known) / max(len(close), 1)))
    reference = np.concatenate(
        [
            np.quantile(known, np.linspace(0.03, 0.97, 16 - unknown)) if unknown < 16 else [],
            [np.nan] * unknown,
        ]
    )
    draft = Linear(
        encoder,
        stages,
        top,
        rows.ever_days,
        np.zeros(0),
        np.zeros((0, 0)),
        encoder.mean(rows.x),
        (stage[:, None] == stages).mean(axis=0),
        np.asarray(reference, np.float64),
    )
    fixed = draft.fixed_design(rows.x[rows.row])
    moving = draft.horizon_design(stage[rows.row], close[rows.row], terms)
    design = np.concatenate([fixed, moving], axis=1)
    weight = rows.question_weight / rows.question_weight.sum() * rows.deals
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-3
    penalty[fixed.shape[1] : fixed.shape[1] + ramps(np.ones(1), rows.ever_days).shape[1]] = 0.3
    rising = np.arange(design.shape[1]) >= fixed.shape[1]
    models = []
    # One thread of linear algebra: the same sums on every machine, and faster under load.
    with threadpool_limits(1, "blas"):
        for outcome in outcomes:
            start = np.zeros(design.shape[1])
            start[0] = float(bounded_logit(np.clip(np.average(outcome, weights=weight), 0.001, 0.999)))
            fit = fit_logistic(design, outcome, weight, penalty, start, rising)
            covariance = np.asarray(np.linalg.inv(fit.curvature), np.float64)
            models.append(replace(draft, coefficients=fit.coefficients, covariance=covariance))
    return models


def rates_log_odds(
    rates: StageRates, table: Floats, layout: FeatureLayout, x: Floats, terms: HorizonTerms
) -> Floats:
    """Log-odds (n,) of rows (n, k) by a table of stage rates, each for its own horizon."""
    stage, age = layout.column(x, layout.stage), layout.column(x, layout.age, 0.0)
    return clipped(rates.read(table, stage, age, terms.clock[:, None])[:, 0])


def rates_contributions(
    rates: StageRates, table: Floats, layout: FeatureLayout, x: Floats, horizon: Floats
) -> Floats:
    """Log-odds (n, k) of a table of stage rates, split between stage and age by Shapley values."""
    row, band = rates.cell(layout.column(x, layout.stage), layout.column(x, layout.age, 0.0))
    stage_share, age_share = rates.share.sum(axis=1), rates.share.sum(axis=0)
    flat = table.reshape(-1, table.shape[2])
    values = np.zeros_like(x)
    # One small table per distinct horizon: the deals of a request share the period's end.
    ends, which = np.unique(horizon, return_inverse=True)
    for number, end in enumerate(ends):
        with_horizon = np.flatnonzero(which == number)
        days = np.full((len(flat), 1), end)
        whole = clipped(interpolate(flat, rates.grid, days)).reshape(table.shape[:2])
        average = float(stage_share @ whole @ age_share)
        by_stage, by_age = whole @ age_share, stage_share @ whole
        r, b = row[with_horizon], band[with_horizon]
        stage_part = 0.5 * (by_stage[r] - average) + 0.5 * (whole[r, b] - by_age[b])
        if layout.stage >= 0:
            values[with_horizon, layout.stage] += stage_part
        if layout.age >= 0:
            values[with_horizon, layout.age] += whole[r, b] - average - stage_part
    return values


def _products(rows: Floats, weights: Floats) -> Floats:
    """Each row (n, c) times weights (c,), (n,); its digits depend on neither rows nor threads there are.

    A product of many rows is divided among threads wherever it suits them, and the rows at the cuts are
    summed in another order. So few at a time are no work for several, `ROWS_TOGETHER` side by side.
    """
    step = max(_ONE_THREAD // max(rows.shape[1], 1) // ROWS_TOGETHER, 1) * ROWS_TOGETHER
    if len(rows) <= step:
        few: Floats = rows @ weights
        return few
    return np.concatenate([rows[first : first + step] @ weights for first in range(0, len(rows), step)])


def clipped(chance: Floats) -> Floats:
    """Log-odds of a base model's probability, within the limit."""
    return np.clip(bounded_logit(chance), -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT)
