"""How is a way of fitting that is only thought of compared with a model that is in service?

It is trained on what was known when the data of that model ended: on no more than that model, so the same
later rows are new to both, as they are for the gate (`head_to_head`).
"""

from __future__ import annotations

from crm.eventlog import EventLog
from models.bundle import Bundle
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import Progress, TrainingData
from training.executor import IN_PROCESS, Executor
from training.fit import train_on
from training.report import Report


def train_candidate(
    log: EventLog,
    rival: Bundle,
    config: TrainConfig,
    progress: Progress | None = None,
    executor: Executor = IN_PROCESS,
) -> tuple[Bundle, Report]:
    """A model fitted by these settings on what was known when the rival's data ended, and its report."""
    data = TrainingData.of(log, rival.as_of, config, progress, executor)
    bundle, report = train_on(data, config, progress, None, executor)
    return with_common_factors(bundle, data, config), report
