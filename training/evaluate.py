"""How good is the model on later deals, compared with baseline methods on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Floats
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from training import baselines, metrics
from training.in_the_end import InTheEnd

BANDS = ((0.0, 7.5), (7.5, 31.5), (31.5, 92.5), (92.5, np.inf))


@dataclass(frozen=True)
class Evaluation:
    """Scores by method: over all rows, and of the model by horizon band and by stage.

    `in_the_end`: of the chance to be won at all, for which the questions have no answer yet.
    `log_loss_against`, `brier_against`: by baseline, the model's mean score minus the baseline's. `curve` are
    the model's reliability rows (mean probability, share won, weight).
    """

    overall: Mapping[str, Mapping[str, float]]
    bands: Mapping[str, Mapping[str, float]]
    stages: Mapping[str, Mapping[str, float]]
    log_loss_against: Mapping[str, metrics.Difference]
    brier_against: Mapping[str, metrics.Difference]
    curve: Floats
    deals: int
    in_the_end: InTheEnd | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for MLflow and reports."""
        return {
            "deals": self.deals,
            "overall": {name: dict(figures) for name, figures in self.overall.items()},
            "bands": {name: dict(figures) for name, figures in self.bands.items()},
            "stages": {name: dict(figures) for name, figures in self.stages.items()},
            "log_loss_against": {name: vars(gap) for name, gap in self.log_loss_against.items()},
            "brier_against": {name: vars(gap) for name, gap in self.brier_against.items()},
            "curve": self.curve.tolist(),
            "in_the_end": None if self.in_the_end is None else self.in_the_end.to_json(),
        }


def evaluate(
    chance: Floats,
    train: SnapshotRows,
    valid: SnapshotRows,
    layout: FeatureLayout,
    rng: np.random.Generator,
    stage_names: Mapping[float, str],
) -> Evaluation:
    """Scores of the predicted chances (m,) for `valid`, and of baseline methods fitted on `train`."""
    weight = valid.question_weight
    baseline_chances = {
        "base_rate": baselines.base_rate(train)(valid),
        "stage_rates": baselines.stage_rate_table(train, layout)(valid),
    }
    overall = {
        name: metrics.summary(p, valid.won, weight)
        for name, p in {"model": chance, **baseline_chances}.items()
    }
    log_loss_against: dict[str, metrics.Difference] = {}
    brier_against: dict[str, metrics.Difference] = {}
    for name, baseline_chance in baseline_chances.items():
        for differences, score in (
            (log_loss_against, metrics.log_losses),
            (brier_against, metrics.brier_scores),
        ):
            differences[name] = metrics.paired_difference(
                score(chance, valid.won), score(baseline_chance, valid.won), valid.question_deal, rng, weight
            )
    bands = {}
    for low, high in BANDS:
        in_band = (valid.horizon > low) & (valid.horizon <= high)
        if in_band.any():
            bands[f"{low:.0f}-{high:.0f}d"] = metrics.summary(
                chance[in_band], valid.won[in_band], weight[in_band]
            )
    stages = {}
    if layout.stage >= 0:
        stage = layout.column(valid.x, layout.stage)[valid.row]
        for code in np.unique(stage[~np.isnan(stage)]):
            in_stage = stage == code
            if in_stage.sum() >= 100:
                name = stage_names.get(float(code), str(int(code)))
                stages[name] = metrics.summary(chance[in_stage], valid.won[in_stage], weight[in_stage])
    curve = metrics.reliability(chance, valid.won, weight)
    return Evaluation(
        overall,
        bands,
        stages,
        log_loss_against,
        brier_against,
        curve,
        len(np.unique(valid.question_deal)),
    )
