"""Which columns do the baseline methods read? All that do not leak, whatever the model itself leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.win.base_models import FeatureLayout
from training.config import TrainConfig
from training.leakage import Leak
from training.selection import Selection, column_of, select

ALWAYS = ("stage", "age_days", "days_in_stage")


def baseline_columns(
    features: Sequence[Feature], x: Floats, at: Ints, leaks: Sequence[Leak], config: TrainConfig
) -> Selection:
    """The columns for baselines of training moments (n, k): leak-free ones, always with the stage and times.

    What the settings exclude from the model is there too: else a model that drops the stage would look
    better beside a stage table that then has no stage.
    """
    chosen = select(features, x, at, leaks, replace(config, exclude=(), owner_blind=False))
    leaking = {leak.column for leak in leaks} - {column_of(name) for name in config.include}
    always = [
        number
        for number, feature in enumerate(features)
        if feature.name in ALWAYS and not set(feature.reads) & leaking
    ]
    used = np.unique(np.concatenate([chosen.used, np.array(always, np.int64)]))
    return Selection(used, layout_of(features, used), chosen.left_out)


def layout_of(features: Sequence[Feature], used: Ints) -> FeatureLayout:
    """The layout of some of the features."""
    names = tuple(features[index].name for index in used)
    categorical = tuple(column for column, index in enumerate(used) if features[index].kind == "category")
    special = (
        names.index(name) if name in names else -1 for name in ("stage", "age_days", "days_to_close_date")
    )
    return FeatureLayout(names, categorical, *special)
