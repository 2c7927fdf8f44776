"""What was known of a deal at a moment, as numbers? Arrays in, arrays out, no input or output."""

from sancho.features.build import Current, build, current, open_at
from sancho.features.calendar import Calendar
from sancho.features.catalogue import CATALOGUE, GROUPS, Feature
from sancho.features.deeds import Deeds, deeds_of, label_of, last_done
from sancho.features.history import History, compile_history
from sancho.features.horizon import (
    EVER_DAYS,
    HORIZON_CATALOGUE,
    HORIZON_FEATURES,
    HORIZON_MONOTONE,
    horizon_columns,
)
from sancho.features.levels import Levels
from sancho.features.moments import change_moments, weeks_stood_for
from sancho.features.one_deal import one_deal

__all__ = [
    "CATALOGUE",
    "EVER_DAYS",
    "GROUPS",
    "HORIZON_CATALOGUE",
    "HORIZON_FEATURES",
    "HORIZON_MONOTONE",
    "Calendar",
    "Current",
    "Deeds",
    "Feature",
    "History",
    "Levels",
    "build",
    "change_moments",
    "compile_history",
    "current",
    "deeds_of",
    "horizon_columns",
    "label_of",
    "last_done",
    "one_deal",
    "open_at",
    "weeks_stood_for",
]
