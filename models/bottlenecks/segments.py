"""Which segments do deals belong to? By one or two of the columns that managers divide their business by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from crm.i18n import Text
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.bottlenecks.contrast import SegmentKey
from models.sameness import Same

PAIRED = ("product", "industry", "region", "source", "seller_team", "deal_type", "size")
SIZE_BOUNDS = (100, 1_000)  # employees: the classes of Japan's wage statistics (賃金構造基本統計調査)
SIZES = ("small", "medium", "large")
SIZE = Text("企業規模", "company size")
SIZE_NAMES = {
    "small": Text("従業員100人未満", "under 100 employees"),
    "medium": Text("従業員100〜999人", "100 to 999 employees"),
    "large": Text("従業員1,000人以上", "1,000 or more employees"),
}
MAX_CUSTOM_LEVELS = 12  # a custom column with more levels makes no segments
MIN_SHARE, MIN_SEGMENT_DEALS = 0.01, 80  # of the deals, for a segment of two columns


def segment_codes(x: Floats, features: Sequence[Feature], levels: Mapping[str, Any]) -> dict[str, Ints]:
    """Code (n,) of each column that divides deals by their features x (n, k); -1 = unknown."""
    columns = _dividing_columns(Same(features), Same(levels))
    chosen = x[:, list(columns.values())].T
    codes = dict(zip(columns, np.where(np.isnan(chosen), -1.0, chosen).astype(np.int64), strict=True))
    if "size" in columns:
        feature = features[columns["size"]]
        count = x[:, columns["size"]]
        count = np.expm1(count) if feature.scale == "log1p" else count
        codes["size"] = np.where(np.isnan(count), -1, np.digitize(count, SIZE_BOUNDS))
    return codes


@lru_cache(16)
def _dividing_columns(features: Same[Sequence[Feature]], levels: Same[Mapping[str, Any]]) -> dict[str, int]:
    """The columns that divide deals, and where they are."""
    return {
        "size" if feature.name == "employees" else feature.name: at
        for at, feature in enumerate(features.value)
        if feature.name in PAIRED or feature.name == "employees" or _divides(feature, levels.value)
    }


def _divides(feature: Feature, levels: Mapping[str, Any]) -> bool:
    """Whether a custom column has few enough levels to divide deals by."""
    if feature.group != "custom" or feature.kind != "category":
        return False
    return len(levels.get(feature.name, ())) <= MAX_CUSTOM_LEVELS


def names_in(column: str, levels: Mapping[str, Any]) -> Sequence[str]:
    """The names of a column's codes."""
    return SIZES if column == "size" else tuple(str(name) for name in levels.get(column, ()))


@lru_cache(16)
def column_of_names(features: Same[Sequence[Feature]]) -> Mapping[str, int]:
    """Where the features are, by name."""
    return {feature.name: at for at, feature in enumerate(features.value)}


def segments_of(codes: Mapping[str, Ints], levels: Mapping[str, Any]) -> list[tuple[SegmentKey, Flags]]:
    """Every segment of one column, and of two with enough deals; with the deals inside (n,)."""
    segments: list[tuple[SegmentKey, Flags]] = []
    known = {column: len(names_in(column, levels)) for column in codes}
    for column, code in codes.items():
        present = np.unique(code[(code >= 0) & (code < known[column])]).tolist()
        segments += [(SegmentKey(((column, value),)), code == value) for value in present]
    singles = [(key, inside) for key, inside in segments if key.parts[0][0] in PAIRED]
    for (first, in_first), (second, in_second) in combinations(singles, 2):
        if first.parts[0][0] != second.parts[0][0]:
            both = in_first & in_second
            if both.sum() >= max(MIN_SEGMENT_DEALS, MIN_SHARE * len(both)):
                segments.append((SegmentKey((*first.parts, *second.parts)), both))
    return segments
