"""What is a KPI, and what is its value? Defined as data, counted as of any moment."""

from features.kpis.catalogue import KPIS
from features.kpis.count import CountedEvents, KpiEvents
from features.kpis.definition import Count, Kpi, Shape
from features.kpis.own import custom_kpis
from features.kpis.value import parts_of, value_of

__all__ = [
    "KPIS",
    "Count",
    "CountedEvents",
    "Kpi",
    "KpiEvents",
    "Shape",
    "custom_kpis",
    "parts_of",
    "value_of",
]
