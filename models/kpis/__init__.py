"""How likely is each KPI of a period to reach its target?

What is public here is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.kpis.counts import RemainingPeriod
    from models.kpis.outlook import KpiForecast, KpiForecasts

__all__ = ["KpiForecast", "KpiForecasts", "RemainingPeriod"]

_MODULES = {"KpiForecast": "outlook", "KpiForecasts": "outlook", "RemainingPeriod": "counts"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
