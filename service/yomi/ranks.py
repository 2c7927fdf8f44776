"""Which rank (ヨミ) did a rep give a deal, and which chance is agreed for it?"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COMMITTED = 0.5  # ranks agreed to be at least as likely count in "won + A + B"
_MOST_RANKS = 10  # of a column of percentages
_SUFFIXES = ("ヨミ", "よみ", "読み", "ランク", "RANK")
_ROUND = str.maketrans({"〇": "○", "◯": "○", "✕": "×", "✖": "×"})


@dataclass(frozen=True)
class Ranks:
    """The column of deals that holds the ranks, None = none is named; the agreed chances, likeliest first."""

    column: str | None
    agreed: Mapping[str, float]

    @classmethod
    def of(cls, column: str | None, agreed: Mapping[str, float], deals: pd.DataFrame) -> Ranks:
        """Those of an organisation; a column of percentages says itself how likely each of its ranks is."""
        if column is not None and column in deals and pd.api.types.is_numeric_dtype(deals[column].dtype):
            shares = sorted({_share(value) for value in deals[column].dropna().unique()}, reverse=True)
            inside = [share for share in shares if 0 < share < 1][:_MOST_RANKS]
            return cls(column, {_percent(share): share for share in inside})
        named = {rank_name(rank): chance for rank, chance in agreed.items()}
        return cls(column, dict(sorted(named.items(), key=lambda rank: -rank[1])))

    @property
    def committed(self) -> list[str]:
        """The ranks that are counted on."""
        return [rank for rank, chance in self.agreed.items() if chance >= COMMITTED]

    def of_deals(self, deals: pd.DataFrame) -> NDArray[np.object_]:
        """The rank of each deal (n,) of a frame, as known there; None where it has none."""
        if self.column is None or self.column not in deals:
            return np.full(len(deals), None, object)
        values = deals[self.column]
        if pd.api.types.is_numeric_dtype(values.dtype):
            named = {value: _percent(_share(value)) for value in values.dropna().unique()}
        else:
            named = {value: rank_name(str(value)) for value in values.dropna().unique()}
        found = [named.get(value) or None for value in values]
        return np.array([*found, None], object)[:-1]


def rank_name(text: str) -> str:
    """A rank as it is compared: half-width, in capitals, without the word for "rank".

    >>> rank_name(" Ａヨミ"), rank_name("b"), rank_name("◯")
    ('A', 'B', '○')
    """
    name = unicodedata.normalize("NFKC", text).strip().translate(_ROUND).upper()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix).strip() or name
    return name


def _share(value: float) -> float:
    """A percentage as a share; 70 and 0.7 are the same."""
    return round(float(value) / (100 if value > 1 else 1), 4)


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
