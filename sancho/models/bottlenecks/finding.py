"""What is kept of a bottleneck that was found, and which deals is it about?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.features.catalogue import Feature
from sancho.models.bottlenecks.segments import names_in, segment_codes
from sancho.models.bottlenecks.trial import Condition

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bottleneck:
    """A condition that costs wins in a segment ({column: value}); `effect`, `low`, `high` (90 %) in win rate.

    `q`: the least share of false findings at which it still counts. `deals` with the condition, and plain
    win rates with and without it (None where there is nothing to compare with).
    """

    condition: Condition
    segment: Mapping[str, str]
    effect: float
    low: float
    high: float
    q: float
    deals: int
    rate_with: float
    rate_without: float | None

    @property
    def id(self) -> str:
        """The same for the same condition and segment, whichever model found it."""
        words = [self.condition.kind, self.condition.stage, str(self.condition.days)]
        words += [f"{column}={value}" for column, value in sorted(self.segment.items())]
        return "B" + hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:10]

    def touches(
        self, x: Floats, features: Sequence[Feature], levels: Mapping[str, Any]
    ) -> tuple[Flags, Flags]:
        """Of open deals with features x (n, k): who is in it (n,), and who will be if nothing is done."""
        place = {feature.name: at for at, feature in enumerate(features)}
        stages = [str(name) for name in levels.get("stage", ())]
        here = np.zeros(len(x), bool)
        if "stage" not in place or "days_in_stage" not in place or self.condition.stage not in stages:
            return here, here
        here = x[:, place["stage"]] == stages.index(self.condition.stage)
        codes = segment_codes(x, features, levels)
        for column, value in self.segment.items():
            names = list(names_in(column, levels))
            here &= codes[column] == names.index(value) if value in names and column in codes else False
        days = x[:, place["days_in_stage"]]
        if self.condition.kind == "activity_gap" and "days_since_activity" in place:
            # What was last done, if anything, was done before the deal came to the stage.
            here &= ~(x[:, place["days_since_activity"]] < days)
        return here & (days > self.condition.days), here & (days <= self.condition.days)

    def odds_ratio(self) -> float:
        """Factor on the odds of a deal in it, were it not for the bottleneck."""
        now = float(np.clip(self.rate_with, 0.005, 0.98))
        without = float(np.clip(now - self.effect, now, 0.99))
        return without / (1 - without) * (1 - now) / now

    def spared(self, chance: Floats) -> Floats:
        """Chances (n,) of deals in it, were it not for the bottleneck."""
        odds = chance * self.odds_ratio()
        return np.asarray(odds / (odds + 1 - chance))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "segment": dict(self.segment)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Bottleneck:
        """The bottleneck `to_json` stored."""
        return cls(**{**stored, "condition": Condition(**stored["condition"])})
