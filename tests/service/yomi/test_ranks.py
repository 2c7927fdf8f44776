"""Is a rank read as reps write it, and its chance as it was agreed?"""

from __future__ import annotations

import pandas as pd
import pytest

from crm.errors import SanchoError
from service.settings import read_settings
from service.yomi.ranks import Ranks

AGREED = {"c": 0.3, "A": 0.9, "B": 0.6}


def test_ranks_are_in_order_of_their_chance_whatever_the_settings_say_first() -> None:
    ranks = Ranks.of("ヨミ", AGREED, pd.DataFrame())
    assert list(ranks.agreed.items()) == [("A", 0.9), ("B", 0.6), ("C", 0.3)]
    assert ranks.committed == ["A", "B"]


def test_a_rank_is_the_same_however_it_is_written() -> None:
    deals = pd.DataFrame({"ヨミ": pd.Categorical(["Ａヨミ", "a", None, "ネタ", " bランク"])})
    assert Ranks.of("ヨミ", AGREED, deals).of_deals(deals).tolist() == ["A", "A", None, "ネタ", "B"]


def test_a_column_of_percentages_says_itself_how_likely_its_ranks_are() -> None:
    deals = pd.DataFrame({"確度": [0.7, 1.0, 0.0, 0.3, float("nan")]})
    ranks = Ranks.of("確度", AGREED, deals)
    assert dict(ranks.agreed) == {"70%": 0.7, "30%": 0.3}
    assert ranks.of_deals(deals).tolist() == ["70%", "100%", "0%", "30%", None]


def test_no_deal_has_a_rank_where_no_column_is_named_or_there() -> None:
    deals = pd.DataFrame({"deal_id": ["D1", "D2"]})
    assert Ranks.of(None, AGREED, deals).of_deals(deals).tolist() == [None, None]
    assert Ranks.of("ヨミ", AGREED, deals).of_deals(deals).tolist() == [None, None]


@pytest.mark.parametrize("ranks", [{}, {"A": 0.0}, {"A": 1.2}, {" ": 0.5}])
def test_agreed_chances_that_are_none_are_refused(ranks: dict[str, float]) -> None:
    with pytest.raises(SanchoError, match=r"\[ranks\]"):
        read_settings(ranks=ranks)
