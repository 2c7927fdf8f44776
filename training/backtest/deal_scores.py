"""How accurate were the predicted chances of open deals, Sancho's and the baselines', on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.arrays import Flags, Floats, Ints
from models.logistic import bounded_logit
from models.statistics import Interval, means_of
from training import metrics

SANCHO = "sancho"
EVER, BY_PERIOD_END = "ever", "by_period_end"
QUESTIONS = (EVER, BY_PERIOD_END)
BINS = 15
MIN_ROWS = 30  # a stage or week with fewer rows gets no scores
_NOISE_DRAWS = 100


@dataclass(frozen=True)
class DealRows:
    """Open deals at past moments (n,): the chance predicted by each method, and the outcome.

    `deal` is the deal's number, `origin` the moment, `week` the weeks of the period that had passed, `stage`
    the stage as known at the moment.
    """

    deal: Ints
    origin: Ints
    week: Ints
    stage: NDArray[np.object_]
    outcome: Floats
    chance: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.deal)

    def where(self, mask: Flags) -> DealRows:
        """Only some of the rows."""
        return DealRows(
            self.deal[mask],
            self.origin[mask],
            self.week[mask],
            self.stage[mask],
            self.outcome[mask],
            {name: chance[mask] for name, chance in self.chance.items()},
        )

    @classmethod
    def joined(cls, parts: Sequence[DealRows]) -> DealRows:
        """The rows of all parts, with the methods that all of them have."""
        names = (
            [name for name in parts[0].chance if all(name in part.chance for part in parts)] if parts else []
        )

        def column(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])

        if not parts:
            empty = np.zeros(0, np.int64)
            return cls(empty, empty, empty, np.zeros(0, object), np.zeros(0), {})
        return cls(
            column("deal"),
            column("origin"),
            column("week"),
            column("stage"),
            column("outcome"),
            {name: np.concatenate([part.chance[name] for part in parts]) for name in names},
        )


def deal_tables(rows: DealRows, rng: np.random.Generator, stage_order: Sequence[str] = ()) -> dict[str, Any]:
    """Scores over all rows, by week and by stage, and the reliability curve of each method."""
    weeks = [int(week) for week in np.unique(rows.week)]
    names = [str(stage) for stage in np.unique(rows.stage.astype(str))]
    stages = sorted(names, key=lambda name: (stage_order.index(name) if name in stage_order else 99, name))
    return {
        "overall": table_row(rows, rng),
        "by_week": [{"week": week, **table_row(rows.where(rows.week == week), rng)} for week in weeks],
        "by_stage": [
            {"stage": stage, **table_row(rows.where(rows.stage.astype(str) == stage), rng)}
            for stage in stages
        ],
        "reliability": {
            name: metrics.reliability(chance, rows.outcome, bins=BINS).tolist()
            for name, chance in rows.chance.items()
        },
    }


def table_row(rows: DealRows, rng: np.random.Generator) -> dict[str, Any]:
    """One row of a table: counts, each method's scores, Sancho minus each baseline with intervals."""
    counts = {
        "rows": len(rows),
        "deals": len(np.unique(rows.deal)),
        "won_share": float(rows.outcome.mean()) if len(rows) else None,
    }
    if len(rows) < MIN_ROWS or SANCHO not in rows.chance:
        return {**counts, "methods": {}, "against": {}}
    names = list(rows.chance)
    others = [name for name in names if name != SANCHO]
    scores = {
        "log_loss": {name: metrics.log_losses(rows.chance[name], rows.outcome) for name in names},
        "brier": {name: metrics.brier_scores(rows.chance[name], rows.outcome) for name in names},
    }
    columns = [scores[kind][name] for kind in scores for name in names]
    columns += [scores[kind][SANCHO] - scores[kind][name] for kind in scores for name in others]
    means = iter(means_of(np.stack(columns, axis=1), np.ones(len(rows)), rows.deal, rng))
    methods: dict[str, dict[str, Any]] = {name: {} for name in names}
    against: dict[str, dict[str, Any]] = {name: {} for name in others}
    for kind in scores:
        for name in names:
            methods[name][kind] = next(means).to_json()
    for kind in scores:
        for name in others:
            against[name][kind] = next(means).to_json()
    for name in names:
        methods[name] |= _method_figures(rows.chance[name], rows.outcome, rows.deal, rng)
    return {**counts, "methods": methods, "against": against}


def _method_figures(chance: Floats, outcome: Floats, deal: Ints, rng: np.random.Generator) -> dict[str, Any]:
    intercept, slope = slope_interval(chance, outcome, deal)
    return {
        "mean_probability": float(chance.mean()),
        "auc": _finite_or_none(metrics.auc(chance, outcome)),
        "calibration_error": metrics.calibration_error(chance, outcome, bins=BINS),
        "calibration_noise": calibration_noise(chance, deal, rng),
        "slope": slope.to_json(),
        "intercept": intercept.to_json(),
    }


def slope_interval(chance: Floats, outcome: Floats, cluster: Ints) -> tuple[Interval, Interval]:
    """Intercept and slope of outcomes on predicted log-odds, with 95% intervals clustered by deal.

    0 and 1 are ideal; a slope below 1 means that the chances are too extreme. Sandwich variance: Liang &
    Zeger (1986), "Longitudinal data analysis using generalized linear models".
    """
    intercept, slope = metrics.calibration_slope(chance, outcome)
    if not np.isfinite(slope):
        return Interval(np.nan, np.nan, np.nan), Interval(np.nan, np.nan, np.nan)
    clipped = np.clip(chance, metrics.FLOOR, 1.0 - metrics.FLOOR)
    design = np.stack([np.ones(len(chance)), bounded_logit(clipped)], axis=1)
    fitted = expit(design @ np.array([intercept, slope]))
    _, number = np.unique(cluster, return_inverse=True)
    score_sum = np.zeros((int(number.max()) + 1, 2))
    np.add.at(score_sum, number, design * (outcome - fitted)[:, None])
    inverse_information = np.linalg.pinv((design * (fitted * (1.0 - fitted))[:, None]).T @ design)
    variance = inverse_information @ (score_sum.T @ score_sum) @ inverse_information.T
    half_width = 1.96 * np.sqrt(np.maximum(np.diag(variance), 0.0))
    return (
        Interval(intercept, float(intercept - half_width[0]), float(intercept + half_width[0])),
        Interval(slope, float(slope - half_width[1]), float(slope + half_width[1])),
    )


def calibration_noise(chance: Floats, cluster: Ints, rng: np.random.Generator) -> float:
    """The mean calibration error that the same chances have by chance alone if they are exactly right.

    The simulated outcomes of one deal's rows are drawn together.
    """
    _, number = np.unique(cluster, return_inverse=True)
    uniform = rng.random((_NOISE_DRAWS, int(number.max()) + 1))
    errors = [
        metrics.calibration_error(chance, (draw[number] < chance).astype(float), bins=BINS)
        for draw in uniform
    ]
    return float(np.mean(errors))


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
