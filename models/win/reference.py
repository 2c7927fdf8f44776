"""What is a deal compared with when its win probability is explained? The won deals of its stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.model import WinModel

MAX_OF_STAGE, MIN_OF_STAGE = 40, 10  # won deals stored of each stage, and the minimal number for a comparison


@dataclass(frozen=True)
class Peers:
    """Regular training moments (n,) of deals that were won, at most one of a deal and stage; x is (n, k)."""

    x: Floats
    at: Ints


@dataclass(frozen=True)
class Reference:
    """Averages of the won peers of a stage: contributions (k,) and log-odds of one question."""

    values: Floats
    log_odds: float


def won_peers(win: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> Peers:
    """A few won deals of each stage, of rows with all features, sampled uniformly."""
    stage = win.layout.column(rows.x[:, win.used], win.layout.stage)
    eligible = np.flatnonzero((rows.event == 1) & rows.regular & ~np.isnan(stage))
    eligible = eligible[rng.permutation(len(eligible))]
    eligible = eligible[
        np.unique(np.stack([rows.deal[eligible], stage[eligible]]), axis=1, return_index=True)[1]
    ]
    eligible = eligible[rng.permutation(len(eligible))]
    of_stages = [eligible[stage[eligible] == code][:MAX_OF_STAGE] for code in np.unique(stage[eligible])]
    picked = np.concatenate(of_stages) if of_stages else eligible
    return Peers(rows.x[picked], rows.at[picked])


def references(win: WinModel, peers: Peers, moment: int, horizon_days: float) -> dict[float, Reference]:
    """By stage, the peers' averages for "won within the horizon?" at the moment.

    Stages with too few peers are left out.
    """
    if not len(peers.at):
        return {}
    count = len(peers.at)
    contributions = win.contributions(peers.x, np.full(count, moment, np.int64), np.full(count, horizon_days))
    stage = win.layout.column(peers.x[:, win.used], win.layout.stage)
    by_stage = {}
    for code in np.unique(stage):
        of_stage = stage == code
        if of_stage.sum() >= MIN_OF_STAGE:
            by_stage[float(code)] = Reference(
                contributions.values[of_stage].mean(axis=0), float(contributions.log_odds[of_stage].mean())
            )
    return by_stage
