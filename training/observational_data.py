"""What data are bottlenecks and actions estimated from? A history as of a moment, with its deal outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm.eventlog import EventLog
from features import Calendar, Feature, History, compile_history
from features.arrays import Ints
from training.leakage import screen
from training.snapshots import Cycle, DealOutcomes, cycle_of, deal_outcomes


@dataclass(frozen=True)
class ObservationalData:
    """A history as of `as_of` (microseconds UTC), its deal outcomes and the company's sales cycle.

    `used` (u,): the columns of its features that may be used.
    """

    history: History
    outcomes: DealOutcomes
    cycle: Cycle
    as_of: int
    used: Ints

    @classmethod
    def of(cls, log: EventLog, as_of: int) -> ObservationalData:
        """From a log, with all features except those that leak."""
        past = log.as_of(as_of)
        history = compile_history(past, Calendar.of_organisation(past.organisation))
        leaking = {leak.column for leak in screen(past, as_of)}
        used = [column for column, feature in enumerate(history.features) if not set(feature.reads) & leaking]
        outcomes = deal_outcomes(past, history)
        return cls(history, outcomes, cycle_of(outcomes, as_of), as_of, np.array(used, np.int64))

    @property
    def features(self) -> list[Feature]:
        """The features that may be used."""
        return [self.history.features[column] for column in self.used]
