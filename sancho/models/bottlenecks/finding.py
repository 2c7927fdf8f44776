"""What is kept of a bottleneck that was found, and which deals is it about?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.models.bottlenecks.segments import names_in
from sancho.models.bottlenecks.trial import Condition

Ints = NDArray[np.int64]
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

    def holds(self, codes: Mapping[str, Ints], levels: Mapping[str, Any], count: int) -> Flags:
        """Which of `count` deals are in the segment, by their segment codes."""
        inside = np.ones(count, bool)
        for column, value in self.segment.items():
            names: Sequence[str] = names_in(column, levels)
            inside &= codes[column] == names.index(value) if value in names and column in codes else False
        return inside

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "segment": dict(self.segment)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Bottleneck:
        """The bottleneck `to_json` stored."""
        return cls(**{**stored, "condition": Condition(**stored["condition"])})
