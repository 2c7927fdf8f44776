"""Does the curve tell the chance at the period's end where that is marked?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pictures.curve import Curve
from tests.support.sample_pictures import all_pictures


@pytest.fixture
def curve() -> Curve:
    (found,) = (one for one in all_pictures() if isinstance(one, Curve))
    return found


def test_the_sentence_tells_the_chance_at_the_periods_end(curve) -> None:
    assert curve.sentence.ja.startswith("11/19までに受注する確率は21%です。")
    assert "期末 11/19" in curve.svg("ja")


def test_without_an_end_the_sentence_tells_the_chance_at_the_last_day(curve) -> None:
    whole = replace(curve, end=None)
    assert whole.sentence.en.startswith("Won by 12/31 with probability 39%.")
    assert 'class="target"' not in whole.svg("en")
