"""How good were forecasts of a period's revenue, ours and plain rules', for the same scopes and moments?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.statistics import Interval, means_of
from training.backtest import distribution_scores
from training.backtest.deal_scores import SANCHO

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SCORES = ("crps", "pinball", "error")


@dataclass(frozen=True)
class ForecastScore:
    """One method's forecast of one scope, compared with the actual.

    `error` is mean minus actual (positive: the forecast was too high); `quantiles` at
    distribution_scores.QUANTILES; `covered` at distribution_scores.LEVELS; `reach` the probability of
    reaching the target, None without one.
    """

    mean: float
    quantiles: Floats
    crps: float
    pinball: Floats
    covered: Floats
    pit: float
    reach: float | None

    @classmethod
    def of(
        cls, draws: Floats, actual: float, target: float | None, u: float, reach: float | None = None
    ) -> ForecastScore:
        """From draws (s,) of the total; `reach` where a better figure than their share is known."""
        levels = np.array(distribution_scores.QUANTILES)
        quantiles = np.quantile(draws, levels)
        if target is not None and reach is None:
            reach = distribution_scores.share_reaching(draws, target)
        return cls(
            float(draws.mean()),
            quantiles,
            distribution_scores.crps(draws, actual),
            distribution_scores.pinball(quantiles, levels, actual),
            distribution_scores.covered(draws, actual),
            distribution_scores.pit(draws, actual, u),
            reach,
        )


@dataclass(frozen=True)
class ScopeForecast:
    """A scope at an origin: what came, its target (None without), and every method's forecast.

    `cluster` numbers the periods: lines of one period share their luck.
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
    by: Mapping[str, ForecastScore]

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
                    "mean": judged.mean,
                    **dict(zip(names, judged.quantiles.tolist(), strict=True)),
                    "crps": judged.crps,
                    "pit": judged.pit,
                    "probability": judged.target_probability,
                }
                for name, judged in self.by.items()
            },
        }


def period_tables(lines: Sequence[ScopeForecast], rng: np.random.Generator) -> dict[str, Any]:
    """Figures overall and by week, and each method's PIT histogram; by kind of scope."""
    out = {}
    for kind in dict.fromkeys(line.kind for line in lines):
        mine = [line for line in lines if line.kind == kind]
        weeks = sorted({line.week for line in mine})
        out[kind] = {
            "overall": table_row(mine, rng),
            "by_week": [
                {"week": week, **table_row([one for one in mine if one.week == week], rng)} for week in weeks
            ],
            "pit": {
                name: _histogram([line.scores[name].pit for line in mine if name in line.scores])
                for name in methods(mine)
            },
        }
    return out


def methods(lines: Sequence[ScopeForecast]) -> list[str]:
    """Methods that answered every line."""
    first = list(lines[0].by) if lines else []
    return [name for name in first if all(name in line.scores for line in lines)]


def table_row(lines: Sequence[ScopeForecast], rng: np.random.Generator) -> dict[str, Any]:
    """One line of a table: rows counted, each method's figures, ours minus others'; clustered by period."""
    names = methods(lines)
    cluster = np.array([line.cluster for line in lines], np.int64)
    actual = np.array([line.actual for line in lines])
    aimed = np.array([line.target is not None for line in lines])
    counted = {
        "rows": len(lines),
        "periods": len(np.unique(cluster)),
        "scopes": len({line.scope for line in lines}),
        "mean_actual": float(actual.mean()) if len(lines) else None,
        "rows_with_target": int(aimed.sum()),
        "rows_with_stand_in": sum(line.target is not None and line.target_from != "set" for line in lines),
        "attained": float(
            np.mean([line.actual >= (line.target or 0) for line in lines if line.target is not None])
        )
        if aimed.any()
        else None,
    }
    if not names:
        return {**counted, "methods": {}, "against": {}}
    scores = {name: _scores(lines, name, actual) for name in names}
    others = [name for name in names if name != SANCHO]
    weight = np.ones(len(lines))
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        means = means_of(np.stack([scores[name][one] for one in _SCORES], axis=1), weight, cluster, rng)
        found[name] = dict(zip(_SCORES, (one.to_json() for one in means), strict=True))
        found[name]["absolute_error"] = float(np.abs(scores[name]["error"]).mean())
        found[name]["width80"] = float(scores[name]["width80"].mean())
        found[name]["coverage"] = _coverage(lines, name, weight, cluster, rng)
        found[name]["brier"] = _mean(scores[name]["brier"][aimed], cluster[aimed], rng).to_json()
        found[name]["probability"] = float(scores[name]["reach"][aimed].mean()) if aimed.any() else None
    against = {
        name: {
            **{
                one: _mean(scores[SANCHO][one] - scores[name][one], cluster, rng).to_json()
                for one in ("crps", "pinball")
            },
            "brier": _mean(
                (scores[SANCHO]["brier"] - scores[name]["brier"])[aimed], cluster[aimed], rng
            ).to_json(),
        }
        for name in others
        if SANCHO in scores
    }
    return {**counted, "methods": found, "against": against}


def _scores(lines: Sequence[ScopeForecast], name: str, actual: Floats) -> dict[str, Floats]:
    by = [line.scores[name] for line in lines]
    reach = np.array([np.nan if one.target_probability is None else one.target_probability for one in by])
    target = np.array([np.nan if line.target is None else line.target for line in lines])
    quantiles = np.array([one.quantiles for one in by])
    return {
        "crps": np.array([one.crps for one in by]),
        "pinball": np.array([one.pinball.mean() for one in by]),
        "error": np.array([one.mean for one in by]) - actual,
        "reach": reach,
        "brier": (reach - (actual >= target)) ** 2,
        "width80": quantiles[:, distribution_scores.QUANTILES.index(0.9)]
        - quantiles[:, distribution_scores.QUANTILES.index(0.1)],
    }


def _coverage(
    lines: Sequence[ScopeForecast], name: str, weight: Floats, cluster: Ints, rng: np.random.Generator
) -> dict[str, dict[str, float | None]]:
    held = np.array([line.scores[name].covered for line in lines])
    means = means_of(held, weight, cluster, rng)
    return {
        f"{round(100 * level)}": one.to_json()
        for level, one in zip(distribution_scores.LEVELS, means, strict=True)
    }


def _mean(values: Floats, cluster: Ints, rng: np.random.Generator) -> Interval:
    return means_of(values[:, None], np.ones(len(values)), cluster, rng)[0]


def _histogram(values: Sequence[float]) -> list[int]:
    counts, _ = np.histogram(np.clip(values, 0.0, 1.0), bins=distribution_scores.PIT_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]
