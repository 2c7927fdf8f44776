"""What would simple rules, recalibrated on their own past errors, have forecast for a period's revenue?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from training.backtest.distribution_scores import crps
from training.backtest.period_snapshots import PeriodSnapshot

Floats = NDArray[np.float64]

LABELS = {
    "stage_weighted": Text("ステージ別受注率による積み上げ", "Stage-weighted pipeline"),
    "run_rate": Text("現在のペースの着地（ランレート）", "Run rate"),
    "last_year": Text("前年同期実績", "Same period last year"),
}
GRID = 999  # equally likely amounts that stand for a distribution
_CHOOSING_GRID = 99
_PRIOR_PERIODS = 1.0  # periods' worth of belief that the plain rule needs no correction
_PRIOR_CV = 0.5  # spread believed before any error was seen


@dataclass(frozen=True)
class RuleExamples:
    """Past lines of one kind of scope at one week (n,): predicting columns, the rest, its period."""

    columns: Floats  # (n, k)
    rest: Floats
    period: NDArray[np.int64]


Form = Callable[[RuleExamples], Floats]


@dataclass(frozen=True)
class Rule:
    """Rest of the period: gamma, mean = columns x factors, variance = noise x mean + shock^2 x mean^2."""

    factors: Floats
    noise: float
    shock: float
    form: str

    def draws(self, closed: float, columns: Floats) -> Floats:
        """Equally likely totals (GRID,) of a scope with `closed` so far and its columns (k,)."""
        out: Floats = closed + self.remaining(columns[None, :])[0]
        return out

    def remaining(self, columns: Floats, grid: int = GRID) -> Floats:
        """Equally likely amounts (n, grid) for the rest of the period, for columns (n, k)."""
        from scipy.special import gammaincinv

        mean = np.nan_to_num(columns) @ self.factors
        variance = self.noise * mean + (self.shock * mean) ** 2
        shape = mean**2 / np.maximum(variance, 1e-9 * mean**2 + 1e-300)
        shape = np.where(mean > 0, np.maximum(shape, 1e-3), 1.0)
        chances = (np.arange(grid) + 0.5) / grid
        out: Floats = gammaincinv(shape[:, None], chances) * (mean / shape)[:, None]
        return out


def columns_of(name: str, snapshot: PeriodSnapshot) -> Floats:
    """What a rule looks at, a line per scope (n, k): its prediction, and for the pipeline the usual pace."""
    if name == "stage_weighted":
        # Deals not yet created are in no pipeline: a careful planner adds a share of the usual pace.
        return np.stack([snapshot.weighted, snapshot.usual], axis=1)
    if name == "run_rate":
        return snapshot.run_rate[:, None]
    return np.where(np.isnan(snapshot.last_year), snapshot.usual, snapshot.last_year)[:, None]


def rule_examples(
    name: str, snapshots: Sequence[PeriodSnapshot], actuals: Sequence[dict[str, float]]
) -> dict[str, RuleExamples]:
    """By kind of scope, all lines of past pages with what then came."""
    rows: dict[str, list[tuple[Floats, float, int]]] = {}
    for number, (snapshot, actual) in enumerate(zip(snapshots, actuals, strict=True)):
        columns = columns_of(name, snapshot)
        for at, scope in enumerate(snapshot.scopes):
            if scope in actual:
                rest = max(actual[scope] - snapshot.closed[at], 0.0)
                rows.setdefault(str(snapshot.kind[at]), []).append((columns[at], rest, number))
    return {
        kind: RuleExamples(
            np.array([line[0] for line in lines]),
            np.array([line[1] for line in lines]),
            np.array([line[2] for line in lines], np.int64),
        )
        for kind, lines in rows.items()
    }


def fit_rule(kind: str, examples_by_kind: dict[str, RuleExamples], width: int) -> Rule:
    """The rule for one kind of scope: the form that forecast each past period best from the others.

    The company has one line per period, so it also learns from the teams' lines; the size of its own errors
    then counts for its spread.
    """
    kinds = ("company", "team") if kind == "company" else (kind,)
    parts = [examples_by_kind[name] for name in kinds if name in examples_by_kind]
    if not parts:
        return Rule(np.eye(width)[0], 0.0, _PRIOR_CV, "as it is")
    lesson = RuleExamples(
        *(
            np.concatenate([getattr(part, column) for part in parts])
            for column in ("columns", "rest", "period")
        )
    )
    own = examples_by_kind.get(kind)
    forms: dict[str, Form] = {"as it is": _as_it_is, "factor": _factor, "factor + usual pace": _two_factors}
    if width == 1:
        del forms["factor + usual pace"]
    best, least = "factor", np.inf
    periods = np.unique(lesson.period)
    if len(periods) >= 3:
        for form, fit in forms.items():
            loss = _left_out_loss(lesson, own or lesson, fit, periods)
            if loss < least:
                best, least = form, loss
    return _spread(lesson, own, forms[best](lesson), best)


def _left_out_loss(
    lesson: RuleExamples, evaluated: RuleExamples, fit: Form, periods: NDArray[np.int64]
) -> float:
    total = 0.0
    for period in periods:
        use = lesson.period != period
        others = RuleExamples(lesson.columns[use], lesson.rest[use], lesson.period[use])
        rule = _spread(others, None, fit(others), "")
        held_out = evaluated.period == period
        drawn = rule.remaining(evaluated.columns[held_out], _CHOOSING_GRID)
        total += sum(
            crps(draws, float(rest)) for draws, rest in zip(drawn, evaluated.rest[held_out], strict=True)
        )
    return total


def _as_it_is(lesson: RuleExamples) -> Floats:
    out: Floats = np.eye(lesson.columns.shape[1])[0]
    return out


def _factor(lesson: RuleExamples) -> Floats:
    out = np.zeros(lesson.columns.shape[1])
    out[0] = _solved(lesson.columns[:, :1], lesson, np.ones(1))[0]
    return out


def _two_factors(lesson: RuleExamples) -> Floats:
    return _solved(lesson.columns, lesson, np.array([1.0, 0.0]))


def _solved(columns: Floats, lesson: RuleExamples, prior: Floats) -> Floats:
    """Factors of at least 0 by weighted least squares, leaning on `prior`; a line weighs 1 / its size."""
    from scipy.optimize import nnls

    columns = np.nan_to_num(columns)
    size = np.maximum(columns.mean(axis=1), columns.mean() * 0.05 + 1e-9)
    weight = 1.0 / np.sqrt(size)
    periods = max(len(np.unique(lesson.period)), 1)
    lean = np.sqrt(_PRIOR_PERIODS / periods * ((columns * weight[:, None]) ** 2).sum(axis=0).clip(1e-12))
    design = np.concatenate([columns * weight[:, None], np.diag(lean)])
    factors: Floats = nnls(design, np.concatenate([lesson.rest * weight, lean * prior]))[0]
    return factors


def _spread(lesson: RuleExamples, own: RuleExamples | None, factors: Floats, form: str) -> Rule:
    """Noise and shock from past errors; the company's own errors widen or narrow what the teams taught."""
    from scipy.optimize import nnls

    mean = np.nan_to_num(lesson.columns) @ factors
    use = mean > 0
    if not use.any():
        return Rule(factors, 0.0, _PRIOR_CV, form)
    mean, error = mean[use], (lesson.rest - mean)[use]
    periods = len(np.unique(lesson.period))
    # Errors of lines that taught the factors are a little too small.
    free = periods / max(periods - len(factors) * periods / (periods + _PRIOR_PERIODS), 0.5 * periods)
    square = error**2 * free
    design = np.stack([1.0 / mean, np.ones(len(mean))], axis=1)
    votes = np.minimum(1.0, mean / np.median(mean))
    prior_weight = np.sqrt(_PRIOR_PERIODS / max(periods, 1) * (votes**2).sum())
    rows = np.concatenate([design * votes[:, None], [[0.0, prior_weight]]])
    noise, shock2 = nnls(rows, np.append(square / mean**2 * votes, prior_weight * _PRIOR_CV**2 * 0.25))[0]
    if own is not None and len(np.unique(own.period)) == len(own.period):
        predicted = np.nan_to_num(own.columns) @ factors
        variance = noise * predicted + shock2 * predicted**2
        sound = variance > 0
        if sound.any():
            z2 = float(((own.rest - predicted)[sound] ** 2 / variance[sound]).sum())
            scale = (z2 + 3.0) / (sound.sum() + 3.0)
            noise, shock2 = noise * scale, shock2 * scale
    return Rule(factors, float(noise), float(np.sqrt(shock2)), form)
