"""What do models of closed deals say, as is common practice: naive Bayes, LightGBM?

They tell won deals from lost ones and know no horizon. Their chance is scaled or recalibrated so that on
ripe regular moments it is right on average at exactly the horizon asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit

from features.arrays import Floats
from models.logistic import bounded_logit, fit_logistic
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.horizons import ramps
from training.baselines.boosting import Boosting, grown
from training.baselines.past_moments import PastMoments, RipeSums, questions_at
from training.baselines.rates import Baseline, Fit, Horizons, base_rate, by_horizon, share_of_ripe

# The fields that Odoo uses by default, as far as they exist here.
_FEW = ("stage", "source", "deal_type", "product", "industry", "region")
Score = Callable[[Floats], Floats]  # features (n, k) to chances (n,) to be won at all
AtHorizon = Callable[[PastMoments, Horizons, Score], Baseline]  # what such a chance says within a horizon
_LOOSE = 1e-3  # penalty of a recalibration's few terms


def scaled(past: PastMoments, _: Horizons, score: Score) -> Baseline:
    """A chance of ever winning, scaled to the share that was won among moments ripe for the horizon."""
    sums, said = RipeSums.of(past), RipeSums.of(past, past.weight * score(past.rows.x))
    overall = share_of_ripe(past)
    total = float(past.weight.sum())
    mean = float(said.weight_seen[-1]) / total if total > 0 else 0.5

    def chance(rows: SnapshotRows) -> Floats:
        horizons = rows.horizon
        ripe = sums.ripe_weight(horizons)
        # What the score says on average of ripe moments; of all where none is.
        level = np.where(ripe > 0, said.ripe_weight(horizons) / np.maximum(ripe, 1e-12), mean)
        ratio = overall(horizons) / np.maximum(level, 1e-6)
        return np.clip(score(rows.x)[rows.row] * ratio, 1e-4, 1.0 - 1e-4)

    return chance


def recalibrated(exact: bool) -> AtHorizon:
    """A chance of ever winning, recalibrated by a logistic regression on ripe moments (Platt 1999).

    `exact`: one for each horizon asked; else one with the horizon as a feature.
    """

    def with_horizon(past: PastMoments, horizons: Horizons, score: Score) -> Baseline:
        def design(rows: SnapshotRows) -> Floats:
            said = bounded_logit(score(rows.x))[rows.row][:, None]
            horizon = np.log1p(np.minimum(rows.horizon, past.rows.ever_days))[:, None]
            terms = ramps(rows.horizon, past.rows.ever_days)
            return np.concatenate([np.ones_like(said), said, said * horizon, terms], axis=1)

        rows = questions_at(past, horizons) if horizons else past.rows
        if not len(rows.row) or rows.won.min() == rows.won.max():
            return scaled(past, horizons, score)
        columns = design(rows)
        penalty = np.full(columns.shape[1], _LOOSE)
        fitted = fit_logistic(columns, rows.won, rows.question_weight, penalty).coefficients
        return lambda asked: expit(design(asked) @ fitted)

    def at(past: PastMoments, horizons: Horizons, score: Score) -> Baseline:
        def fit_one(_: PastMoments, horizon: float) -> Baseline:
            return with_horizon(past, (horizon,), score)

        return by_horizon(fit_one)(past, horizons)

    return at if exact else with_horizon


def bayes_columns(layout: FeatureLayout) -> dict[str, list[int]]:
    """The sets of category columns that naive Bayes may use, by name."""
    few = [column for column in layout.categorical if layout.names[column] in _FEW]
    return {
        "stage and source": [column for column in few if layout.names[column] in _FEW[:2]],
        "usual columns": few,
        "all categories": list(layout.categorical),
    }


def naive_bayes(columns: Sequence[int], level: AtHorizon = scaled) -> Fit:
    """Frequencies of categories among won and lost deals, + 0.1, multiplied as if independent.

    As in Odoo, a deal counts once for each value it ever had, so a won deal counts in every stage it passed
    through, and the chance is clipped to 1% and 99%.
    """

    def fit(past: PastMoments, horizons: Horizons) -> Baseline:
        rows = past.rows
        closed = rows.event >= 0
        deal, won, x = rows.deal[closed], rows.event[closed] == 1, rows.x[closed]
        of_deal = dict(zip(deal.tolist(), won.tolist(), strict=True))
        total = {True: sum(of_deal.values()), False: len(of_deal) - sum(of_deal.values())}
        prior = np.log((total[True] + 0.1) / (total[False] + 0.1))
        tables = []
        for column in columns:
            known = ~np.isnan(x[:, column])
            pairs = np.unique(np.stack([deal[known], x[known, column], won[known]], axis=1), axis=0)
            codes, position = np.unique(pairs[:, 1], return_inverse=True)
            counts = [np.bincount(position[pairs[:, 2] == side], minlength=len(codes)) for side in (1, 0)]
            ratio = np.log((counts[0] + 0.1) / (total[True] + 0.1)) - np.log(
                (counts[1] + 0.1) / (total[False] + 0.1)
            )
            tables.append((column, codes, ratio))

        def score(features: Floats) -> Floats:
            log_odds = np.full(len(features), prior)
            for column, codes, ratio in tables:
                if len(codes):
                    at = np.minimum(np.searchsorted(codes, features[:, column]), len(codes) - 1)
                    log_odds += np.where(codes[at] == features[:, column], ratio[at], 0.0)
            return np.asarray(np.clip(expit(log_odds), 0.01, 0.99))

        return level(past, horizons, score)

    return fit


def boosted_on_closed(layout: FeatureLayout, boosting: Boosting, levels: Sequence[AtHorizon]) -> list[Fit]:
    """LightGBM on the regular moments of closed deals, won or lost: a method for each way to level it.

    All of them ask the same trees, which are grown once for the moments last given.
    """
    last: list[tuple[PastMoments, PastMoments, Score | None]] = []

    def of(past: PastMoments) -> tuple[PastMoments, Score | None]:
        if not last or last[0][0] is not past:
            last[:] = [(past, *_grown_on_closed(layout, boosting, past))]
        return last[0][1:]

    def levelled(level: AtHorizon) -> Fit:
        def fit(past: PastMoments, horizons: Horizons) -> Baseline:
            sample, score = of(past)
            if score is None:
                return base_rate(share_of_ripe)(past, horizons)
            return level(sample, horizons, score)

        return fit

    return [levelled(level) for level in levels]


def _grown_on_closed(
    layout: FeatureLayout, boosting: Boosting, past: PastMoments
) -> tuple[PastMoments, Score | None]:
    """The sample of moments, and the chances of trees grown on its closed deals; None with one outcome."""
    sample = past.sampled(boosting.most, np.random.default_rng(boosting.seed))
    closed = sample.rows.event >= 0
    won = (sample.rows.event[closed] == 1).astype(np.float64)
    if not len(won) or won.min() == won.max():
        return sample, None
    return sample, grown(sample.rows.x[closed], won, sample.rows.weight[closed], layout.categorical, boosting)


def boosted_on_closed_at(layout: FeatureLayout, boosting: Boosting) -> Fit:
    """LightGBM on the ripe moments of closed deals, won within the horizon or not; anew for each horizon."""

    def fit_one(past: PastMoments, horizon: float) -> Baseline:
        sample = past.sampled(boosting.most, np.random.default_rng(boosting.seed))
        closed = sample.where(sample.ripe(horizon) & (sample.rows.event >= 0))
        won = closed.won(horizon)
        if not len(won) or won.min() == won.max():
            return base_rate(share_of_ripe)(past, ())
        return scaled(sample, (), grown(closed.rows.x, won, closed.weight, layout.categorical, boosting))

    return by_horizon(fit_one)
