"""Does supposing something change what it should, and nothing else?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crm.errors import SanchoError
from crm.i18n import Text
from models.forecast.change_attribution import ForecastState
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.simulate import LEVELS, Pipeline, simulate
from models.forecast.what_if import Assumptions, JoiningSeller, add_seller, apply_assumptions, scope_summary

DAYS = np.array([10.0, 20.0, 40.0])
PEOPLE = ScopeTree(("ann", "bob", "cid"), np.array([0, 0, 1]), ("north", "south"), np.array([-1, -1]))


@pytest.fixture(scope="module")
def stand() -> ForecastState:
    new = NewBusinessRates(
        np.array([0.5, 0.4, 0.8, 0.0]), 0.2, 0.1, 0.3, np.array([60.0, 90.0]), np.ones(4), np.ones(3)
    )
    whole = np.array([0.6, 0.4, 0.5])
    pipeline = Pipeline(
        np.array(["A", "B", "C"], object),
        np.array([0, 1, 2]),
        whole[:, None] * np.array([0.25, 0.5, 1.0]),
        np.repeat(np.array([[300.0], [200.0], [400.0]]), LEVELS, axis=1),
    )
    simulation = simulate(PEOPLE, pipeline, np.array([50.0, 0.0, 20.0, 0.0]), new, 0.2, 0.1)
    return ForecastState(simulation, {COMPANY: 700.0, "person:ann": 250.0})


def mean(stand: ForecastState, scope: str = COMPANY) -> float:
    return float(scope_summary(stand, scope)["revenue"]["mean"])


def test_supposing_nothing_changes_nothing(stand: ForecastState):
    same = apply_assumptions(stand, Assumptions(), DAYS)
    assert scope_summary(same, COMPANY) == scope_summary(stand, COMPANY)
    for name in ("closed", "open_draws", "new_draws"):
        assert (getattr(same.simulation, name) == getattr(stand.simulation, name)).all()


def test_a_deal_won_or_lost_moves_its_owner_and_leaves_all_others_alone(stand: ForecastState):
    won = apply_assumptions(stand, Assumptions(won=frozenset({"A"})), DAYS)
    lost = apply_assumptions(stand, Assumptions(lost=frozenset({"A"})), DAYS)
    assert mean(won) - mean(lost) == pytest.approx(300.0)
    assert mean(won) - mean(stand) == pytest.approx(0.4 * 300, abs=1.0)
    for other in ("person:bob", "person:cid"):
        assert scope_summary(won, other) == scope_summary(lost, other) == scope_summary(stand, other)
    assert scope_summary(won, COMPANY)["probability"] > scope_summary(stand, COMPANY)["probability"]
    assert scope_summary(lost, COMPANY)["probability"] < scope_summary(stand, COMPANY)["probability"]


def test_a_pushed_deal_is_won_as_much_later(stand: ForecastState):
    pushed = apply_assumptions(stand, Assumptions(pushed={"A": 20.0}), DAYS)
    # By day 40 as likely as it was by day 20; by day 20 as by day 0; by day 10 not at all.
    assert pushed.simulation.pipeline.won_by[0] == pytest.approx([0.0, 0.0, 0.3])
    assert mean(pushed) - mean(stand) == pytest.approx(-0.3 * 300, abs=1.5)
    far = apply_assumptions(stand, Assumptions(pushed={"A": 400.0}), DAYS)
    assert mean(far) == pytest.approx(
        mean(apply_assumptions(stand, Assumptions(lost=frozenset({"A"})), DAYS))
    )


def test_a_new_amount_counts_also_for_a_deal_supposed_won(stand: ForecastState):
    cut = apply_assumptions(stand, Assumptions(repriced={"C": 100.0}), DAYS)
    assert mean(cut) - mean(stand) == pytest.approx(0.5 * (100 - 400), abs=1.5)
    won = apply_assumptions(stand, Assumptions(won=frozenset({"C"}), repriced={"C": 100.0}), DAYS)
    assert won.simulation.closed[2] == 120.0


def test_who_leaves_brings_no_new_business_and_nobody_else_loses_any(stand: ForecastState):
    left = apply_assumptions(stand, Assumptions(leaving=frozenset({"cid"})), DAYS)
    before, after = stand.simulation, left.simulation
    assert after.new_draws[2].sum() == 0
    assert before.new_draws[2].sum() > 0
    assert (after.new_draws[[0, 1, 3]] == before.new_draws[[0, 1, 3]]).all()
    assert (after.open_draws == before.open_draws).all()


def test_who_joins_sells_as_the_team_does_and_changes_nobody_else(stand: ForecastState):
    grown = add_seller(stand, JoiningSeller("dan", "north"), DAYS)
    before, after = stand.simulation, grown.simulation
    assert after.organisation.people == ("ann", "bob", "cid", "dan")
    assert (after.new_draws[:3] == before.new_draws[:3]).all()
    assert (after.open_draws[[0, 1, 2, 4]] == before.open_draws).all()
    assert mean(grown, "person:dan") == pytest.approx(0.45 * 75, rel=0.03)
    assert mean(grown) - mean(stand) == pytest.approx(mean(grown, "person:dan"))
    assert mean(grown, "team:north") - mean(stand, "team:north") == pytest.approx(mean(grown, "person:dan"))
    assert scope_summary(grown, "team:south") == scope_summary(stand, "team:south")
    slow = replace(stand.simulation.new, by_date=np.array([0.1, 0.3, 1.0]))
    late = replace(stand, simulation=replace(stand.simulation, new=slow))
    assert mean(add_seller(late, JoiningSeller("dan", "north", 20.0), DAYS), "person:dan") == pytest.approx(
        0.3 * mean(add_seller(late, JoiningSeller("dan", "north"), DAYS), "person:dan"), rel=0.05
    )
    over = replace(stand, simulation=replace(stand.simulation, new=replace(slow, by_date=np.zeros(0))))
    assert mean(add_seller(over, JoiningSeller("dan", "north"), np.zeros(1)), "person:dan") == 0
    with pytest.raises(SanchoError, match="no such team"):
        add_seller(stand, JoiningSeller("dan", "west"), DAYS)


def test_another_target_changes_the_probability_alone(stand: ForecastState):
    high = apply_assumptions(stand, Assumptions(targets={COMPANY: 900.0}), DAYS)
    assert scope_summary(high, COMPANY)["probability"] < scope_summary(stand, COMPANY)["probability"]
    assert scope_summary(high, COMPANY)["revenue"] == scope_summary(stand, COMPANY)["revenue"]
    assert scope_summary(high, "person:ann") == scope_summary(stand, "person:ann")
    assert scope_summary(replace(stand, targets={}), COMPANY)["probability"] is None


@pytest.mark.parametrize(
    ("supposed", "told"),
    [
        (Assumptions(won=frozenset({"Z"})), "Z"),
        (Assumptions(pushed={"Y": 3.0}), "sancho score"),
        (Assumptions(won=frozenset({"A"}), lost=frozenset({"A"})), "choose one"),
        (Assumptions(leaving=frozenset({"dan"})), "dan"),
    ],
)
def test_what_if_refuses_an_impossible_supposition_in_one_sentence(
    stand: ForecastState, supposed: Assumptions, told: str
):
    with pytest.raises(SanchoError, match=told):
        apply_assumptions(stand, supposed, DAYS)


def test_a_refused_deal_is_called_by_its_name(stand: ForecastState):
    supposed = Assumptions(won=frozenset({"X", "Y"}))
    with pytest.raises(SanchoError) as refused:
        apply_assumptions(stand, supposed, DAYS, lambda deal: Text(f"甲社（{deal}）", f"Acme ({deal})"))
    assert "商談「甲社（X）、甲社（Y）」は" in refused.value.text.ja
    assert refused.value.text.en.startswith("not open at that time: Acme (X), Acme (Y);")
