"""What is stored of a bottleneck, and which deals does it affect?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.bottlenecks.contrast import Condition
from models.bottlenecks.segments import column_of_names, names_in, segment_codes
from models.sameness import Same

_MAX_CHANCE = 0.99  # the largest win probability it can raise a deal to


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """A condition that costs wins in a segment ({column: value}); `effect`, `low`, `high` (90 %) in win rate.

    These allow for its having been found. `q`: its false-discovery rate (q-value). `deals` with the
    condition, and plain win rates with and without it (None without comparable deals). For kind "conversion"
    all rates are of advancing to the next stage.
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
        """The same for the same condition and segment in every model version."""
        words = [self.condition.kind, self.condition.stage, str(self.condition.days)]
        words += [self.condition.feature] if self.condition.feature else []
        words += [f"{column}={value}" for column, value in sorted(self.segment.items())]
        return "B" + hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:10]

    def affected_and_at_risk(
        self,
        x: Floats,
        features: Sequence[Feature],
        levels: Mapping[str, Any],
        codes: Mapping[str, Ints] | None = None,
    ) -> tuple[Flags, Flags]:
        """Of open deals with features x (n, k): which are affected (n,), and which are at risk (n,).

        `codes` are their `segment_codes`, where somebody has them already.
        """
        column_of = column_of_names(Same(features))
        condition = self.condition
        none = np.zeros(len(x), bool)
        if not {"stage", "days_in_stage", condition.feature or "stage"} <= column_of.keys():
            return none, none
        in_segment = ~none
        codes = segment_codes(x, features, levels) if codes is None else codes
        for column, value in self.segment.items():
            names = names_in(column, levels)
            in_segment &= codes[column] == names.index(value) if value in names and column in codes else False
        in_stage = in_segment & _in_stage(x[:, column_of["stage"]], condition.stage, levels)
        if condition.kind == "conversion":
            return in_stage, none
        if condition.feature:
            reading = x[:, column_of[condition.feature]]
            in_next_stage = in_segment & _in_stage(x[:, column_of["stage"]], condition.next_stage, levels)
            if condition.kind == "interval":
                return in_next_stage & (reading > condition.days), in_stage & np.isnan(reading)
            return in_next_stage & (reading == 0), in_stage & (reading == 0)
        days = x[:, column_of["days_in_stage"]]
        if condition.kind == "activity_gap" and "days_since_activity" in column_of:
            # The last activity, if any, was before the deal entered the stage.
            in_stage &= ~(x[:, column_of["days_since_activity"]] < days)
        return in_stage & (days > condition.days), in_stage & (days <= condition.days)

    def counterfactual_chance(self, chance: Floats) -> Floats:
        """Win probabilities (n,) of affected deals without the bottleneck."""
        now = float(np.clip(self.rate_with, 0.005, 0.98))
        without = float(np.clip(now - self.effect, now, 0.99))
        if (
            self.condition.kind == "conversion"
        ):  # the rates are of advancing: proportionally more deals get further
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
    of_name = _stage_codes(Same(levels)).get(name)
    return np.zeros(len(code), bool) if of_name is None else np.asarray(code == of_name)


@lru_cache(16)
def _stage_codes(levels: Same[Mapping[str, Any]]) -> Mapping[str, int]:
    names = [str(stage) for stage in levels.value.get("stage", ())]
    return {name: names.index(name) for name in names}
