"""Does the joint simulation keep its promises: sums, probabilities by hand, swings, shared shocks?"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.instants import end_of_day
from crm.periods import parse_period
from models.forecast.attainment import (
    effect_of_new_deal,
    pace_dates,
    probability_of,
    scope_forecast,
    swing_points,
)
from models.forecast.common_factors import CommonFactors, fit_common_factors
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts
from models.forecast.shock_scale import centred_log_odds
from models.forecast.simulate import (
    LEVELS,
    STEP,
    Pipeline,
    Simulation,
    attainment_given_deal,
    open_by_date,
    simulate,
)

TOKYO = ZoneInfo("Asia/Tokyo")
PERIOD = parse_period("2026-Q4")
MOMENT = end_of_day(date(2026, 11, 20), TOKYO)
DATES = pace_dates(PERIOD.first, PERIOD.last)
AHEAD = np.linspace(0, 1, sum(day > date(2026, 11, 20) for day in DATES) + 1)[1:]


def organisation() -> ScopeTree:
    """north: ann, bob (in its sub-team arctic: cid); south: dan; eve has no team."""
    return ScopeTree(
        ("ann", "bob", "cid", "dan", "eve"),
        np.array([0, 0, 2, 1, -1]),
        ("north", "south", "arctic"),
        np.array([-1, -1, 0]),
    )


def pipeline(
    chances: Sequence[float], amounts: Sequence[float], people: Sequence[int] | None = None
) -> Pipeline:
    won_by = np.asarray(chances, float)[:, None] * AHEAD
    return Pipeline(
        np.array([f"D{number}" for number in range(len(chances))], object),
        np.zeros(len(chances), np.int64) if people is None else np.asarray(people, np.int64),
        won_by,
        np.repeat(np.asarray(amounts, float)[:, None], LEVELS, axis=1),
    )


def no_new_business(people: int = 6) -> NewBusinessRates:
    return NewBusinessRates(np.zeros(people), 0.0, 0.0, 0.0, np.zeros(0), np.ones(people), AHEAD)


def some_new_business() -> NewBusinessRates:
    mean = np.array([1.0, 0.5, 2.0, 0.2, 0.1, 0.3])
    return NewBusinessRates(mean, 0.2, 0.1, 0.3, np.array([50.3, 80.1, 400.7]), np.ones(6), AHEAD)


def busy(seed: int = 1, deals: int = 60) -> Simulation:
    rng = np.random.default_rng(seed)
    chosen = pipeline(rng.beta(1, 3, deals), rng.lognormal(5, 1, deals), rng.integers(0, 6, deals))
    closed = np.array([10.1, 20.2, 0.3, 7.7, 0.0, 1.9])
    return simulate(organisation(), chosen, closed, some_new_business(), 0.4, 0.3)


def facts(targets: dict[str, float], closed: Sequence[float] = (0,) * 6) -> PeriodFacts:
    known = np.asarray(closed, float)
    by_date = np.array([known * (day <= date(2026, 11, 20)) for day in DATES])
    ends = {day: end_of_day(day, TOKYO) for day in DATES}
    return PeriodFacts(
        period=PERIOD,
        moment=MOMENT,
        day_ends=ends,
        dates=DATES,
        closed=known,
        closed_by_date=by_date,
        targets=targets,
        stage_weighted=np.zeros(6),
        last_year=None,
        run_rate=None,
    )


def enumerated(chances: Sequence[float], amounts: Sequence[float], target: float) -> float:
    """Referee: every combination of outcomes, written out."""
    total = 0.0
    for outcome in itertools.product((0, 1), repeat=len(chances)):
        weight = np.prod([p if won else 1 - p for p, won in zip(chances, outcome, strict=True)])
        if np.dot(outcome, amounts) >= target:
            total += float(weight)
    return total


def test_swings_of_all_scopes_at_once_are_those_of_one_at_a_time() -> None:
    simulation = busy()
    scopes = [COMPANY, "team:north", "team:arctic", "person:ann", "person:eve"]
    aims = facts(
        {scope: float(np.median(simulation.total(organisation().members(scope)))) for scope in scopes}
    )
    found = swing_points(simulation, aims)
    assert list(found) == [scope for scope in organisation().scopes() if scope in scopes]
    for scope in scopes:
        people = organisation().members(scope)
        rows = np.flatnonzero(np.isin(simulation.pipeline.person, people))
        won, lost, _ = attainment_given_deal(
            simulation, rows, simulation.total(people), aims.target(scope) or 0.0
        )
        assert found[scope].tolist() == (100 * (won - lost)).tolist()
        alone = scope_forecast(simulation, aims, AHEAD, scope)
        assert scope_forecast(simulation, aims, AHEAD, scope, found[scope]) == alone
    assert swing_points(simulation, facts({})) == {}


def test_three_deals_attain_as_often_as_all_their_combinations_say() -> None:
    chances, amounts = [0.3, 0.6, 0.5], [100.0, 200.0, 300.0]
    simulation = simulate(
        organisation(), pipeline(chances, amounts), np.zeros(6), no_new_business(), 0.0, 0.0
    )
    people = organisation().members(COMPANY)
    for target in (100, 200, 300, 301, 400, 600):
        assert probability_of(simulation, people, target) == pytest.approx(
            enumerated(chances, amounts, target), abs=0.004
        )


def test_a_deal_alone_attains_exactly_as_often_as_it_is_won() -> None:
    simulation = simulate(
        organisation(), pipeline([0.3171], [100.0]), np.zeros(6), no_new_business(), 0.0, 0.0
    )
    assert probability_of(simulation, organisation().members(COMPANY), 100.0) == pytest.approx(
        0.3171, abs=1e-12
    )


def test_the_swing_of_a_deal_is_what_enumeration_says() -> None:
    chances, amounts = [0.3, 0.6, 0.5], [100.0, 200.0, 300.0]
    simulation = simulate(
        organisation(), pipeline(chances, amounts), np.zeros(6), no_new_business(), 0.0, 0.0
    )
    answer = scope_forecast(simulation, facts({COMPANY: 300.0}), AHEAD, COMPANY)
    swings = {deal["deal_id"]: deal["swing_pp"] for deal in answer["deals"]}
    for at, name in enumerate(("D0", "D1", "D2")):
        without = [p for other, p in enumerate(chances) if other != at]
        rest = [a for other, a in enumerate(amounts) if other != at]
        expected = enumerated(without, rest, 300 - amounts[at]) - enumerated(without, rest, 300)
        assert swings[name] == pytest.approx(100 * expected, abs=0.7)
    assert [deal["deal_id"] for deal in answer["deals"]] == ["D2", "D0", "D1"]


def test_won_and_lost_weighed_by_their_chances_give_the_whole_where_deals_share_nothing() -> None:
    chances, amounts = [0.5, 0.3, 0.8], [100.0, 200.0, 150.0]
    simulation = simulate(
        organisation(), pipeline(chances, amounts), np.zeros(6), no_new_business(), 0.0, 0.0
    )
    total = simulation.total(organisation().members(COMPANY))
    won, lost, overall = attainment_given_deal(simulation, np.arange(3), total, 250.0)
    np.testing.assert_allclose(chances * won + (1 - np.array(chances)) * lost, overall, atol=1e-3)
    np.testing.assert_allclose(overall, enumerated(chances, amounts, 250.0), atol=0.006)


def test_a_small_deal_is_not_credited_with_the_mood_all_deals_share() -> None:
    chances, amounts = [0.4] * 40, [100.0] * 39 + [1e-3]
    calm, moody = (
        simulate(organisation(), pipeline(chances, amounts), np.zeros(6), no_new_business(), sd, 0.0)
        for sd in (0.0, 0.8)
    )
    for simulation in (calm, moody):
        total = simulation.total(organisation().members(COMPANY))
        won, lost, overall = attainment_given_deal(simulation, np.array([39]), total, 1650.0)
        assert won[0] - lost[0] == pytest.approx(0.0, abs=1e-9)
        assert overall[0] == pytest.approx((total >= 1650.0).mean(), abs=1e-9)


def test_draws_of_children_add_up_to_their_parents_exactly() -> None:
    simulation, tree = busy(), organisation()
    for scope in tree.scopes():
        children = tree.children(scope)
        if children:
            parts = [simulation.total(tree.members(child)) for child in children]
            assert (np.sum(parts, axis=0) == simulation.total(tree.members(scope))).all(), scope


def test_children_of_a_forecast_hold_all_of_its_revenue() -> None:
    answer = scope_forecast(busy(), facts({}), AHEAD, COMPANY)
    assert [child["scope"] for child in answer["children"]] == [
        "team:north",
        "team:south",
        "person:eve",
        "unassigned",
    ]
    assert sum(child["revenue"]["mean"] for child in answer["children"]) == pytest.approx(
        answer["revenue"]["mean"]
    )


def test_components_add_up_to_the_mean() -> None:
    answer = scope_forecast(busy(), facts({}), AHEAD, "team:north")
    assert [part["name"] for part in answer["components"]] == ["closed", "open_pipeline", "new_business"]
    assert sum(part["mean"] for part in answer["components"]) == pytest.approx(answer["revenue"]["mean"])


def test_the_mean_of_a_deal_is_kept_however_strong_the_shocks() -> None:
    chances = np.linspace(0.01, 0.99, 50)
    for company_sd, team_sd in ((0.0, 0.0), (0.5, 0.3), (1.2, 0.8)):
        chosen = pipeline(chances, np.ones(50))
        simulation = simulate(organisation(), chosen, np.zeros(6), no_new_business(), company_sd, team_sd)
        assert simulation.open_draws.sum(0).mean() == pytest.approx(chances.sum(), rel=0.003)


def test_shared_shocks_widen_a_company_and_not_a_single_deal() -> None:
    chosen = pipeline(np.full(300, 0.3), np.ones(300))
    tight = simulate(organisation(), chosen, np.zeros(6), no_new_business(), 0.0, 0.0).open_draws.sum(0).std()
    wide = simulate(organisation(), chosen, np.zeros(6), no_new_business(), 0.4, 0.0).open_draws.sum(0).std()
    assert tight == pytest.approx(np.sqrt(300 * 0.21), rel=0.05)
    assert wide == pytest.approx(np.hypot(tight, 300 * 0.21 * 0.4), rel=0.1)


def test_the_same_question_gets_the_same_answer() -> None:
    first, second = (scope_forecast(busy(), facts({COMPANY: 9000.0}), AHEAD, COMPANY) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_draws_by_date_end_where_the_period_ends() -> None:
    simulation = busy()
    by_date = open_by_date(simulation, np.arange(len(simulation.pipeline.deal_ids)))
    assert (by_date[-1] == simulation.open_draws.sum(0)).all()
    expected = simulation.pipeline.amounts.mean(1) @ simulation.pipeline.won_by
    np.testing.assert_allclose(by_date.mean(1), expected, rtol=0.02)
    assert (np.diff(by_date, axis=0) >= 0).all()


def test_the_probability_of_a_target_has_an_interval_in_every_scope() -> None:
    answer = scope_forecast(busy(), facts({COMPANY: 9000.0, "team:north": 4000.0}), AHEAD, COMPANY)
    north = next(child for child in answer["children"] if child["scope"] == "team:north")
    for side in (answer, north):
        assert list(side["probability_intervals"]) == ["50", "80", "95"]
        for lo, hi in side["probability_intervals"].values():
            assert 0 < lo <= side["probability"] <= hi < 1
    assert [child["probability_intervals"] for child in answer["children"] if child["target"] is None] == [
        None
    ] * 3


def test_without_a_target_there_is_revenue_and_no_probability() -> None:
    answer = scope_forecast(busy(), facts({}), AHEAD, COMPANY)
    assert (answer["target"], answer["probability"], answer["gap"]) == (None, None, None)
    assert {deal["swing_pp"] for deal in answer["deals"]} == {None}
    assert answer["revenue"]["mean"] > 0


def test_a_target_that_is_closed_already_is_as_good_as_certain_and_no_more() -> None:
    simulation = simulate(
        organisation(), pipeline([0.1], [5.0]), np.array([100.0, 0, 0, 0, 0, 0]), no_new_business(), 0.3, 0.1
    )
    assert (
        probability_of(simulation, organisation().members("person:ann"), 100.0)
        == 1.0 - 0.5 / simulation.open_draws.shape[1]
    )


def test_a_scope_with_nothing_in_it_still_has_every_field() -> None:
    empty = pipeline([], [])
    simulation = simulate(organisation(), empty, np.zeros(6), no_new_business(), 0.3, 0.1)
    answer = scope_forecast(simulation, facts({"person:dan": 10.0}), AHEAD, "person:dan")
    assert answer["probability"] == 0.5 / simulation.open_draws.shape[1]
    assert answer["gap"] == 10.0
    assert answer["deals"] == []
    assert len(answer["pace"]) == len(DATES)


def test_the_pace_is_known_up_to_the_moment_and_never_falls() -> None:
    answer = scope_forecast(busy(), facts({}, [10, 20, 0, 7, 0, 1]), AHEAD, COMPANY)
    known = [point for point in answer["pace"] if point["closed"] is not None]
    assert all(point["p10"] == point["p90"] == point["closed"] for point in known)
    assert [point["date"] for point in answer["pace"]] == [day.isoformat() for day in DATES]


def test_a_deal_that_is_not_in_the_store_moves_the_goal_by_its_own_amount() -> None:
    total = np.arange(0, 1000, 1000 / (1 << 14))
    effect = effect_of_new_deal(total, 0.25, np.full(LEVELS, 100.0), 500.0)
    assert effect.if_lost == pytest.approx(0.5, abs=1e-3)
    assert effect.if_won == pytest.approx(0.6, abs=1e-3)
    assert effect.probability == pytest.approx(0.525, abs=1e-3)


def test_no_deal_makes_a_target_certain() -> None:
    total = np.full(1 << 14, 1000.0)
    for target, certain in ((500.0, 1.0), (5000.0, 0.0)):
        effect = effect_of_new_deal(total, 0.25, np.full(LEVELS, 100.0), target)
        for probability in (effect.probability, effect.if_won, effect.if_lost):
            assert 0 < probability < 1
            assert probability == pytest.approx(certain, abs=1e-4)
        assert effect.if_won == effect.if_lost == effect.probability


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0, 2))
def test_a_centred_shift_keeps_every_probability(chance: float, sd: float) -> None:
    z = np.random.default_rng(1).standard_normal(200_000)
    middle = centred_log_odds(np.array([chance]), sd)[0]
    assert (1 / (1 + np.exp(-(middle + sd * z)))).mean() == pytest.approx(chance, abs=0.004)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6)), min_size=1, max_size=8))
def test_no_scenario_brings_less_than_nothing_or_more_than_everything(
    deals: list[tuple[float, float]],
) -> None:
    chances, amounts = zip(*deals, strict=True)
    simulation = simulate(
        organisation(), pipeline(chances, amounts), np.zeros(6), no_new_business(), 0.3, 0.2, 1024
    )
    draws = simulation.open_draws.sum(0)
    assert draws.min() >= 0
    assert draws.max() <= sum(amounts) + STEP * len(deals)


def past_totals(company_sd: float, team_sd: float, seed: int = 3) -> CommonFactors:
    rng = np.random.default_rng(seed)
    rows = []
    for period in range(40):
        mood, of_team = rng.normal() * company_sd, rng.normal(size=4) * team_sd
        chance = rng.beta(2, 4, 400)
        team = rng.integers(0, 4, 400)
        odds = chance / (1 - chance) * np.exp(mood + of_team[team])
        rows.append((chance, rng.random(400) < odds / (1 + odds), np.full(400, period), team))
    chance, won, origin, team = (np.concatenate(column) for column in zip(*rows, strict=True))
    return fit_common_factors(chance, won.astype(float), origin, origin, team, np.full(len(chance), 40.0))


def test_the_size_of_the_companys_shock_is_found_in_past_totals() -> None:
    assert past_totals(0.5, 0.05).at(40)[0] == pytest.approx(0.5, rel=0.3)


def test_the_size_of_the_teams_shock_is_found_in_past_totals() -> None:
    assert past_totals(0.05, 0.5).at(40)[1] == pytest.approx(0.5, rel=0.3)


def test_independent_deals_leave_little_of_the_prior() -> None:
    company, team = past_totals(0.0, 0.0).at(40)
    assert company < 0.12
    assert team < 0.12


def test_common_factors_survive_being_stored() -> None:
    fitted = past_totals(0.3, 0.2)
    again = CommonFactors.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again.at(33) == fitted.at(33)
    assert again.periods == 40


def test_a_team_that_is_its_own_ancestor_does_not_hang() -> None:
    from models.forecast.organisation import _without_cycles

    assert _without_cycles(np.array([1, 0, 1])).tolist() in ([-1, 0, 1], [1, -1, 1])


def test_teams_without_people_take_no_memory_and_change_no_draw_of_the_others():
    teams = ("north", "south", "arctic", *(f"new-{number}" for number in range(300)))
    some = organisation()
    many = ScopeTree(some.people, some.team_of, teams, np.append(some.parent, np.full(300, -1)))
    chosen = pipeline([0.2, 0.5, 0.7], [10.0, 20.0, 30.0], [0, 2, 4])
    closed = np.zeros(6)
    drawn = simulate(many, chosen, closed, some_new_business(), 0.4, 0.3)
    few = simulate(some, chosen, closed, some_new_business(), 0.4, 0.3)
    assert len(drawn.shift) == len(few.shift) == 4, "three teams with people, and the people of none"
    np.testing.assert_array_equal(drawn.shift, few.shift)
    np.testing.assert_array_equal(drawn.open_draws, few.open_draws)


def test_which_team_has_people_changes_no_draw_of_another():
    """Nobody is in the first team any more: the second one's draws stay those of the second."""
    some = organisation()
    left = ScopeTree(some.people, np.array([-1, 1, 2, 1, -1]), some.teams, some.parent)
    chosen = pipeline([0.5], [10.0], [3])
    before, after = (simulate(one, chosen, np.zeros(6), no_new_business(), 0.4, 0.3) for one in (some, left))
    np.testing.assert_array_equal(before.shift[1:], after.shift)
    np.testing.assert_array_equal(before.open_draws[3], after.open_draws[3])
