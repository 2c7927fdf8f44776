"""How good is the model on later deals it never saw, against plain methods on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from training import baselines, metrics

Floats = NDArray[np.float64]

BANDS = ((0.0, 7.5), (7.5, 31.5), (31.5, 92.5), (92.5, np.inf))


@dataclass(frozen=True)
class Evaluation:
    """Figures by method: over all rows, by horizon band, by stage; differences ours - theirs in log loss.

    `curve` are reliability rows (promised, happened, mass) of the model.
    """

    overall: Mapping[str, Mapping[str, float]]
    bands: Mapping[str, Mapping[str, float]]
    stages: Mapping[str, Mapping[str, float]]
    log_loss_against: Mapping[str, metrics.Difference]
    brier_against: Mapping[str, metrics.Difference]
    curve: Floats
    deals: int

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
        }


def evaluate(
    chance: Floats,
    train: SnapshotRows,
    valid: SnapshotRows,
    layout: FeatureLayout,
    rng: np.random.Generator,
    stage_names: Mapping[float, str],
) -> Evaluation:
    """Figures of the chances (m,) given to questions of `valid`, and of plain methods fitted on `train`."""
    weight = valid.question_weight
    plain = {
        "base_rate": baselines.base_rate(train)(valid),
        "stage_rates": baselines.stage_rate_table(train, layout)(valid),
    }
    overall = {name: metrics.summary(p, valid.won, weight) for name, p in {"model": chance, **plain}.items()}
    against_log: dict[str, metrics.Difference] = {}
    against_brier: dict[str, metrics.Difference] = {}
    for name, theirs in plain.items():
        for into, score in ((against_log, metrics.log_losses), (against_brier, metrics.brier_scores)):
            into[name] = metrics.paired_difference(
                score(chance, valid.won), score(theirs, valid.won), valid.question_deal, rng, weight
            )
    bands = {}
    for low, high in BANDS:
        mine = (valid.horizon > low) & (valid.horizon <= high)
        if mine.any():
            bands[f"{low:.0f}-{high:.0f}d"] = metrics.summary(chance[mine], valid.won[mine], weight[mine])
    stages = {}
    if layout.stage >= 0:
        stage = layout.column(valid.x, layout.stage)[valid.row]
        for code in np.unique(stage[~np.isnan(stage)]):
            mine = stage == code
            if mine.sum() >= 100:
                name = stage_names.get(float(code), str(int(code)))
                stages[name] = metrics.summary(chance[mine], valid.won[mine], weight[mine])
    curve = metrics.reliability(chance, valid.won, weight)
    return Evaluation(
        overall, bands, stages, against_log, against_brier, curve, len(np.unique(valid.question_deal))
    )
