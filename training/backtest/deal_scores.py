"""How good were the chances given to open deals, ours and plain methods', on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.logistic import bounded_logit
from models.statistics import Interval, means_of
from training import metrics

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SANCHO = "sancho"
EVER, BY_PERIOD_END = "ever", "by_period_end"
QUESTIONS = (EVER, BY_PERIOD_END)
BINS = 15
MIN_ROWS = 30  # a stage or week with fewer rows is counted and not judged
_NOISE_DRAWS = 100


@dataclass(frozen=True)
class DealRows:
    """Open deals at past moments (n,): the chance each method gave, and whether it happened.

    `deal` numbers the deals, `origin` the moments, `week` the weeks of the period then over; `stage` names
    the stage as it was known then.
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
        """All rows of several; only methods that all of them have."""
        names = (
            [name for name in parts[0].chance if all(name in part.chance for part in parts)] if parts else []
        )

        def column(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])

        if not parts:
            none = np.zeros(0, np.int64)
            return cls(none, none, none, np.zeros(0, object), np.zeros(0), {})
        return cls(
            column("deal"),
            column("origin"),
            column("week"),
            column("stage"),
            column("outcome"),
            {name: np.concatenate([part.chance[name] for part in parts]) for name in names},
        )


def deal_tables(rows: DealRows, rng: np.random.Generator, stage_order: Sequence[str] = ()) -> dict[str, Any]:
    """Figures over all rows, by week and by stage, and the reliability curve of each method."""
    weeks = [int(week) for week in np.unique(rows.week)]
    named = [str(stage) for stage in np.unique(rows.stage.astype(str))]
    stages = sorted(named, key=lambda name: (stage_order.index(name) if name in stage_order else 99, name))
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
    """One line of a table: rows counted, each method's figures, ours minus each other's with intervals."""
    counted = {
        "rows": len(rows),
        "deals": len(np.unique(rows.deal)),
        "won_share": float(rows.outcome.mean()) if len(rows) else None,
    }
    if len(rows) < MIN_ROWS or SANCHO not in rows.chance:
        return {**counted, "methods": {}, "against": {}}
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
    return {**counted, "methods": methods, "against": against}


def _method_figures(chance: Floats, outcome: Floats, deal: Ints, rng: np.random.Generator) -> dict[str, Any]:
    intercept, slope = slope_interval(chance, outcome, deal)
    return {
        "mean_probability": float(chance.mean()),
        "auc": _plain(metrics.auc(chance, outcome)),
        "calibration_error": metrics.calibration_error(chance, outcome, bins=BINS),
        "calibration_noise": calibration_noise(chance, deal, rng),
        "slope": slope.to_json(),
        "intercept": intercept.to_json(),
    }


def slope_interval(chance: Floats, outcome: Floats, cluster: Ints) -> tuple[Interval, Interval]:
    """Intercept and slope of what happened on the log-odds promised, with 95 % intervals clustered by deal.

    0 and 1 are right; a slope below 1 means the chances lie too far apart. Sandwich variance: Liang & Zeger
    (1986), "Longitudinal data analysis using generalized linear models".
    """
    intercept, slope = metrics.calibration_slope(chance, outcome)
    if not np.isfinite(slope):
        return Interval(np.nan, np.nan, np.nan), Interval(np.nan, np.nan, np.nan)
    clipped = np.clip(chance, metrics.FLOOR, 1.0 - metrics.FLOOR)
    design = np.stack([np.ones(len(chance)), bounded_logit(clipped)], axis=1)
    fitted = expit(design @ np.array([intercept, slope]))
    _, number = np.unique(cluster, return_inverse=True)
    pull = np.zeros((int(number.max()) + 1, 2))
    np.add.at(pull, number, design * (outcome - fitted)[:, None])
    bread = np.linalg.pinv((design * (fitted * (1.0 - fitted))[:, None]).T @ design)
    reach = 1.96 * np.sqrt(np.maximum(np.diag(bread @ (pull.T @ pull) @ bread.T), 0.0))
    return (
        Interval(intercept, float(intercept - reach[0]), float(intercept + reach[0])),
        Interval(slope, float(slope - reach[1]), float(slope + reach[1])),
    )


def calibration_noise(chance: Floats, cluster: Ints, rng: np.random.Generator) -> float:
    """The calibration error that the same chances would show on average if they were exactly right.

    What remains in bins by luck alone; the rows of one deal share their luck.
    """
    _, number = np.unique(cluster, return_inverse=True)
    luck = rng.random((_NOISE_DRAWS, int(number.max()) + 1))
    shown = [
        metrics.calibration_error(chance, (one[number] < chance).astype(float), bins=BINS) for one in luck
    ]
    return float(np.mean(shown))


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
