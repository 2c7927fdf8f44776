"""Which features would a training choose that knows a log until a day, and which do its baselines have?

The proof on later deals is one of the whole procedure: it chooses on what was known at each fold's cut-off,
as it would have then. A fault that shows only later is not held against the past: a column whose leak could
not be seen at the cut-off is used there, and the fold says how good such a model was, although the final one
does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from crm.eventlog import EventLog
from crm.i18n import Text
from features import History
from models.snapshot_rows import SnapshotRows
from models.win.fitting import can_learn
from training.config import TrainConfig
from training.data import TrainingData
from training.earned_columns import unproven
from training.leakage import Screening, screening
from training.selection import Selection, column_of, layout_of, select

ALWAYS = ("stage", "age_days", "days_in_stage", "days_to_close_date")  # what a plain table looks at


@dataclass(frozen=True)
class Choice:
    """What was screened out, the features of the model, and those that baseline methods may have."""

    screened: Screening
    chosen: Selection
    baseline: Selection


@dataclass(frozen=True)
class Chooser:
    """Chooses features from what a log's past says of a day; each day's past is screened once."""

    past: EventLog
    history: History
    config: TrainConfig
    as_of: int
    _screened: dict[tuple[int, tuple[str, ...]], Screening] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: TrainingData, config: TrainConfig) -> Chooser:
        """The chooser of training data, which keep what has been screened."""
        return cls(data.past, data.history, config, data.as_of, data.screened)

    def choose(self, rows: SnapshotRows, cut: int) -> Choice:
        """The choice that rows known at `cut` support; they have all features."""
        screened = self._screen(cut)
        few = not can_learn(rows)
        unproved = unproven(self.history.features, rows, cut)
        chosen = self._select(rows, screened, self.config, few, unproved)
        # What the settings exclude may be known to be filled in afterwards: baselines do without it too.
        sighted = replace(self.config, owner_blind=False)
        seeing = self._select(rows, screened, sighted, few, unproved) if self.config.owner_blind else chosen
        return Choice(screened, chosen, self._with_what_a_table_needs(seeing, rows, screened))

    def _select(
        self,
        rows: SnapshotRows,
        screened: Screening,
        config: TrainConfig,
        few: bool,
        unproved: Mapping[str, Text],
    ) -> Selection:
        return select(self.history.features, rows.x, rows.at, screened.leaks, config, few, unproved)

    def _with_what_a_table_needs(
        self, chosen: Selection, rows: SnapshotRows, screened: Screening
    ) -> Selection:
        """Stage, age, days in stage and days to the close date belong to baselines unless they leak."""
        leaking = {leak.column for leak in screened.leaks}
        leaking -= {column_of(name) for name in self.config.include}
        missing = [
            index
            for index, feature in enumerate(self.history.features)
            if feature.name in ALWAYS
            and index not in chosen.used
            and not set(feature.reads) & leaking
            and not np.isnan(rows.x[:, index]).all()
        ]
        if not missing:
            return chosen
        used = np.sort(np.append(chosen.used, missing))
        return Selection(used, layout_of(self.history.features, used), chosen.left_out)

    def past_at(self, cut: int) -> EventLog:
        """The log as of a day."""
        return self.past if cut >= self.as_of else self.past.as_of(cut)

    def _screen(self, cut: int) -> Screening:
        asked = cut, tuple(self.config.include)
        if asked not in self._screened:
            self._screened[asked] = screening(self.past_at(cut), cut, self.config.include)
        return self._screened[asked]
