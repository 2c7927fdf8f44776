"""Which deals were open on each of many past days? The moments that a backtest asks about, of the past.

A backtest asks about all deals open at an instant. Among them, those that stay open for long are as many more
as they stay longer; moments counted from each deal's creation have too many young deals.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crm.instants import DAY
from features import build_features, open_at
from features.arrays import Ints
from models.snapshot_rows import SnapshotRows
from training.data import TrainingData
from training.snapshots import make_rows

MOST_ROWS = 40_000


def panel(data: TrainingData, columns: Ints, most: int = MOST_ROWS) -> SnapshotRows:
    """All deals open on each past day, or on every second day and so on; about `most` rows.

    They have no questions. `columns`: the features wanted, by number in the history's.
    """
    history, as_of = data.history, data.as_of
    closed = np.where(history.outcome >= 0, history.closed, as_of)
    open_days = np.maximum(np.minimum(closed, as_of) - history.created, 0).sum() / DAY
    step = max(int(np.ceil(open_days / most)), 1)
    moments = np.arange(as_of - step * DAY, int(history.created.min()), -step * DAY)[::-1]
    then = [open_at(history, int(moment)) for moment in moments]
    deal = np.concatenate([np.zeros(0, np.int64), *then]).astype(np.int64)
    at = np.repeat(moments, [len(deals) for deals in then]).astype(np.int64)
    x = build_features(history, deal, at)[:, columns]
    snapshots = data.snapshots
    nothing = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    rows = make_rows(snapshots.outcomes, deal, at, x, nothing, snapshots.cycle, as_of)
    return replace(rows, weight=np.ones(len(at)), regular=np.ones(len(at), bool))
