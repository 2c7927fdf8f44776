"""What do simple rules, recalibrated on their past errors, forecast for a period's revenue?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from features.arrays import Floats
from training.backtest.distribution_scores import crps
from training.backtest.period_snapshots import PeriodSnapshot

LABELS = {
    "stage_weighted": Text("ステージ別受注率による積み上げ", "Stage-weighted pipeline"),
    "run_rate": Text("現在のペースの着地（ランレート）", "Run rate"),
    "last_year": Text("前年同期実績", "Same period last year"),
}
GRID = 999  # equally likely amounts that represent a distribution
_CHOOSING_GRID = 99
_PRIOR_PERIODS = 1.0  # weight, in periods, of the prior that the rule needs no correction
_PRIOR_CV = 0.5  # prior coefficient of variation


@dataclass(frozen=True)
class RuleExamples:
    """Past forecasts (n,) of one kind of scope at one week of the period, to calibrate a rule on.

    `columns` (n, k): the rule's inputs. `rest`: revenue of the rest of the period. `period`: its number.
    """

    columns: Floats
    rest: Floats
    period: NDArray[np.int64]


Form = Callable[[RuleExamples], Floats]


@dataclass(frozen=True)
class Rule:
    """The rest of the period is gamma: mean = columns x factors, variance = noise x mean + (shock x mean)^2.

    `form` names how the factors were fitted.
    """

    factors: Floats
    noise: float
    shock: float
    form: str

    def draws(self, closed: float, columns: Floats) -> Floats:
        """Equally likely totals (GRID,) of a scope with `closed` won so far and inputs `columns` (k,)."""
        out: Floats = closed + self.remaining(columns[None, :])[0]
        return out

    def remaining(self, columns: Floats, grid: int = GRID) -> Floats:
        """Equally likely amounts (n, grid) of the rest of the period, for inputs (n, k)."""
        from scipy.special import gammaincinv

        mean = np.nan_to_num(columns) @ self.factors
        variance = self.noise * mean + (self.shock * mean) ** 2
        shape = mean**2 / np.maximum(variance, 1e-9 * mean**2 + 1e-300)
        shape = np.where(mean > 0, np.maximum(shape, 1e-3), 1.0)
        chances = (np.arange(grid) + 0.5) / grid
        out: Floats = gammaincinv(shape[:, None], chances) * (mean / shape)[:, None]
        return out


def columns_of(name: str, snapshot: PeriodSnapshot) -> Floats:
    """The inputs of a rule, a row per scope (n, k): its prediction, and for the pipeline the usual pace."""
    if name == "stage_weighted":
        # Deals not yet created are not in the pipeline: a share of the usual pace is added for them.
        return np.stack([snapshot.weighted, snapshot.usual], axis=1)
    if name == "run_rate":
        return snapshot.run_rate[:, None]
    return np.where(np.isnan(snapshot.last_year), snapshot.usual, snapshot.last_year)[:, None]


def rule_examples(
    name: str, snapshots: Sequence[PeriodSnapshot], actuals: Sequence[dict[str, float]]
) -> dict[str, RuleExamples]:
    """By kind of scope, the inputs in past snapshots and the revenue of the rest of their periods."""
    rows: dict[str, list[tuple[Floats, float, int]]] = {}
    for number, (snapshot, actual) in enumerate(zip(snapshots, actuals, strict=True)):
        columns = columns_of(name, snapshot)
        for position, scope in enumerate(snapshot.scopes):
            if scope in actual:
                rest = max(actual[scope] - snapshot.closed[position], 0.0)
                rows.setdefault(str(snapshot.kind[position]), []).append((columns[position], rest, number))
    return {
        kind: RuleExamples(
            np.array([inputs for inputs, _, _ in examples]),
            np.array([rest for _, rest, _ in examples]),
            np.array([number for _, _, number in examples], np.int64),
        )
        for kind, examples in rows.items()
    }


def fit_rule(kind: str, examples_by_kind: dict[str, RuleExamples], width: int) -> Rule:
    """The rule for one kind of scope, in the form with the best leave-one-period-out CRPS.

    The company has one example per period, so its rule is also fitted on the teams' examples; its own errors
    then scale its spread.
    """
    kinds = ("company", "team") if kind == "company" else (kind,)
    parts = [examples_by_kind[name] for name in kinds if name in examples_by_kind]
    if not parts:
        return Rule(np.eye(width)[0], 0.0, _PRIOR_CV, "as it is")
    examples = RuleExamples(
        *(
            np.concatenate([getattr(part, column) for part in parts])
            for column in ("columns", "rest", "period")
        )
    )
    own = examples_by_kind.get(kind)
    forms: dict[str, Form] = {"as it is": _as_it_is, "factor": _factor, "factor + usual pace": _two_factors}
    if width == 1:
        del forms["factor + usual pace"]
    best, least_loss = "factor", np.inf
    periods = np.unique(examples.period)
    if len(periods) >= 3:
        for form, fit in forms.items():
            loss = _left_out_loss(examples, own or examples, fit, periods)
            if loss < least_loss:
                best, least_loss = form, loss
    return _fit_variance(examples, own, forms[best](examples), best)


def _left_out_loss(
    examples: RuleExamples, evaluated: RuleExamples, fit: Form, periods: NDArray[np.int64]
) -> float:
    total = 0.0
    for period in periods:
        use = examples.period != period
        others = RuleExamples(examples.columns[use], examples.rest[use], examples.period[use])
        rule = _fit_variance(others, None, fit(others), "")
        held_out = evaluated.period == period
        forecasts = rule.remaining(evaluated.columns[held_out], _CHOOSING_GRID)
        total += sum(
            crps(draws, float(rest)) for draws, rest in zip(forecasts, evaluated.rest[held_out], strict=True)
        )
    return total


def _as_it_is(examples: RuleExamples) -> Floats:
    out: Floats = np.eye(examples.columns.shape[1])[0]
    return out


def _factor(examples: RuleExamples) -> Floats:
    out = np.zeros(examples.columns.shape[1])
    out[0] = _least_squares(examples.columns[:, :1], examples, np.ones(1))[0]
    return out


def _two_factors(examples: RuleExamples) -> Floats:
    return _least_squares(examples.columns, examples, np.array([1.0, 0.0]))


def _least_squares(columns: Floats, examples: RuleExamples, prior: Floats) -> Floats:
    """Non-negative factors by weighted least squares, shrunk to `prior`; weights are 1 / mean input."""
    from scipy.optimize import nnls

    columns = np.nan_to_num(columns)
    size = np.maximum(columns.mean(axis=1), columns.mean() * 0.05 + 1e-9)
    weight = 1.0 / np.sqrt(size)
    periods = max(len(np.unique(examples.period)), 1)
    prior_weight = np.sqrt(
        _PRIOR_PERIODS / periods * ((columns * weight[:, None]) ** 2).sum(axis=0).clip(1e-12)
    )
    design = np.concatenate([columns * weight[:, None], np.diag(prior_weight)])
    factors: Floats = nnls(design, np.concatenate([examples.rest * weight, prior_weight * prior]))[0]
    return factors


def _fit_variance(examples: RuleExamples, own: RuleExamples | None, factors: Floats, form: str) -> Rule:
    """Noise and shock from past errors; for the company they are scaled by its own errors."""
    from scipy.optimize import nnls

    mean = np.nan_to_num(examples.columns) @ factors
    use = mean > 0
    if not use.any():
        return Rule(factors, 0.0, _PRIOR_CV, form)
    mean, error = mean[use], (examples.rest - mean)[use]
    periods = len(np.unique(examples.period))
    # Errors on the examples that the factors were fitted on are too small: correct for degrees of freedom.
    inflation = periods / max(periods - len(factors) * periods / (periods + _PRIOR_PERIODS), 0.5 * periods)
    square = error**2 * inflation
    design = np.stack([1.0 / mean, np.ones(len(mean))], axis=1)
    weight = np.minimum(1.0, mean / np.median(mean))
    prior_weight = np.sqrt(_PRIOR_PERIODS / max(periods, 1) * (weight**2).sum())
    rows = np.concatenate([design * weight[:, None], [[0.0, prior_weight]]])
    noise, shock2 = nnls(rows, np.append(square / mean**2 * weight, prior_weight * _PRIOR_CV**2 * 0.25))[0]
    if own is not None and len(np.unique(own.period)) == len(own.period):
        predicted = np.nan_to_num(own.columns) @ factors
        variance = noise * predicted + shock2 * predicted**2
        positive = variance > 0
        if positive.any():
            z2 = float(((own.rest - predicted)[positive] ** 2 / variance[positive]).sum())
            scale = (z2 + 3.0) / (positive.sum() + 3.0)
            noise, shock2 = noise * scale, shock2 * scale
    return Rule(factors, float(noise), float(np.sqrt(shock2)), form)
