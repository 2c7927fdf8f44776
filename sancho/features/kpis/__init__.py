"""What is a KPI, and how high is it? Defined as data, counted as of any moment."""

from sancho.features.kpis.catalogue import KPIS
from sancho.features.kpis.count import Happenings, Tally
from sancho.features.kpis.definition import Count, Kpi, Shape
from sancho.features.kpis.own import own_kpis
from sancho.features.kpis.value import parts_of, value_of

__all__ = ["KPIS", "Count", "Happenings", "Kpi", "Shape", "Tally", "own_kpis", "parts_of", "value_of"]
