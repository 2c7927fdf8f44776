"""How likely is a deal to be won, lost or still open by any date? The stacked win model.

What is public here is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.win.base_models import FeatureLayout
    from models.win.business_time import BusinessClock
    from models.win.fitting import WinSettings, fit_win
    from models.win.horizons import HorizonWindows
    from models.win.model import Contributions, Curve, WinModel
    from models.win.reference import Reference, references
    from models.win.similar_deals import PastDeals, past_deals
    from models.win.stacking import Stack, fit_stack
    from models.win.stage_rates import StageRates, fit_stage_rates
    from models.win.trees import Trees, TreeSettings

__all__ = [
    "BusinessClock",
    "Contributions",
    "Curve",
    "FeatureLayout",
    "HorizonWindows",
    "PastDeals",
    "Reference",
    "Stack",
    "StageRates",
    "TreeSettings",
    "Trees",
    "WinModel",
    "WinSettings",
    "fit_stack",
    "fit_stage_rates",
    "fit_win",
    "past_deals",
    "references",
]

_MODULES = {
    "BusinessClock": "business_time",
    "Contributions": "model",
    "Curve": "model",
    "FeatureLayout": "base_models",
    "HorizonWindows": "horizons",
    "PastDeals": "similar_deals",
    "Reference": "reference",
    "Stack": "stacking",
    "StageRates": "stage_rates",
    "TreeSettings": "trees",
    "Trees": "trees",
    "WinModel": "model",
    "WinSettings": "fitting",
    "fit_stack": "stacking",
    "fit_stage_rates": "stage_rates",
    "fit_win": "fitting",
    "past_deals": "similar_deals",
    "references": "reference",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
