"""Which past deals were like this one? Those that the win model's trees put into the same leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.instants import NEVER
from features import History, build_features
from features.arrays import Ints
from models.win.model import WinModel

MAX_PAST_DEALS = 2_000  # of the deals closed last


@dataclass(frozen=True)
class PastDeals:
    """Closed deals (n,) at a moment in the middle of their lives: number, closing, outcome 1/0, leaves."""

    deal: Ints
    closed: Ints
    won: NDArray[np.bool_]
    leaves: NDArray[np.int16]

    def most_similar(
        self, leaves: NDArray[np.int16], before: int, exclude: int, count: int = 3
    ) -> list[tuple[int, bool, float]]:
        """(deal, won, share of trees that cannot tell them apart) of the likest closed before a moment."""
        use = np.flatnonzero((self.closed < before) & (self.deal != exclude))
        share = (self.leaves[use] == leaves).mean(axis=1)
        best = np.argsort(-share, kind="stable")[:count]
        return [(int(self.deal[use[at]]), bool(self.won[use[at]]), float(share[at])) for at in best]


def past_deals(win: WinModel, history: History, columns: Ints) -> PastDeals | None:
    """The deals closed last, to be compared with; None where the model has no trees."""
    done = np.flatnonzero((history.closed != NEVER) & (history.outcome >= 0))
    done = done[history.closed[done] > history.created[done] + 1]
    deal = done[np.argsort(history.closed[done], kind="stable")[-MAX_PAST_DEALS:]]
    middle = history.created[deal] + (history.closed[deal] - history.created[deal]) // 2
    if not len(deal):
        return None
    leaves = win.leaves(build_features(history, deal, middle)[:, columns], middle)
    if leaves is None:
        return None
    return PastDeals(deal, history.closed[deal], history.outcome[deal] == 1, leaves)
