"""Which features does the model use, and which are left out, for what reason?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from crm.instants import DAY
from crm.schema import TABLES
from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.win.base_models import FeatureLayout
from training.config import TrainConfig
from training.leakage import Leak

MAX_DRIFT = 0.6
MAX_LEVELS = 60  # a category with more levels is left out


@dataclass(frozen=True)
class Selection:
    """The columns used (u,), their layout for the models, and the reason for each feature left out."""

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
    unproven: Mapping[str, Text] | None = None,
) -> Selection:
    """The features of training moments that do not leak, vary, and are not excluded by the settings.

    With `few` closed deals only the stated prior is used; it needs the stage, which is then always kept.
    `unproven`: features that have not earned their place, with the reason (`earned_columns`).
    """
    vouched = {column_of(name) for name in config.include}
    leaking = {leak.column for leak in leaks} - vouched
    excluded = {*config.exclude, *(column_of(name) for name in config.exclude)}
    left_out: dict[str, Text] = {}
    used = []
    for index, feature in enumerate(features):
        reads = set(feature.reads)
        reason = None
        if reads & leaking:
            reason = Text("決着の結果や時期を含む項目を使うため", "reads a column that tells the ending")
        elif feature.name in excluded or reads & excluded:
            reason = Text("設定で除外", "excluded by the settings")
        elif config.owner_blind and (feature.group == "seller" or "deals.owner_id" in reads):
            reason = Text("担当者を使わない設定", "owner_blind is set")
        elif feature.name in (unproven or {}) and not reads & vouched:
            reason = (unproven or {})[feature.name]
        elif not (few and feature.name == "stage"):
            reason = _unusable(x[:, index], at, feature)
        if reason is None:
            used.append(index)
        else:
            left_out[feature.name] = reason
    columns = np.array(used, np.int64)
    return Selection(columns, layout_of(features, columns), left_out)


def layout_of(features: Sequence[Feature], used: Ints) -> FeatureLayout:
    """The layout of the features at some positions."""
    categorical = [column for column, index in enumerate(used) if features[index].kind == "category"]
    return FeatureLayout.of([features[index].name for index in used], categorical)


def column_of(name: str) -> str:
    """A column as features name what they read: one of deals unless a table is named.

    >>> column_of("amount"), column_of("accounts.type"), column_of("emp.var.rate")
    ('deals.amount', 'accounts.type', 'deals.emp.var.rate')
    """
    return name if name.split(".", 1)[0] in TABLES else f"deals.{name}"


def _unusable(values: Floats, at: Ints, feature: Feature) -> Text | None:
    """Why a feature's values (n,) at instants (n,) cannot be used; None where they can."""
    known = ~np.isnan(values)
    if known.sum() < 20 or (known.all() and values.min() == values.max()):
        return Text("値がないか、すべて同じ", "empty, or the same throughout")
    if feature.kind == "category" and len(np.unique(values[known])) > MAX_LEVELS:
        return Text("値の種類が多すぎる", "too many different values")
    if feature.kind == "number" and _same_each_day(values[known], at[known]):
        return Text("同じ日の全商談で同じ値", "the same for all deals of a day")
    if feature.kind == "number" and _drifts(values[known], at[known]):
        return Text("商談の違いより時期の違いを表す値", "varies with time rather than between deals")
    return None


def _drifts(values: Floats, at: Ints) -> bool:
    """Whether most of the variance of ranks is between twentieths of the time covered.

    Counters and company-wide averages grow with time: at scoring their values are outside the training range.
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
    """Whether nearly all variance is between days: such a column has only as many observations as days."""
    day = at // DAY
    group = day - day.min()
    several = np.bincount(group)[group] >= 5
    if several.sum() < 200:
        return False
    values, group = values[several], group[several]
    total = float(values.var())
    mean = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return float(((values - mean[group]) ** 2).mean()) < 1e-3 * total
