"""Which effects does a standard T-learner estimate, on snapshots of past deals without further adjustment?"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features import action_events_of, build_features
from features.arrays import Floats
from training.observational_data import ObservationalData

WITHIN = 14 * DAY  # of a snapshot, for an action to count as taken
SNAPSHOTS = 3  # of each past deal


@dataclass(frozen=True)
class TLearner:
    """A model of winning as usual, and for each action two models: of deals with it, and of the others."""

    usual: LGBMClassifier
    by_action: dict[str, tuple[LGBMClassifier, LGBMClassifier]]

    @classmethod
    def of(cls, observed: ObservationalData, actions: list[str]) -> TLearner:
        """Fit on snapshots at random moments of closed deals."""
        history, outcomes = observed.history, observed.outcomes
        over = (outcomes.closed != NEVER) & (outcomes.closed < observed.as_of)
        deal = np.repeat(np.flatnonzero(over), SNAPSHOTS)
        luck = np.random.default_rng(3).uniform(size=len(deal))
        at = outcomes.created[deal] + (luck * (outcomes.closed[deal] - outcomes.created[deal])).astype(
            np.int64
        )
        x = build_features(history, deal, at)[:, observed.used]
        won = outcomes.outcome[deal] == 1
        models = {}
        for deeds in action_events_of(history):
            if deeds.action not in actions:
                continue
            order = np.lexsort((deeds.at, deeds.deal))
            done = list(zip(deeds.deal[order].tolist(), deeds.at[order].tolist(), strict=True))
            taken = np.zeros(len(deal), bool)
            for row, (number, when) in enumerate(zip(deal.tolist(), at.tolist(), strict=True)):
                after = bisect_right(done, (number, when))
                taken[row] = (
                    after < len(done) and done[after][0] == number and done[after][1] <= when + WITHIN
                )
            models[deeds.action] = _grown(x[taken], won[taken]), _grown(x[~taken], won[~taken])
        return cls(_grown(x, won), models)

    def chance(self, x: Floats) -> Floats:
        """Win probabilities (n,) of deals x (n, k) as usual."""
        return np.asarray(self.usual.predict_proba(x)[:, 1])

    def effects(self, x: Floats) -> dict[str, Floats]:
        """The effects (n,) of each action on deals x (n, k)."""
        return {
            action: np.asarray(acted.predict_proba(x)[:, 1] - left.predict_proba(x)[:, 1])
            for action, (acted, left) in self.by_action.items()
        }


def _grown(x: Floats, won: NDArray[np.bool_]) -> LGBMClassifier:
    settings = {"n_estimators": 120, "num_leaves": 15, "learning_rate": 0.06, "n_jobs": 1, "verbose": -1}
    return LGBMClassifier(**settings).fit(x, won)
