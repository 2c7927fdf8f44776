"""Which segments do deals belong to? By the columns that managers divide their business by, one or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from crm.i18n import Text
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.bottlenecks.contrast import SegmentKey

PAIRED = ("product", "industry", "region", "source", "seller_team", "deal_type", "size")
SIZE_BOUNDS = (100, 1_000)  # employees: the classes of Japan's wage statistics (賃金構造基本統計調査)
SIZES = ("small", "medium", "large")
SIZE = Text("企業規模", "company size")
SIZE_NAMES = {
    "small": Text("従業員100人未満", "under 100 employees"),
    "medium": Text("従業員100〜999人", "100 to 999 employees"),
    "large": Text("従業員1,000人以上", "1,000 employees and more"),
}
MAX_CUSTOM_LEVELS = 12  # a company's own column with more is no way to divide the business
MIN_SHARE, MIN_SEGMENT_DEALS = 0.01, 80  # of the deals, for a segment of two columns


def segment_codes(x: Floats, features: Sequence[Feature], levels: Mapping[str, Any]) -> dict[str, Ints]:
    """Code (n,) of each column that divides deals by their features x (n, k); -1 = unknown."""
    out: dict[str, Ints] = {}
    for at, feature in enumerate(features):
        own = feature.group == "custom" and feature.kind == "category"
        if feature.name in PAIRED or (own and len(levels.get(feature.name, ())) <= MAX_CUSTOM_LEVELS):
            out[feature.name] = np.nan_to_num(x[:, at], nan=-1.0).astype(np.int64)
        elif feature.name == "employees":
            count = np.expm1(x[:, at]) if feature.scale == "log1p" else x[:, at]
            out["size"] = np.where(np.isnan(count), -1, np.digitize(count, SIZE_BOUNDS))
    return out


def names_in(column: str, levels: Mapping[str, Any]) -> Sequence[str]:
    """What the codes of a column stand for."""
    return SIZES if column == "size" else tuple(str(name) for name in levels.get(column, ()))


def segments_of(codes: Mapping[str, Ints], levels: Mapping[str, Any]) -> list[tuple[SegmentKey, Flags]]:
    """Every segment of one column, and of two where enough deals are in it; with who is inside (n,)."""
    out: list[tuple[SegmentKey, Flags]] = []
    known = {column: len(names_in(column, levels)) for column in codes}
    for column, code in codes.items():
        present = np.unique(code[(code >= 0) & (code < known[column])]).tolist()
        out += [(SegmentKey(((column, value),)), code == value) for value in present]
    singles = [(key, inside) for key, inside in out if key.parts[0][0] in PAIRED]
    for (one, a), (other, b) in combinations(singles, 2):
        if one.parts[0][0] != other.parts[0][0]:
            both = a & b
            if both.sum() >= max(MIN_SEGMENT_DEALS, MIN_SHARE * len(both)):
                out.append((SegmentKey((*one.parts, *other.parts)), both))
    return out
