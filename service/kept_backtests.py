"""What did the newest backtest of an installation find? Read from the folder where backtests are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from service.cache import Cache

if TYPE_CHECKING:
    from service.settings import Settings

FOLDER = "backtests"  # of the home
_FORMAT = 2  # of training.backtest.result, which is read without loading what it computes with
_SANCHO = "sancho"
_TENTHS = 10
_KEPT: Cache[tuple[Path, int], KeptBacktest | None] = Cache(4)


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    """Forecasts of the company's target with similar chances: how many, and how many were reached."""

    low: float
    high: float
    forecasts: int
    reached: int


@dataclass(frozen=True, kw_only=True)
class KeptBacktest:
    """What a backtest found, as far as pages and proofs tell of it.

    `revenue` and `deals` are its tables over all rows: of revenue by kind of scope, of deals by question;
    `labels` the names of methods in both languages, `targets` what came of chances of the company's target.
    """

    made_at: datetime
    periods: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]]
    revenue: Mapping[str, Mapping[str, Any]]
    deals: Mapping[str, Mapping[str, Any]]
    targets: tuple[TargetGroup, ...]

    def target_group(self, probability: float) -> TargetGroup | None:
        """What came of forecasts whose chance was like this one; None where there were none."""
        return next((group for group in self.targets if group.low == tenth(probability)), None)


def tenth(probability: float) -> float:
    """The lower end of the tenth that a probability lies in.

    >>> tenth(0.42), tenth(0.3), tenth(1.0)
    (0.4, 0.3, 0.9)
    """
    return min(int(probability * _TENTHS + 1e-9), _TENTHS - 1) / _TENTHS


def newest_backtest(settings: Settings) -> KeptBacktest | None:
    """The newest backtest of the home; None where none is kept, or its file cannot be read."""
    try:
        files = sorted((file.stat().st_mtime_ns, file) for file in (settings.home / FOLDER).glob("*.json"))
    except OSError:
        return None
    if not files:
        return None
    at, file = files[-1]
    return _KEPT.get((file, at), lambda: _read(file, at))


def _read(file: Path, at: int) -> KeptBacktest | None:
    try:
        said = orjson.loads(file.read_bytes())
        return (
            None if said["format"] != _FORMAT else kept_backtest(said, datetime.fromtimestamp(at / 1e9, UTC))
        )
    except (OSError, ValueError, KeyError, TypeError):  # half written, or of somebody else
        return None


def kept_backtest(said: Mapping[str, Any], made_at: datetime) -> KeptBacktest:
    """What is told of a backtest's result (`training.backtest.result.to_json`)."""
    return KeptBacktest(
        made_at=made_at,
        periods=tuple(said["settings"]["periods"]),
        labels=said["methods"],
        revenue={kind: part["overall"] for kind, part in said["periods"].items()},
        deals={question: part["overall"] for question, part in said["deals"].items()},
        targets=_targets(said["forecasts"]),
    )


def _targets(forecasts: list[Mapping[str, Any]]) -> tuple[TargetGroup, ...]:
    counted: dict[float, list[bool]] = {}
    for row in forecasts:
        chance = row["methods"].get(_SANCHO, {}).get("probability")
        if row["scope"] == "company" and chance is not None and row["attained"] is not None:
            counted.setdefault(tenth(chance), []).append(bool(row["attained"]))
    return tuple(
        TargetGroup(
            low=low, high=round(low + 1 / _TENTHS, 1), forecasts=len(counted[low]), reached=sum(counted[low])
        )
        for low in sorted(counted)
    )
