"""Are exchanged draws those of a simulation from nothing, digit for digit?"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast import exchange
from models.forecast.exchange import simulate_after
from models.forecast.new_business_rates import POOL, NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import LEVELS, Pipeline, Simulation, simulate

TREE = ScopeTree(("A", "B", "C"), np.array([0, 0, -1]), ("T",), np.array([-1]))
SIZES = (0.4, 0.2)
N = 40


def rates(seed: int = 0) -> NewBusinessRates:
    rng = np.random.default_rng(seed)
    return NewBusinessRates(
        rng.uniform(0, 2, 4), 0.2, 0.1, 0.3, rng.lognormal(14, 1, POOL), np.ones(4), np.array([0.5, 1.0])
    )


def pipeline(seed: int = 0, deals: int = N) -> Pipeline:
    rng = np.random.default_rng(seed)
    won = np.sort(rng.uniform(0, 0.7, (deals, 2)), axis=1)
    amounts = np.sort(rng.lognormal(14, 1, (deals, LEVELS)), axis=1)
    ids = np.array([f"D{n:03d}" for n in range(deals)], object)
    return Pipeline(ids, rng.integers(0, 4, deals), won, amounts)


def assert_same(found: Simulation, expected: Simulation) -> None:
    for field in fields(Simulation):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=field.name, strict=True)
    for name in ("person", "won_by", "amounts", "deal_ids"):
        np.testing.assert_array_equal(getattr(found.pipeline, name), getattr(expected.pipeline, name))


CLOSED = np.array([1e6, 0.0, 2e6, 0.0])
BEFORE = simulate(TREE, pipeline(), CLOSED, rates(), *SIZES)


@pytest.mark.parametrize("people", [[2], [0, 1], [0, 1, 3], [0, 1, 2, 3], []])
def test_the_total_of_many_people_is_the_sum_of_each_digit_for_digit(people: list[int]):
    rows = np.array(people, np.int64)
    expected = np.zeros(BEFORE.shift.shape[1])
    for person in people[::-1]:
        expected += BEFORE.new_draws[person] + BEFORE.closed[person] + BEFORE.open_draws[person]
    np.testing.assert_array_equal(BEFORE.total(rows), expected)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, N - 1), st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, 3.7]), st.integers(0, 3)
        ),
        max_size=15,
    ),
    st.sampled_from([0.0, 123_456.789]),
)
def test_changed_deals_are_drawn_as_in_a_simulation_from_nothing(
    changes: list[tuple[int, float, float, int]], more: float
):
    now = pipeline()
    for row, chance, times, person in changes:
        now.won_by[row] = np.sort([chance / 2, chance])
        now.amounts[row] *= times
        now.person[row] = person
    closed = CLOSED + more
    found = simulate_after(BEFORE, TREE, now, closed, rates(), *SIZES)
    assert_same(found, simulate(TREE, now, closed, rates(), *SIZES))


def of_rows(all_of: Pipeline, rows: np.ndarray) -> Pipeline:
    return Pipeline(*(getattr(all_of, name)[rows] for name in ("deal_ids", "person", "won_by", "amounts")))


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, N - 1), max_size=4), st.sets(st.integers(0, N - 1), max_size=4), st.booleans())
def test_deals_that_come_or_go_are_drawn_as_in_a_simulation_from_nothing(
    gone: set[int], come: set[int], cheaper: bool
):
    all_of = pipeline()
    then, now = (of_rows(all_of, np.setdiff1d(np.arange(N), list(out))) for out in (come, gone))
    if cheaper:
        now.amounts[-2:] *= 0.5
    before = simulate(TREE, then, CLOSED, rates(), *SIZES)
    found = simulate_after(before, TREE, now, CLOSED, rates(), *SIZES)
    assert_same(found, simulate(TREE, now, CLOSED, rates(), *SIZES))


def test_a_deal_with_the_last_id_is_drawn_alone(monkeypatch: pytest.MonkeyPatch):
    drawn: list[list[int]] = []
    add = exchange.add_draws
    monkeypatch.setattr(
        exchange, "add_draws", lambda *given, **more: drawn.append(list(given[1])) or add(*given, **more)
    )
    then = of_rows(pipeline(), np.arange(N - 1))
    before = simulate(TREE, then, CLOSED, rates(), *SIZES)
    found = simulate_after(before, TREE, pipeline(), CLOSED, rates(), *SIZES)
    assert drawn == [[], [N - 1]]
    assert_same(found, BEFORE)
    simulate_after(found, TREE, of_rows(pipeline(), np.arange(N) != N - 3), CLOSED, rates(), *SIZES)
    assert drawn[2:] == [[N - 3, N - 2, N - 1], [N - 3, N - 2]]


@pytest.mark.parametrize("what", ["rates", "sizes", "people", "teams", "dates"])
def test_another_market_or_organisation_is_simulated_from_nothing(what: str):
    tree, new, sizes = TREE, rates(), SIZES
    if what == "rates":
        new = replace(new, mean=new.mean + 0.1)
    if what == "dates":
        new = replace(new, by_date=np.array([0.4, 1.0]))
    if what == "sizes":
        sizes = (0.41, 0.2)
    if what == "people":
        tree = replace(TREE, people=("A", "B", "E"))
    if what == "teams":
        tree = replace(TREE, team_of=np.array([0, -1, -1]))
    found = simulate_after(BEFORE, tree, pipeline(), CLOSED, new, *sizes)
    assert_same(found, simulate(tree, pipeline(), CLOSED, new, *sizes))
    assert found.new is new
    assert found.organisation is tree


def test_at_other_rates_of_new_business_open_deals_stay_as_they_were_drawn(monkeypatch: pytest.MonkeyPatch):
    new, now = replace(rates(), mean=rates().mean * 2), pipeline()
    now.amounts[3] *= 2
    expected = simulate(TREE, now, CLOSED, new, *SIZES)
    monkeypatch.setattr(exchange, "simulate", lambda *_: pytest.fail("simulated"))
    found = simulate_after(BEFORE, TREE, now, CLOSED, new, *SIZES)
    assert_same(found, expected)
    assert (found.new_draws != BEFORE.new_draws).any()


def test_nothing_is_drawn_where_nothing_has_changed(monkeypatch: pytest.MonkeyPatch):
    for name in ("draw_open_deals", "draw_new_business", "add_draws", "simulate"):
        monkeypatch.setattr(f"models.forecast.exchange.{name}", lambda *_: pytest.fail("drawn"))
    found = simulate_after(BEFORE, TREE, pipeline(), CLOSED, rates(), *SIZES)
    assert found.open_draws is BEFORE.open_draws
    assert pd.Index(found.pipeline.deal_ids).equals(pd.Index(BEFORE.pipeline.deal_ids))
