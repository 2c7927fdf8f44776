"""What revenue will a period bring, and how likely is its target? Computed from one joint simulation.

What is public here is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.forecast.attainment import DealEffect, probability_of, scope_forecast
    from models.forecast.change_attribution import ForecastChange, ForecastState, attribute_change
    from models.forecast.common_factors import CommonFactors, fit_common_factors
    from models.forecast.new_business import NewBusiness
    from models.forecast.new_business_rates import NewBusinessRates
    from models.forecast.organisation import ScopeTree
    from models.forecast.period_facts import PeriodFacts
    from models.forecast.revenue import RevenueModel, fit_revenue
    from models.forecast.simulate import Pipeline, Simulation
    from models.forecast.targets import targets_of
    from models.forecast.what_if import (
        Assumptions,
        JoiningSeller,
        add_seller,
        apply_assumptions,
        scope_summary,
    )

__all__ = [
    "Assumptions",
    "CommonFactors",
    "DealEffect",
    "ForecastChange",
    "ForecastState",
    "JoiningSeller",
    "NewBusiness",
    "NewBusinessRates",
    "PeriodFacts",
    "Pipeline",
    "RevenueModel",
    "ScopeTree",
    "Simulation",
    "add_seller",
    "apply_assumptions",
    "attribute_change",
    "fit_common_factors",
    "fit_revenue",
    "probability_of",
    "scope_forecast",
    "scope_summary",
    "targets_of",
]

_MODULES = {
    "Assumptions": "what_if",
    "CommonFactors": "common_factors",
    "DealEffect": "attainment",
    "ForecastChange": "change_attribution",
    "ForecastState": "change_attribution",
    "JoiningSeller": "what_if",
    "NewBusiness": "new_business",
    "NewBusinessRates": "new_business_rates",
    "PeriodFacts": "period_facts",
    "Pipeline": "simulate",
    "RevenueModel": "revenue",
    "ScopeTree": "organisation",
    "Simulation": "simulate",
    "add_seller": "what_if",
    "apply_assumptions": "what_if",
    "attribute_change": "change_attribution",
    "fit_common_factors": "common_factors",
    "fit_revenue": "revenue",
    "probability_of": "attainment",
    "scope_forecast": "attainment",
    "scope_summary": "what_if",
    "targets_of": "targets",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
