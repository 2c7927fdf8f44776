"""Do levers move the goal as they should, and is the plan the least that attains?"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import start_of_day
from features.calendar import Calendar
from features.kpis import KpiEvents
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import LEVELS, SCENARIOS, Pipeline, Simulation, simulate
from models.kpis import RemainingPeriod
from models.levers import LEVERS, Level, LeverModel, OpenDeals, levels_of, new_wins_of, plan_at, smallest_plan
from models.levers.effect import STRETCHES, NewWins

TOKYO = ZoneInfo("Asia/Tokyo")
EVERYONE = np.arange(4)
BY_ID = {lever.id: lever for lever in LEVERS}


def at(text: str) -> int:
    return start_of_day(date.fromisoformat(text), TOKYO)


def level(name: str, values: list[float], top: float) -> Level:
    scale = logit if BY_ID[name].is_share else np.log
    y = scale(np.array([*values, np.nan]))
    return Level(BY_ID[name], y, np.array([10.0, 10.0, 20.0, 0.0]), np.full(4, scale(top)))


def drive(scenarios: int = SCENARIOS) -> LeverModel:
    """Three people (ann and bob north, cid south), eight deals of 100, half of them past the proposal."""
    organisation = ScopeTree(
        ("ann", "bob", "cid"), np.array([0, 0, 1]), ("north", "south"), np.array([-1, -1])
    )
    chances = np.array([0.2, 0.3, 0.4, 0.5, 0.2, 0.3, 0.4, 0.5])
    proposed = np.arange(8) % 2 == 0
    pipeline = Pipeline(
        np.array([f"D{n}" for n in range(8)], object),
        np.array([0, 0, 0, 1, 1, 2, 2, 2]),
        chances[:, None],
        np.full((8, LEVELS), 100.0),
    )
    new = NewBusinessRates(
        np.array([1.0, 0.5, 1.0, 0.2]), 0.2, 0.1, 0.3, np.array([80.0, 120.0]), np.ones(4), np.ones(1)
    )
    levels = {
        "leads": level("leads", [1.0, 2.0, 3.0], 3.0),
        "appointment_rate": level("appointment_rate", [0.2, 0.2, 0.4], 0.4),
        "proposals": level("proposals", [0.5, 0.4, 0.5], 0.5),
        "win_rate": level("win_rate", [0.3, 0.4, 0.5], 0.5),
        "amount": level("amount", [100.0, 100.0, 150.0], 150.0),
        "cycle_time": level("cycle_time", [90.0, 60.0, 60.0], 60.0),
    }
    stretched = np.minimum(chances[:, None] * np.array(STRETCHES), 0.9)
    wins = NewWins(0.3, 0.5, np.array(STRETCHES) ** 2)
    made = simulate(organisation, pipeline, np.zeros(4), new, 0.2, 0.1, scenarios)
    return LeverModel(made, levels, OpenDeals(chances + 0.1, proposed, stretched), wins)


def brought(found: LeverModel, shares: dict[str, float], people: np.ndarray = EVERYONE) -> np.ndarray:
    moved = found.with_shares(shares, people)
    return moved.open_draws.mean(1) + moved.new_draws.mean(1)


def test_levers_left_alone_give_the_forecast_itself() -> None:
    found = drive()
    assert (found.with_shares({}, EVERYONE).total(EVERYONE) == found.simulation.total(EVERYONE)).all()


@pytest.mark.parametrize("name", list(BY_ID))
def test_no_scenario_gets_worse_by_a_lever_and_it_moves_only_those_below_the_top(name: str) -> None:
    found = drive()
    before, after = found.simulation, found.with_shares({name: 1.0}, EVERYONE)
    assert (after.total(EVERYONE) >= before.total(EVERYONE)).all()
    assert after.total(EVERYONE).mean() > before.total(EVERYONE).mean()
    if name not in ("leads", "appointment_rate"):  # the business that these bring is everybody's
        assert (after.total(np.array([2])) == before.total(np.array([2]))).all()  # cid is the top


def test_levers_bring_what_is_worked_out_by_hand() -> None:
    found = drive()
    nothing = brought(found, {})
    new = found.simulation.new_draws.mean(1)
    leads = brought(found, {"leads": 1.0})
    assert leads.sum() == pytest.approx(nothing.sum() + new.sum() * 0.3 * (9 / 6 - 1), rel=0.01)
    asked = brought(found, {"appointment_rate": 1.0})
    assert asked.sum() == pytest.approx(nothing.sum() + new.sum() * 0.5 * (0.4 / 0.3 - 1), rel=0.01)
    proposals = brought(found, {"proposals": 1.0})
    assert proposals[1] == pytest.approx(100 * (0.5 * 1.25 + 0.2) + new[1] * 1.25, rel=0.02)
    size = brought(found, {"amount": 1.0})
    assert size[0] == pytest.approx(nothing[0] + new[0] * 0.5, rel=1e-6)
    cycle = brought(found, {"cycle_time": 1.0})
    stretch = np.interp(1.5, STRETCHES, np.array(STRETCHES))
    assert cycle[0] == pytest.approx(
        90 * stretch + new[0] * np.interp(1.5, STRETCHES, np.array(STRETCHES) ** 2), rel=0.03
    )
    won = brought(found, {"win_rate": 1.0})
    later = [(e + 0.1) / (1 - e - 0.1) * (1 / (0.3 / 0.7)) for e in (0.2, 0.4)]
    odds = [one / (1 + one) / (e + 0.1) * e for one, e in zip(later, (0.2, 0.4), strict=True)]
    assert won[0] == pytest.approx(100 * (sum(odds) + 0.3 * 0.5 / 0.3) + new[0] * 0.5 / 0.3, rel=0.03)


FEW = 1 << 10  # scenarios, where no share of them is looked at
TIMES = {
    "leads": 1.3,
    "appointment_rate": 1.2,
    "proposals": 1.4,
    "win_rate": 0.5,
    "amount": 1.25,
    "cycle_time": 0.6,
}


def at_levels(*changes: tuple[str, float], people: np.ndarray = EVERYONE) -> Simulation:
    """The simulation with levels of levers changed one after the other, as a what-if does."""
    found = drive(FEW)
    simulation = found.simulation
    for lever, times in changes:
        simulation = replace(found, simulation=simulation).with_level_times(lever, times, people)
    return simulation


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(TIMES, 2)))
def test_the_order_in_which_levels_are_changed_does_not_matter(one: str, other: str) -> None:
    changes = [(one, TIMES[one]), (other, TIMES[other])]
    there, back = at_levels(*changes), at_levels(*reversed(changes))
    assert there.new_draws == pytest.approx(back.new_draws, rel=1e-6)
    assert there.open_draws == pytest.approx(back.open_draws, rel=1e-6)


@pytest.mark.parametrize("other", sorted(TIMES.keys() - {"amount"}))
def test_larger_deals_stay_larger_when_another_level_is_changed_after_them(other: str) -> None:
    alone, both = at_levels((other, TIMES[other])), at_levels(("amount", 1.25), (other, TIMES[other]))
    known = np.arange(3)  # the level of deals of nobody is unknown
    assert both.new_draws[known].mean(1) == pytest.approx(1.25 * alone.new_draws[known].mean(1), rel=1e-4)


def test_a_level_raised_twice_counts_twice_and_of_each_person_once() -> None:
    everybody, nothing = at_levels(("amount", 1.2), ("amount", 1.1)), drive(FEW).simulation
    assert everybody.new_draws[:3].mean(1) == pytest.approx(1.32 * nothing.new_draws[:3].mean(1), rel=1e-4)


def test_a_chance_raised_to_the_most_and_lowered_again_is_the_one_before() -> None:
    simulation = drive(FEW).simulation
    raised = simulation.with_win_probability_ratio(np.full(8, 4.0))
    assert raised.pipeline.won_by.max() == 0.99
    lowered = raised.with_win_probability_ratio(np.full(8, 0.25))
    assert (lowered.pipeline.won_by == simulation.pipeline.won_by).all()
    assert (lowered.open_draws == simulation.open_draws).all()


def test_levers_of_a_team_move_that_team_alone() -> None:
    found = drive()
    north = np.array([0, 1])
    after, before = brought(found, dict.fromkeys(BY_ID, 1.0), north), brought(found, {})
    assert (after[north] > before[north]).all()
    assert (after[2:] == before[2:]).all()


def test_the_plan_attains_as_asked_and_no_smaller_one_of_its_kind_does() -> None:
    found = drive()
    target = float(np.quantile(found.simulation.total(EVERYONE), 0.6))
    plan = smallest_plan(found, list(BY_ID), EVERYONE, target, 0.7)
    assert plan.before.chance == pytest.approx(0.4, abs=0.03)
    assert plan.attains(0.7)
    assert 0.7 <= plan.reached.chance <= 0.71
    assert found.probability(plan.shares, EVERYONE, target) == plan.reached.chance
    less = {name: share * 0.98 for name, share in plan.shares.items()}
    assert found.probability(less, EVERYONE, target) < 0.7
    assert all(0 <= share <= 1 for share in plan.shares.values())


def test_a_plan_that_cannot_attain_says_what_the_most_is() -> None:
    found = drive()
    target = float(found.simulation.total(EVERYONE).max() * 1.5)
    plan = smallest_plan(found, ["leads", "amount"], EVERYONE, target, 0.9)
    assert not plan.attains(0.9)
    assert plan.reached.chance == plan.maximum.chance < 0.9
    assert plan.shares == {"leads": 1.0, "amount": 1.0}


def test_plan_of_an_attained_target_moves_no_lever() -> None:
    plan = smallest_plan(drive(), list(BY_ID), EVERYONE, 1.0, 0.5)
    assert set(plan.shares.values()) == {0.0}
    assert plan.reached.chance == plan.before.chance > 0.9


def test_a_plan_of_given_shares_reaches_what_these_give() -> None:
    found = drive()
    target = float(np.quantile(found.simulation.total(EVERYONE), 0.6))
    smallest = smallest_plan(found, list(BY_ID), EVERYONE, target, 0.7)
    assert plan_at(found, smallest.shares, EVERYONE, target) == smallest
    plan = plan_at(found, {"leads": 0.5, "no_lever": 1.0}, EVERYONE, target)
    assert plan.shares == {"leads": 0.5}
    assert plan.before.chance < plan.reached.chance < plan.maximum.chance
    assert plan.maximum == plan.alone["leads"]


def log() -> EventLog:
    """Six sellers of the field: two close half of their deals, four a quarter; one more of another style."""
    rng, rows, people = np.random.default_rng(3), [], []
    for number, rate in enumerate([0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.9]):
        people.append((f"p{number}", "field" if number < 6 else "route"))
        for _ in range(150):
            born = pd.Timestamp("2026-01-05") + pd.Timedelta(days=int(rng.integers(0, 200)))
            won = rng.random() < rate
            closed = born + pd.Timedelta(days=40)
            rows.append(
                (born, f"p{number}", "won" if won else "lost", closed, 100.0, "受注" if won else "失注")
            )
    deals = pd.DataFrame(rows, columns=["created_at", "owner_id", "outcome", "closed_at", "amount", "stage"])
    deals["deal_id"] = [f"D{number}" for number in range(len(deals))]
    events = pd.DataFrame(
        {
            "deal_id": deals["deal_id"],
            "at": deals["created_at"] + pd.Timedelta(days=9),
            "field": "stage",
            "value": "提案・見積",
        }
    )
    table = pd.DataFrame(people, columns=["person_id", "style"])
    return EventLog.of({"deals": deals, "deal_events": events, "people": table}, TOKYO)


def test_the_top_quartile_is_of_peers_of_the_same_style_and_not_of_luck() -> None:
    known = log()
    organisation = ScopeTree.of(known)
    moment = at("2026-10-01")
    ahead = RemainingPeriod.of(known, Calendar(TOKYO), organisation, moment, moment, at("2027-01-01"))
    happenings = KpiEvents(known, organisation.people)
    found = levels_of(happenings, ahead)
    assert set(found) == {"proposals", "win_rate", "amount", "cycle_time"}  # no leads are recorded
    rate = found["win_rate"]
    top = rate.read(rate.top)
    assert top[0] == pytest.approx(0.5, abs=0.07)
    assert np.isnan(top[6])  # one of a style has no peers
    assert rate.read(rate.y)[2] == pytest.approx(0.25, abs=0.1)
    assert found["cycle_time"].read(found["cycle_time"].y)[0] == pytest.approx(40, rel=0.01)
    assert found["amount"].step_towards_top(1.0, np.arange(7)).max() == pytest.approx(
        0, abs=1e-9
    )  # all the same
    wins = new_wins_of(happenings, ahead)
    assert wins.of_leads == 0
    assert (np.diff(wins.stretched) >= 0).all()
    assert wins.stretched[-1] > 1.1


def test_every_lever_speaks_both_languages() -> None:
    assert all(isinstance(one.label, Text) and one.label.ja and one.label.en for one in LEVERS)
