"""What do a company's own columns add? 448 deals with reps' answers, cross-validated.

    python benchmarks/accuracy_b2b.py [DIVISIONS]

Five folds; deals with the same answers are in the same fold. For each fold a model is trained, as a user
would train it, on the log of the other folds' deals, and predicts for the fold's deals at their creation: won
ever? Baseline methods are fitted on the same deals as of their creation, each in the variant that was best in
an inner five-fold cross-validation; each of our base models alone stands beside them. The folds are drawn
DIVISIONS times (3) and scores averaged; intervals are 95%, by a bootstrap over groups of deals with the same
answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from real_logs import imported
from scipy.special import expit

from crm.eventlog import EventLog
from features import build_features, compile_history
from features.arrays import Flags, Floats, Ints
from models.logistic import fit_logistic
from models.scoring import feature_columns
from models.win.calibrating import each_alone
from models.win.encoder import fit_encoder
from training import metrics
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train_on

Drawn = tuple[Floats, Ints]  # chances (n,) and the fold (n,) in which each was predicted
Chance = Callable[[Floats], Floats]
Fit = Callable[[Floats, Floats, list[int]], Chance]  # features, won, which of them are categories

CONFIG = TrainConfig(threads=1)
AS_OF = pd.Timestamp("2016-01-01", tz="UTC").value // 1000  # all deals have closed by then
FOLDS, DRAWS = 5, 1000
SANCHO = "Sancho"
NOT_ANSWERS = ("deal_id", "name", "created_at", "closed_at", "stage", "outcome", "lost_reason")


def main(divisions: int = 3) -> None:
    """Run and print."""
    log = imported("b2b_qualification")
    deals = log["deals"]
    answers = [name for name in deals.columns if name not in NOT_ANSWERS]
    group = deals[answers].astype(object).groupby(answers, dropna=False, sort=False).ngroup().to_numpy()
    won = (deals["outcome"] == "won").to_numpy(float)
    print(f"{len(deals)} deals, {int(won.sum())} won, {int(group.max()) + 1} groups of like answers")
    drawn: dict[str, list[Drawn]] = {}
    for number in range(divisions):
        rng = np.random.default_rng(number)
        fold = (rng.permutation(int(group.max()) + 1) % FOLDS)[group]
        for name, chance in out_of_fold(log, fold, won, rng).items():
            drawn.setdefault(name, []).append((chance, fold))
    show(drawn, won, group)


def out_of_fold(log: EventLog, fold: Ints, won: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """The chance (n,) that each method predicts for every deal, fitted on the deals of other folds."""
    out: dict[str, Floats] = {}
    for number in range(FOLDS):
        predicted, fitted = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        data = TrainingData.of(part_of(log, fold != number), AS_OF, CONFIG)
        bundle, _ = train_on(data, CONFIG)
        history = compile_history(log, bundle.calendar, bundle.levels)
        # The event that says a deal is open is of the instant of creation, so known just after it.
        at = history.created + 1
        x = build_features(history, np.arange(len(at)), at)[:, feature_columns(bundle, history)]
        ours = bundle.win.won_by(x[predicted], at[predicted], np.full(len(predicted), np.inf))
        chances = {SANCHO: ours}
        inside = feature_columns(bundle, data.history)[bundle.win.used]
        alone = each_alone(bundle.win, data.snapshots.rows.with_columns(inside), rng)
        for part, model in alone.items():
            ever = np.full(len(predicted), np.inf)
            chances[f"our {part} alone"] = model.won_by(x[predicted], at[predicted], ever)
        x, categories = x[:, bundle.win.used], list(bundle.win.layout.categorical)
        for name, variants in plain_methods().items():
            fit = best(variants, x[fitted], won[fitted], categories, rng)
            chances[name] = fit(x[fitted], won[fitted], categories)(x[predicted])
        for name, chance in chances.items():
            out.setdefault(name, np.zeros(len(at)))[predicted] = chance
    return out


def part_of(log: EventLog, deals: Flags) -> EventLog:
    """The log of some of the deals."""
    rows, events = log["deals"][deals].reset_index(drop=True), log["deal_events"]
    events_of_deals = events[events["deal_id"].isin(set(rows["deal_id"]))].reset_index(drop=True)
    return EventLog({**log.tables, "deals": rows, "deal_events": events_of_deals}, log.zone)


def best(
    variants: Sequence[Fit], x: Floats, won: Floats, categories: list[int], rng: np.random.Generator
) -> Fit:
    """The variant with the least log loss on deals it was not fitted on; equal answers stay together."""
    if len(variants) == 1:
        return variants[0]
    _, like = np.unique(np.nan_to_num(x, nan=-1.0), axis=0, return_inverse=True)
    fold = (rng.permutation(int(like.max()) + 1) % FOLDS)[like.ravel()]
    losses = np.zeros(len(variants))
    for number in range(FOLDS):
        inside, outside = fold != number, fold == number
        for variant, fit in enumerate(variants):
            chance = fit(x[inside], won[inside], categories)(x[outside])
            losses[variant] += metrics.log_losses(chance, won[outside]).sum()
    return variants[int(losses.argmin())]


def plain_methods() -> dict[str, list[Fit]]:
    """The baseline methods, each with the variants a careful analyst would try."""
    return {
        "base rate": [lambda _, won, __: lambda of: np.full(len(of), won.mean())],
        "naive Bayes": [naive_bayes(added) for added in (0.1, 1.0, 5.0)],
        "logistic regression": [regression(ridge) for ridge in (1.0, 3.0, 10.0, 30.0)],
        "LightGBM": [boosted(leaves, trees) for leaves, trees in ((31, 100), (7, 60), (4, 60), (7, 150))],
    }


def naive_bayes(added: float) -> Fit:
    """Frequencies of answers among won and lost deals, with some added, multiplied as if independent."""

    def fit(x: Floats, won: Floats, categories: list[int]) -> Chance:
        prior = np.log(won.sum() + added) - np.log((1.0 - won).sum() + added)
        tables = []
        for column in categories:
            codes, position = np.unique(np.nan_to_num(x[:, column], nan=-1.0), return_inverse=True)
            of_won, of_lost = (np.bincount(position, side, len(codes)) + added for side in (won, 1.0 - won))
            tables.append((column, codes, np.log(of_won / of_won.sum()) - np.log(of_lost / of_lost.sum())))

        def chance(of: Floats) -> Floats:
            score = np.full(len(of), prior)
            for column, codes, ratio in tables:
                code = np.nan_to_num(of[:, column], nan=-1.0)
                at = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
                score += np.where(codes[at] == code, ratio[at], 0.0)
            return expit(score)

        return chance

    return fit


def regression(ridge: float) -> Fit:
    """Ridge logistic regression on all answers as dummies."""

    def fit(x: Floats, won: Floats, categories: list[int]) -> Chance:
        encoder = fit_encoder(x, categories)
        design = np.concatenate([np.ones((len(x), 1)), encoder(x)], axis=1)
        penalty = np.full(design.shape[1], ridge)
        penalty[0] = 1e-6
        coefficients = fit_logistic(design, won, np.ones(len(x)), penalty).coefficients
        return lambda of: expit(coefficients[0] + encoder(of) @ coefficients[1:])

    return fit


def boosted(leaves: int, trees: int) -> Fit:
    """LightGBM with native categories."""

    def fit(x: Floats, won: Floats, categories: list[int]) -> Chance:
        import lightgbm

        data = lightgbm.Dataset(x, won, categorical_feature=categories)
        settings = {
            "objective": "binary",
            "num_leaves": leaves,
            "seed": 0,
            "deterministic": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        booster = lightgbm.train(settings, data, num_boost_round=trees)
        return lambda of: np.asarray(booster.predict(of, num_threads=1), np.float64)

    return fit


def show(drawn: dict[str, list[Drawn]], won: Floats, group: Ints) -> None:
    """Prints the scores of each method, Sancho minus the others', and whether the goals are met."""
    rng = np.random.default_rng(7)
    picks = [resampled(group, rng) for _ in range(DRAWS)]
    print(
        f"\n{FOLDS} folds, {len(drawn[SANCHO])} divisions: figure [95 % over groups]; AUC: mean of the folds'"
    )
    points: dict[str, tuple[float, float]] = {}
    for name, found in drawn.items():
        figures = [with_interval(of, found, won, picks) for of in (fold_auc, brier, log_loss)]
        points[name] = (figures[0][0], figures[1][0])
        area, square, loss = (f"{mean:.3f} [{lo:.3f}, {hi:.3f}]" for mean, lo, hi in figures)
        slope = np.mean([metrics.calibration_slope(chance, won)[1] for chance, _ in found])
        pooled = np.mean([metrics.auc(chance, won) for chance, _ in found])
        print(
            f"  {name:26s} AUC {area} (pooled {pooled:.3f})  Brier {square}  log loss {loss}  "
            f"slope {slope:.2f}"
        )
    for name, found in drawn.items():
        if name != SANCHO:
            losses, other_losses = (
                np.mean([metrics.log_losses(chance, won) for chance, _ in of], axis=0)
                for of in (drawn[SANCHO], found)
            )
            print(f"  log loss against {name}: {metrics.paired_difference(losses, other_losses, group, rng)}")
    area, square = points[SANCHO]
    print(f"\nAUC at least 0.82: {'yes' if area >= 0.82 else 'NO'} ({area:.3f})")
    print(f"Brier at most 0.17: {'yes' if square <= 0.17 else 'NO'} ({square:.3f})")


def fold_auc(chance: Floats, won: Floats, fold: Ints) -> float:
    """Mean over the folds of each fold's AUC: predictions of different folds are not ranked together."""
    return float(np.mean([metrics.auc(chance[fold == one], won[fold == one]) for one in range(FOLDS)]))


def brier(chance: Floats, won: Floats, _: Ints) -> float:
    """Mean Brier score."""
    return float(metrics.brier_scores(chance, won).mean())


def log_loss(chance: Floats, won: Floats, _: Ints) -> float:
    """Mean log loss."""
    return float(metrics.log_losses(chance, won).mean())


def resampled(group: Ints, rng: np.random.Generator) -> Ints:
    """The deals of as many groups as there are, drawn with replacement."""
    count = int(group.max()) + 1
    times = rng.multinomial(count, np.full(count, 1.0 / count))
    return np.repeat(np.arange(len(group)), times[group])


def with_interval(
    of: Callable[[Floats, Floats, Ints], float], found: Sequence[Drawn], won: Floats, picks: Sequence[Ints]
) -> tuple[float, float, float]:
    """A score averaged over divisions, and the ends of its interval."""
    point = float(np.mean([of(chance, won, fold) for chance, fold in found]))
    draws = [np.mean([of(chance[pick], won[pick], fold[pick]) for chance, fold in found]) for pick in picks]
    lo, hi = np.quantile(draws, [0.025, 0.975])
    return point, float(lo), float(hi)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
