"""What was known of a deal at a moment, as numbers? Arrays in, arrays out, no I/O."""

from features.action_events import ActionEvents, action_events_of, actions_of_deal, label_of, last_done
from features.build import DealStates, build_features, deal_states, open_at, stated_stages
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
from features.live_deal import compile_live_deal
from features.snapshot_moments import change_moments, weeks_represented
from features.stage_visits import StageVisits, stage_visits

__all__ = [
    "CATALOGUE",
    "EVER_DAYS",
    "GROUPS",
    "HORIZON_CATALOGUE",
    "HORIZON_FEATURES",
    "HORIZON_MONOTONE",
    "ActionEvents",
    "Calendar",
    "DealStates",
    "Feature",
    "History",
    "Levels",
    "StageVisits",
    "action_events_of",
    "actions_of_deal",
    "build_features",
    "change_moments",
    "compile_history",
    "compile_live_deal",
    "deal_states",
    "horizon_columns",
    "label_of",
    "last_done",
    "open_at",
    "stage_visits",
    "stated_stages",
    "weeks_represented",
]
