"""Does supposing something change what it should, and nothing else?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crm.errors import SanchoError
from models.forecast.change_attribution import Stand
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, Organisation
from models.forecast.simulate import LEVELS, Pipeline, simulate
from models.forecast.what_if import Joining, Supposed, join, outlook, suppose

DAYS = np.array([10.0, 20.0, 40.0])
PEOPLE = Organisation(("ann", "bob", "cid"), np.array([0, 0, 1]), ("north", "south"), np.array([-1, -1]))


@pytest.fixture(scope="module")
def stand() -> Stand:
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
    return Stand(simulation, {COMPANY: 700.0, "person:ann": 250.0})


def mean(stand: Stand, scope: str = COMPANY) -> float:
    return float(outlook(stand, scope)["revenue"]["mean"])


def test_supposing_nothing_changes_nothing(stand: Stand):
    same = suppose(stand, Supposed(), DAYS)
    assert outlook(same, COMPANY) == outlook(stand, COMPANY)
    for name in ("closed", "open_draws", "new_draws"):
        assert (getattr(same.simulation, name) == getattr(stand.simulation, name)).all()


def test_a_deal_won_or_lost_moves_its_owner_and_leaves_all_others_alone(stand: Stand):
    won = suppose(stand, Supposed(won=frozenset({"A"})), DAYS)
    lost = suppose(stand, Supposed(lost=frozenset({"A"})), DAYS)
    assert mean(won) - mean(lost) == pytest.approx(300.0)
    assert mean(won) - mean(stand) == pytest.approx(0.4 * 300, abs=1.0)
    for other in ("person:bob", "person:cid"):
        assert outlook(won, other) == outlook(lost, other) == outlook(stand, other)
    assert outlook(won, COMPANY)["probability"] > outlook(stand, COMPANY)["probability"]
    assert outlook(lost, COMPANY)["probability"] < outlook(stand, COMPANY)["probability"]


def test_a_pushed_deal_is_won_as_much_later(stand: Stand):
    pushed = suppose(stand, Supposed(pushed={"A": 20.0}), DAYS)
    # By day 40 as likely as it was by day 20; by day 20 as by day 0; by day 10 not at all.
    assert pushed.simulation.pipeline.won_by[0] == pytest.approx([0.0, 0.0, 0.3])
    assert mean(pushed) - mean(stand) == pytest.approx(-0.3 * 300, abs=1.5)
    far = suppose(stand, Supposed(pushed={"A": 400.0}), DAYS)
    assert mean(far) == pytest.approx(mean(suppose(stand, Supposed(lost=frozenset({"A"})), DAYS)))


def test_a_new_amount_counts_also_for_a_deal_supposed_won(stand: Stand):
    cut = suppose(stand, Supposed(repriced={"C": 100.0}), DAYS)
    assert mean(cut) - mean(stand) == pytest.approx(0.5 * (100 - 400), abs=1.5)
    won = suppose(stand, Supposed(won=frozenset({"C"}), repriced={"C": 100.0}), DAYS)
    assert won.simulation.closed[2] == 120.0


def test_who_leaves_brings_no_new_business_and_nobody_else_loses_any(stand: Stand):
    left = suppose(stand, Supposed(leaving=frozenset({"cid"})), DAYS)
    before, after = stand.simulation, left.simulation
    assert after.new_draws[2].sum() == 0
    assert before.new_draws[2].sum() > 0
    assert (after.new_draws[[0, 1, 3]] == before.new_draws[[0, 1, 3]]).all()
    assert (after.open_draws == before.open_draws).all()


def test_who_joins_sells_as_the_team_does_and_changes_nobody_else(stand: Stand):
    grown = join(stand, Joining("dan", "north"), DAYS)
    before, after = stand.simulation, grown.simulation
    assert after.organisation.people == ("ann", "bob", "cid", "dan")
    assert (after.new_draws[:3] == before.new_draws[:3]).all()
    assert (after.open_draws[[0, 1, 2, 4]] == before.open_draws).all()
    assert mean(grown, "person:dan") == pytest.approx(0.45 * 75, rel=0.03)
    assert mean(grown) - mean(stand) == pytest.approx(mean(grown, "person:dan"))
    assert mean(grown, "team:north") - mean(stand, "team:north") == pytest.approx(mean(grown, "person:dan"))
    assert outlook(grown, "team:south") == outlook(stand, "team:south")
    slow = replace(stand.simulation.new, by_date=np.array([0.1, 0.3, 1.0]))
    late = replace(stand, simulation=replace(stand.simulation, new=slow))
    assert mean(join(late, Joining("dan", "north", 20.0), DAYS), "person:dan") == pytest.approx(
        0.3 * mean(join(late, Joining("dan", "north"), DAYS), "person:dan"), rel=0.05
    )
    over = replace(stand, simulation=replace(stand.simulation, new=replace(slow, by_date=np.zeros(0))))
    assert mean(join(over, Joining("dan", "north"), np.zeros(1)), "person:dan") == 0
    with pytest.raises(SanchoError, match="no such team"):
        join(stand, Joining("dan", "west"), DAYS)


def test_another_target_changes_the_probability_alone(stand: Stand):
    high = suppose(stand, Supposed(targets={COMPANY: 900.0}), DAYS)
    assert outlook(high, COMPANY)["probability"] < outlook(stand, COMPANY)["probability"]
    assert outlook(high, COMPANY)["revenue"] == outlook(stand, COMPANY)["revenue"]
    assert outlook(high, "person:ann") == outlook(stand, "person:ann")
    assert outlook(replace(stand, targets={}), COMPANY)["probability"] is None


@pytest.mark.parametrize(
    ("supposed", "told"),
    [
        (Supposed(won=frozenset({"Z"})), "Z"),
        (Supposed(pushed={"Y": 3.0}), "sancho score"),
        (Supposed(won=frozenset({"A"}), lost=frozenset({"A"})), "choose one"),
        (Supposed(leaving=frozenset({"dan"})), "dan"),
    ],
)
def test_what_cannot_be_supposed_is_told_in_one_sentence(stand: Stand, supposed: Supposed, told: str):
    with pytest.raises(SanchoError, match=told):
        suppose(stand, supposed, DAYS)
