"""How likely are the KPIs of a period reached?"""

from sancho.models.kpis.counts import Ahead
from sancho.models.kpis.outlook import Prospect, Prospects

__all__ = ["Ahead", "Prospect", "Prospects"]
