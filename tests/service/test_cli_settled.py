"""Where a probability says nothing: do screens say what is reached, what may be lost, and what comes next?"""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from service.cli.reader import Reader
from tests.service.test_cli_screens import (
    ACTIONS,
    BOTTLENECKS,
    FORECAST,
    LEVER,
    PLAN,
    TREE,
    WHAT_IF,
    cells,
    screen,  # noqa: F401 - a fixture
)

PLANNED = {**PLAN, "probability": 0.81, "current_probability": 0.34, "attainable": True}
LATER: dict[str, Any] = {
    "period": "2027-Q1",
    "target": 5.5e8,
    "target_from": "set",
    "probability": 0.34,
    "expected": 5.2e8,
    "plan": PLANNED,
}
REACHED = [
    {"confidence": 0.5, "revenue": 4.4e8},
    {"confidence": 0.8, "revenue": 4.1e8},
    {"confidence": 0.9, "revenue": 3.95e8},
]
DEALS = [{**deal, "revenue": 1.2e6, "gap_share": 0.0075, "swing_pp": 0.0} for deal in FORECAST["deals"]]
OUT_OF_REACH = {
    **FORECAST,
    "ranked_by": "revenue",
    "reachable": REACHED,
    "maximum": {
        "probability": 0.004,
        "expected": 4.7e8,
        "attainment_pp": 0.3,
        "revenue": 3.11e7,
        "gap_share": 0.193,
        "reachable": REACHED,
    },
    "next_period": LATER,
    "deals": DEALS,
}
SAFE = {
    **FORECAST,
    "target": 3e8,
    "gap": -1.389e8,
    "probability": 0.9995,
    "probability_intervals": {"80": [0.995, 0.99999]},
    "ranked_by": "revenue",
    "margin": 4.2e7,
    "next_period": {**LATER, "target_from": "this_period"},
    "deals": [{**deal, "gap_share": None} for deal in DEALS],
}


def joined(out: str) -> str:
    return "".join(out.split())


def test_a_target_out_of_reach_says_what_can_be_counted_on_and_the_most_there_is(screen: Any) -> None:  # noqa: F811
    out, _ = screen(OUT_OF_REACH, "forecast", "2026-Q4")
    assert cells(out, "達成確率") == ["1%未満"]
    told = joined(out)
    assert "目標には届かない見込みです（達成確率1%未満）" in told
    assert "50%の確率で4.40億円、80%の確率で4.10億円、90%の確率で3.95億円以上" in told
    assert "着地見込み4.70億円（+3,110万円、不足見込みの19%）、達成確率1%未満" in told
    english = " ".join(screen(OUT_OF_REACH, "forecast", "2026-Q4", lang="en")[0].split())
    assert "out of reach (chance under 1%)" in english
    assert "JPY 440.0M with 50%, JPY 410.0M with 80%, JPY 395.0M with 90%" in english
    assert "forecast JPY 470.0M (+JPY 31.1M, 19% of the shortfall), chance of target under 1%" in english


def test_a_target_out_of_reach_names_the_later_period_within_reach_and_its_plan(screen: Any) -> None:  # noqa: F811
    out, _ = screen(OUT_OF_REACH, "forecast", "2026-Q4")
    [step] = [line for line in out.splitlines() if line.startswith("次の一手")]
    assert "2027年1〜3月期（2027-Q1）" in step
    assert "目標 5.50億円" in step
    assert "達成確率 34.0% → 81.0%" in step
    assert "`sancho plan 2027-Q1`" in step
    assert cells(out, "リード獲得数（件/営業日）")[:2] == ["31.6", "33"]
    none = {**OUT_OF_REACH, "next_period": None}
    for lang, said in (("ja", "`sancho what-if 2026-Q4 --target 金額`"), ("en", "--target V")):
        assert said in screen(none, "forecast", "2026-Q4", lang=lang)[0]
    as_it_is = {**LATER, "probability": 0.9}
    assert (
        "as it is" in screen({**OUT_OF_REACH, "next_period": as_it_is}, "forecast", "2026-Q4", lang="en")[0]
    )


def test_a_target_that_is_tried_and_out_of_reach_is_followed_by_what_to_do(screen: Any) -> None:  # noqa: F811
    tried = {**OUT_OF_REACH, "maximum": None, "next_period": None}
    for lang in ("ja", "en"):
        out, _ = screen(tried, "forecast", "2026-Q4", "--target", "6e8", lang=lang)
        assert "`sancho plan 2026-Q4 --target 600000000`" in out


def test_a_safe_target_says_what_may_be_lost_and_what_to_start_next(screen: Any) -> None:  # noqa: F811
    out = joined(screen(SAFE, "forecast", "2026-Q4")[0])
    assert "達成はほぼ確実です（達成確率99%超）。あと4,200万円を失うまでは" in out
    assert "次の一手：2027年1〜3月期（2027-Q1）に今から着手してください。目標5.50億円（未登録のため" in out
    english, _ = screen(SAFE, "forecast", "2026-Q4", lang="en")
    assert "all but safe (chance over 99%): JPY 42.0M may be lost" in " ".join(english.split())
    assert "start on 2027-Q1 now" in english
    as_it_is = {**SAFE, "next_period": {**LATER, "probability": 0.96}}
    step, _ = screen(as_it_is, "forecast", "2026-Q4")
    assert "現状のままで達成確率 96.0%" in step
    assert "「リード獲得数」（増加見込み +120万円）から" in step


@pytest.mark.parametrize("told", [OUT_OF_REACH, SAFE])
def test_a_settled_forecast_fits_80_columns(screen: Any, told: dict[str, Any]) -> None:  # noqa: F811
    for lang in ("ja", "en"):
        out, _ = screen(told, "forecast", "2026-Q4", lang=lang)
        assert all(cell_len(line) <= 80 for line in out.splitlines() if line[:1] in "┏┃┡│└")


def test_deals_are_told_apart_by_money_where_every_swing_is_nothing(screen: Any) -> None:  # noqa: F811
    out, _ = screen(OUT_OF_REACH, "forecast", "2026-Q4")
    assert "振れ幅" not in out
    assert cells(out, "D0000303") == ["99%超", "7", "120", "0.8%"]
    assert "金額の大きい順に並べています" in out
    undecided, _ = screen(FORECAST, "forecast", "2026-Q4")
    assert "金額の大きい順" not in undecided


def test_levers_actions_and_bottlenecks_show_money_and_its_share_of_the_shortfall(screen: Any) -> None:  # noqa: F811
    by = {"ranked_by": "revenue"}
    out, _ = screen({**TREE, **by}, "tree", "2026-Q4")
    assert cells(out, "リード獲得数")[2:] == ["+120 / 0.8%"]
    assert "pt" not in out
    out, _ = screen({**PLAN, **by}, "plan", "2026-Q4")
    assert cells(out, "リード獲得数（件/営業日）")[2:] == ["+120", "0.8%"]
    assert "「リード獲得数」（+120万円）から着手" in out
    assert "計画による増加見込み：+200万円（不足見込みの1.2%）" in joined(out)
    detail, _ = screen({**ACTIONS, **by}, "actions", "--deal", "D0000313")
    assert cells(detail, "フォローの")[1:3] == ["2.0%", "+320"]
    out, _ = screen({**BOTTLENECKS, **by}, "bottlenecks", lang="en")
    assert "(within the period +JPY 2.1M, 1.3% of the shortfall)" in " ".join(out.split())
    listed, _ = screen({**ACTIONS, **by}, "actions", lang="en")
    assert "ranked by revenue" in " ".join(listed.split())


@pytest.mark.parametrize(
    ("share", "written"),
    [(None, "–"), (0.0, "0%"), (0.0001, "<0.1%"), (0.0128, "1.3%"), (0.194, "19%"), (-0.05, "−5.0%")],
)
def test_a_share_of_the_shortfall_is_written_so_that_little_is_not_nothing(
    share: float | None, written: str
) -> None:
    assert Reader("ja", "JPY").gap_share(share) == written


def test_nothing_speaks_of_a_shortfall_where_nothing_is_missing(screen: Any) -> None:  # noqa: F811
    lever = {**LEVER, "gap_share": None}
    out, _ = screen({**PLAN, "ranked_by": "revenue", "gap_share": None, "levers": [lever]}, "plan", "2026-Q4")
    assert "不足見込み" not in out


def test_a_what_if_shows_the_share_of_the_shortfall_where_points_are_nil(screen: Any) -> None:  # noqa: F811
    out, _ = screen({**WHAT_IF, "effect_pp": 0.0}, "what-if", "2026-Q4")
    assert cells(out, "全社")[1:] == ["4.40", "+3,824", "19%"]
