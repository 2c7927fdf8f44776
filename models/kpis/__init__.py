"""How likely is each KPI of a period to reach its target?"""

from models.kpis.counts import RemainingPeriod
from models.kpis.outlook import KpiForecast, KpiForecasts

__all__ = ["KpiForecast", "KpiForecasts", "RemainingPeriod"]
