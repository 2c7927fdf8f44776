"""How good were forecasts of a period's revenue, Sancho's and the baselines', at the same origins?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Flags, Floats, Ints
from models.statistics import Interval, clustered_means
from training.backtest import distribution_scores
from training.backtest.deal_scores import SANCHO

_SCORES = ("crps", "pinball", "error")


@dataclass(frozen=True)
class ForecastScore:
    """One method's forecast of one scope, compared with the actual.

    `error` is mean minus actual (positive: the forecast was too high); `quantiles` at
    distribution_scores.QUANTILES; `covered` at distribution_scores.LEVELS; `target_probability`: of reaching
    the target, None without one.
    """

    mean: float
    quantiles: Floats
    crps: float
    pinball: Floats
    covered: Floats
    pit: float
    target_probability: float | None

    @classmethod
    def of(
        cls,
        draws: Floats,
        actual: float,
        target: float | None,
        u: float,
        target_probability: float | None = None,
    ) -> ForecastScore:
        """From draws (s,) of the total.

        `target_probability`: where it is known more exactly than by the share of draws. `u`: uniform, splits
        ties of the PIT.
        """
        levels = np.array(distribution_scores.QUANTILES)
        quantiles = np.quantile(draws, levels)
        if target is not None and target_probability is None:
            target_probability = distribution_scores.share_reaching(draws, target)
        return cls(
            float(draws.mean()),
            quantiles,
            distribution_scores.crps(draws, actual),
            distribution_scores.pinball(quantiles, levels, actual),
            distribution_scores.covered(draws, actual),
            distribution_scores.pit(draws, actual, u),
            target_probability,
        )


@dataclass(frozen=True)
class ScopeForecast:
    """A scope at an origin: revenue so far, actual, target (None without), and every method's score.

    `cluster` is the number of the period: errors within a period are correlated.
    """

    period: str
    cluster: int
    week: int
    as_of: str
    scope: str
    kind: str
    closed: float
    actual: float
    target: float | None
    target_from: str
    scores: Mapping[str, ForecastScore]

    def to_json(self) -> dict[str, Any]:
        """The forecast as a row of the result."""
        names = [f"p{round(100 * level):02d}" for level in distribution_scores.QUANTILES]
        return {
            "period": self.period,
            "week": self.week,
            "as_of": self.as_of,
            "scope": self.scope,
            "closed": self.closed,
            "actual": self.actual,
            "target": self.target,
            "target_from": self.target_from or None,
            "attained": None if self.target is None else self.actual >= self.target,
            "methods": {
                name: {
                    "mean": score.mean,
                    **dict(zip(names, score.quantiles.tolist(), strict=True)),
                    "crps": score.crps,
                    "pit": score.pit,
                    "probability": score.target_probability,
                }
                for name, score in self.scores.items()
            },
        }


def period_tables(forecasts: Sequence[ScopeForecast]) -> dict[str, Any]:
    """Scores overall and by week, and each method's PIT histogram; by kind of scope."""
    tables = {}
    for kind in dict.fromkeys(forecast.kind for forecast in forecasts):
        of_kind = [forecast for forecast in forecasts if forecast.kind == kind]
        weeks = sorted({forecast.week for forecast in of_kind})
        tables[kind] = {
            "overall": table_row(of_kind),
            "by_week": [
                {"week": week, **table_row([forecast for forecast in of_kind if forecast.week == week])}
                for week in weeks
            ],
            "pit": {
                name: _histogram([forecast.scores[name].pit for forecast in of_kind])
                for name in methods(of_kind)
            },
        }
    return tables


def methods(forecasts: Sequence[ScopeForecast]) -> list[str]:
    """The methods that every forecast has."""
    first = list(forecasts[0].scores) if forecasts else []
    return [name for name in first if all(name in forecast.scores for forecast in forecasts)]


@dataclass(frozen=True)
class _Shared:
    """What forecasts (n,) share luck by: their period, and the scope that is forecast again and again."""

    period: Ints
    scope: Ints

    def mean(self, values: Floats, of: Flags | None = None) -> Interval:
        """The mean of values (n,), of some of the forecasts, with its 95 % interval."""
        use = np.ones(len(values), bool) if of is None else of
        (mean,) = clustered_means(
            values[use][:, None], np.ones(int(use.sum())), self.period[use], self.scope[use]
        )
        return mean


def table_row(forecasts: Sequence[ScopeForecast]) -> dict[str, Any]:
    """One row of a table: counts, each method's scores, Sancho minus each baseline.

    Intervals count the luck that forecasts of a period, and those of a scope, share.
    """
    names = methods(forecasts)
    cluster = np.array([forecast.cluster for forecast in forecasts], np.int64)
    _, scope = np.unique([forecast.scope for forecast in forecasts], return_inverse=True)
    shared = _Shared(cluster, scope.astype(np.int64))
    actual = np.array([forecast.actual for forecast in forecasts])
    has_target = np.array([forecast.target is not None for forecast in forecasts])
    counts = {
        "rows": len(forecasts),
        "periods": len(np.unique(cluster)),
        "scopes": len({forecast.scope for forecast in forecasts}),
        "mean_actual": float(actual.mean()) if len(forecasts) else None,
        "rows_with_target": int(has_target.sum()),
        "rows_with_stand_in": sum(
            forecast.target is not None and forecast.target_from != "set" for forecast in forecasts
        ),
        "attained": float(
            np.mean(
                [
                    forecast.actual >= (forecast.target or 0)
                    for forecast in forecasts
                    if forecast.target is not None
                ]
            )
        )
        if has_target.any()
        else None,
    }
    if not names:
        return {**counts, "methods": {}, "against": {}}
    scores = {name: _scores(forecasts, name, actual) for name in names}
    others = [name for name in names if name != SANCHO]
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        results[name] = {score: shared.mean(scores[name][score]).to_json() for score in _SCORES}
        results[name]["absolute_error"] = float(np.abs(scores[name]["error"]).mean())
        results[name]["width80"] = float(scores[name]["width80"].mean())
        results[name]["coverage"] = _coverage(forecasts, name, shared)
        results[name]["brier"] = shared.mean(scores[name]["brier"], has_target).to_json()
        results[name]["probability"] = (
            float(scores[name]["target_probability"][has_target].mean()) if has_target.any() else None
        )
    against = {
        name: {
            **{
                score: shared.mean(scores[SANCHO][score] - scores[name][score]).to_json()
                for score in ("crps", "pinball")
            },
            "brier": shared.mean(scores[SANCHO]["brier"] - scores[name]["brier"], has_target).to_json(),
        }
        for name in others
        if SANCHO in scores
    }
    return {**counts, "methods": results, "against": against}


def _scores(forecasts: Sequence[ScopeForecast], name: str, actual: Floats) -> dict[str, Floats]:
    """One method's scores (n,) of forecasts (n,), by name of the score."""
    scores = [forecast.scores[name] for forecast in forecasts]
    probability = np.array(
        [np.nan if score.target_probability is None else score.target_probability for score in scores]
    )
    target = np.array([np.nan if forecast.target is None else forecast.target for forecast in forecasts])
    quantiles = np.array([score.quantiles for score in scores])
    return {
        "crps": np.array([score.crps for score in scores]),
        "pinball": np.array([score.pinball.mean() for score in scores]),
        "error": np.array([score.mean for score in scores]) - actual,
        "target_probability": probability,
        "brier": (probability - (actual >= target)) ** 2,
        "width80": quantiles[:, distribution_scores.QUANTILES.index(0.9)]
        - quantiles[:, distribution_scores.QUANTILES.index(0.1)],
    }


def _coverage(
    forecasts: Sequence[ScopeForecast], name: str, shared: _Shared
) -> dict[str, dict[str, float | None]]:
    covered = np.array([forecast.scores[name].covered for forecast in forecasts])
    out = {}
    for number, level in enumerate(distribution_scores.LEVELS):
        mean = shared.mean(covered[:, number])
        ends = (float(np.clip(end, 0.0, 1.0)) for end in (mean.lo, mean.hi))
        out[f"{round(100 * level)}"] = Interval(mean.mean, *ends).to_json()
    return out


def _histogram(values: Sequence[float]) -> list[int]:
    counts, _ = np.histogram(np.clip(values, 0.0, 1.0), bins=distribution_scores.PIT_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]
