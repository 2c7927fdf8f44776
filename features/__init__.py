"""What was known of a deal at a moment, as numbers? Arrays in, arrays out, no input or output."""

from features.action_events import Deeds, deeds_of, label_of, last_done
from features.build import Current, build, current, open_at
from features.calendar import Calendar
from features.catalogue import CATALOGUE, GROUPS, Feature
from features.history import History, compile_history
from features.horizon import (
    EVER_DAYS,
    HORIZON_CATALOGUE,
    HORIZON_FEATURES,
    HORIZON_MONOTONE,
    horizon_columns,
)
from features.levels import Levels
from features.live_deal import one_deal
from features.snapshot_moments import change_moments, weeks_stood_for

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
