"""Does a deal's answer say where its chance rests on what its owner wrote?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from models.win.blind import BlindVariant
from models.win.model import WinModel
from service.deal_insight import blind_fields


class Half:
    """Stands in for a variant that says one half."""

    is_table = False

    def won_by(self, x: np.ndarray, moments: np.ndarray, horizon: np.ndarray) -> np.ndarray:
        return np.full(len(x), 0.5)


def said(chance: float, blind: bool = True, is_table: bool = False) -> Any:
    variant = BlindVariant(cast("WinModel", Half()), 1.0) if blind else None
    bundle = SimpleNamespace(blind=variant, win=SimpleNamespace(is_table=is_table))
    inputs = SimpleNamespace(x_now=np.zeros(3), moment=0, probabilities=SimpleNamespace(ever=chance))
    return blind_fields(cast("Any", bundle), cast("Any", inputs), "en")


def test_a_usual_difference_needs_no_words():
    assert said(0.6) == {"win_probability": 0.5, "differs": False, "text": None}


def test_a_large_difference_is_told_with_both_chances():
    answer = said(0.9)
    assert answer["differs"]
    assert "the win probability is 50.0%, not 90.0%" in answer["text"]


def test_a_model_without_a_variant_says_nothing_nor_does_a_table():
    assert said(0.9, blind=False) is None
    assert said(0.9, is_table=True) is None
