"""What is known of the open deals of a moment besides their scores, and what is wrong with them?"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Flags

Raised = Sequence[tuple[str, float]]  # codes of flags, and for how many days
WORRIES = frozenset({"stalled", "no_contact", "past_due"})  # flags that say something is wrong now


@dataclass(frozen=True)
class DealFacts:
    """Of the open deals (n,) in the order of the simulation: columns, flags, and names to be searched.

    `columns` stand beside their scores: owner, stage, amount, planned closing date, change in a week.
    """

    columns: Mapping[str, Sequence[Any]]
    raised: Sequence[Raised]
    words: Sequence[str]  # names and ids, to be searched

    def has_flag(self, code: str) -> Flags:
        """Which deals a flag is raised for."""
        return np.array([any(one == code for one, _ in each) for each in self.raised], bool)

    @property
    def has_worry(self) -> Flags:
        """Which deals any flag is raised for that says something is wrong now."""
        return np.array([any(code in WORRIES for code, _ in each) for each in self.raised], bool)

    def has_words(self, text: str) -> Flags:
        """Which deals have all words of a text in a name or an id."""
        wanted = searchable(text).split()
        return np.array([all(word in words for word in wanted) for words in self.words], bool)


def searchable(text: str) -> str:
    """A text as it is compared: half and full width, capital and small letters are alike."""
    return unicodedata.normalize("NFKC", text).casefold()
