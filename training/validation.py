"""How good is the model on later deals, and which weights and calibration fit them best?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from crm.instants import DAY
from features import Calendar
from features.arrays import Floats
from models.season import fit_season
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.business_time import day_kinds, fit_pace
from models.win.calibrating import Calibrating, answers_of, with_stacks
from models.win.fitting import WinSettings, can_learn, fit_win
from models.win.horizons import HorizonWindows
from models.win.level import SIDES
from models.win.model import WinModel
from models.win.stacking import WEIGHT_PULL, Answers, Stack, fit_stack
from models.win.trees import PLAIN_TREES, TreeFitter, TreeSettings, fit_trees
from training.choice import Choice, Chooser
from training.comparison import Comparison, LaterRows, compare, origin_of
from training.config import TrainConfig, max_rows
from training.data import TrainingData
from training.evaluate import Evaluation, FoldFacts, evaluate
from training.in_the_end import judge_in_the_end
from training.selection import Selection
from training.snapshots import Fold, split
from training.stages import stage_positions

MIN_LATER = 20  # deals that must have closed after a fold's cut-off for it to be used
PART_PULL = 2.0  # as WEIGHT_PULL, for predictions of a single period
PARTS, PARTS_FROM = 10, 100  # parts of the deals; closed deals needed to use them where none are later


@dataclass(frozen=True)
class Fitter:
    """Fits the win model on any part of the rows, always with the same settings.

    `choice` are the features of the final model; each fold has its own, chosen on what its training rows and
    the log say as of its cut-off.
    """

    all_rows: SnapshotRows
    choice: Choice
    chooser: Chooser
    calendar: Calendar
    config: TrainConfig
    positions: Mapping[float, float]
    grow: TreeFitter = fit_trees

    @classmethod
    def of(cls, data: TrainingData, config: TrainConfig, grow: TreeFitter = fit_trees) -> Fitter:
        """The fitter of training data, with the features that all of them support."""
        rows, history = data.snapshots.rows, data.history
        chooser = Chooser.of(data, config)
        choice, positions = chooser.choose(rows, data.as_of), stage_positions(history, data.past)
        return cls(rows, choice, chooser, history.calendar, config, positions, grow)

    @cached_property
    def rows(self) -> SnapshotRows:
        """The rows with the used features only."""
        return self.all_rows.with_columns(self.choice.chosen.used)

    @cached_property
    def baseline_rows(self) -> SnapshotRows:
        """The rows with the features that baseline methods have: all that do not leak.

        Stage, age, days in stage and days to the close date are always among them, so that a model without
        the stage is still judged against a table that has it.
        """
        return self.all_rows.with_columns(self.choice.baseline.used)

    @property
    def baseline_layout(self) -> FeatureLayout:
        """The layout of `baseline_rows`."""
        return self.choice.baseline.layout

    @cached_property
    def numbered(self) -> SnapshotRows:
        """The rows with their number as their only column, to be split before features are chosen."""
        return replace(self.all_rows, x=np.arange(len(self.all_rows.at), dtype=np.float64)[:, None])

    def split_at(self, cut: int, valid_until: int, as_of: int, halves: NDArray[np.bool_]) -> Fold:
        """The fold of a cut-off, its rows `numbered`.

        Which questions are asked, the sales cycle among them, is decided on all data, for all methods alike.
        """
        return split(self.numbered, cut, valid_until, as_of, halves)

    def chosen_fold(self, numbered: Fold) -> ChosenFold:
        """A fold of `numbered` rows with the features that are chosen at its cut-off."""
        x = self.all_rows.x
        known = replace(numbered.train, x=x[numbered.train.x[:, 0].astype(np.int64)])
        choice = self.chooser.choose(known, numbered.train_until)
        filled = numbered.with_features(x, choice.chosen.used)
        return ChosenFold(**vars(filled), choice=choice, numbered=numbered, all_x=x)

    def fit(
        self,
        rows: SnapshotRows,
        chosen: Selection,
        number: int,
        stacks: tuple[Stack, Stack] | None = None,
        calibrated: bool = True,
    ) -> WinModel:
        """The model fitted on some of the rows; `number` gives each fit of a training its own seed.

        The rows have the chosen features only. Not `calibrated`: intercepts and level are learned later.
        """
        config = self.config
        trees = TreeSettings(
            config.trees,
            config.leaves,
            learning_rate=config.learning_rate,
            threads=config.threads,
            seed=config.seed + number,
        )
        most = config.max_questions or max_rows(rows.deals)
        count = min(PLAIN_TREES.count, config.trees)  # who asks for fewer trees asks for less work
        plain = replace(PLAIN_TREES, count=count, threads=config.threads, seed=config.seed + number)
        settings = WinSettings(trees, plain, most, grow=self.grow, calibrated=calibrated)
        rng = np.random.default_rng((config.seed, number))
        windows = windows_of(rows, self.calendar)
        return fit_win(rows, chosen.layout, chosen.used, windows, settings, rng, self.positions, stacks)


@dataclass(frozen=True)
class ChosenFold(Fold):
    """A fold with the features that were chosen on what was known at its cut-off."""

    choice: Choice
    numbered: Fold
    all_x: Floats

    @cached_property
    def baseline(self) -> Fold:
        """The same fold with the features that baseline methods have."""
        columns = self.choice.baseline.used
        if np.array_equal(columns, self.choice.chosen.used):
            return self
        return self.numbered.with_features(self.all_x, columns)

    @property
    def baseline_layout(self) -> FeatureLayout:
        """The layout of `baseline`."""
        return self.choice.baseline.layout


def windows_of(rows: SnapshotRows, calendar: Calendar) -> HorizonWindows:
    """The business time of the rows' horizons: calendar, pace at which their deals were won, and season."""
    first_row = np.unique(rows.deal, return_index=True)[1]  # a deal's first moment
    started, won = rows.at[first_row], rows.event[first_row] == 1
    ended = started + (rows.days[first_row] * DAY).astype(np.int64)
    if not won.any():
        return HorizonWindows(calendar, rows.longest_days)
    first, last = int(started.min()), int(ended.max())
    pace = fit_pace(calendar, started, ended, won, first, last)
    season = fit_season(calendar, pace[day_kinds(calendar)], started, ended, won, first, last)
    return HorizonWindows(calendar, rows.longest_days, pace, season)


@dataclass(frozen=True)
class FoldPredictions:
    """A fold's model and what its base models say of the fold's later deals: log-odds (m, 4) for `valid`.

    `answers` are those of won and of lost, for `valid` and then for moments just after changes.
    """

    fold: ChosenFold
    model: WinModel
    answers: tuple[Answers, Answers]

    @property
    def won(self) -> Floats:
        """Log-odds (m, 4) of won for the fold's validation questions."""
        return self.answers[0].logits[: len(self.fold.valid.row)]

    @property
    def table_chance(self) -> Floats:
        """What the stage rates alone predict (m,)."""
        out: Floats = expit(self.won[:, 0])
        return out

    def alone(self, calibrating: Calibrating) -> dict[str, Floats]:
        """What each base model alone says (m,), with its own intercept and level, by its name."""
        models = calibrating.each_alone()
        return {name: one.won_by_logits(self.fold.valid, self.won) for name, one in models.items()}

    def known_at(self, cut: int) -> NDArray[np.bool_]:
        """Which of the answers had an outcome by an instant."""
        both = (self.fold.valid, self.fold.changed)
        return np.concatenate([rows.question_at + rows.matures_after_days * DAY <= cut for rows in both])


@dataclass(frozen=True)
class Validation:
    """The result on later deals: the stacks fitted on them (None = too few), and the last fold's scores.

    `validation_fold` is the last fold, `validation_chance` the predictions for its questions; features,
    model, weights and calibration were chosen and fitted without them. `alone` are the predictions of each
    base model alone. `proof` compares the model with the stage table that would answer in its place (its
    predictions are `table_chance`) on them; where no deal at all came later, on other deals of the same
    time. None = there is nothing to prove it on.
    """

    stacks: tuple[Stack, Stack] | None
    folds: list[Fold]
    evaluation: Evaluation | None = None
    validation_fold: ChosenFold | None = None
    validation_chance: Floats | None = None
    predictions: tuple[FoldPredictions, ...] = ()
    proof: Comparison | None = None
    table_chance: Floats | None = None
    alone: Mapping[str, Floats] = field(default_factory=dict)


def validate(
    fitter: Fitter, as_of: int, deals: int, stage_names: Mapping[float, str], judged: bool = True
) -> Validation:
    """Two folds: weights and calibration of the first are evaluated on the second, then refitted on both.

    Not `judged`: there is no evaluation beside baseline methods, whose fits take as long as a fold's model.
    """
    rows, seed = fitter.numbered, fitter.config.seed
    halves = _halves(fitter, deals)
    folds, predictions = [], []
    for number, (start, end) in enumerate(fold_cuts(rows, as_of)):
        fold = fitter.split_at(start, end, as_of, halves)
        folds.append(fold)
        enough = can_learn(fold.train) and fold.valid.closed_deals >= MIN_LATER
        if enough and len(fold.valid.row):
            predictions.append(_predict(fitter, fitter.chosen_fold(fold), number + 1))
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
    stack = last.model.won.stack
    if len(predictions) > 1:
        first = predictions[0]
        stack = _stack([(first, first.known_at(last.fold.train_until))], "won", last.model) or stack
    calibrating = Calibrating.of(last.model, last.fold.train, rng)
    model = calibrating.with_stacks(stack, last.model.lost.stack)
    chance, table = model.won_by_logits(valid, last.won), last.table_chance
    alone: Mapping[str, Floats] = {}
    evaluation = None
    if judged:
        alone, baseline = last.alone(calibrating), last.fold.baseline
        facts = FoldFacts(
            as_of=last.fold.train_until, windows=model.windows, alone=alone, threads=fitter.config.threads
        )
        layout = last.fold.baseline_layout
        evaluation = evaluate(chance, baseline.train, baseline.valid, layout, rng, stage_names, facts)
        evaluation = replace(evaluation, in_the_end=judge_in_the_end(model, last.fold.train, valid, rng))
    return Validation(
        _stacks(predictions),
        folds,
        evaluation,
        last.fold,
        chance,
        tuple(predictions),
        compare(chance, table, rows_of(valid), np.random.default_rng((seed, 6))),
        table,
        alone,
    )


def _halves(fitter: Fitter, deals: int) -> NDArray[np.bool_]:
    """Of the deals (d,), those that train where they are open at a fold's cut-off."""
    return np.random.default_rng((fitter.config.seed, 99)).random(deals) < 0.5


def rows_of(valid: SnapshotRows) -> LaterRows:
    """The questions of validation rows, to compare models on."""
    return LaterRows(valid.won, valid.question_weight, valid.question_deal, origin_of(valid.question_at))


def _proof_by_parts(parts: list[FoldPredictions], rng: np.random.Generator) -> Comparison | None:
    """The model against the stage table on deals of the same time; with default weights, not fitted here."""
    if not parts:
        return None
    chance = np.concatenate([_by_default(one, rng).won_by_logits(one.fold.valid, one.won) for one in parts])
    table = np.concatenate([one.table_chance for one in parts])
    return compare(chance, table, LaterRows.joined([rows_of(one.fold.valid) for one in parts]), rng)


def _by_default(part: FoldPredictions, rng: np.random.Generator) -> WinModel:
    model = part.model
    return with_stacks(model, model.won.stack, model.lost.stack, part.fold.train, rng, with_level=False)


def fold_at(fitter: Fitter, cut: int, as_of: int, deals: int) -> Fold:
    """The fold of an earlier cut-off, which validates on all later moments; its rows are `numbered`."""
    return fitter.split_at(cut, as_of, as_of, _halves(fitter, deals))


def refit_as_of(fitter: Fitter, validation: Validation, fold: ChosenFold) -> WinModel | None:
    """The model refitted on a fold of an earlier cut-off; None where the fold has too few deals.

    It has the same information as a model that was trained at that cut-off, so the two can be compared.
    Weights and calibration are fitted on the outcomes of the validation folds known by then.
    """
    cut = fold.train_until
    if not can_learn(fold.train) or not len(fold.valid.row):
        return None
    refitted = fitter.fit(fold.train, fold.choice.chosen, 4, calibrated=False)
    known = [(earlier, earlier.known_at(cut)) for earlier in validation.predictions]
    stack = (_stack(known, "won", refitted) if known else None) or refitted.won.stack
    rng = np.random.default_rng((fitter.config.seed, 8))
    return with_stacks(refitted, stack, refitted.lost.stack, fold.train, rng)


def _by_parts(fitter: Fitter, as_of: int) -> list[FoldPredictions]:
    """Cross-validation where there are no later deals: each part is predicted by a model of the other parts.

    It serves to fit weights and calibration, and does not estimate accuracy on later deals. Deals with the
    same features (entered twice) are in the same part. The log is screened once, with all deals: at one
    moment there is no earlier past to screen, and a column is only ever left out for telling too much.
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
        train, valid, changed = (
            fitter.numbered.where(some)
            for some in (~in_part, in_part & rows.regular, in_part & ~rows.regular)
        )
        fold = Fold(as_of, start, as_of, train, valid, changed)
        if len(fold.valid.row) and len(fold.train.row):
            predictions.append(_predict(fitter, fitter.chosen_fold(fold), 10 + int(number)))
    return predictions


def _stacks(predictions: list[FoldPredictions], pull: float = WEIGHT_PULL) -> tuple[Stack, Stack] | None:
    if not predictions:
        return None
    every = [(one, np.ones(len(one.answers[0].clock), bool)) for one in predictions]
    won, lost = (_stack(every, side, predictions[-1].model, pull) for side in SIDES)
    return None if won is None or lost is None else (won, lost)


def _predict(fitter: Fitter, fold: ChosenFold, number: int) -> FoldPredictions:
    # Weights are learned from what the base models say alone.
    model = fitter.fit(fold.train, fold.choice.chosen, number, calibrated=False)
    parts = [answers_of(model, rows, number) for rows in (fold.valid, fold.changed)]
    won, lost = (Answers.joined([both[side] for both in parts]) for side in range(len(SIDES)))
    return FoldPredictions(fold, model, (won, lost))


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
    answers: list[tuple[FoldPredictions, NDArray[np.bool_]]],
    side: str,
    model: WinModel,
    pull: float = WEIGHT_PULL,
) -> Stack | None:
    """The stack of a model that the used answers of folds support; None without any."""
    known = Answers.joined([one.answers[SIDES.index(side)].where(use) for one, use in answers])
    if not len(known.clock):
        return None
    default = (model.won if side == "won" else model.lost).stack.weights
    # A base model that one of the folds lacks gets no weight from the other fold.
    default = np.where((known.logits != 0).mean(axis=0) > 0.9, default, 0.0)
    if default.sum() <= 0:
        return None
    return fit_stack(known, default / default.sum(), model.ever_days, pull)
