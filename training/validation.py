"""How good is the model on later deals, and which weights and calibration fit them best?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from crm.instants import DAY
from features import Calendar
from features.arrays import Floats, Ints
from models.season import fit_season
from models.snapshot_rows import SnapshotRows
from models.win.business_time import day_kinds, fit_pace
from models.win.horizons import HorizonWindows
from models.win.model import WinModel, WinSettings, can_learn, fit_win, with_level_fitted, with_stacks
from models.win.stacking import WEIGHT_PULL, Stack, fit_stack
from models.win.trees import TreeFitter, TreeSettings, fit_trees
from training.comparison import Comparison, LaterRows, compare, origin_of
from training.config import TrainConfig, max_rows
from training.evaluate import Evaluation, evaluate
from training.in_the_end import judge_in_the_end
from training.selection import Selection
from training.snapshots import Fold, split

MIN_LATER = 20  # deals that must have closed after a fold's cut-off for it to be used
PART_PULL = 2.0  # as WEIGHT_PULL, for predictions of a single period
PARTS, PARTS_FROM = 10, 100  # parts of the deals; closed deals needed to use them where none are later


@dataclass(frozen=True)
class Fitter:
    """Fits the win model on any part of the rows, always with the same settings."""

    all_rows: SnapshotRows
    chosen: Selection
    calendar: Calendar
    config: TrainConfig
    positions: Mapping[float, float]
    grow: TreeFitter = fit_trees

    @cached_property
    def rows(self) -> SnapshotRows:
        """The rows with the used features only."""
        return self.all_rows.with_columns(self.chosen.used)

    def fit(
        self,
        rows: SnapshotRows,
        number: int,
        stacks: tuple[Stack, Stack] | None = None,
        with_level: bool = True,
    ) -> WinModel:
        """The model fitted on some of the rows; `number` gives each fit of a training its own seed."""
        config = self.config
        trees = TreeSettings(
            config.trees,
            config.leaves,
            learning_rate=config.learning_rate,
            threads=config.threads,
            seed=config.seed + number,
        )
        most = config.max_questions or max_rows(rows.deals)
        settings = WinSettings(trees, most, grow=self.grow, with_level=with_level)
        rng = np.random.default_rng((config.seed, number))
        windows, layout = windows_of(rows, self.calendar), self.chosen.layout
        return fit_win(rows, layout, self.chosen.used, windows, settings, rng, self.positions, stacks)


def windows_of(rows: SnapshotRows, calendar: Calendar) -> HorizonWindows:
    """The business time of the rows' horizons: calendar, pace at which their deals were won, and season."""
    first_row = np.unique(rows.deal, return_index=True)[1]  # a deal's first moment
    started, won = rows.at[first_row], rows.event[first_row] == 1
    ended = started + (rows.days[first_row] * DAY).astype(np.int64)
    if not won.any():
        return HorizonWindows(calendar, rows.longest_days)
    first, last = int(started.min()), int(ended.max())
    pace = fit_pace(calendar, ended[won], first, last)
    season = fit_season(calendar, pace[day_kinds(calendar)], started, ended, won, first, last)
    return HorizonWindows(calendar, rows.longest_days, pace, season)


@dataclass(frozen=True)
class FoldPredictions:
    """A fold's model and its predictions for the fold's later deals: log-odds of its base models."""

    fold: Fold
    model: WinModel
    won: Floats
    lost: Floats

    @property
    def table_chance(self) -> Floats:
        """What the stage rates alone predict (m,)."""
        out: Floats = expit(self.won[:, 0])
        return out

    def answers(self, use: NDArray[np.bool_], side: str) -> tuple[Floats, Floats, Floats, Floats, Ints]:
        """Base models' log-odds, horizons, outcomes, weights and deals of some of the questions."""
        valid = self.fold.valid
        logits, outcome = (self.won, valid.won) if side == "won" else (self.lost, valid.lost)
        return (
            logits[use],
            valid.horizon[use],
            outcome[use],
            valid.question_weight[use],
            valid.question_deal[use],
        )


@dataclass(frozen=True)
class Validation:
    """The result on later deals: the stacks fitted on them (None = too few), and the last fold's scores.

    `validation_fold` is the last fold, `validation_chance` the predictions for its questions; model, weights
    and calibration were fitted without them. `proof` compares the model with the stage table (its predictions
    are `table_chance`) on them; where no deal at all came later, on other deals of the same time. None =
    there is nothing to prove it on.
    """

    stacks: tuple[Stack, Stack] | None
    folds: list[Fold]
    evaluation: Evaluation | None = None
    validation_fold: Fold | None = None
    validation_chance: Floats | None = None
    predictions: tuple[FoldPredictions, ...] = ()
    proof: Comparison | None = None
    table_chance: Floats | None = None


def validate(fitter: Fitter, as_of: int, deals: int, stage_names: Mapping[float, str]) -> Validation:
    """Two folds: weights and calibration of the first are evaluated on the second, then refitted on both."""
    rows, seed = fitter.rows, fitter.config.seed
    halves = np.random.default_rng((seed, 99)).random(deals) < 0.5
    folds, predictions = [], []
    for number, (start, end) in enumerate(fold_cuts(rows, as_of)):
        fold = split(rows, start, end, as_of, halves)
        folds.append(fold)
        enough = can_learn(fold.train) and fold.valid.closed_deals >= MIN_LATER
        if enough and len(fold.valid.row):
            predictions.append(_predict(fitter, fold, number + 1))
    if not predictions:
        parts = _by_parts(fitter, as_of)
        none_later = not any(fold.train.closed_deals for fold in folds)
        return Validation(
            _stacks(parts, PART_PULL),
            folds,
            proof=_proof_by_parts(parts, np.random.default_rng((seed, 6))) if none_later else None,
        )
    last = predictions[-1]
    valid = last.fold.valid
    rng = np.random.default_rng((seed, 7))
    model = last.model
    if len(predictions) > 1:
        first = predictions[0].fold.valid
        ripe = first.question_at + first.matures_after_days * DAY <= last.fold.train_until
        stack = _stack([(predictions[0], ripe)], "won") or model.won.stack
        model = with_stacks(model, stack, model.lost.stack, last.fold.train, rng)
    else:
        model = with_level_fitted(model, last.fold.train)
    chance = model.won_by_logits(valid, last.won)
    evaluation = evaluate(chance, last.fold.train, valid, fitter.chosen.layout, rng, stage_names)
    evaluation = replace(evaluation, in_the_end=judge_in_the_end(model, last.fold.train, valid, rng))
    table = last.table_chance
    return Validation(
        _stacks(predictions),
        folds,
        evaluation,
        last.fold,
        chance,
        tuple(predictions),
        compare(chance, table, rows_of(valid), np.random.default_rng((seed, 6))),
        table,
    )


def rows_of(valid: SnapshotRows) -> LaterRows:
    """The questions of validation rows, to compare models on."""
    return LaterRows(valid.won, valid.question_weight, valid.question_deal, origin_of(valid.question_at))


def _proof_by_parts(parts: list[FoldPredictions], rng: np.random.Generator) -> Comparison | None:
    """The model against the stage table on deals of the same time; with default weights, not fitted here."""
    if not parts:
        return None
    chance = np.concatenate([one.model.won_by_logits(one.fold.valid, one.won) for one in parts])
    table = np.concatenate([one.table_chance for one in parts])
    return compare(chance, table, LaterRows.joined([rows_of(one.fold.valid) for one in parts]), rng)


def fold_at(fitter: Fitter, cut: int, as_of: int, deals: int) -> Fold:
    """The fold of an earlier cut-off, which validates on all later moments."""
    halves = np.random.default_rng((fitter.config.seed, 99)).random(deals) < 0.5
    return split(fitter.rows, cut, as_of, as_of, halves)


def refit_as_of(fitter: Fitter, validation: Validation, fold: Fold) -> WinModel | None:
    """The model refitted on a fold of an earlier cut-off; None where the fold has too few deals.

    It has the same information as a model that was trained at that cut-off, so the two can be compared.
    Weights and calibration are fitted on the outcomes of the validation folds known by then.
    """
    cut = fold.train_until
    if not can_learn(fold.train) or not len(fold.valid.row):
        return None
    refitted = _predict(fitter, fold, 4)
    known = [
        (earlier, earlier.fold.valid.question_at + earlier.fold.valid.matures_after_days * DAY <= cut)
        for earlier in validation.predictions
    ]
    stack = (_stack(known, "won") if known else None) or refitted.model.won.stack
    rng = np.random.default_rng((fitter.config.seed, 8))
    return with_stacks(refitted.model, stack, refitted.model.lost.stack, fold.train, rng)


def _by_parts(fitter: Fitter, as_of: int) -> list[FoldPredictions]:
    """Cross-validation where there are no later deals: each part is predicted by a model of the other parts.

    It serves to fit weights and calibration, and does not estimate accuracy on later deals. Deals with the
    same features (entered twice) are in the same part.
    """
    rows = fitter.rows
    if rows.closed_deals < PARTS_FROM or not len(rows.row) or not can_learn(rows):
        return []
    deals, first = np.unique(rows.deal, return_index=True)
    _, same_features = np.unique(np.nan_to_num(rows.x[first], nan=-1.0), axis=0, return_inverse=True)
    part = np.random.default_rng((fitter.config.seed, 98)).permutation(int(same_features.max()) + 1) % PARTS
    of_row = part[same_features.ravel()][np.searchsorted(deals, rows.deal)]
    start, predictions = int(rows.at.min()), []
    for number in np.unique(of_row):
        in_part = of_row == number
        fold = Fold(as_of, start, as_of, rows.where(~in_part), rows.where(in_part & rows.regular))
        if len(fold.valid.row) and len(fold.train.row):
            predictions.append(_predict(fitter, fold, 10 + int(number)))
    return predictions


def _stacks(predictions: list[FoldPredictions], pull: float = WEIGHT_PULL) -> tuple[Stack, Stack] | None:
    if not predictions:
        return None
    all_answers = [
        (fold_predictions, np.ones(len(fold_predictions.fold.valid.row), bool))
        for fold_predictions in predictions
    ]
    won, lost = _stack(all_answers, "won", pull), _stack(all_answers, "lost", pull)
    return None if won is None or lost is None else (won, lost)


def _predict(fitter: Fitter, fold: Fold, number: int) -> FoldPredictions:
    model = fitter.fit(fold.train, number, with_level=False)  # weights are learned from log-odds without it
    won, lost = model.question_log_odds(fold.valid)
    return FoldPredictions(fold, model, won, lost)


def fold_cuts(rows: SnapshotRows, as_of: int) -> list[tuple[int, int]]:
    """(train until, validate until) of two folds; each validates on a window of about the longest cycle.

    The last window ends with the records: at the cut-off while deals are open, else at the last closing.
    """
    start, end = int(rows.at.min()), as_of
    if not (rows.event == -1).any():
        end = min(as_of, int((rows.at + (rows.days * DAY).astype(np.int64)).max()) + 1)
    span = end - start
    width = int(np.clip(rows.longest_days * DAY, span / 8, span / 4))
    return [(end - 2 * width, end - width), (end - width, end)]


def _stack(
    answers: list[tuple[FoldPredictions, NDArray[np.bool_]]], side: str, pull: float = WEIGHT_PULL
) -> Stack | None:
    parts = [fold_predictions.answers(use, side) for fold_predictions, use in answers]
    logits, days, outcome, weight, deal = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(days):
        return None
    model = answers[-1][0].model
    default = (model.won if side == "won" else model.lost).stack.weights
    # A base model that one of the folds lacks gets no weight from the other fold.
    default = np.where((logits != 0).mean(axis=0) > 0.9, default, 0.0)
    if default.sum() <= 0:
        return None
    default = default / default.sum()
    fold = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
    return fit_stack(
        logits, days, outcome, weight, len(np.unique(deal)), default, model.ever_days, fold, pull
    )
