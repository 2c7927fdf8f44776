"""Do the loops that take many scenarios at a time say what one scenario after the other says?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.counter_rng import hashed, permuted, unit_interval
from models.forecast.deal_draws import (
    BLOCK,
    OpenDeals,
    add_by_date,
    add_one_by_date,
    add_open_draws,
    add_wins,
    attained_given_deals,
    swings_of_deals,
)

S, N, PEOPLE = 2 * BLOCK, 6, 3
SEED = 20_260_401
RNG = np.random.default_rng(5)
ODDS = np.array([0.0, 0.02, 0.4, 1.7, 60.0, np.inf])
BY_DATE = ODDS[:, None] * np.array([0.3, 0.8, 1.0])
PERSON = np.array([0, 1, 0, 2, 1, 2])
DEALS = OpenDeals(
    np.array([4, 0, 9, 2, 7, 1]), ODDS, np.round(RNG.lognormal(10, 1, (N, 64)) * 64) / 64,
    np.array([0, 1, 1, 0, 1, 0]), np.exp(0.5 * RNG.standard_normal((2, S))), SEED,
)  # fmt: skip
TOTAL = RNG.lognormal(11, 0.8, S)


def draws() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(position, amount) of each deal in each scenario, one at a time."""
    position, amount = np.zeros((N, S)), np.zeros((N, S))
    for at, row in enumerate(DEALS.row.tolist()):
        a = hashed(np.uint32(np.uint32(row) + np.uint32(SEED)))
        b = hashed(np.uint32(np.uint32(a) ^ np.uint32(0x9E3779B9)))
        offset = unit_interval(hashed(np.uint32(b)))
        for s in range(S):
            position[at, s] = float(permuted(np.uint32(s), np.uint32(S - 1), np.uint32(a))) + offset
            amount[at, s] = DEALS.amounts[at, int(hashed(np.uint32(s) ^ np.uint32(b))) & 63]
    return position, amount


POSITION, AMOUNT = draws()
FACTOR = DEALS.shift[DEALS.group]
WON = ODDS[:, None] * FACTOR * (S - POSITION) > POSITION


def by_person(values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.zeros((PEOPLE, S))
    for at in range(N):
        out[PERSON[at]] += np.where(WON[at], values[at], 0.0)
    return out


def test_the_positions_of_a_deal_are_one_in_each_cell():
    np.testing.assert_array_equal(np.sort(POSITION.astype(int), axis=1), np.tile(np.arange(S), (N, 1)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_revenue_by_person_is_that_of_the_deals_won(sign: float):
    out = np.zeros((PEOPLE, S))
    add_open_draws(DEALS._replace(amounts=sign * DEALS.amounts), PERSON, out)
    np.testing.assert_array_equal(out, sign * by_person(AMOUNT))
    assert not WON[0].any()
    assert WON[-1].all()


@pytest.mark.parametrize("scenarios", [BLOCK, S])
def test_wins_and_revenue_are_counted_together_in_the_first_scenarios(scenarios: int):
    wins, revenue = np.zeros((2, PEOPLE, scenarios))
    add_wins(DEALS, PERSON, wins, revenue)
    np.testing.assert_array_equal(wins, by_person(np.ones((N, S)))[:, :scenarios])
    np.testing.assert_array_equal(revenue, by_person(AMOUNT)[:, :scenarios])


@pytest.mark.parametrize("add", [add_by_date, add_one_by_date])
def test_revenue_by_date_comes_at_the_first_date_by_which_a_deal_is_won(add):
    out = np.zeros((3, S))
    add(DEALS._replace(odds=BY_DATE), out)
    expected = np.zeros((3, S))
    rest = FACTOR * (S - POSITION)
    for at in range(1, N):
        for s in np.flatnonzero(POSITION[at] < BY_DATE[at, -1] * rest[at]):
            date = next(date for date in range(3) if POSITION[at, s] < BY_DATE[at, date] * rest[at, s])
            expected[date, s] += AMOUNT[at, s]
    np.testing.assert_array_equal(out, expected)


def test_what_a_deal_does_to_a_target_is_counted_scenario_by_scenario():
    target = 70_000.0
    rest = TOTAL - np.where(WON, AMOUNT, 0.0)
    with_it, without = (rest + AMOUNT >= target), (rest >= target)
    with np.errstate(divide="ignore"):
        odds = ODDS[:, None] * FACTOR
        chance = np.where(odds > 0, 1 / (1 + 1 / odds), 0.0)
    share = without + chance * (with_it.astype(float) - without)
    won, lost, overall = attained_given_deals(DEALS, TOTAL, target)
    np.testing.assert_array_equal(won, with_it.mean(axis=1))
    np.testing.assert_array_equal(lost, without.mean(axis=1))
    np.testing.assert_array_equal(overall, np.cumsum(share, axis=1)[:, -1] / S)


def test_a_swing_is_the_difference_of_both_in_each_scope():
    totals, targets = np.array([TOTAL, 2 * TOTAL]), np.array([70_000.0, 90_000.0])
    scopes = np.array([[0, 1], [1, -1], [0, -1], [-1, -1], [1, 0], [0, 1]])
    found = swings_of_deals(DEALS, totals, targets, scopes)
    for at, column in np.ndindex(scopes.shape):
        scope, expected = scopes[at, column], 0.0
        if scope >= 0:
            rest = totals[scope] - np.where(WON[at], AMOUNT[at], 0.0)
            expected = ((rest + AMOUNT[at] >= targets[scope]).sum() - (rest >= targets[scope]).sum()) / S
        assert found[at, column] == expected, (at, column)
