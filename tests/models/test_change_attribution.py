"""Do the parts of a change in the outlook add up to it, and does each carry what it should?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.attainment import probability_of
from models.forecast.change_attribution import STEPS, ForecastState, attribute_change, change_report
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.simulate import LEVELS, Pipeline, simulate

SIZES = (0.2, 0.1)
TARGETS = {COMPANY: 900.0, "team:north": 600.0, "person:ann": 300.0}
Deal = tuple[str, int, float, float]  # id, person, chance, amount


def organisation(*people: str) -> ScopeTree:
    """The first two are north, the others south."""
    names = people or ("ann", "bob", "cid")
    team = np.array([0 if number < 2 else 1 for number in range(len(names))])
    return ScopeTree(names, team, ("north", "south"), np.array([-1, -1]))


def stand(
    deals: Sequence[Deal],
    closed: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    targets: Mapping[str, float] = TARGETS,
    new_wins: float = 0.5,
    of: ScopeTree | None = None,
) -> ForecastState:
    of = of or organisation()
    count = len(of.people) + 1
    new = NewBusinessRates(
        np.full(count, new_wins), 0.2, 0.1, 0.3, np.array([60.0, 90.0]), np.ones(count), np.ones(1)
    )
    ids, person, chance, amount = zip(*deals, strict=True) if deals else ((), (), (), ())
    pipeline = Pipeline(
        np.array(ids, object),
        np.array(person, np.int64),
        np.array(chance, float)[:, None],
        np.repeat(np.array(amount, float)[:, None], LEVELS, axis=1),
    )
    return ForecastState(simulate(of, pipeline, np.array(closed, float), new, *SIZES), targets)


THEN = stand([("A", 0, 0.6, 300.0), ("B", 0, 0.4, 200.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)])


def parts(
    then: ForecastState, now: ForecastState, brought: Mapping[str, float], scope: str = COMPANY
) -> dict[str, dict]:
    found = change_report(attribute_change(then, now, brought), scope)
    assert found is not None
    assert [part["code"] for part in found["contributions"]] == list(STEPS)
    return {part["code"]: part for part in found["contributions"]}


def only(found: Mapping[str, dict], *codes: str) -> None:
    for code, part in found.items():
        if code not in codes:
            assert part["effect_pp"] == part["revenue"] == 0.0, code
            assert part["deals"] == [], code


def test_change_attribution_is_empty_where_nothing_happened():
    found = parts(THEN, replace(THEN), {})
    only(found)


def test_the_first_and_the_last_scenarios_are_those_drawn_from_nothing():
    """Also where others are taken over: those of the earlier and of the later state have the same deals."""
    now = stand(
        [("B", 0, 0.7, 200.0), ("C", 2, 0.5, 450.0), ("D", 2, 0.3, 500.0), ("E", 1, 0.2, 90.0)],
        (350.0, 0, 0, 0),
        new_wins=0.8,
    )
    change = attribute_change(THEN, now, {"A": 350.0})
    for found, state in ((change.simulations[0], THEN), (change.simulations[-1], now)):
        simulation = state.simulation
        inputs = (found.organisation, found.pipeline, simulation.closed, simulation.new)
        expected = simulate(*inputs, *SIZES)
        for name in ("open_draws", "new_draws", "new_rate", "odds", "shift", "closed"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_a_deal_won_adds_what_was_not_yet_counted_on():
    now = stand([("B", 0, 0.4, 200.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)], (350.0, 0, 0, 0))
    found = parts(THEN, now, {"A": 350.0})
    only(found, "won")
    assert found["won"]["effect_pp"] > 0
    assert found["won"]["revenue"] == pytest.approx(350 - 0.6 * 300, abs=1.0)
    assert found["won"]["deals"] == [{"deal_id": "A", "revenue": pytest.approx(170.0)}]


def test_a_deal_lost_takes_away_what_was_counted_on():
    now = stand([("A", 0, 0.6, 300.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)])
    found = parts(THEN, now, {})
    only(found, "lost")
    assert found["lost"]["effect_pp"] < 0
    assert found["lost"]["revenue"] == pytest.approx(-0.4 * 200, abs=1.0)
    assert found["lost"]["deals"] == [{"deal_id": "B", "revenue": pytest.approx(-80.0)}]


def test_a_deal_deleted_is_not_one_lost():
    now = stand([("A", 0, 0.6, 300.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)])
    found = change_report(attribute_change(THEN, now, {}, deleted=["B", "Z"]), COMPANY)
    assert found is not None
    part = {each["code"]: each for each in found["contributions"]}
    only(part, "deleted")
    assert part["deleted"]["deals"] == [{"deal_id": "B", "revenue": pytest.approx(-80.0)}]


@pytest.mark.parametrize(("scope", "revenue"), [("team:north", -200.0), ("team:south", 200.0), (COMPANY, 0)])
def test_a_seller_who_changes_team_takes_their_deals_along(scope, revenue):
    moved = ScopeTree(("ann", "bob", "cid"), np.array([0, 1, 1]), ("north", "south"), np.array([-1, -1]))
    deals = [("A", 0, 0.6, 300.0), ("B", 0, 0.4, 200.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)]
    targets = {**TARGETS, "team:south": 300.0}
    then, now = stand(deals, targets=targets), stand(deals, targets=targets, of=moved)
    found = change_report(attribute_change(then, now, {}), scope)
    assert found is not None
    part = {each["code"]: each for each in found["contributions"]}
    only(part, "moved")
    still_to_bring = 0.5 * 75.0  # new wins of bob, and their mean amount
    assert part["moved"]["revenue"] == pytest.approx(revenue + np.sign(revenue) * still_to_bring, abs=15)
    assert [deal["deal_id"] for deal in part["moved"]["deals"]] == (["C"] if revenue else [])


def test_a_deal_handed_to_another_seller_moves_between_their_goals():
    now = stand([("A", 2, 0.6, 300.0), ("B", 0, 0.4, 200.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)])
    found = parts(THEN, now, {}, "person:ann")
    assert found["moved"]["deals"] == [{"deal_id": "A", "revenue": pytest.approx(-180.0)}]


def test_each_change_of_an_open_deal_has_its_own_part():
    now = stand(
        [("A", 0, 0.7, 300.0), ("B", 0, 0.2, 200.0), ("C", 1, 0.5, 300.0), ("D", 2, 0.3, 500.0),
         ("E", 2, 0.25, 800.0)]
    )  # fmt: skip
    found = parts(THEN, now, {})
    only(found, "slipped", "advanced", "amount", "new_deals")
    expected = {"advanced": 30.0, "slipped": -40.0, "amount": -50.0, "new_deals": 200.0}
    for code, revenue in expected.items():
        assert found[code]["revenue"] == pytest.approx(revenue, abs=2.0), code
        assert np.sign(found[code]["effect_pp"]) == np.sign(revenue), code
        assert sum(deal["revenue"] for deal in found[code]["deals"]) == pytest.approx(revenue)
    assert [deal["deal_id"] for deal in found["new_deals"]["deals"]] == ["E"]


def test_change_attribution_names_a_higher_target_apart():
    found = parts(THEN, replace(THEN, targets={**TARGETS, COMPANY: 1_200.0}), {})
    only(found, "target")
    assert found["target"]["effect_pp"] < 0
    assert found["target"]["revenue"] == 0.0


def test_change_attribution_names_new_business_apart():
    deals = [("A", 0, 0.6, 300.0), ("B", 0, 0.4, 200.0), ("C", 1, 0.5, 400.0), ("D", 2, 0.3, 500.0)]
    found = parts(THEN, stand(deals, new_wins=1.5), {})
    only(found, "new_business")
    assert found["new_business"]["revenue"] == pytest.approx(4 * 1.0 * 75.0, rel=0.1)


def test_change_attribution_needs_a_target_and_uses_a_new_target_on_both_sides():
    now = replace(THEN, targets={})
    assert change_report(attribute_change(THEN, now, {}), COMPANY) is None
    found = change_report(attribute_change(replace(THEN, targets={}), THEN, {}), COMPANY)
    assert found is not None
    assert found["from"] == found["to"]


def test_change_attribution_keeps_the_deals_of_a_person_who_left():
    then = stand([("A", 1, 0.6, 700.0), ("B", 0, 0.5, 400.0)])
    left = organisation("ann", "dan", "cid")  # bob is gone, dan has his deal
    now = stand([("A", 1, 0.6, 700.0), ("B", 0, 0.5, 400.0)], of=left)
    found = parts(then, now, {})
    for code in ("won", "lost", "slipped", "advanced", "amount", "new_deals"):
        assert found[code]["revenue"] == 0.0, code


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_parts_add_up_to_the_change_for_every_scope(seed):
    rng = np.random.default_rng(seed)

    def deals(names: Sequence[str]) -> list[Deal]:
        return [(one, int(rng.integers(0, 4)), rng.uniform(0, 0.9), rng.uniform(50, 500)) for one in names]

    then = stand(deals(list("ABCDEF")))
    now = stand(
        deals(list("DEFGH")),
        rng.uniform(0, 200, 4).tolist(),
        {scope: value * rng.uniform(0.7, 1.4) for scope, value in TARGETS.items()},
        rng.uniform(0, 2),
    )
    change = attribute_change(then, now, {"A": 120.0})
    whole = now.simulation
    for scope in TARGETS:
        people = whole.organisation.members(scope)
        assert (change.simulations[-1].total(people) == whole.total(people)).all(), (
            "it ends at today's scenarios"
        )
        found = change_report(change, scope)
        assert found is not None
        assert found["to"] == probability_of(whole, people, now.targets[scope])
        effects = sum(part["effect_pp"] for part in found["contributions"])
        assert effects == pytest.approx(100 * (found["to"] - found["from"]), abs=1e-9)
        revenue = sum(part["revenue"] for part in found["contributions"])
        start = change.simulations[0].total(people).mean()
        assert revenue == pytest.approx(whole.total(people).mean() - start, abs=1e-6)
