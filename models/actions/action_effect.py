"""What is kept of an action, and of which kind is a deal to it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.actions.effects import Effects
from models.bottlenecks.segments import SIZES, segment_codes

COLUMNS = ("stage", "product", "industry", "source", "size", "stay")
CROSSED = (("product", "industry"), ("stage", "size"), ("stay", "size"))
STAY_BOUNDS = (7.0, 14.0, 30.0)  # days in the stage
MAX_CELLS = 400


@dataclass(frozen=True)
class Evidence:
    """Past deals acted on and ordinarily contacted, and their win rates (the latter weighed to be alike).

    `top_share`, `other_share`: of the deals of the better quartile of sellers, and of the others, with it.
    """

    deals_with: int
    deals_without: int
    rate_with: float
    rate_without: float
    top_share: float | None
    other_share: float | None


@dataclass(frozen=True)
class ActionEffect:
    """An action's effects by kind of deal; `adjustment`: what adjusting took off the plain difference in win rate.

    `adjustment` is told like the effects, on a deal as likely won as lost. `by_stage`: deals acted on in each
    stage of the levels. `minutes`: what it costs the seller.
    """

    action: str
    effects: Effects
    adjustment: float
    by_stage: tuple[int, ...]
    minutes: float
    evidence: Evidence

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "action": self.action,
            "effects": self.effects.to_json(),
            "moved": self.adjustment,
            "by_stage": list(self.by_stage),
            "minutes": self.minutes,
            "evidence": asdict(self.evidence),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ActionEffect:
        """The action `to_json` stored."""
        return cls(
            stored["action"],
            Effects.from_json(stored["effects"]),
            stored["moved"],
            tuple(stored["by_stage"]),
            stored["minutes"],
            Evidence(**stored["evidence"]),
        )


def effect_codes(
    x: Floats, features: Sequence[Feature], levels: Mapping[str, Any]
) -> tuple[dict[str, Ints], dict[str, int]]:
    """(codes (n,) of what effects differ by, their numbers of levels) of deals with features x (n, k)."""
    found = segment_codes(x, features, levels)
    place = {feature.name: at for at, feature in enumerate(features)}
    if "stage" in place:
        found["stage"] = np.nan_to_num(x[:, place["stage"]], nan=-1.0).astype(np.int64)
    if "days_in_stage" in place:
        days = x[:, place["days_in_stage"]]
        found["stay"] = np.where(np.isnan(days), -1, np.digitize(days, STAY_BOUNDS))
    none = np.full(len(x), -1)
    codes = {name: found.get(name, none) for name in COLUMNS}
    sizes = {name: len(levels.get(name, ())) for name in COLUMNS}
    sizes |= {"size": len(SIZES), "stay": len(STAY_BOUNDS) + 1}
    for one, other in CROSSED:
        a, b, many = codes[one], codes[other], sizes[one] * sizes[other]
        if 0 < many <= MAX_CELLS:
            known = (a >= 0) & (a < sizes[one]) & (b >= 0) & (b < sizes[other])
            codes[f"{one}*{other}"] = np.where(known, a * sizes[other] + b, -1)
            sizes[f"{one}*{other}"] = many
    return codes, sizes
