"""How likely is a deal to be won, lost or still open by any date, and what makes it so?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.base_models import (
    LOG_ODDS_LIMIT,
    FeatureLayout,
    Linear,
    fit_linear,
    rates_contributions,
    rates_log_odds,
)
from models.win.encoder import fit_encoder
from models.win.horizons import ALMOST, HorizonTerms, HorizonWindows
from models.win.stacking import Stack, default_weights, recalibrate_intercept
from models.win.stage_rates import StageRates, fit_stage_rates, horizon_grid
from models.win.trees import TreeFitter, Trees, TreeSettings, fit_trees

FEW_DEALS = 30  # closed deals below which only the stated prior speaks
TREES_FROM, TREES_FULL_WEIGHT = 300, 1000  # closed deals from which trees have a say, and have their full say
INTERCEPT_ROWS = 40_000  # rows by which the level is set
LEAF_DEALS = 25.0  # deals' worth of rows that a leaf holds at least
LEVEL = 0.8
SIDES = ("won", "lost")
QUESTIONS_PER_PART = 20_000  # asked at a time: what is made of them stays small


@dataclass(frozen=True)
class Curve:
    """Chances (n, h) to be won and lost by each horizon; what is missing to 1 is still open."""

    won: Floats
    lost: Floats

    @property
    def open(self) -> Floats:
        """Chance (n, h) to be still open."""
        out: Floats = np.maximum(1.0 - self.won - self.lost, 0.0)
        return out


@dataclass(frozen=True)
class Contributions:
    """Log-odds of won within a horizon: `base` (n,) plus the sum of `values` (n, k) over features.

    The reference is the average training moment, asked the same question: the horizon is in the base. `sd`
    (n,) is how well the log-odds are known.
    """

    values: Floats
    base: Floats
    sd: Floats

    @property
    def log_odds(self) -> Floats:
        """The log-odds (n,) they add up to."""
        out: Floats = self.base + self.values.sum(axis=1)
        return out

    def interval(self, level: float = LEVEL) -> tuple[Floats, Floats]:
        """Where the true chance (n,) lies with probability `level`: its ends (n,), (n,)."""
        reach = ndtri(0.5 + level / 2.0) * self.sd
        return expit(self.log_odds - reach), expit(self.log_odds + reach)


@dataclass(frozen=True)
class Side:
    """One of the two ends of a deal, won or lost: its members and how they are weighed and calibrated."""

    linear: Linear | None
    trees: Trees | None
    stack: Stack


@dataclass(frozen=True, kw_only=True)
class WinModel:
    """The fitted win model. `used` are the features, of those given at scoring, that it looks at."""

    used: Ints
    layout: FeatureLayout
    rates: StageRates
    won: Side
    lost: Side
    ever_days: float
    closed_deals: int
    windows: HorizonWindows

    def curve(self, x: Floats, moments: Ints, horizon_days: Floats) -> Curve:
        """Chances to be won and lost within horizons (h,) in days, infinite = ever; x is (n, k).

        Won never falls with the horizon, as every member and the calibration are built so. Lost is held
        below 1 - won(ever), so it never falls either and the two never exceed 1 together.
        """
        days = self._days(horizon_days)
        asked = np.append(days, self.ever_days)
        won = self._chances("won", x, moments, asked)
        rest = 1.0 - won[:, -1:]
        lost = np.minimum(self._chances("lost", x, moments, days), rest) if len(days) else won[:, :0]
        lost = np.where(days >= self.ever_days, rest, lost)
        return Curve(won[:, :-1], lost)

    def won_by(self, x: Floats, moments: Ints, horizon_days: Floats) -> Floats:
        """Chance (n,) to be won within a horizon of one's own, days (n,)."""
        out: Floats = expit(self._log_odds("won", x, moments, self._days(horizon_days)))
        return out

    def contributions(self, x: Floats, moments: Ints, horizon_days: Floats) -> Contributions:
        """What each feature adds to the calibrated log-odds of `won_by`; they add up to it exactly.

        How well those are known, `sd`: the coefficients' covariance (deals counted once) and how far the
        members disagree.
        """
        days = self._days(horizon_days)
        inside = x[:, self.used]
        logits, variance = self.base_log_odds("won", inside, moments, days)
        total = self.won.stack(logits, days)
        ahead = self.windows.terms(moments, days, self.ever_days)
        weights = self.won.stack.row_weights(logits, days)
        sd = _log_odds_sd(logits, variance, weights)
        weights = weights[:, :, None]
        by_rates = rates_contributions(self.rates, self.rates.won, self.layout, inside, ahead.clock)
        parts = weights[:, 0] * by_rates
        if self.won.linear is not None:
            parts += weights[:, 1] * self.won.linear.contributions(self.layout, inside, ahead)
        if self.won.trees is not None:
            columns = tree_columns(inside, self.layout, ahead)
            shap = self.won.trees.contributions(columns)
            k = inside.shape[1]
            parts += weights[:, 2] * shap[:, :k]
            if self.layout.close >= 0:
                # The last column is the horizon minus the days to the expected close: that feature's doing.
                parts[:, self.layout.close] += weights[:, 2, 0] * shap[:, columns.shape[1] - 1]
        values = np.zeros_like(x)
        values[:, self.used] = parts
        return Contributions(values, total - values.sum(axis=1), sd)

    def leaves(self, x: Floats, moments: Ints) -> NDArray[np.int16] | None:
        """The leaf (n, trees) of each tree that a row asked "ever?" falls into; None without trees."""
        if self.won.trees is None:
            return None
        days = self._days(np.full(len(x), np.inf))
        columns = tree_columns(
            x[:, self.used], self.layout, self.windows.terms(moments, days, self.ever_days)
        )
        return np.asarray(self.won.trees.booster.predict(columns, pred_leaf=True), np.int16)

    def question_log_odds(self, rows: SnapshotRows) -> tuple[Floats, Floats]:
        """Members' log-odds (m, 3) of won and of lost for the questions of rows of the used features only."""
        parts = []
        for here in _parts(len(rows.row)):
            row, days = rows.row[here], self._days(rows.horizon[here])
            x, moments = rows.x[row], rows.at[row]
            parts.append(
                [self.base_log_odds(side, x, moments, days, with_variance=False)[0] for side in SIDES]
            )
        won, lost = (np.concatenate(side) for side in zip(*parts, strict=True))
        return won, lost

    def _days(self, horizon_days: Floats) -> Floats:
        return np.minimum(np.asarray(horizon_days, np.float64), self.ever_days)

    def _chances(self, side: str, x: Floats, moments: Ints, days: Floats) -> Floats:
        count = len(days)
        rows = np.repeat(np.arange(len(x)), count)
        log_odds = self._log_odds(side, x[rows], moments[rows], np.tile(days, len(x)))
        chance = np.where(np.tile(days, len(x)) > 0, expit(log_odds), 0.0)
        return chance.reshape(len(x), count)

    def _log_odds(self, side: str, x: Floats, moments: Ints, days: Floats) -> Floats:
        logits, _ = self.base_log_odds(side, x[:, self.used], moments, days, with_variance=False)
        return self._side(side).stack(logits, days)

    def _side(self, side: str) -> Side:
        return self.won if side == "won" else self.lost

    def base_log_odds(
        self, side: str, x: Floats, moments: Ints, days: Floats, with_variance: bool = True
    ) -> tuple[Floats, Floats]:
        """Members' log-odds (n, 3) and the regression's variance (n,), for rows of the used features only."""
        part = self._side(side)
        logits, variance = np.zeros((len(x), 3)), np.zeros(len(x))
        ahead = self.windows.terms(moments, days, self.ever_days)
        table = self.rates.won if side == "won" else self.rates.lost
        logits[:, 0] = rates_log_odds(self.rates, table, self.layout, x, ahead)
        if part.linear is None:
            return logits, variance
        fixed = part.linear.fixed_design(x)
        stage, close = self.layout.column(x, self.layout.stage), self.layout.column(x, self.layout.close)
        moving = part.linear.horizon_design(stage, close, ahead)
        logits[:, 1] = part.linear.score(fixed, moving)
        if with_variance:
            variance = part.linear.variance(fixed, moving)
        if part.trees is not None:
            columns = tree_columns(x, self.layout, ahead)
            logits[:, 2] = np.clip(part.trees.score(columns), -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT)
        return logits, variance


def _log_odds_sd(logits: Floats, variance: Floats, weights: Floats) -> Floats:
    """Standard deviation (n,) of weighted log-odds (n, 3): the regression's, and how far members disagree."""
    total = np.maximum(weights.sum(axis=1), 1e-9)
    share = weights / total[:, None]
    apart = (share * (logits - (logits * share).sum(axis=1)[:, None]) ** 2).sum(axis=1)
    out: Floats = np.sqrt(variance + apart) * total
    return out


def tree_columns(x: Floats, layout: FeatureLayout, ahead: HorizonTerms) -> Floats:
    """What the trees see: features, log horizon, period ends, horizon past the close date.

    The horizon on both clocks: a rush closes what is nearly closed, and hardly what has a long way to go.
    """
    past = [] if layout.close < 0 else [np.clip(ahead.days - x[:, layout.close], -400.0, 400.0)[:, None]]
    horizon = np.log1p(np.stack([ahead.clock, ahead.days], axis=1))
    return np.concatenate([x, horizon, ahead.ends, *past], axis=1)


@dataclass(frozen=True)
class WinSettings:
    """What a fit may be told; the defaults are what backtests chose."""

    trees: TreeSettings = field(default_factory=TreeSettings)
    max_questions: int = 80_000
    linear_questions: int = 40_000
    with_trees: bool | None = None  # None = by the number of closed deals
    grow: TreeFitter = fit_trees


def fit_win(
    rows: SnapshotRows,
    layout: FeatureLayout,
    used: Ints,
    windows: HorizonWindows,
    settings: WinSettings,
    rng: np.random.Generator,
    stage_position: Mapping[float, float] | None = None,
    stacks: tuple[Stack, Stack] | None = None,
) -> WinModel:
    """The win model of rows that have only the `used` features, weighed by `stacks` (else by default).

    Below 30 closed deals only the stated prior speaks; trees join from 300 on.
    """
    closed = rows.closed_deals
    grid = horizon_grid(rows.longest_days, rows.ever_days)
    stage, age = layout.column(rows.x, layout.stage), layout.column(rows.x, layout.age, 0.0)
    enough = closed >= FEW_DEALS
    take = slice(None) if enough else slice(0, 0)
    rates = fit_stage_rates(
        stage[take],
        age[take],
        windows.terms(rows.at, np.minimum(rows.days, ALMOST * rows.ever_days), rows.ever_days).clock[take],
        rows.event[take],
        rows.deal[take],
        grid,
        stage_position,
        weight=rows.weight[take],
    )
    with_trees = closed >= TREES_FROM if settings.with_trees is None else settings.with_trees
    linear: list[Linear | None] = [None, None]
    trees: list[Trees | None] = [None, None]
    if enough and len(rows.row):
        encoder = fit_encoder(rows.x, layout.categorical)
        few = sample_questions(rows, settings.linear_questions, rng)
        ahead = windows.terms(few.question_at, few.horizon, rows.ever_days)
        linear = [*fit_linear(few, (few.won, few.lost), layout, encoder, ahead)]
        if with_trees:
            many = sample_questions(rows, settings.max_questions, rng)
            # Being lost carries less weight in every answer: half the trees at twice the pace will do.
            lighter = replace(
                settings.trees,
                count=settings.trees.count // 2,
                learning_rate=2.0 * settings.trees.learning_rate,
            )
            trees = [*_fit_trees(many, layout, windows, (settings.trees, lighter), settings.grow)]
    default = default_weights(closed, linear[0] is not None, trees[0] is not None)
    plain = Stack.weighted_mean(default, rows.ever_days)
    won_stack, lost_stack = stacks if stacks is not None else (plain, plain)
    model = WinModel(
        used=used,
        layout=layout,
        rates=rates,
        won=Side(linear[0], trees[0], won_stack),
        lost=Side(linear[1], trees[1], lost_stack),
        ever_days=rows.ever_days,
        closed_deals=closed,
        windows=windows,
    )
    return with_stacks(model, won_stack, lost_stack, intercept_rows(rows, rng))


def with_stacks(model: WinModel, won: Stack, lost: Stack, rows: SnapshotRows) -> WinModel:
    """The same members, weighed and calibrated anew, and brought to the level of rows learned from."""
    if model.won.linear is None:
        return model
    sides = []
    for logits, side, stack, outcome in zip(
        model.question_log_odds(rows),
        (model.won, model.lost),
        (won, lost),
        (rows.won, rows.lost),
        strict=True,
    ):
        level = recalibrate_intercept(stack, logits, rows.horizon, outcome, rows.question_weight)
        sides.append(replace(side, stack=level))
    return replace(model, won=sides[0], lost=sides[1])


def _fit_trees(
    rows: SnapshotRows,
    layout: FeatureLayout,
    windows: HorizonWindows,
    sizes: Sequence[TreeSettings],
    grow: TreeFitter,
) -> list[Trees]:
    columns = _question_columns(rows, layout, windows)
    first = rows.x.shape[1]
    # A leaf should hold several deals, not several moments of one.
    per_deal = len(columns) / max(rows.deals, 1)
    least = int(np.clip(LEAF_DEALS * per_deal, 40, 0.02 * len(columns) + 40))
    return grow(
        columns,
        (rows.won, rows.lost),
        rows.question_weight,
        range(first, columns.shape[1]),
        layout.categorical,
        [replace(size, rows_per_leaf=least) for size in sizes],
    )


def _question_columns(rows: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows) -> Floats:
    """`tree_columns` of all questions, filled part by part: the many rows are held once."""

    def made(here: slice) -> Floats:
        row = rows.row[here]
        ahead = windows.terms(rows.at[row], rows.horizon[here], rows.ever_days)
        return tree_columns(rows.x[row], layout, ahead)

    out: Floats = np.empty((len(rows.row), made(slice(0, 0)).shape[1]))
    for here in _parts(len(rows.row)):
        out[here] = made(here)
    return out


def _parts(count: int) -> list[slice]:
    return [slice(start, start + QUESTIONS_PER_PART) for start in range(0, max(count, 1), QUESTIONS_PER_PART)]


def intercept_rows(rows: SnapshotRows, rng: np.random.Generator) -> SnapshotRows:
    """Rows learned from by which the level is set: regular moments, as questions come on any day."""
    return sample_questions(rows.where(rows.regular), INTERCEPT_ROWS, rng)


def sample_questions(rows: SnapshotRows, max_questions: int, rng: np.random.Generator) -> SnapshotRows:
    """At most so many of the questions, drawn alike."""
    if len(rows.row) <= max_questions:
        return rows
    keep = np.zeros(len(rows.row), bool)
    keep[rng.choice(len(rows.row), max_questions, replace=False)] = True
    return replace(
        rows,
        row=rows.row[keep],
        horizon=rows.horizon[keep],
        won=rows.won[keep],
        lost=rows.lost[keep],
        matures_after_days=rows.matures_after_days[keep],
    )
