"""How accurate were the predicted chances of open deals, Sancho's and the baselines', on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.arrays import Flags, Floats, Ints
from models.statistics import clustered_means
from training import metrics

SANCHO = "sancho"
EVER, BY_PERIOD_END = "ever", "by_period_end"
QUESTIONS = (EVER, BY_PERIOD_END)
BINS = metrics.BINS
MIN_ROWS = 30  # a stage or week with fewer rows gets no scores
_COLUMNS = ("deal", "origin", "period", "week", "stage", "outcome", "alive", "weight")


@dataclass(frozen=True, kw_only=True)
class DealRows:
    """Open deals at past moments (n,): the chance predicted by each method, and the outcome.

    `deal` is the deal's number, `origin` the moment, `period` the number of the period that it lies in,
    `week` the weeks of the period that had passed, `stage` the stage as known at the moment. `outcome`: won
    1, not won 0; for "ever", a deal still `alive` at the end of the log counts in part. `weight`: of the row
    in every figure.
    """

    deal: Ints
    origin: Ints
    period: Ints
    week: Ints
    stage: NDArray[np.object_]
    outcome: Floats
    alive: Flags
    weight: Floats
    chance: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.deal)

    def where(self, mask: Flags) -> DealRows:
        """Only some of the rows."""
        return DealRows(
            **{name: getattr(self, name)[mask] for name in _COLUMNS},
            chance={name: chance[mask] for name, chance in self.chance.items()},
        )

    def if_alive_end(self, won: float) -> DealRows:
        """The rows if all deals still alive end one way: won 1 or lost 0."""
        return replace(self, outcome=np.where(self.alive, won, self.outcome))

    @classmethod
    def joined(cls, parts: Sequence[DealRows]) -> DealRows:
        """The rows of all parts, with the methods that all of them have."""
        if not parts:
            parts = [_nothing()]
        names = [name for name in parts[0].chance if all(name in part.chance for part in parts)]
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS},
            chance={name: np.concatenate([part.chance[name] for part in parts]) for name in names},
        )


def _nothing() -> DealRows:
    no_ints, no_floats = np.zeros(0, np.int64), np.zeros(0)
    return DealRows(
        deal=no_ints,
        origin=no_ints,
        period=no_ints,
        week=no_ints,
        stage=np.zeros(0, object),
        outcome=no_floats,
        alive=np.zeros(0, bool),
        weight=no_floats,
        chance={},
    )


def deal_tables(rows: DealRows, stage_order: Sequence[str] = ()) -> dict[str, Any]:
    """Scores over all rows, by week and by stage, and the reliability curve of each method."""
    weeks = [int(week) for week in np.unique(rows.week)]
    names = [str(stage) for stage in np.unique(rows.stage.astype(str))]
    stages = sorted(names, key=lambda name: (stage_order.index(name) if name in stage_order else 99, name))
    return {
        "overall": table_row(rows),
        "by_week": [{"week": week, **table_row(rows.where(rows.week == week))} for week in weeks],
        "by_stage": [
            {"stage": stage, **table_row(rows.where(rows.stage.astype(str) == stage))} for stage in stages
        ],
        "reliability": {
            name: metrics.reliability(chance, rows.outcome, rows.weight, BINS).tolist()
            for name, chance in rows.chance.items()
        },
    }


def table_row(rows: DealRows) -> dict[str, Any]:
    """One row of a table: counts, each method's scores, Sancho minus each baseline with intervals.

    Intervals count a deal once, and the rows of a period as sharing its luck. Beside each figure that depends
    on deals still alive stand its bounds: `least` and `most` whatever becomes of each of them.
    """
    ends = [rows.if_alive_end(won) for won in (0.0, 1.0)]
    counts = {
        "rows": len(rows),
        "deals": len(np.unique(rows.deal)),
        "periods": len(np.unique(rows.period)),
        "still_open": int(rows.alive.sum()),
        "won_share": _mean(rows.outcome, rows.weight),
        "won_share_if": {
            name: _mean(end.outcome, rows.weight) for name, end in zip(_ENDS, ends, strict=True)
        },
    }
    if len(rows) < MIN_ROWS or SANCHO not in rows.chance:
        return {**counts, "methods": {}, "against": {}}
    others = [name for name in rows.chance if name != SANCHO]
    methods: dict[str, dict[str, Any]] = {name: {} for name in rows.chance}
    against: dict[str, dict[str, Any]] = {name: {} for name in others}
    for kind, score in (("log_loss", metrics.log_losses), ("brier", metrics.brier_scores)):
        # Under the partial outcome, if what is alive is lost, and if it is won: (3, n) each.
        scores = {
            name: np.stack([score(chance, one.outcome) for one in (rows, *ends)])
            for name, chance in rows.chance.items()
        }
        for name in methods:
            methods[name][kind] = bounded_mean(scores[name], rows)
        for name in others:
            against[name][kind] = bounded_mean(scores[SANCHO] - scores[name], rows)
    for name, chance in rows.chance.items():
        methods[name] |= _method_figures(chance, rows, ends)
    return {**counts, "methods": methods, "against": against}


_ENDS = ("all_lost", "all_won")  # of the deals still alive


def bounded_mean(scores: Floats, rows: DealRows) -> dict[str, float | None]:
    """The mean of scores (3, n) with its interval, and its bounds: each alive deal as is best, or worst.

    The scores are those under the partial outcome, if what is alive is lost, and if it is won.
    """
    (mean,) = clustered_means(scores[0][:, None], rows.weight, rows.deal, rows.period)
    extremes = scores[1:]
    return {
        **mean.to_json(),
        "least": _mean(extremes.min(axis=0), rows.weight),
        "most": _mean(extremes.max(axis=0), rows.weight),
    }


def _method_figures(chance: Floats, rows: DealRows, ends: Sequence[DealRows]) -> dict[str, Any]:
    intercept, slope = metrics.slope_intervals(chance, rows.outcome, rows.deal, rows.period, rows.weight)
    figures = {
        "mean_probability": _mean(chance, rows.weight),
        "auc": _finite_or_none(metrics.auc(chance, rows.outcome, rows.weight)),
        "calibration_error": metrics.calibration_error(chance, rows.outcome, rows.weight, BINS),
        "calibration_noise": metrics.calibration_noise(chance, rows.deal, rows.weight, BINS),
        "slope": slope.to_json(),
        "intercept": intercept.to_json(),
    }
    if not rows.alive.any():
        return figures
    return {**figures, "if": {name: _ended(chance, end) for name, end in zip(_ENDS, ends, strict=True)}}


def _ended(chance: Floats, rows: DealRows) -> dict[str, float | None]:
    """What is no mean over rows, if all deals still alive end one way."""
    intercept, slope = np.nan, np.nan
    if metrics.varies(chance, rows.weight):
        intercept, slope = metrics.calibration_slope(chance, rows.outcome, rows.weight)
    return {
        "auc": _finite_or_none(metrics.auc(chance, rows.outcome, rows.weight)),
        "calibration_error": metrics.calibration_error(chance, rows.outcome, rows.weight, BINS),
        "slope": _finite_or_none(slope),
        "intercept": _finite_or_none(intercept),
    }


def _mean(values: Floats, weight: Floats) -> float | None:
    total = float(weight.sum())
    return float(weight @ values / total) if total > 0 else None


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
