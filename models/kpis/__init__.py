"""How likely are the KPIs of a period reached?"""

from models.kpis.counts import RemainingPeriod
from models.kpis.outlook import KpiForecast, KpiForecasts

__all__ = ["KpiForecast", "KpiForecasts", "RemainingPeriod"]
