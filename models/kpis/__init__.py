"""How likely are the KPIs of a period reached?"""

from models.kpis.counts import Ahead
from models.kpis.outlook import Prospect, Prospects

__all__ = ["Ahead", "Prospect", "Prospects"]
