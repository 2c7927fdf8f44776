"""What is a deal compared with when its chance is explained: what deals of its stage had that were won?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.model import WinModel

MAX_OF_STAGE, MIN_OF_STAGE = 40, 10  # won deals kept of each stage, and enough of them to compare with


@dataclass(frozen=True)
class Peers:
    """Regular training moments (n,) of deals that were won, at most one of a deal and stage; x is (n, k)."""

    x: Floats
    at: Ints


@dataclass(frozen=True)
class Reference:
    """What the won peers of a stage have on average: contributions (k,), and log-odds of one question."""

    values: Floats
    log_odds: float


def won_peers(win: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> Peers:
    """A few won deals of each stage, of rows with all features, drawn alike."""
    stage = win.layout.column(rows.x[:, win.used], win.layout.stage)
    able = np.flatnonzero((rows.event == 1) & rows.regular & ~np.isnan(stage))
    able = able[rng.permutation(len(able))]
    able = able[np.unique(np.stack([rows.deal[able], stage[able]]), axis=1, return_index=True)[1]]
    able = able[rng.permutation(len(able))]
    kept = [able[stage[able] == code][:MAX_OF_STAGE] for code in np.unique(stage[able])]
    picked = np.concatenate(kept) if kept else able
    return Peers(rows.x[picked], rows.at[picked])


def references(win: WinModel, peers: Peers, moment: int, horizon_days: float) -> dict[float, Reference]:
    """By stage, the peers' average answer to "won within the horizon?" as if asked at the moment.

    Stages with too few of them are left out.
    """
    if not len(peers.at):
        return {}
    count = len(peers.at)
    why = win.contributions(peers.x, np.full(count, moment, np.int64), np.full(count, horizon_days))
    stage = win.layout.column(peers.x[:, win.used], win.layout.stage)
    found = {}
    for code in np.unique(stage):
        mine = stage == code
        if mine.sum() >= MIN_OF_STAGE:
            found[float(code)] = Reference(why.values[mine].mean(axis=0), float(why.log_odds[mine].mean()))
    return found
