"""What is kept of a bottleneck that was found, and which deals is it about?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.arrays import Flags, Floats
from features.catalogue import Feature
from models.bottlenecks.contrast import Condition
from models.bottlenecks.segments import names_in, segment_codes

_MAX_CHANCE = 0.99  # as far as a chance is raised


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """A condition that costs wins in a segment ({column: value}); `effect`, `low`, `high` (90 %) in win rate.

    `q`: the least share of false findings at which it still counts. `deals` with the condition, and plain
    win rates with and without it (None where there is nothing to compare with). Of kind "conversion" all
    rates are of going on to the next stage.
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
        words += [self.condition.feature] if self.condition.feature else []
        words += [f"{column}={value}" for column, value in sorted(self.segment.items())]
        return "B" + hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:10]

    def affected_and_at_risk(
        self, x: Floats, features: Sequence[Feature], levels: Mapping[str, Any]
    ) -> tuple[Flags, Flags]:
        """Of open deals with features x (n, k): who is in it (n,), and who will be if nothing is done."""
        place = {feature.name: at for at, feature in enumerate(features)}
        condition = self.condition
        nobody = np.zeros(len(x), bool)
        if not {"stage", "days_in_stage", condition.feature or "stage"} <= set(place):
            return nobody, nobody
        mine = ~nobody
        codes = segment_codes(x, features, levels)
        for column, value in self.segment.items():
            names = list(names_in(column, levels))
            mine &= codes[column] == names.index(value) if value in names and column in codes else False
        here = mine & _in_stage(x[:, place["stage"]], condition.stage, levels)
        if condition.kind == "conversion":
            return here, nobody
        if condition.feature:
            reads = x[:, place[condition.feature]]
            beyond = mine & _in_stage(x[:, place["stage"]], condition.next_stage, levels)
            if condition.kind == "interval":
                return beyond & (reads > condition.days), here & np.isnan(reads)
            return beyond & (reads == 0), here & (reads == 0)
        days = x[:, place["days_in_stage"]]
        if condition.kind == "activity_gap" and "days_since_activity" in place:
            # What was last done, if anything, was done before the deal came to the stage.
            here &= ~(x[:, place["days_since_activity"]] < days)
        return here & (days > condition.days), here & (days <= condition.days)

    def counterfactual_chance(self, chance: Floats) -> Floats:
        """Chances (n,) of deals in it, were it not for the bottleneck."""
        now = float(np.clip(self.rate_with, 0.005, 0.98))
        without = float(np.clip(now - self.effect, now, 0.99))
        if self.condition.kind == "conversion":  # the rates are of going on: so many more get as far
            return np.asarray(np.maximum(chance, np.minimum(chance * without / now, _MAX_CHANCE)))
        odds = chance * without / (1 - without) * (1 - now) / now
        return np.asarray(odds / (odds + 1 - chance))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "segment": dict(self.segment)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Bottleneck:
        """The bottleneck `to_json` stored."""
        return cls(**{**stored, "condition": Condition(**stored["condition"])})


def _in_stage(code: Floats, name: str, levels: Mapping[str, Any]) -> Flags:
    stages = [str(stage) for stage in levels.get("stage", ())]
    return np.asarray(code == stages.index(name)) if name in stages else np.zeros(len(code), bool)
