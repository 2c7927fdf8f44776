"""How does a bundle come to be trusted? Data, fitting, validation, promotion and monitoring of the models.

What is public here is loaded on first use, so that one part of the room does not load all the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.actions import learn_actions
    from training.bottlenecks import find_bottlenecks
    from training.config import TrainConfig
    from training.data import TrainingData
    from training.data_quality import examine
    from training.fit import train, train_on
    from training.leakage import screen
    from training.metrics import log_losses, paired_difference
    from training.monitoring import MonitoringReport, monitor
    from training.observational_data import ObservationalData
    from training.promote import train_and_promote
    from training.registry import Registry
    from training.report import Report

__all__ = [
    "MonitoringReport",
    "ObservationalData",
    "Registry",
    "Report",
    "TrainConfig",
    "TrainingData",
    "examine",
    "find_bottlenecks",
    "learn_actions",
    "log_losses",
    "monitor",
    "paired_difference",
    "screen",
    "train",
    "train_and_promote",
    "train_on",
]

_MODULES = {
    "MonitoringReport": "monitoring",
    "ObservationalData": "observational_data",
    "Registry": "registry",
    "Report": "report",
    "TrainConfig": "config",
    "TrainingData": "data",
    "examine": "data_quality",
    "find_bottlenecks": "bottlenecks",
    "learn_actions": "actions",
    "log_losses": "metrics",
    "monitor": "monitoring",
    "paired_difference": "metrics",
    "screen": "leakage",
    "train": "fit",
    "train_and_promote": "promote",
    "train_on": "fit",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
