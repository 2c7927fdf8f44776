"""Which variant of each baseline method was best within the training time, and what does it predict?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.snapshot_rows import SnapshotRows
from training import metrics
from training.baselines.methods import BaselineMethod
from training.baselines.past_moments import PastMoments, questions_at
from training.baselines.rates import Baseline, Horizons
from training.snapshots import split

MIN_LATER = 50  # questions needed to choose between variants
INNER_SHARE = 0.25  # the last part of the training time, on which variants are chosen


@dataclass(frozen=True)
class FittedBaseline:
    """A fitted baseline method, with the chosen variant and the inner log loss of each variant."""

    name: str
    variant: str
    inner_losses: dict[str, float]
    chance: Baseline

    def to_json(self) -> dict[str, object]:
        """How it was tuned."""
        return {"variant": self.variant, "inner_log_loss": self.inner_losses}


def fit_baselines(
    train: SnapshotRows,
    as_of: int,
    methods: Sequence[BaselineMethod],
    horizons: Horizons,
    rng: np.random.Generator,
) -> dict[str, FittedBaseline]:
    """Each method, fitted on all training rows in the variant that was best on the last quarter of the time.

    `horizons`: what will be asked, exactly; empty where each question has its own. The choice is made on
    regular moments, at the horizons asked. No deal is on both sides of the inner split, and only outcomes
    known at its cut-off are used for fitting.
    """
    past = PastMoments.of(train, as_of)
    inner = _inner(train, as_of, horizons, rng)
    fitted = {}
    for method in methods:
        losses: dict[str, float] = {}
        fits = dict(method.variants)
        if inner is not None and len(fits) > 1:
            learned, asked = inner
            for variant, fit in method.variants:
                loss = metrics.log_losses(fit(learned, horizons)(asked), asked.won)
                losses[variant] = float(np.average(loss, weights=asked.question_weight))
        best = min(losses, key=losses.__getitem__) if losses else method.variants[0][0]
        fitted[method.name] = FittedBaseline(method.name, best, losses, fits[best](past, horizons))
    return fitted


def chances_of(fitted: Mapping[str, FittedBaseline], questions: SnapshotRows) -> dict[str, np.ndarray]:
    """What each fitted method predicts (m,) for questions of rows with the baselines' columns."""
    return {name: baseline.chance(questions) for name, baseline in fitted.items()}


def _inner(
    train: SnapshotRows, as_of: int, horizons: Horizons, rng: np.random.Generator
) -> tuple[PastMoments, SnapshotRows] | None:
    """The moments before an earlier cut-off, and questions about later ones; None with too few of them."""
    if not len(train.at):
        return None
    cut = as_of - int((as_of - int(train.at.min())) * INNER_SHARE)
    fold = split(train, cut, as_of, as_of, rng.random(int(train.deal.max()) + 1) < 0.5)
    asked = questions_at(PastMoments(fold.valid, as_of), horizons) if horizons else fold.valid
    if len(asked.row) < MIN_LATER or fold.train.closed_deals < MIN_LATER:
        return None
    return PastMoments.of(fold.train, cut), asked
