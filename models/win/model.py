"""How likely is a deal to be won, lost or still open by any date, and which features drive that?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.arrays import Flags, Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.base_models import (
    LOG_ODDS_LIMIT,
    FeatureLayout,
    Linear,
    rates_contributions,
    rates_log_odds,
)
from models.win.chance_interval import chance_interval
from models.win.horizons import HorizonTerms, HorizonWindows
from models.win.level import SIDES, Level
from models.win.stacking import (
    BASE_MODELS,
    Stack,
    default_weights,
)
from models.win.stage_rates import StageRates
from models.win.tree_scores import leaves_of
from models.win.trees import Trees

LEVEL = 0.8
QUESTIONS_PER_PART = 20_000  # questions per block, to limit memory
NOTHING: Floats = np.zeros((0, 0))
ALL: Flags = np.ones(len(BASE_MODELS), bool)


@dataclass(frozen=True)
class Curve:
    """Probabilities (n, h) of being won and lost by each horizon; the rest is still open."""

    won: Floats
    lost: Floats

    @property
    def open(self) -> Floats:
        """Probability (n, h) of being still open."""
        out: Floats = np.maximum(1.0 - self.won - self.lost, 0.0)
        return out


@dataclass(frozen=True)
class Contributions:
    """Log-odds of won within a horizon: `base` (n,) plus the sum of `values` (n, k) over features.

    The reference is the average training moment, at the same horizon, so the horizon's effect is in the base.
    `sd` (n,) is the standard error of the log-odds.
    """

    values: Floats
    base: Floats
    sd: Floats

    @property
    def log_odds(self) -> Floats:
        """The log-odds (n,): base plus contributions."""
        out: Floats = self.base + self.values.sum(axis=1)
        return out

    def interval(self, level: float = LEVEL) -> tuple[Floats, Floats]:
        """The interval of the true probability (n,) at confidence `level`: its ends (n,), (n,)."""
        return chance_interval(expit(self.log_odds), self.sd, level)


@dataclass(frozen=True)
class Side:
    """One of the two outcomes, won or lost: its base models and their calibrated stack.

    Both have a regression on the same columns, or neither has one; likewise trees.
    `plain` are boosted trees of regular moments alone, which only the side of the won has.
    """

    linear: Linear | None
    trees: Trees | None
    stack: Stack
    plain: Trees | None = None


class _Inputs(NamedTuple):
    """What the base models read of rows (n,), for both outcomes: the designs, the trees' columns."""

    x: Floats
    terms: HorizonTerms
    fixed: Floats = NOTHING
    moving: Floats = NOTHING
    columns: Floats = NOTHING


@dataclass(frozen=True, kw_only=True)
class WinModel:
    """The fitted win model. `used` are the indices of the features that it uses.

    `level` shifts all deals alike, so that chances are right on average at present and in the end.
    """

    used: Ints
    layout: FeatureLayout
    rates: StageRates
    won: Side
    lost: Side
    ever_days: float
    closed_deals: int
    windows: HorizonWindows
    level: Level = field(default_factory=Level.none)

    @property
    def is_table(self) -> bool:
        """Whether it answers with stage rates (or the stated prior) alone."""
        return self.won.linear is None

    def curve(self, x: Floats, moments: Ints, horizon_days: Floats) -> Curve:
        """Probabilities of being won and lost within horizons (h,) in days, infinite = ever; x is (n, k).

        Won never decreases with the horizon, by construction of the base models and the calibration, and is
        capped at won(ever). Lost is capped at 1 - won(ever), so it never decreases either, and their sum
        never exceeds 1.
        """
        days = self._days(horizon_days)
        won = self._won_and_ever(x, moments, days)
        rest = 1.0 - won[:, -1:]
        lost = np.minimum(self._chances("lost", x, moments, days), rest) if len(days) else won[:, :0]
        lost = np.where(days >= self.ever_days, rest, lost)
        return Curve(won[:, :-1], lost)

    def chances_won(self, x: Floats, moments: Ints, horizon_days: Floats) -> Floats:
        """The probabilities (n, h) of being won that `curve` has, without those of being lost."""
        return self._won_and_ever(x, moments, self._days(horizon_days))[:, :-1]

    def _won_and_ever(self, x: Floats, moments: Ints, days: Floats) -> Floats:
        """Probabilities (n, h + 1) of being won within horizons, and ever, which caps them."""
        won = self._chances("won", x, moments, np.append(days, self.ever_days))
        return np.minimum(won, won[:, -1:])

    def without_level(self) -> WinModel:
        """The same model without the level: a change of its scores is a change of the deals."""
        return replace(self, level=Level.none())

    def won_by(self, x: Floats, moments: Ints, horizon_days: Floats) -> Floats:
        """Probability (n,) of being won within each row's own horizon, days (n,)."""
        days, inside = self._days(horizon_days), x[:, self.used]
        asked = np.arange(len(days))
        if self.level.ever_is_lower:  # both questions at once: a call has a cost of its own
            some_day = np.flatnonzero(days < self.ever_days)
            asked = np.append(asked, some_day)
            days = np.append(days, np.full(len(some_day), self.ever_days))
        log_odds = self._log_odds("won", inside[asked], moments[asked], days)
        own, ever = log_odds[: len(moments)], log_odds[len(moments) :]
        if len(ever):
            own[some_day] = np.minimum(own[some_day], ever)
        out: Floats = expit(own)
        return out

    def won_by_logits(self, rows: SnapshotRows, logits: Floats) -> Floats:
        """`won_by` for questions of rows with the used features, from their base models' log-odds (m, 4)."""
        days, fresh = self._days(rows.horizon), self.layout.freshness(rows.x)[rows.row]
        clock = self.windows.terms(rows.question_at, days, self.ever_days).clock
        total = self.calibrated("won", logits, rows.question_at, days, clock, fresh)
        for block in parts_of(len(days)) if self.level.ever_is_lower else ():
            row = rows.row[block]
            total[block] = self._capped(total[block], rows.x[row], rows.at[row], days[block])
        out: Floats = expit(total)
        return out

    def contributions(self, x: Floats, moments: Ints, horizon_days: Floats) -> Contributions:
        """Each feature's contribution to the calibrated log-odds of `won_by`; they add up to it exactly.

        `sd` combines the coefficients' covariance (deals counted once) and the disagreement of the base
        models.
        """
        days = self._days(horizon_days)
        inside = x[:, self.used]
        logits, variance = self.base_log_odds("won", inside, moments, days)
        fresh = self.layout.freshness(inside)
        terms = self.windows.terms(moments, days, self.ever_days)
        total = self.calibrated("won", logits, moments, days, terms.clock, fresh)
        total = self._capped(total, inside, moments, days)
        weights = self.won.stack.row_weights(logits, terms.clock, fresh)
        sd = log_odds_sd_of(logits, variance, weights)
        weights = weights[:, :, None]
        by_rates = rates_contributions(self.rates, self.rates.won, self.layout, inside, terms.clock)
        parts = weights[:, 0] * by_rates
        if self.won.linear is not None:
            parts += weights[:, 1] * self.won.linear.contributions(self.layout, inside, terms)
        columns = tree_columns(inside, self.layout, terms) if self.won.trees is not None else inside
        for number, trees in ((2, self.won.trees), (3, self.won.plain)):
            if trees is None or not weights[:, number].any():
                continue
            shap = trees.contributions(columns)
            k = inside.shape[1]
            parts += weights[:, number] * shap[:, :k]
            if self.layout.close >= 0:
                # The last column, horizon minus days to the expected close, counts for that feature.
                parts[:, self.layout.close] += weights[:, number, 0] * shap[:, columns.shape[1] - 1]
        values = np.zeros_like(x)
        values[:, self.used] = parts
        return Contributions(values, total - values.sum(axis=1), sd)

    def log_odds_sd(self, x: Floats, moments: Ints, horizon_days: Floats) -> Floats:
        """The standard errors (n,) that `contributions` has, without the contributions."""
        days, inside = self._days(horizon_days), x[:, self.used]
        logits, variance = self.base_log_odds("won", inside, moments, days)
        clock = self.windows.terms(moments, days, self.ever_days).clock
        weights = self.won.stack.row_weights(logits, clock, self.layout.freshness(inside))
        return log_odds_sd_of(logits, variance, weights)

    def leaves(self, x: Floats, moments: Ints) -> NDArray[np.int16] | None:
        """Each row's leaf (n, trees) in each tree for the horizon "ever", by node; None without trees."""
        if self.won.trees is None:
            return None
        days = self._days(np.full(len(x), np.inf))
        columns = tree_columns(
            x[:, self.used], self.layout, self.windows.terms(moments, days, self.ever_days)
        )
        return leaves_of(self.won.trees.nodes, columns)

    def question_log_odds(self, rows: SnapshotRows) -> tuple[Floats, Floats]:
        """Base models' log-odds (m, 4) of won and of lost for questions of rows with the used features."""
        if not len(rows.row):
            return np.zeros((0, len(BASE_MODELS))), np.zeros((0, len(BASE_MODELS)))
        parts = []
        for block in parts_of(len(rows.row)):
            row, days = rows.row[block], self._days(rows.horizon[block])
            inputs = self._inputs(rows.x[row], rows.at[row], days)
            parts.append([self._log_odds_of(side, inputs, with_variance=False)[0] for side in SIDES])
        won, lost = (np.concatenate(side) for side in zip(*parts, strict=True))
        return won, lost

    def _days(self, horizon_days: Floats) -> Floats:
        return np.minimum(np.asarray(horizon_days, np.float64), self.ever_days)

    def _chances(self, side: str, x: Floats, moments: Ints, days: Floats) -> Floats:
        count = len(days)
        rows = np.repeat(np.arange(len(x)), count)
        log_odds = self._log_odds(side, x[:, self.used][rows], moments[rows], np.tile(days, len(x)))
        chance = np.where(np.tile(days, len(x)) > 0, expit(log_odds), 0.0)
        return chance.reshape(len(x), count)

    def _log_odds(self, side: str, inside: Floats, moments: Ints, days: Floats) -> Floats:
        """Calibrated log-odds (n,) of rows of the used features, not yet capped by those in the end."""
        asks = self._side(side).stack.asks
        inputs = self._inputs(inside, moments, days, asks)
        logits, _ = self._log_odds_of(side, inputs, with_variance=False, asks=asks)
        return self.calibrated(side, logits, moments, days, inputs.terms.clock, self.layout.freshness(inside))

    def calibrated(
        self, side: str, logits: Floats, moments: Ints, days: Floats, clock: Floats, fresh: Floats
    ) -> Floats:
        """Calibrated log-odds (n,) from those of the base models (n, 4), business days and freshness."""
        return self._side(side).stack(logits, clock, fresh) + self.level.shift(side, moments, days)

    def _capped(self, log_odds: Floats, inside: Floats, moments: Ints, days: Floats) -> Floats:
        """Log-odds (n,) to be won within days, at most those to be won in the end."""
        some_day = days < self.ever_days
        if not self.level.ever_is_lower or not some_day.any():
            return log_odds
        ends = np.full(int(some_day.sum()), self.ever_days)
        out = log_odds.copy()
        ever = self._log_odds("won", inside[some_day], moments[some_day], ends)
        out[some_day] = np.minimum(log_odds[some_day], ever)
        return out

    def _side(self, side: str) -> Side:
        return self.won if side == "won" else self.lost

    def base_log_odds(
        self, side: str, x: Floats, moments: Ints, days: Floats, with_variance: bool = True
    ) -> tuple[Floats, Floats]:
        """Base models' log-odds (n, 4) and the regression's variance (n,), for rows of the used features."""
        return self._log_odds_of(side, self._inputs(x, moments, days), with_variance)

    def _inputs(self, x: Floats, moments: Ints, days: Floats, asks: Flags = ALL) -> _Inputs:
        terms, linear = self.windows.terms(moments, days, self.ever_days), self.won.linear
        if linear is None:
            return _Inputs(x, terms)
        fixed, moving, columns = NOTHING, NOTHING, x
        if asks[1]:
            stage, close = self.layout.column(x, self.layout.stage), self.layout.column(x, self.layout.close)
            fixed, moving = linear.fixed_design(x), linear.horizon_design(stage, close, terms)
        if self.won.trees is not None and asks[2:].any():
            columns = tree_columns(x, self.layout, terms)
        return _Inputs(x, terms, fixed, moving, columns)

    def _log_odds_of(
        self, side: str, inputs: _Inputs, with_variance: bool, asks: Flags = ALL
    ) -> tuple[Floats, Floats]:
        """Log-odds (n, 4), 0 of base models that are not asked, and the variance (n,), 0 if not wanted."""
        part, x, terms = self._side(side), inputs.x, inputs.terms
        logits, variance = np.zeros((len(x), len(BASE_MODELS))), np.zeros(len(x))
        table = self.rates.won if side == "won" else self.rates.lost
        if asks[0]:
            logits[:, 0] = rates_log_odds(self.rates, table, self.layout, x, terms)
        if part.linear is None:
            if with_variance:
                stage, age = (
                    self.layout.column(x, self.layout.stage),
                    self.layout.column(x, self.layout.age, 0.0),
                )
                variance = self.rates.variance(expit(logits[:, 0]), stage, age)
            return logits, variance
        if asks[1]:
            logits[:, 1] = part.linear.score(inputs.fixed, inputs.moving)
        if with_variance:
            variance = part.linear.variance(inputs.fixed, inputs.moving)
        for number, trees in ((2, part.trees), (3, part.plain)):
            if trees is not None and asks[number]:
                logits[:, number] = np.clip(trees.score(inputs.columns), -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT)
        return logits, variance


def table_only(model: WinModel) -> WinModel:
    """The model that answers with its stage rates alone, as learned, without any other feature."""
    plain = Stack.weighted_mean(default_weights(0, False, False), model.ever_days)
    return replace(model, won=Side(None, None, plain), lost=Side(None, None, plain), level=Level.none())


def log_odds_sd_of(logits: Floats, variance: Floats, weights: Floats) -> Floats:
    """Sd (n,) of weighted log-odds (n, 4): the regression's and the base models' disagreement."""
    total = np.maximum(weights.sum(axis=1), 1e-9)
    share = weights / total[:, None]
    disagreement = (share * (logits - (logits * share).sum(axis=1)[:, None]) ** 2).sum(axis=1)
    out: Floats = np.sqrt(variance + disagreement) * total
    return out


def tree_columns(x: Floats, layout: FeatureLayout, terms: HorizonTerms) -> Floats:
    """The trees' inputs: features, log horizon, period ends, horizon past the close date.

    The horizon in business days and in calendar days, since the end-of-quarter rush affects mainly late-stage
    deals.
    """
    past = [] if layout.close < 0 else [np.clip(terms.days - x[:, layout.close], -400.0, 400.0)[:, None]]
    horizon = np.log1p(np.stack([terms.clock, terms.days], axis=1))
    return np.concatenate([x, horizon, terms.ends, *past], axis=1)


def parts_of(count: int) -> list[slice]:
    """Blocks of so many questions, to limit memory."""
    return [slice(start, start + QUESTIONS_PER_PART) for start in range(0, max(count, 1), QUESTIONS_PER_PART)]
