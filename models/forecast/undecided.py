"""Is the goal undecided, out of reach or safe? And by what are effects on it ranked, so that they differ?"""

from __future__ import annotations

from typing import Literal

UNDECIDED = (0.02, 0.98)  # probabilities between which points of it say something

RankedBy = Literal["attainment", "revenue"]


def ranked_by(probability: float | None) -> RankedBy:
    """By what effects are ranked: by attainment while the goal is undecided, else by revenue.

    >>> ranked_by(0.5), ranked_by(0.02), ranked_by(0.99), ranked_by(None)
    ('attainment', 'revenue', 'revenue', 'revenue')
    """
    low, high = UNDECIDED
    return "attainment" if probability is not None and low < probability < high else "revenue"


def is_out_of_reach(probability: float | None) -> bool:
    """Whether the target will hardly be reached."""
    return probability is not None and probability <= UNDECIDED[0]


def is_safe(probability: float | None) -> bool:
    """Whether the target will hardly be missed."""
    return probability is not None and probability >= UNDECIDED[1]


def share_of_gap(revenue: float | None, gap: float | None) -> float | None:
    """Share of what is missing to the target that revenue closes; None where nothing is missing or known.

    >>> share_of_gap(25.0, 100.0), share_of_gap(25.0, -5.0), share_of_gap(25.0, None)
    (0.25, None, None)
    """
    return None if revenue is None or gap is None or gap <= 0 else revenue / gap
