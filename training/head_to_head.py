"""On which rows can a new model and the champion be compared fairly, and what does each say of them?

Neither may have been fitted on the rows, and the new model may have no newer data than the champion: it is
the new way of fitting that is compared, since newer data alone do no harm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features import build_features, compile_history
from features.arrays import Floats
from models.bundle import Bundle, ProofRows
from models.scoring import feature_columns
from models.snapshot_rows import SnapshotRows
from training.comparison import MIN_DEALS, Comparison, LaterRows, compare, origin_of
from training.data import TrainingData
from training.snapshots import Fold
from training.validation import Fitter, Validation, fold_at, refit_as_of, rows_of

ENOUGH_DEALS = 200  # later than the champion's data; with fewer, the champion's own proof counts too
MAX_PROOF_DEALS = 3_000

Predicted = tuple[Floats, Floats, LaterRows]  # by the new model, by the champion, for the rows


def compare_with_champion(
    champion: Bundle, fitter: Fitter, validation: Validation, data: TrainingData
) -> Comparison | None:
    """The new way of fitting against the champion; None where neither model is new to any rows.

    Rows later than the champion's data, predicted by the champion and by a model that was fitted on no more
    data than it; where these are few, also the champion's proof: what a model fitted the champion's way until
    an earlier day said of later deals, against one fitted the new way until that day, without these deals.
    """
    later = _later_rows(champion, fitter, validation, data)
    parts = [] if later is None else [later]
    if (later is None or later[2].deals < ENOUGH_DEALS) and champion.proof is not None:
        proved = _proof_rows(champion.proof, fitter, validation, data)
        parts += [] if proved is None else [proved]
    if not parts:
        return None
    new, old = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    rng = np.random.default_rng((fitter.config.seed, 5))
    return compare(new, old, LaterRows.joined([part[2] for part in parts]), rng)


def proof_rows(fold: Fold, chance: Floats, data: TrainingData, seed: int) -> ProofRows:
    """A validation fold with its predictions (m,), to be stored with the model; at most 3,000 deals of it."""
    valid = fold.valid
    numbers = np.unique(valid.question_deal)
    if len(numbers) > MAX_PROOF_DEALS:
        numbers = np.sort(np.random.default_rng((seed, 4)).choice(numbers, MAX_PROOF_DEALS, replace=False))
    kept = np.isin(valid.question_deal, numbers)
    return ProofRows(
        cut=fold.train_until,
        deal_ids=np.asarray(data.history.deal_ids)[numbers].astype(str),
        deal=np.searchsorted(numbers, valid.question_deal[kept]).astype(np.int64),
        at=valid.question_at[kept],
        horizon=_or_ever(valid)[kept],
        outcome=valid.won[kept],
        weight=valid.question_weight[kept],
        chance=chance[kept],
    )


def _later_rows(
    champion: Bundle, fitter: Fitter, validation: Validation, data: TrainingData
) -> Predicted | None:
    """Rows later than the champion's data, and than those of a model fitted the new way on no more data."""
    fold = validation.validation_fold
    if champion.as_of >= data.as_of or fold is None:
        return None
    if champion.as_of <= fold.train_until and validation.validation_chance is not None:
        return validation.validation_chance, _predictions_of(champion, fold.valid, data), rows_of(fold.valid)
    later = fold_at(fitter, champion.as_of, data.as_of, len(data.snapshots.outcomes))
    if len(np.unique(later.valid.question_deal)) < MIN_DEALS:
        return None
    fold = fitter.chosen_fold(later)
    refitted = refit_as_of(fitter, validation, fold)
    if refitted is None:
        return None
    valid = fold.valid
    chance = refitted.won_by_logits(valid, refitted.question_log_odds(valid)[0])
    return chance, _predictions_of(champion, valid, data), rows_of(valid)


def _proof_rows(
    proof: ProofRows, fitter: Fitter, validation: Validation, data: TrainingData
) -> Predicted | None:
    """The champion's stored proof, and what the new way of fitting says of it, of deals that still exist."""
    number = data.history.deal_ids.get_indexer(pd.Index(proof.deal_ids.astype(object)))
    known = number >= 0
    if known.sum() < MIN_DEALS or proof.cut >= data.as_of:
        return None
    halves = np.ones(len(data.snapshots.outcomes), bool)
    halves[number[known]] = False  # whatever was open then is used for fitting, but for these deals
    fold = fitter.chosen_fold(fitter.split_at(proof.cut, data.as_of, data.as_of, halves))
    untouched = known & ~np.isin(number, np.unique(fold.train.deal))
    refitted = refit_as_of(fitter, validation, fold)
    if refitted is None or untouched.sum() < MIN_DEALS:
        return None
    use = untouched[proof.deal]
    deal = number[proof.deal[use]].astype(np.int64)
    moment = np.asarray(proof.at)[use]
    states, row = np.unique(np.stack([deal, moment]), axis=1, return_inverse=True)
    x = build_features(data.history, states[0], states[1])
    chance = refitted.won_by(x[row.ravel()], moment, proof.horizon[use])
    return (
        chance,
        proof.chance[use],
        LaterRows(proof.outcome[use], proof.weight[use], deal, origin_of(moment)),
    )


def _predictions_of(model: Bundle, rows: SnapshotRows, data: TrainingData) -> Floats:
    """A stored model's predictions (m,) for rows, from its own features."""
    history = compile_history(data.past, model.calendar, model.levels)
    x = build_features(history, rows.deal, rows.at)[:, feature_columns(model, history)]
    return model.win.won_by(x[rows.row], rows.question_at, _or_ever(rows))


def _or_ever(rows: SnapshotRows) -> Floats:
    """The horizons (m,) of the questions; each model has its own for "ever"."""
    return np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
