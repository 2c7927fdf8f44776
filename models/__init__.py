"""How likely are wins and targets, for what amounts, and what changes them? Maths on arrays, no I/O.

What is public here is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.snapshot_rows import SnapshotRows
    from models.stage_conversion import stage_conversions
    from models.statistics import Interval, interval_of, means_of

__all__ = [
    "Bundle",
    "Interval",
    "SnapshotRows",
    "interval_of",
    "means_of",
    "stage_conversions",
]

_MODULES = {
    "Bundle": "bundle",
    "Interval": "statistics",
    "SnapshotRows": "snapshot_rows",
    "interval_of": "statistics",
    "means_of": "statistics",
    "stage_conversions": "stage_conversion",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
