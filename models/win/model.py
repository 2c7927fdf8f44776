"""How likely is a deal to be won, lost or still open by any date, and which features drive that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
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
    fit_linear,
    rates_contributions,
    rates_log_odds,
)
from models.win.chance_interval import chance_interval
from models.win.encoder import fit_encoder
from models.win.horizons import ALMOST, HorizonTerms, HorizonWindows
from models.win.level import SIDES, Level, LevelTargets, level_targets
from models.win.stacking import (
    BASE_MODELS,
    Answers,
    Stack,
    default_weights,
    recalibrate_intercept,
)
from models.win.stage_rates import StageRates, fit_stage_rates, horizon_grid
from models.win.trees import PLAIN_TREES, TreeFitter, Trees, TreeSettings, fit_trees

FEW_DEALS = 30  # with fewer closed deals only the stated prior is used
MIN_LOST, MIN_LOST_SHARE = 5, 0.05  # lost deals: with fewer of both, the list holds wins only
TREES_FROM, TREES_FULL_WEIGHT = (
    300,
    1000,
)  # closed deals from which trees are used, and have their full weight
INTERCEPT_ROWS = 40_000  # regular rows used to recalibrate the intercept
FRESH_ROWS = 10_000  # rows of moments just after changes used for theirs
LEAF_DEALS = 25.0  # minimal number of deals' rows in a leaf
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
        horizons = np.append(days, self.ever_days)
        won = self._chances("won", x, moments, horizons)
        won = np.minimum(won, won[:, -1:])
        rest = 1.0 - won[:, -1:]
        lost = np.minimum(self._chances("lost", x, moments, days), rest) if len(days) else won[:, :0]
        lost = np.where(days >= self.ever_days, rest, lost)
        return Curve(won[:, :-1], lost)

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
        total = self.won.stack(logits, days, fresh) + self.level.shift("won", rows.question_at, days)
        for block in _parts(len(days)) if self.level.ever_is_lower else ():
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
        total = self.won.stack(logits, days, fresh) + self.level.shift("won", moments, days)
        total = self._capped(total, inside, moments, days)
        terms = self.windows.terms(moments, days, self.ever_days)
        weights = self.won.stack.row_weights(logits, days, fresh)
        sd = _log_odds_sd(logits, variance, weights)
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
        weights = self.won.stack.row_weights(logits, days, self.layout.freshness(inside))
        return _log_odds_sd(logits, variance, weights)

    def leaves(self, x: Floats, moments: Ints) -> NDArray[np.int16] | None:
        """Each row's leaf (n, trees) in each tree for the horizon "ever"; None without trees."""
        if self.won.trees is None:
            return None
        days = self._days(np.full(len(x), np.inf))
        columns = tree_columns(
            x[:, self.used], self.layout, self.windows.terms(moments, days, self.ever_days)
        )
        return np.asarray(self.won.trees.booster.predict(columns, pred_leaf=True), np.int16)

    def question_log_odds(self, rows: SnapshotRows) -> tuple[Floats, Floats]:
        """Base models' log-odds (m, 4) of won and of lost for questions of rows with the used features."""
        if not len(rows.row):
            return np.zeros((0, len(BASE_MODELS))), np.zeros((0, len(BASE_MODELS)))
        parts = []
        for block in _parts(len(rows.row)):
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
        fresh = self.layout.freshness(inside)
        return self._side(side).stack(logits, days, fresh) + self.level.shift(side, moments, days)

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


def can_learn(rows: SnapshotRows) -> bool:
    """Whether probabilities can be learned from rows: enough closed deals, and not of one outcome only."""
    return rows.closed_deals >= FEW_DEALS and both_outcomes(rows.closed_deals, rows.won_deals)


def both_outcomes(closed: int, won: int) -> bool:
    """Whether there are won and lost deals among the closed ones.

    A list of wins (contracts exported as deals) has hardly a lost deal; nobody wins 19 of 20 deals. A real
    organisation can lose nearly all.

    >>> both_outcomes(100, 3), both_outcomes(100, 98), both_outcomes(100, 100), both_outcomes(200, 190)
    (True, False, False, True)
    """
    lost = closed - won
    wins_only = lost == 0 or (lost < MIN_LOST and lost < MIN_LOST_SHARE * closed)
    return won > 0 and not wins_only


def table_only(model: WinModel) -> WinModel:
    """The model that answers with its stage rates alone, as learned, without any other feature."""
    plain = Stack.weighted_mean(default_weights(0, False, False), model.ever_days)
    return replace(model, won=Side(None, None, plain), lost=Side(None, None, plain), level=Level.none())


def _log_odds_sd(logits: Floats, variance: Floats, weights: Floats) -> Floats:
    """Sd (n,) of weighted log-odds (n, 4): the regression's and the base models' disagreement."""
    total = np.maximum(weights.sum(axis=1), 1e-9)
    share = weights / total[:, None]
    disagreement = (share * (logits - (logits * share).sum(axis=1)[:, None]) ** 2).sum(axis=1)
    out: Floats = np.sqrt(variance + disagreement) * total
    return out


def tree_columns(x: Floats, layout: FeatureLayout, terms: HorizonTerms) -> Floats:
    """The trees' inputs: features, days of rest, log horizon, period ends, horizon past the close date.

    The horizon in business days and in calendar days, since the end-of-quarter rush affects mainly late-stage
    deals.
    """
    past = [] if layout.close < 0 else [np.clip(terms.days - x[:, layout.close], -400.0, 400.0)[:, None]]
    horizon = np.log1p(np.stack([terms.clock, terms.days], axis=1))
    return np.concatenate([x, terms.rested[:, None], horizon, terms.ends, *past], axis=1)


@dataclass(frozen=True)
class WinSettings:
    """Settings of a fit; the defaults were chosen by backtests."""

    trees: TreeSettings = field(default_factory=TreeSettings)
    plain: TreeSettings = PLAIN_TREES
    max_questions: int = 80_000
    linear_questions: int = 40_000
    with_trees: bool | None = None  # None = by the number of closed deals
    with_level: bool = True  # False: for moments of all history alike
    calibrated: bool = True  # False: intercepts and level are left to `Calibrating`
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
    """The win model of rows that have only the `used` features, stacked by `stacks` (else by default).

    Below 30 closed deals, or with one outcome only, the stated prior is used; trees are used from 300 on.
    """
    closed = rows.closed_deals
    grid = horizon_grid(rows.longest_days, rows.ever_days)
    stage, age = layout.column(rows.x, layout.stage), layout.column(rows.x, layout.age, 0.0)
    enough = can_learn(rows)
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
    plain: Trees | None = None
    if enough and len(rows.row):
        encoder = fit_encoder(rows.x, layout.categorical)
        linear_rows = sample_questions(rows, settings.linear_questions, rng)
        terms = windows.terms(linear_rows.question_at, linear_rows.horizon, rows.ever_days)
        linear = [*fit_linear(linear_rows, (linear_rows.won, linear_rows.lost), layout, encoder, terms)]
        if with_trees:
            tree_rows = sample_questions(rows, settings.max_questions, rng)
            # Losses matter less in every answer: half the trees at twice the learning rate suffice.
            lost_settings = replace(
                settings.trees,
                count=settings.trees.count // 2,
                learning_rate=2.0 * settings.trees.learning_rate,
            )
            sizes = [settings.trees, lost_settings]
            trees = [
                *_fit_trees(tree_rows, (tree_rows.won, tree_rows.lost), layout, windows, sizes, settings.grow)
            ]
            grid_rows = sample_questions(rows.where(rows.regular), settings.max_questions, rng)
            if len(grid_rows.row):
                sizes = [settings.plain]
                plain = _fit_trees(grid_rows, [grid_rows.won], layout, windows, sizes, settings.grow)[0]
    has = (linear[0] is not None, trees[0] is not None)
    if stacks is None:
        won_stack, lost_stack = (
            Stack.weighted_mean(default_weights(closed, *has, has_plain), rows.ever_days)
            for has_plain in (plain is not None, False)
        )
    else:
        won_stack, lost_stack = stacks
    model = WinModel(
        used=used,
        layout=layout,
        rates=rates,
        won=Side(linear[0], trees[0], won_stack, plain),
        lost=Side(linear[1], trees[1], lost_stack),
        ever_days=rows.ever_days,
        closed_deals=closed,
        windows=windows,
    )
    if not settings.calibrated:
        return model
    return with_stacks(model, won_stack, lost_stack, rows, rng, settings.with_level)


def with_stacks(
    model: WinModel,
    won: Stack,
    lost: Stack,
    rows: SnapshotRows,
    rng: np.random.Generator,
    with_level: bool = True,
) -> WinModel:
    """The same base models with other stacks, whose intercepts and level are learned from training rows."""
    if model.won.linear is None:
        return model
    return Calibrating.of(model, rows, rng).with_stacks(won, lost, with_level)


def each_alone(model: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> dict[str, WinModel]:
    """Each base model of a model alone, by its name of `BASE_MODELS`, those that the model has.

    Intercept and level are fitted on the training rows exactly as those of the whole are. A base model that
    says nothing of losses leaves them to all.
    """
    return Calibrating.of(model, rows, rng).each_alone()


def _has(side: Side, number: int) -> bool:
    """Whether a side has a base model, by its position in `BASE_MODELS`."""
    return number == 0 or (side.linear, side.trees, side.plain)[number - 1] is not None


@dataclass(frozen=True)
class Calibrating:
    """What a model's base models say of its training rows, from which intercepts and the level are learned.

    Whatever the stacks, the base models are asked once. The stated prior has neither intercept nor level.
    """

    model: WinModel
    rows: SnapshotRows
    won: Answers | None
    lost: Answers | None
    _recent: dict[tuple[str, bytes, bytes], Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> Calibrating:
        """Of regular moments, like questions on any day, and of some just after changes."""
        if model.won.linear is None:
            return cls(model, rows, None, None)
        parts = [
            sample_questions(rows.where(rows.regular), INTERCEPT_ROWS, rng),
            sample_questions(rows.where(~rows.regular), FRESH_ROWS, rng),
        ]
        answers = [answers_of(model, part) for part in parts]
        won, lost = (Answers.joined([both[side] for both in answers]) for side in range(2))
        return cls(model, rows, won, lost)

    def with_stacks(self, won: Stack, lost: Stack, with_level: bool = True) -> WinModel:
        """The model with other stacks, their intercepts learned, and the level learned for them or none."""
        if self.won is None or self.lost is None:
            return self.model
        stacked = replace(
            self.model,
            won=replace(self.model.won, stack=recalibrate_intercept(won, self.won)),
            lost=replace(self.model.lost, stack=recalibrate_intercept(lost, self.lost)),
        ).without_level()
        if not with_level or self._targets is None:
            return stacked
        return replace(stacked, level=self._targets.level(partial(self._log_odds, stacked)))

    def each_alone(self) -> dict[str, WinModel]:
        """Each base model alone, by its name, see `each_alone`."""
        if self.won is None:
            return {BASE_MODELS[0]: self.model}
        alone = {}
        for number, name in enumerate(BASE_MODELS):
            if not _has(self.model.won, number):
                continue
            only = Stack.weighted_mean(np.eye(len(BASE_MODELS))[number], self.model.ever_days)
            alone[name] = self.with_stacks(
                only, only if _has(self.model.lost, number) else self.model.lost.stack
            )
        return alone

    @cached_property
    def _targets(self) -> LevelTargets | None:
        return level_targets(self.rows, self.model.layout, self.model.windows)

    def _log_odds(self, stacked: WinModel, side: str, inside: Floats, moments: Ints, days: Floats) -> Floats:
        """Calibrated log-odds (n,) of the rows that set the level, the base models' kept for other stacks."""
        asked = side, moments.tobytes(), days.tobytes()
        if asked not in self._recent:
            self._recent[asked] = stacked.base_log_odds(side, inside, moments, days, with_variance=False)[0]
        fresh = stacked.layout.freshness(inside)
        return (stacked.won if side == "won" else stacked.lost).stack(self._recent[asked], days, fresh)


def answers_of(model: WinModel, rows: SnapshotRows, fold: int = 0) -> tuple[Answers, Answers]:
    """What the base models say of the questions of rows with the used features, of won and of lost."""
    sides = []
    for logits, outcome in zip(model.question_log_odds(rows), (rows.won, rows.lost), strict=True):
        answers = Answers(
            logits=logits,
            days=np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon),
            outcome=outcome,
            weight=rows.question_weight,
            deal=rows.question_deal,
            fold=np.full(len(rows.row), fold),
            fresh=model.layout.freshness(rows.x)[rows.row],
            regular=rows.regular[rows.row],
        )
        sides.append(answers)
    return sides[0], sides[1]


def _fit_trees(
    rows: SnapshotRows,
    outcomes: Sequence[Floats],
    layout: FeatureLayout,
    windows: HorizonWindows,
    sizes: Sequence[TreeSettings],
    grow: TreeFitter,
) -> list[Trees]:
    columns = _question_columns(rows, layout, windows)
    first = rows.x.shape[1] + 1  # the first column of the horizon
    # A leaf should hold several deals, not several moments of one.
    per_deal = len(columns) / max(rows.deals, 1)
    least = int(np.clip(LEAF_DEALS * per_deal, 40, 0.02 * len(columns) + 40))
    return grow(
        columns,
        outcomes,
        rows.question_weight,
        range(first, columns.shape[1]),
        layout.categorical,
        [replace(size, rows_per_leaf=least) for size in sizes],
    )


def _question_columns(rows: SnapshotRows, layout: FeatureLayout, windows: HorizonWindows) -> Floats:
    """`tree_columns` of all questions, filled in blocks to save memory."""

    def columns_of(block: slice) -> Floats:
        row = rows.row[block]
        terms = windows.terms(rows.at[row], rows.horizon[block], rows.ever_days)
        return tree_columns(rows.x[row], layout, terms)

    out: Floats = np.empty((len(rows.row), columns_of(slice(0, 0)).shape[1]))
    for block in _parts(len(rows.row)):
        out[block] = columns_of(block)
    return out


def _parts(count: int) -> list[slice]:
    return [slice(start, start + QUESTIONS_PER_PART) for start in range(0, max(count, 1), QUESTIONS_PER_PART)]


def sample_questions(rows: SnapshotRows, max_questions: int, rng: np.random.Generator) -> SnapshotRows:
    """At most so many of the questions, sampled uniformly."""
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
