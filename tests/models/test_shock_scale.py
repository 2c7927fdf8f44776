"""Are shared shocks as uncertain in size as few periods leave them, in one draw of all scenarios?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.attainment import probability_of
from models.forecast.change_attribution import ForecastState, attribute_change, change_report
from models.forecast.common_factors import KNOTS, CommonFactors
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.shock_scale import (
    KNOWN,
    LARGEST,
    centred_log_odds,
    degrees_of_freedom,
    scale_quantiles,
    scenario_scales,
)
from models.forecast.simulate import LEVELS, Pipeline, Simulation, simulate
from models.forecast.what_if import Assumptions, apply_assumptions

TREE = ScopeTree(("ann", "bob", "cid"), np.array([0, 0, 1]), ("north", "south"), np.array([-1, -1]))
DEALS = 400


def simulated(degrees: float, new_wins: float = 0.0, scenarios: int = 1 << 14) -> Simulation:
    chances = np.tile([0.1, 0.3, 0.5, 0.8], DEALS // 4)
    person = np.arange(DEALS) % 3
    ids = np.array([f"D{number}" for number in range(DEALS)], object)
    pipeline = Pipeline(ids, person, chances[:, None], np.full((DEALS, LEVELS), 100.0))
    mean = np.array([new_wins, new_wins, new_wins, 0.0])
    new = NewBusinessRates(mean, 0.3, 0.1, 0.2, np.array([100.0]), np.ones(4), np.ones(1))
    return simulate(TREE, pipeline, np.zeros(4), new, 0.3, 0.1, scenarios, degrees=degrees)


def test_each_past_period_but_one_adds_a_degree_of_freedom_to_those_of_the_prior() -> None:
    assert [degrees_of_freedom(periods) for periods in (0, 1, 2, 12)] == [2.0, 2.0, 3.0, 13.0]
    assert CommonFactors(KNOTS, KNOTS, KNOTS, 9).degrees == 10.0
    assert CommonFactors.prior().degrees == 2.0


@pytest.mark.parametrize("degrees", [2.0, 4.0, 11.0, 60.0])
def test_scales_leave_the_size_of_the_shocks_as_estimated(degrees: float) -> None:
    scale = scenario_scales(degrees, 1 << 14, 7)
    assert (scale**2).mean() == pytest.approx(1.0, abs=0.01)
    assert (scale > 0).all()
    assert scale.max() <= LARGEST


def test_scales_differ_less_the_more_periods_there_were() -> None:
    spread = [float(np.ptp(scale_quantiles(degrees, 100))) for degrees in (3.0, 5.0, 11.0, 100.0, KNOWN)]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] == 0.0


def test_shared_shocks_of_few_periods_have_the_tails_of_students_t() -> None:
    """Beyond three sizes lie 0.27 % of a normal factor, and the share of t(5) scaled to the same variance."""
    scale = scenario_scales(5.0, 1 << 16, 3)
    factor = scale * np.random.default_rng(1).standard_normal(len(scale))
    scaled = np.random.default_rng(2).standard_t(5, 1 << 20) / np.sqrt(5 / 3)
    beyond = float((np.abs(scaled) > 3).mean())
    assert float((np.abs(factor) > 3).mean()) == pytest.approx(beyond, rel=0.15)
    assert beyond > 3 * 0.0027


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0, 1.5), st.sampled_from([2.0, 4.0, 11.0]))
def test_a_centred_shift_of_uncertain_size_keeps_every_probability(
    chance: float, sd: float, degrees: float
) -> None:
    z = np.random.default_rng(1).standard_normal(1 << 17) * scenario_scales(degrees, 1 << 17, 1)
    middle = centred_log_odds(np.array([chance]), sd, degrees)[0]
    assert (1 / (1 + np.exp(-(middle + sd * z)))).mean() == pytest.approx(chance, abs=0.005)


def test_targets_far_away_are_likelier_where_few_periods_say_how_large_shocks_are() -> None:
    known, few = simulated(KNOWN), simulated(4.0)
    everyone = TREE.members(COMPANY)
    one, other = known.total(everyone), few.total(everyone)
    assert other.mean() == pytest.approx(one.mean(), rel=0.005)
    assert other.std() == pytest.approx(one.std(), rel=0.06)
    for sds in (3.0, -3.0):  # out of reach, and safe
        target = float(one.mean() + sds * one.std())
        settled = [probability_of(simulation, everyone, target) or 0.0 for simulation in (known, few)]
        from_certain = [min(chance, 1 - chance) for chance in settled]
        assert from_certain[1] > 1.5 * from_certain[0]


def test_every_deal_and_all_new_business_keep_their_expectation() -> None:
    few = simulated(3.0, new_wins=20.0)
    won = few.open_draws.mean(1)
    expected = [float(few.pipeline.won_by[few.pipeline.person == person].sum() * 100) for person in range(3)]
    assert won[:3] == pytest.approx(expected, rel=0.01)
    assert few.new_draws.mean(1)[:3] == pytest.approx([2000.0] * 3, rel=0.05)


def test_parents_are_still_the_sums_of_their_children_in_every_scenario() -> None:
    few = simulated(3.0, new_wins=2.0, scenarios=1024)
    teams = sum(few.total(TREE.members(scope)) for scope in TREE.children(COMPANY))
    assert (few.total(TREE.members(COMPANY)) == teams).all()


def test_a_what_if_and_a_change_are_drawn_with_the_same_scales() -> None:
    state = ForecastState(simulated(3.0, new_wins=2.0), {COMPANY: 20_000.0})
    same = apply_assumptions(state, Assumptions(), np.array([10.0]))
    assert same.simulation.sizes == state.simulation.sizes
    assert (same.simulation.open_draws == state.simulation.open_draws).all()
    unchanged = change_report(attribute_change(state, state, {}), COMPANY)
    assert unchanged is not None
    assert (
        unchanged["from"]
        == unchanged["to"]
        == probability_of(state.simulation, TREE.members(COMPANY), 20_000.0)
    )
    raised = state.simulation.with_win_probability_ratio(np.full(DEALS, 1.1))
    assert (raised.open_draws >= state.simulation.open_draws).all()
    later = replace(state, simulation=simulated(3.0, new_wins=2.0))
    assert (
        later.simulation.total(TREE.members(COMPANY)) == state.simulation.total(TREE.members(COMPANY))
    ).all()
