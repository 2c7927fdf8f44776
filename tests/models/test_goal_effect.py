"""Is an effect told in points while they say something, and in money and its share of the gap beyond?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.forecast.goal_effect import Goal
from models.forecast.reach import margin, reachable
from models.forecast.undecided import is_out_of_reach, is_safe, ranked_by, share_of_gap
from models.levers import smallest_plan
from tests.models.test_levers import EVERYONE, drive


@pytest.mark.parametrize(
    ("chance", "by"),
    [(0.0001, "revenue"), (0.02, "revenue"), (0.021, "attainment"), (0.979, "attainment"), (0.98, "revenue")],
)
def test_effects_are_ranked_by_attainment_only_between_2_and_98_percent(chance: float, by: str) -> None:
    assert ranked_by(chance) == by
    assert is_out_of_reach(chance) == (chance <= 0.02)
    assert is_safe(chance) == (chance >= 0.98)


def test_without_a_target_nothing_is_out_of_reach_or_safe_and_money_ranks() -> None:
    assert ranked_by(None) == "revenue"
    assert not is_out_of_reach(None)
    assert not is_safe(None)
    assert Goal(None, None, 5.0).gap is None
    with pytest.raises(ValueError, match="no target"):
        _ = Goal(None, None, 5.0).chance


def test_an_effect_is_points_money_and_its_share_of_what_is_missing() -> None:
    before, after = Goal(100.0, 0.4, 80.0), Goal(100.0, 0.5, 85.0)
    assert before.effect_of(after) == pytest.approx(
        {"attainment_pp": 10.0, "revenue": 5.0, "gap_share": 0.25}
    )
    assert Goal(100.0, 0.9, 120.0).effect_of(after)["gap_share"] is None  # nothing is missing
    unknown = Goal(None, None, 80.0).effect_of(Goal(None, None, 90.0))
    assert unknown == {"attainment_pp": None, "revenue": 10.0, "gap_share": None}
    assert share_of_gap(None, 5.0) is None


def test_rows_are_ranked_by_what_tells_them_apart() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "points", "attainment_pp": 3.0, "revenue": 1.0},
        {"id": "money", "attainment_pp": 2.0, "revenue": 9.0},
        {"id": "none", "attainment_pp": 0.0, "revenue": 0.0},
    ]
    undecided, settled = Goal(1.0, 0.5, 0.5), Goal(1.0, 0.001, 0.5)
    assert [row["id"] for row in undecided.ranked(rows)] == ["points", "money", "none"]
    assert [row["id"] for row in settled.ranked(rows)] == ["money", "points", "none"]


def test_what_is_reached_with_a_confidence_is_reached_by_so_many_scenarios() -> None:
    total = np.random.default_rng(3).gamma(4.0, 100.0, 10_000)
    for row in reachable(total):
        assert (total >= row["revenue"]).mean() == pytest.approx(row["confidence"], abs=0.001)
    assert [row["confidence"] for row in reachable(total)] == [0.5, 0.8, 0.9]


def test_the_margin_may_be_lost_and_the_target_is_just_safe() -> None:
    total = np.random.default_rng(3).normal(1000.0, 50.0, 10_000)
    spare = margin(total, 800.0)
    assert (total - spare >= 800.0).mean() == pytest.approx(0.98, abs=0.001)
    assert margin(total, 1000.0) == 0.0  # it is not safe at all


def test_levers_and_plan_out_of_reach_go_by_revenue() -> None:
    found = drive()
    target = 50_000.0
    plan = smallest_plan(found, ["leads", "win_rate", "amount"], EVERYONE, target, 0.8)
    assert plan.before.ranked_by == "revenue"
    assert not plan.attains(0.8)
    gains = {name: goal.revenue - plan.before.revenue for name, goal in plan.alone.items()}
    assert min(gains.values()) > 0
    assert len({round(gain, 3) for gain in gains.values()}) == 3
    effects = [plan.before.effect_of(goal) for goal in plan.alone.values()]
    assert all(abs(effect["attainment_pp"] or 0.0) < 0.05 for effect in effects)
    for effect, gain in zip(effects, gains.values(), strict=True):
        assert effect["revenue"] == pytest.approx(gain)
        assert effect["gap_share"] == pytest.approx(gain / (target - plan.before.revenue))


def test_a_plan_that_starts_out_of_reach_moves_the_levers_by_what_they_bring() -> None:
    found = drive()
    total = found.simulation.total(EVERYONE)
    target = float(np.quantile(total, 0.995))  # 0.5 % as it is
    plan = smallest_plan(found, ["leads", "amount"], EVERYONE, target, 0.025)
    assert plan.before.chance <= 0.02
    assert plan.attains(0.025)
    gains = {name: goal.revenue - plan.before.revenue for name, goal in plan.alone.items()}
    assert max(plan.shares.values()) < 1.0
    assert plan.shares["leads"] / plan.shares["amount"] == pytest.approx(gains["leads"] / gains["amount"])
