"""What is stored of an action's effects, and by which codes of a deal do they differ?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from features.catalogue import Feature
from features.kernel_cache import compiled
from models.actions.chosen import Allowance
from models.actions.effects import Effects
from models.bottlenecks.segments import SIZES, column_of_names, segment_codes
from models.sameness import Same

COLUMNS = ("stage", "product", "industry", "source", "size", "stay")
CROSSED = (("product", "industry"), ("stage", "size"), ("stay", "size"))
STAY_BOUNDS = (7.0, 14.0, 30.0)  # days in the stage
MAX_CELLS = 400


@dataclass(frozen=True)
class Evidence:
    """Numbers and win rates of past deals with the action, and without it (weighted to be comparable).

    `top_share`, `other_share`: share of deals with the action, of top-quartile sellers and of the others.
    """

    deals_with: int
    deals_without: int
    rate_with: float
    rate_without: float
    top_share: float | None
    other_share: float | None


@dataclass(frozen=True)
class ActionEffect:
    """An action's effects by segment; `adjustment`: what adjusting removed from the raw win rate gap.

    `adjustment` is stated like the effects, for a win probability of 0.5. `by_stage`: deals with the action
    in each stage of the levels. `minutes`: the seller's time it takes. `allowance`: for having been chosen;
    none in bundles stored before it was measured.
    """

    action: str
    effects: Effects
    adjustment: float
    by_stage: tuple[int, ...]
    minutes: float
    evidence: Evidence
    allowance: Allowance = field(default_factory=Allowance)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "action": self.action,
            "effects": self.effects.to_json(),
            "adjustment": self.adjustment,
            "by_stage": list(self.by_stage),
            "minutes": self.minutes,
            "evidence": asdict(self.evidence),
            "allowance": asdict(self.allowance),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ActionEffect:
        """The action `to_json` stored."""
        return cls(
            stored["action"],
            Effects.from_json(stored["effects"]),
            stored["adjustment"],
            tuple(stored["by_stage"]),
            stored["minutes"],
            Evidence(**stored["evidence"]),
            Allowance(**stored.get("allowance", {})),
        )


def effect_codes(
    x: Floats,
    features: Sequence[Feature],
    levels: Mapping[str, Any],
    segments: Mapping[str, Ints] | None = None,
) -> tuple[dict[str, Ints], dict[str, int]]:
    """(codes (n,) of the columns that effects differ by, their numbers of levels) for features x (n, k).

    `segments` are their `segment_codes`, where somebody has them already.
    """
    known_codes = dict(segment_codes(x, features, levels) if segments is None else segments)
    column = column_of_names(Same(features))
    if "stage" in column:
        stage = x[:, column["stage"]]
        known_codes["stage"] = np.where(np.isnan(stage), -1.0, stage).astype(np.int64)
    if "days_in_stage" in column:
        days = x[:, column["days_in_stage"]]
        known_codes["stay"] = np.where(np.isnan(days), -1, np.digitize(days, STAY_BOUNDS))
    none = np.full(len(x), -1)
    codes = {name: known_codes.get(name, none) for name in COLUMNS}
    sizes = {name: len(levels.get(name, ())) for name in COLUMNS}
    sizes |= {"size": len(SIZES), "stay": len(STAY_BOUNDS) + 1}
    for first, second in CROSSED:
        first_code, second_code, cells = codes[first], codes[second], sizes[first] * sizes[second]
        if 0 < cells <= MAX_CELLS:
            codes[f"{first}*{second}"] = crossed = np.empty(len(x), np.int64)
            _cross(first_code, second_code, sizes[first], sizes[second], crossed)
            sizes[f"{first}*{second}"] = cells
    return codes, sizes


@compiled
def _cross(first: Ints, second: Ints, firsts: int, seconds: int, out: Ints) -> None:
    """Fill the code of each pair of codes (n,), -1 where one of them is unknown."""
    for row in range(len(out)):
        known = 0 <= first[row] < firsts and 0 <= second[row] < seconds
        out[row] = first[row] * seconds + second[row] if known else -1
