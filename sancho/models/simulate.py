"""What could the period bring? One joint simulation that every forecast is a sum of.

S scenarios with a fixed seed. A company factor and one factor per team shift all log-odds and new-business
rates; each deal has its own noise, stratified over the scenarios; amounts are drawn. Nothing per deal and
scenario is kept: a counter-based hash gives the same draws again whenever they are asked for, in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sancho.models.common_factors import centred_log_odds
from sancho.models.new_business import NewBusinessRates
from sancho.models.organisation import Organisation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCENARIOS = 1 << 14  # a power of two, for the permutation that stratifies each deal's draws
LEVELS = 64  # equally likely final amounts kept of a deal
SEED = 20_260_401
# Amounts are drawn in this step, a power of two: sums of draws are then exact in any order.
STEP = 1 / 64
# New business and open deals share part of the market's mood; the rest of it is new business' own.
SHARED_MOOD = 0.5
_BLOCK = 1024


@dataclass(frozen=True)
class Pipeline:
    """Open deals at the moment: who has them, when they could be won, what they would then bring.

    `won_by` (n, j): probability of being won within the period by each of j dates, non-decreasing, the last
    the period's end. `amounts` (n, LEVELS): equally likely final amounts, given won.
    """

    deal_ids: NDArray[np.object_]
    person: Ints
    won_by: Floats
    amounts: Floats


@dataclass(frozen=True)
class Simulation:
    """Draws by person, shape (people + 1, S), of what open deals and deals not yet created bring; and how."""

    organisation: Organisation
    pipeline: Pipeline
    closed: Floats  # (people + 1,), known
    open_draws: Floats
    new_draws: Floats
    odds: Floats  # (n, j) of exp(centred log-odds)
    shift: Floats  # (teams + 1, S) of exp(factor); the last is for deals of no team
    seed: int

    def total(self, people: Ints) -> Floats:
        """Draws of a scope's revenue, (S,): closed, open and new."""
        return np.asarray(
            self.closed[people].sum() + self.open_draws[people].sum(0) + self.new_draws[people].sum(0)
        )


def on_step(amount: Floats) -> Floats:
    """Amounts rounded to the simulation's step, so that their sums are exact in any order."""
    return np.asarray(np.round(np.asarray(amount, float) / STEP) * STEP)


def simulate(
    organisation: Organisation,
    pipeline: Pipeline,
    closed: Floats,
    new: NewBusinessRates,
    company_sd: float,
    team_sd: float,
    scenarios: int = SCENARIOS,
    seed: int = SEED,
) -> Simulation:
    """Draw all deals, new business and shared factors together; the same input gives the same draws.

    `company_sd` and `team_sd` are the sizes of the shared shifts in log-odds at this time of the period.
    """
    if scenarios & (scenarios - 1) or scenarios < _BLOCK:
        raise ValueError(f"scenarios: expected a power of two of at least {_BLOCK}, got {scenarios}")
    rng = np.random.default_rng(seed)
    teams = len(organisation.teams)
    mood = _normal(rng, 2, scenarios)
    of_team = _normal(rng, teams + 1, scenarios)
    of_team[teams] = 0.0
    of_new = _normal(rng, teams + 1, scenarios)
    of_new[teams] = 0.0
    shift = np.exp(company_sd * mood[0] + team_sd * of_team)
    team = np.append(organisation.team_of, -1)
    odds = np.empty(pipeline.won_by.shape)
    teamless = team[pipeline.person] < 0
    for rows, sd in ((teamless, company_sd), (~teamless, float(np.hypot(company_sd, team_sd)))):
        odds[rows] = np.exp(centred_log_odds(np.clip(pipeline.won_by[rows], 0.0, 1.0), sd))
    pipeline = Pipeline(pipeline.deal_ids, pipeline.person, pipeline.won_by, on_step(pipeline.amounts))
    open_draws = np.zeros((len(organisation.people) + 1, scenarios))
    group = np.where(team < 0, teams, team)
    _draw_open(
        odds[:, -1], pipeline.amounts, pipeline.person, group[pipeline.person], shift, seed, open_draws
    )
    rest = np.sqrt(1 - SHARED_MOOD**2)
    market = new.market_sd * (SHARED_MOOD * mood[0] + rest * mood[1])
    local = new.team_sd * (SHARED_MOOD * of_team + rest * of_new)
    swing = np.exp(
        market - new.market_sd**2 / 2 + local - new.team_sd**2 / 2 * (np.arange(teams + 1) < teams)[:, None]
    )
    new_draws = on_step(new.draw(swing[group], rng))
    return Simulation(organisation, pipeline, on_step(closed), open_draws, new_draws, odds, shift, seed)


def group_of(simulation: Simulation) -> Ints:
    """Row of `shift` that each open deal moves with, (n,)."""
    team = np.append(simulation.organisation.team_of, -1)
    return np.where(team < 0, len(simulation.organisation.teams), team)[simulation.pipeline.person]


def attain_given(
    simulation: Simulation, rows: Ints, total: Floats, target: float
) -> tuple[Floats, Floats, Floats]:
    """(if won, if lost, overall) probability of `total >= target` for each deal of `rows`, shape (rows,).

    The same scenarios with only this deal set to won, or to lost: what the deal itself does to the goal.
    (Given that it was won, the mood all deals share is likelier to be good; crediting the deal with that made
    one of a hundredth of the target "worth" ten points of attainment.) `overall` is the probability of
    attainment with the deal's own noise integrated out exactly: each scenario weighs both by the deal's
    probability in it.
    """
    pipeline = simulation.pipeline
    return _attain_given(  # type: ignore[no-any-return]
        rows,
        simulation.odds[rows, -1],
        pipeline.amounts[rows],
        group_of(simulation)[rows],
        simulation.shift,
        simulation.seed,
        total,
        float(target),
    )


def swings(simulation: Simulation, totals: Floats, targets: Floats, scopes: Ints) -> Floats:
    """If won minus if lost, as `attain_given` has it, of each open deal for several scopes at once: (n, m).

    `scopes` (n, m) are rows of `totals` (k, S) and `targets` (k,), -1 = none (the swing is 0). A deal's luck
    is worked out once for all of its scopes.
    """
    return _swings(  # type: ignore[no-any-return]
        simulation.odds[:, -1],
        simulation.pipeline.amounts,
        group_of(simulation),
        simulation.shift,
        simulation.seed,
        totals,
        targets,
        scopes,
    )


def without(simulation: Simulation, row: int, total: Floats) -> Floats:
    """Draws of a scope's revenue (S,) with one open deal of it taken out."""
    own = np.zeros((1, len(total)))
    odds, amounts = simulation.odds[row : row + 1, -1:], simulation.pipeline.amounts[row : row + 1]
    _draw_by_date(
        np.array([row]),
        odds,
        amounts,
        group_of(simulation)[row : row + 1],
        simulation.shift,
        simulation.seed,
        own,
    )
    return np.asarray(total - own[0])


def open_by_date(simulation: Simulation, rows: Ints) -> Floats:
    """Draws of what the deals of `rows` have brought by each date of `won_by`, shape (dates, S)."""
    out = np.zeros((simulation.odds.shape[1], simulation.shift.shape[1]))
    amounts = simulation.pipeline.amounts[rows]
    _draw_by_date(
        rows,
        simulation.odds[rows],
        amounts,
        group_of(simulation)[rows],
        simulation.shift,
        simulation.seed,
        out,
    )
    return np.cumsum(out, 0)


def _normal(rng: np.random.Generator, count: int, scenarios: int) -> Floats:
    """Standard normals, stratified: one in each of S equally likely cells, in random order. (count, S)"""
    cells = np.array([rng.permutation(scenarios) for _ in range(count)]).reshape(count, scenarios)
    return np.asarray(ndtri((cells + 0.5) / scenarios))


@numba.njit(cache=True, inline="always")
def _shuffled(i, w, p):  # type: ignore[no-untyped-def]
    """Place of scenario i in permutation p of w + 1 = 2^k places.

    Kensler (2013), "Correlated Multi-Jittered Sampling".
    """
    # numba widens 32-bit arithmetic to 64: every step is cut back.
    i = np.uint32(i ^ p)
    i = np.uint32(i * np.uint32(0xE170893D))
    i = np.uint32(i ^ (p >> np.uint32(16)))
    i = np.uint32(i ^ ((i & w) >> np.uint32(4)))
    i = np.uint32(i ^ (p >> np.uint32(8)))
    i = np.uint32(i * np.uint32(0x0929EB3F))
    i = np.uint32(i ^ (p >> np.uint32(23)))
    i = np.uint32(i ^ ((i & w) >> np.uint32(1)))
    i = np.uint32(i * np.uint32(np.uint32(1) | (p >> np.uint32(27))))
    i = np.uint32(i * np.uint32(0x6935FA69))
    i = np.uint32(i ^ ((i & w) >> np.uint32(11)))
    i = np.uint32(i * np.uint32(0x74DCB303))
    i = np.uint32(i ^ ((i & w) >> np.uint32(2)))
    i = np.uint32(i * np.uint32(0x9E501CC3))
    i = np.uint32(i ^ ((i & w) >> np.uint32(2)))
    i = np.uint32(i * np.uint32(0xC860A3DF))
    i = np.uint32(i & w)
    i = np.uint32(i ^ (i >> np.uint32(5)))
    return np.uint32(np.uint32(i + p) & w)


@numba.njit(cache=True, inline="always")
def _mixed(x):  # type: ignore[no-untyped-def]
    """A well-mixed 32-bit hash: Wellons' lowbias32."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@numba.njit(cache=True, inline="always")
def _keys(deal, seed):  # type: ignore[no-untyped-def]
    """(permutation, offset within a cell, amount key) of a deal."""
    a = _mixed(np.uint32(np.uint32(deal) + np.uint32(seed)))
    b = _mixed(np.uint32(a ^ np.uint32(0x9E3779B9)))
    return a, (np.float64(_mixed(b)) + 0.5) / 4294967296.0, b


@numba.njit(cache=True, parallel=True)
def _draw_open(odds, amounts, person, group, shift, seed, out):  # type: ignore[no-untyped-def]
    scenarios = shift.shape[1]
    w = np.uint32(scenarios - 1)
    for block in numba.prange(scenarios // _BLOCK):
        for deal in range(len(odds)):
            a, offset, b = _keys(deal, seed)
            odd, who = odds[deal], person[deal]
            pull = shift[group[deal]]
            for s in range(block * _BLOCK, (block + 1) * _BLOCK):
                place = np.float64(_shuffled(np.uint32(s), w, a)) + offset
                if place < odd * pull[s] * (scenarios - place):
                    out[who, s] += amounts[deal, _mixed(np.uint32(np.uint32(s) ^ b)) & np.uint32(63)]


@numba.njit(cache=True, parallel=True)
def _draw_by_date(rows, odds, amounts, group, shift, seed, out):  # type: ignore[no-untyped-def]
    scenarios = shift.shape[1]
    w = np.uint32(scenarios - 1)
    last = odds.shape[1] - 1
    for block in numba.prange(scenarios // _BLOCK):
        for at in range(len(rows)):
            a, offset, b = _keys(rows[at], seed)
            pull = shift[group[at]]
            for s in range(block * _BLOCK, (block + 1) * _BLOCK):
                place = np.float64(_shuffled(np.uint32(s), w, a)) + offset
                room = pull[s] * (scenarios - place)
                if place < odds[at, last] * room:
                    date = 0
                    while place >= odds[at, date] * room:
                        date += 1
                    out[date, s] += amounts[at, _mixed(np.uint32(np.uint32(s) ^ b)) & np.uint32(63)]


@numba.njit(cache=True, parallel=True)
def _attain_given(rows, odds, amounts, group, shift, seed, total, target):  # type: ignore[no-untyped-def]
    scenarios = shift.shape[1]
    w = np.uint32(scenarios - 1)
    if_won, if_lost, overall = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for at in numba.prange(len(rows)):
        a, offset, b = _keys(rows[at], seed)
        pull = shift[group[at]]
        won, lost, either = 0.0, 0.0, 0.0
        for s in range(scenarios):
            odd = odds[at] * pull[s]
            p = 1.0 / (1.0 + 1.0 / odd) if odd > 0.0 else 0.0
            amount = amounts[at, _mixed(np.uint32(np.uint32(s) ^ b)) & np.uint32(63)]
            place = np.float64(_shuffled(np.uint32(s), w, a)) + offset
            rest = total[s] - amount if place < odd * (scenarios - place) else total[s]
            with_it = 1.0 if rest + amount >= target else 0.0
            without = 1.0 if rest >= target else 0.0
            won += with_it
            lost += without
            either += without + p * (with_it - without)
        if_won[at], if_lost[at], overall[at] = won / scenarios, lost / scenarios, either / scenarios
    return if_won, if_lost, overall


@numba.njit(cache=True, parallel=True)
def _swings(odds, amounts, group, shift, seed, totals, targets, scopes):  # type: ignore[no-untyped-def]
    scenarios = shift.shape[1]
    w = np.uint32(scenarios - 1)
    found = np.zeros(scopes.shape)
    for deal in numba.prange(len(odds)):
        a, offset, b = _keys(deal, seed)
        pull = shift[group[deal]]
        amount, drawn = np.empty(scenarios), np.empty(scenarios)
        for s in range(scenarios):
            amount[s] = amounts[deal, _mixed(np.uint32(np.uint32(s) ^ b)) & np.uint32(63)]
            place = np.float64(_shuffled(np.uint32(s), w, a)) + offset
            drawn[s] = amount[s] if place < odds[deal] * pull[s] * (scenarios - place) else 0.0
        for at in range(scopes.shape[1]):
            scope = scopes[deal, at]
            if scope >= 0:
                total, target, count = totals[scope], targets[scope], 0
                for s in range(scenarios):
                    rest = total[s] - drawn[s]
                    count += (rest + amount[s] >= target) - (rest >= target)
                found[deal, at] = count / scenarios
    return found
