"""What do the baseline methods predict at a fold's origins, fitted at its cut-off?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.scoring import feature_columns
from models.win.calibrating import each_alone
from models.win.model import WinModel
from training import baselines
from training.backtest.origins import Origin
from training.backtest.predict import OriginForecast, days_left, deal_questions
from training.baselines import FittedBaseline
from training.baselines.panel import MOST_ROWS
from training.choice import Chooser
from training.config import TrainConfig
from training.data import TrainingData


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
    bundle: Bundle, data: TrainingData, group: Sequence[Origin], config: TrainConfig
) -> FoldBaselines:
    """The methods fitted on the deals open on past days, for exactly the horizons that the origins ask about.

    They read what does not leak (`Chooser`), always with the stage, whatever the settings leave out.
    """
    rows = data.snapshots.rows
    chosen = Chooser.of(data, config).choose(rows, data.as_of).baseline
    # Who asks for fewer moments and questions asks for less work.
    effort = baselines.Effort(threads=config.threads, seed=config.seed)
    effort = replace(effort, most=min(effort.most, config.max_questions or effort.most))
    methods = baselines.baseline_methods(chosen.layout, bundle.win.windows, effort)
    left = {days_left(origin, bundle.calendar.zone) for origin in group}
    horizons = (*sorted(left), bundle.win.ever_days)
    rng = np.random.default_rng((config.seed, 31))
    past = baselines.panel(data, chosen.used, min(MOST_ROWS, config.max_moments or MOST_ROWS))
    fitted = baselines.fit_baselines(past, data.as_of, methods, horizons, rng)
    inside = feature_columns(bundle, data.history)
    used = rows.with_columns(inside[bundle.win.used])
    alone = each_alone(bundle.win, used, np.random.default_rng((config.seed, 32)))
    # The bundle's features are the history's, perhaps in another order.
    return FoldBaselines(np.argsort(inside)[chosen.used], fitted, alone)
