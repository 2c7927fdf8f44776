"""Which past deals were similar to this one? Those in the same leaves of the win model's trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.instants import NEVER
from features import History, build_features
from features.arrays import Floats, Ints
from features.kernel_cache import compiled
from models.win.model import WinModel

MAX_PAST_DEALS = 2_000  # most recently closed deals that are stored


@dataclass(frozen=True)
class PastDeals:
    """Closed deals (n,) at the midpoint of their open time: number, closing, whether won, leaves."""

    deal: Ints
    closed: Ints
    won: NDArray[np.bool_]
    leaves: NDArray[np.int16]

    def most_similar(
        self, leaves: NDArray[np.int16], before: int, exclude: int, count: int = 3
    ) -> list[tuple[int, bool, float]]:
        """(deal, won, share of trees with the same leaf) of the most similar deals closed before a moment."""
        use = np.flatnonzero((self.closed < before) & (self.deal != exclude))
        share = _shared(self.leaves, leaves)[use]
        best = np.argsort(-share, kind="stable")[:count]
        return [(int(self.deal[use[at]]), bool(self.won[use[at]]), float(share[at])) for at in best]


@compiled
def _shared(every: NDArray[np.int16], leaves: NDArray[np.int16]) -> Floats:
    """The share of leaves (trees,) that each deal (n,) has in common."""
    out = np.empty(len(every))
    for row in range(len(every)):
        same = 0
        for tree in range(len(leaves)):
            same += every[row, tree] == leaves[tree]
        out[row] = same / len(leaves)
    return out


def past_deals(win: WinModel, history: History, columns: Ints) -> PastDeals | None:
    """The most recently closed deals; None where the model has no trees."""
    closed_deals = np.flatnonzero((history.closed != NEVER) & (history.outcome >= 0))
    closed_deals = closed_deals[history.closed[closed_deals] > history.created[closed_deals] + 1]
    deal = closed_deals[np.argsort(history.closed[closed_deals], kind="stable")[-MAX_PAST_DEALS:]]
    middle = history.created[deal] + (history.closed[deal] - history.created[deal]) // 2
    if not len(deal):
        return None
    leaves = win.leaves(build_features(history, deal, middle)[:, columns], middle)
    if leaves is None:
        return None
    return PastDeals(deal, history.closed[deal], history.outcome[deal] == 1, leaves)
