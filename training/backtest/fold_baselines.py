"""What do the baseline methods predict at a fold's origins, fitted at its cut-off?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.scoring import feature_columns
from models.win import model as win_model
from models.win.model import WinModel
from training import baselines
from training.backtest.origins import Origin
from training.backtest.predict import OriginForecast, days_left, deal_questions
from training.baselines import FittedBaseline
from training.config import TrainConfig
from training.data import TrainingData
from training.leakage import Leak


@dataclass(frozen=True)
class FoldBaselines:
    """The fitted methods, the features (numbers in the bundle's) they read, and our base models alone."""

    columns: Ints
    fitted: Mapping[str, FittedBaseline]
    alone: Mapping[str, WinModel]

    @classmethod
    def none(cls, bundle: Bundle) -> FoldBaselines:
        """No baselines at all."""
        return cls(bundle.win.used, {}, {})

    def chances(self, forecast: OriginForecast, bundle: Bundle, longest: float) -> dict[str, Floats]:
        """Each method's chances (2n,) for the open deals (n,): by the period's end, then ever."""
        questions = deal_questions(forecast, bundle, self.columns, longest)
        out: dict[str, Floats] = baselines.chances_of(self.fitted, questions)
        x, moments = forecast.scored.x[questions.row], questions.question_at
        for part, model in self.alone.items():
            out[baselines.alone_name(part)] = model.won_by(x, moments, questions.horizon)
        return out


def fit_for_fold(
    bundle: Bundle,
    data: TrainingData,
    leaks: Sequence[Leak],
    group: Sequence[Origin],
    config: TrainConfig,
) -> FoldBaselines:
    """The methods fitted on the deals open on past days, for exactly the horizons that the origins ask about."""
    inside = feature_columns(bundle, data.history)
    rows = data.snapshots.rows.with_columns(inside)
    features = [data.history.features[number] for number in inside]
    chosen = baselines.baseline_columns(features, rows.x, rows.at, leaks, config)
    effort = baselines.Effort(threads=config.threads, seed=config.seed)
    methods = baselines.baseline_methods(chosen.layout, bundle.win.windows, effort)
    left = {days_left(origin, bundle.calendar.zone) for origin in group}
    horizons = (*sorted(left), bundle.win.ever_days)
    rng = np.random.default_rng((config.seed, 31))
    past = baselines.panel(data, inside[chosen.used])
    fitted = baselines.fit_baselines(past, data.as_of, methods, horizons, rng)
    return FoldBaselines(chosen.used, fitted, _alone(bundle, rows, config))


def _alone(bundle: Bundle, rows: object, config: TrainConfig) -> dict[str, WinModel]:
    return {}
