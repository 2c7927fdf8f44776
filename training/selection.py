"""Which features may the model look at, and which are left out, for what reason?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from crm.instants import DAY
from features.catalogue import Feature
from models.win.base_models import FeatureLayout
from training.config import TrainConfig
from training.leakage import Leak

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_DRIFT = 0.6
MAX_LEVELS = 60  # a category of more levels than rows can tell apart is no category


@dataclass(frozen=True)
class Selection:
    """Columns used (u,), where the models find stage, age and close date in them, and what was left out."""

    used: Ints
    layout: FeatureLayout
    left_out: dict[str, Text]


def select(
    features: Sequence[Feature],
    x: Floats,
    at: Ints,
    leaks: Sequence[Leak],
    config: TrainConfig,
    few: bool = False,
) -> Selection:
    """The features of training moments that are sound, known at scoring and not forbidden.

    With `few` closed deals the stated prior speaks alone: it goes by the stage, however little that shows.
    """
    leaking = {f"deals.{leak.attribute}" for leak in leaks} - {_column(name) for name in config.include}
    excluded = {*config.exclude, *(_column(name) for name in config.exclude)}
    left_out: dict[str, Text] = {}
    used = []
    for index, feature in enumerate(features):
        reads = set(feature.reads)
        why = None
        if reads & leaking:
            why = Text("決着時に入力される項目を使うため", "reads a column that is filled at closing")
        elif feature.name in excluded or reads & excluded:
            why = Text("設定で除外", "excluded by the settings")
        elif config.owner_blind and (feature.group == "seller" or "deals.owner_id" in reads):
            why = Text("担当者を使わない設定", "owner-blind")
        elif not (few and feature.name == "stage"):
            why = _useless(x[:, index], at, feature)
        if why is None:
            used.append(index)
        else:
            left_out[feature.name] = why
    names = tuple(features[index].name for index in used)
    categorical = tuple(place for place, index in enumerate(used) if features[index].kind == "category")
    layout = FeatureLayout(
        names, categorical, *(_place(names, name) for name in ("stage", "age_days", "days_to_close_date"))
    )
    return Selection(np.array(used, np.int64), layout, left_out)


def _column(name: str) -> str:
    return name if "." in name else f"deals.{name}"


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _useless(values: Floats, at: Ints, feature: Feature) -> Text | None:
    known = ~np.isnan(values)
    if known.sum() < 20 or (known.all() and values.min() == values.max()):
        return Text("値がないか、すべて同じ", "empty, or the same throughout")
    if feature.kind == "category" and len(np.unique(values[known])) > MAX_LEVELS:
        return Text("値の種類が多すぎる", "too many different values")
    if feature.kind == "number" and _same_each_day(values[known], at[known]):
        return Text("その日の全商談で同じ値（期間の数しか学べない）", "the same for all deals of a day")
    if feature.kind == "number" and _drifts(values[known], at[known]):
        return Text("商談の違いより時期の違いを表す", "tells times apart rather than deals")
    return None


def _drifts(values: Floats, at: Ints) -> bool:
    """Whether most of the variance of ranks lies between twentieths of the time covered.

    Counters and company-wide averages only grow: at scoring they stand where no training row stood.
    """
    from scipy.stats import rankdata

    if len(values) < 400:
        return False
    step = max(len(values) // 20_000, 1)
    ranks, moments = rankdata(values[::step]), at[::step]
    part = np.searchsorted(np.quantile(moments, np.linspace(0.05, 0.95, 19)), moments)
    size = np.bincount(part, minlength=20)
    mean = np.bincount(part, ranks, 20) / np.maximum(size, 1)
    total = float(ranks.var())
    return total > 0 and float(((mean[part] - ranks.mean()) ** 2).mean()) > MAX_DRIFT * total


def _same_each_day(values: Floats, at: Ints) -> bool:
    """Whether nearly all variance lies between days: such a column has as many observations as days."""
    day = at // DAY
    group = day - day.min()
    several = np.bincount(group)[group] >= 5
    if several.sum() < 200:
        return False
    values, group = values[several], group[several]
    total = float(values.var())
    mean = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return float(((values - mean[group]) ** 2).mean()) < 1e-3 * total
