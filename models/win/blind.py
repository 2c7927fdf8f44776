"""What would a deal's chance be, seen without who owns it and without what the owner can write at will?

A second, small win model (stage rates and a regression) of the features that are left. Where it and the win
model differ by far more than usual for a deal, the deal's chance rests on what its owner wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import logit

from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.win.model import WinModel

# What the blind variant does not see, and why. A deal's stage, amount and product stay: they are what the
# organisation counts by, and a false one shows at the next review. So do contacts that the customer made or a
# superior took part in, and what inside sales recorded of the lead: others wrote it.
UNSEEN_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "seller": "whose deal it is",
        "close_date": "the owner enters the expected close date, and pushes it",
        "calendar": "counted from the expected close date",
    }
)
UNSEEN: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "days_in_stage",
                "stage_days_vs_usual",
                "longest_stage_days",
                "stage_moves",
                "stage_moves_back",
                "days_per_stage",
            ),
            "a stage moved forward and back changes it",
        ),
        **dict.fromkeys(
            (
                "amount_vs_first",
                "amount_last_change",
                "amount_changes",
                "amount_cuts",
                "days_since_amount_change",
            ),
            "an amount entered twice changes it",
        ),
        "lead_qualified": "a judgement that can be entered at will",
    }
)
# Of activities, those that somebody else has a part in; all others are logged by the owner alone.
SEEN_ACTIVITIES = frozenset(
    {"inbound", "inbound_30d", "days_since_inbound", "people_involved", "manager_meetings"}
)
UNSEEN_READS = ("deals.owner_id", "deals.expected_close_date")

_SHARE = 0.98  # of training moments, that differ by less than what counts as much
_LEAST = 1.0  # log-odds: no difference below counts as much


def is_seen(feature: Feature) -> bool:
    """Whether the blind variant sees a feature.

    >>> from features.catalogue import CATALOGUE
    >>> seen = {feature.name for feature in CATALOGUE if is_seen(feature)}
    >>> "stage" in seen, "inbound" in seen, "calls" in seen, "seller_win_rate" in seen
    (True, True, False, False)
    """
    if feature.group in UNSEEN_GROUPS or feature.name in UNSEEN:
        return False
    if feature.group == "activity" and feature.name not in SEEN_ACTIVITIES:
        return False
    # A column of one's own of the deal is typed by its owner: a rank, a next step, a probability.
    if feature.group == "custom" and not all(read.startswith("accounts.") for read in feature.reads):
        return False
    return not set(feature.reads) & set(UNSEEN_READS)


def seen_columns(features: Sequence[Feature], used: Ints) -> Ints:
    """Those of the used columns (u,) that the blind variant sees."""
    return np.array([column for column in used.tolist() if is_seen(features[column])], np.int64)


@dataclass(frozen=True)
class BlindVariant:
    """The variant, and by how much its log-odds differ from the win model's where they differ much."""

    win: WinModel
    much: float

    def chance(self, x: Floats, moments: Ints) -> Floats:
        """The chances to be won in the end (n,) of deals with all features (n, k)."""
        return self.win.won_by(x, moments, np.full(len(moments), np.inf))

    def differs(self, chance: Floats, blind: Floats) -> Floats:
        """Whether the win model's chances (n,) and those of the variant differ much."""
        return np.asarray(np.abs(_gap(chance, blind)) >= self.much)


def blind_variant(win: WinModel, model: WinModel, x: Floats, moments: Ints) -> BlindVariant:
    """The variant with what is usual: how much both differ at training moments with all features (n, k)."""
    ever = np.full(len(moments), np.inf)
    gap = np.abs(_gap(model.won_by(x, moments, ever), win.won_by(x, moments, ever)))
    usual = float(np.quantile(gap, _SHARE)) if len(gap) else 0.0
    return BlindVariant(win, max(usual, _LEAST))


def _gap(chance: Floats, blind: Floats) -> Floats:
    low, high = 1e-6, 1 - 1e-6
    return np.asarray(logit(np.clip(chance, low, high)) - logit(np.clip(blind, low, high)))
