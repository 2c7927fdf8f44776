"""Whose KPI rises while what should follow it does not, and how unusual is that?"""

from models.padding.findings import ALLOWED, EmptyRow, PaddedKpi, Padding, holm, padded_kpis, padding_in
from models.padding.kinds import KINDS, Kind
from models.padding.unusual import Counts, Unusual, unusual

__all__ = [
    "ALLOWED",
    "KINDS",
    "Counts",
    "EmptyRow",
    "Kind",
    "PaddedKpi",
    "Padding",
    "Unusual",
    "holm",
    "padded_kpis",
    "padding_in",
    "unusual",
]
