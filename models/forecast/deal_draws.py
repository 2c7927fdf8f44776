"""In which scenarios is each open deal won, and what does that do to sums? The compiled loops.

Each deal has random numbers of its own, by its row in the simulation and the scenario. Scenarios are taken
block by block, in loops without branches of which the processor does many steps at a time; the arithmetic of
each scenario is the same wherever it is asked for, so that all sums agree digit for digit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from features.arrays import Floats, Ints
from features.kernel_cache import compiled
from models.counter_rng import hashed, permuted, unit_interval

BLOCK = 1024  # scenarios that are taken together


class OpenDeals(NamedTuple):
    """Open deals (n,) as the kernels take them: `row` in the simulation determines their random numbers."""

    row: Ints
    odds: Floats  # by the period's end (n,), or by each date (n, j)
    amounts: Floats  # (n, 64): equally likely
    group: Ints  # row of `shift` that applies to each
    shift: Floats
    seed: int


@compiled(inline="always")
def _keys(row: Any, seed: Any) -> Any:
    """(permutation, offset within a cell, amount key) of a deal."""
    a = hashed(np.uint32(np.uint32(row) + np.uint32(seed)))
    b = hashed(np.uint32(a ^ np.uint32(0x9E3779B9)))
    return a, unit_interval(hashed(b)), b


@compiled(inline="always")
def _place(row: Any, seed: Any, scenarios: Any, first: Any, position: Any) -> None:
    """The positions of a deal's draws (BLOCK,) from a scenario on: of each of S equally likely cells, one."""
    a, offset, _ = _keys(row, seed)
    w, start = np.uint32(scenarios - 1), np.uint32(first)
    for i in range(BLOCK):
        # From 32 bits with a sign, which the processor can turn into floats many at a time.
        at = np.int32(permuted(np.uint32(start + np.uint32(i)), w, a))
        position[i] = np.float64(at) + offset


@compiled(inline="always")
def _levels(row: Any, seed: Any, first: Any, level: Any) -> None:
    """Which of its equally likely amounts a deal has in the scenarios (BLOCK,) from one on."""
    _, _, b = _keys(row, seed)
    start = np.uint32(first)
    for i in range(BLOCK):
        level[i] = hashed(np.uint32(np.uint32(start + np.uint32(i)) ^ b)) & np.uint32(63)


@compiled(inline="always")
def _gathered(won: Any, place: Any) -> Any:
    """How many of the flags (BLOCK,) are set; `place` begins with where."""
    count = 0
    for i in range(BLOCK):
        place[count] = i
        count += won[i]
    return count


@compiled(parallel=True)
def add_open_draws(deals: OpenDeals, person: Ints, out: Floats) -> None:
    """Adds the revenue of deals to that of their persons, (people + 1, S)."""
    rows, odds, amounts, group, shift, seed = deals
    scenarios, every = shift.shape[1], np.float64(shift.shape[1])
    for block in numba.prange(out.shape[1] // BLOCK):
        position, won, place = np.empty(BLOCK), np.empty(BLOCK, np.uint8), np.empty(BLOCK + 1, np.int64)
        first = block * BLOCK
        for deal in range(len(rows)):
            _place(rows[deal], seed, scenarios, first, position)
            odd, factor = odds[deal], shift[group[deal], first : first + BLOCK]
            for i in range(BLOCK):
                won[i] = position[i] < odd * factor[i] * (every - position[i])
            sums, amount, b = (
                out[person[deal], first : first + BLOCK],
                amounts[deal],
                _keys(rows[deal], seed)[2],
            )
            for number in range(_gathered(won, place)):
                i = place[number]
                level = hashed(np.uint32(np.uint32(first + i) ^ b)) & np.uint32(63)
                sums[i] += amount[np.int64(level)]


@compiled(parallel=True)
def add_wins(deals: OpenDeals, person: Ints, wins: Floats, revenue: Floats) -> None:
    """Adds the wins and the revenue of deals to those of their persons, (people + 1, first scenarios)."""
    rows, odds, amounts, group, shift, seed = deals
    scenarios, every = shift.shape[1], np.float64(shift.shape[1])
    for block in numba.prange(wins.shape[1] // BLOCK):
        position, won, place = np.empty(BLOCK), np.empty(BLOCK, np.uint8), np.empty(BLOCK + 1, np.int64)
        first = block * BLOCK
        for deal in range(len(rows)):
            _place(rows[deal], seed, scenarios, first, position)
            odd, factor = odds[deal], shift[group[deal], first : first + BLOCK]
            for i in range(BLOCK):
                won[i] = position[i] < odd * factor[i] * (every - position[i])
            who, amount, b = person[deal], amounts[deal], _keys(rows[deal], seed)[2]
            for number in range(_gathered(won, place)):
                s = first + place[number]
                level = hashed(np.uint32(np.uint32(s) ^ b)) & np.uint32(63)
                wins[who, s] += 1.0
                revenue[who, s] += amount[np.int64(level)]


@compiled(parallel=True)
def add_by_date(deals: OpenDeals, out: Floats) -> None:
    """Adds the revenue of deals to that of the dates (dates, S) by which they are won."""
    for block in numba.prange(deals.shift.shape[1] // BLOCK):
        _add_block_by_date(deals, block, out)


@compiled
def add_one_by_date(deals: OpenDeals, out: Floats) -> None:
    """The same without threads: for a deal or two, calling them takes longer than they would save."""
    for block in range(deals.shift.shape[1] // BLOCK):
        _add_block_by_date(deals, block, out)


@compiled
def _add_block_by_date(deals: OpenDeals, block: int, out: Floats) -> None:
    rows, odds, amounts, group, shift, seed = deals
    scenarios, every, first = shift.shape[1], np.float64(shift.shape[1]), block * BLOCK
    last = odds.shape[1] - 1
    position, rest = np.empty(BLOCK), np.empty(BLOCK)
    won, place = np.empty(BLOCK, np.uint8), np.empty(BLOCK + 1, np.int64)
    for at in range(len(rows)):
        _place(rows[at], seed, scenarios, first, position)
        factor, final, b = shift[group[at], first : first + BLOCK], odds[at, last], _keys(rows[at], seed)[2]
        for i in range(BLOCK):
            rest[i] = factor[i] * (every - position[i])
            won[i] = position[i] < final * rest[i]
        for number in range(_gathered(won, place)):
            i = place[number]
            date = 0
            while position[i] >= odds[at, date] * rest[i]:
                date += 1
            level = hashed(np.uint32(np.uint32(first + i) ^ b)) & np.uint32(63)
            out[date, first + i] += amounts[at, np.int64(level)]


@compiled(parallel=True)
def attained_given_deals(deals: OpenDeals, total: Floats, target: float) -> Any:
    """Shares of scenarios that reach a target with each deal won, lost, weighed by its chance: (n,) each."""
    rows, odds, amounts, group, shift, seed = deals
    scenarios, every = shift.shape[1], np.float64(shift.shape[1])
    if_won, if_lost, overall = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for at in numba.prange(len(rows)):
        position, level, share = np.empty(BLOCK), np.empty(BLOCK, np.uint64), np.empty(BLOCK)
        won, lost, either = 0, 0, 0.0
        odd, amount = odds[at], amounts[at]
        for block in range(scenarios // BLOCK):
            first = block * BLOCK
            _place(rows[at], seed, scenarios, first, position)
            _levels(rows[at], seed, first, level)
            factor, drawn = shift[group[at], first : first + BLOCK], total[first : first + BLOCK]
            for i in range(BLOCK):
                worth, scaled_odds = amount[level[i]], odd * factor[i]
                p = 1.0 / (1.0 + 1.0 / scaled_odds) if scaled_odds > 0.0 else 0.0
                rest = drawn[i] - worth if position[i] < scaled_odds * (every - position[i]) else drawn[i]
                with_it, without = rest + worth >= target, rest >= target
                won += with_it
                lost += without
                share[i] = np.float64(without) + p * (np.float64(with_it) - np.float64(without))
            for i in range(BLOCK):
                either += share[i]
        if_won[at], if_lost[at], overall[at] = won / scenarios, lost / scenarios, either / scenarios
    return if_won, if_lost, overall


@compiled(parallel=True)
def swings_of_deals(deals: OpenDeals, totals: Floats, targets: Floats, scopes: Ints) -> Any:
    """Share with a deal won minus share with it lost of the scenarios that reach a scope's target: (n, m)."""
    rows, odds, amounts, group, shift, seed = deals
    scenarios, every = shift.shape[1], np.float64(shift.shape[1])
    result = np.zeros(scopes.shape)
    for deal in numba.prange(len(odds)):
        position, level = np.empty(BLOCK), np.empty(BLOCK, np.uint64)
        amount, drawn = np.empty(BLOCK), np.empty(BLOCK)
        count = np.zeros(scopes.shape[1], np.int64)
        odd, worth = odds[deal], amounts[deal]
        for block in range(scenarios // BLOCK):
            first = block * BLOCK
            _place(rows[deal], seed, scenarios, first, position)
            _levels(rows[deal], seed, first, level)
            factor = shift[group[deal], first : first + BLOCK]
            for i in range(BLOCK):
                amount[i] = worth[level[i]]
            for i in range(BLOCK):
                drawn[i] = amount[i] if position[i] < odd * factor[i] * (every - position[i]) else 0.0
            for at in range(scopes.shape[1]):
                scope = scopes[deal, at]
                if scope >= 0:
                    total, target, more = totals[scope, first : first + BLOCK], targets[scope], np.int64(0)
                    for i in range(BLOCK):
                        rest = total[i] - drawn[i]
                        more += np.int64(rest + amount[i] >= target) - np.int64(rest >= target)
                    count[at] += more
        for at in range(scopes.shape[1]):
            result[deal, at] = count[at] / scenarios
    return result


@compiled
def attained_with_deal(total: Floats, amounts: Floats, target: float) -> Any:
    """Shares of scenarios that reach a target with a deal outside the simulation won, and lost.

    `amounts` (levels,) are equally likely: each in its turn.
    """
    won, lost, level = 0, 0, 0
    for s in range(len(total)):
        won += total[s] + amounts[level] >= target
        lost += total[s] >= target
        level = level + 1 if level + 1 < len(amounts) else 0
    return won / len(total), lost / len(total)
