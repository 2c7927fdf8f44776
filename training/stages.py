"""What are a log's stages called, and where in the pipeline is each?"""

from __future__ import annotations

from crm.eventlog import EventLog
from features import History


def stage_positions(history: History, past: EventLog) -> dict[float, float]:
    """Position in the pipeline, 0 to 1, of each stage code; the stated prior depends on it."""
    stages = past["stages"]
    open_stages = stages[stages["outcome"].isna()]
    position = open_stages.set_index(open_stages["stage"].astype(str))["position"].to_dict()
    low, high = (min(position.values()), max(position.values())) if position else (0.0, 1.0)
    names = stage_names(history)
    return {
        code: (position[name] - low) / (high - low) if high > low else 0.5
        for code, name in names.items()
        if name in position
    }


def stage_names(history: History) -> dict[float, str]:
    """The name of each stage code."""
    return {float(code): str(name) for code, name in enumerate(history.levels.get("stage", ()))}
