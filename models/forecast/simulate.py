"""What revenue could the period bring? One joint simulation, of which every forecast is a sum.

S scenarios with a fixed seed. A company factor and one factor per team shift all log-odds and new-business
rates; each deal has its own noise, stratified over the scenarios; amounts are drawn. Nothing per deal and
scenario is stored: a counter-based hash reproduces the same draws at any time, in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from features.arrays import Floats, Ints
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
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.shock_scale import KNOWN, centred_log_odds, scenario_scales

SCENARIOS = 1 << 14  # a power of two, for the permutation that stratifies each deal's draws
LEVELS = 64  # equally likely final amounts of a deal
SEED = 20_260_401
# Amounts are rounded to this step, a power of two, so that sums of draws are exact in any order.
STEP = 1 / 64
# Correlation of the market factors of new business and of open deals.
SHARED_MARKET = 0.5
_MAX_CHANCE = 0.99  # the largest probability a deal can be raised to


@dataclass(frozen=True)
class Pipeline:
    """Open deals at the moment: owner, probability of being won by date, amounts if won.

    `won_by` (n, j): probability of being won within the period by each of j dates, non-decreasing, the last
    the period's end. `amounts` (n, LEVELS): equally likely final amounts, given won.
    """

    deal_ids: NDArray[np.object_]
    person: Ints
    won_by: Floats
    amounts: Floats


class ShockSizes(NamedTuple):
    """Sizes of the company's and the teams' shared shifts in log-odds, and how well they are known."""

    company: float
    team: float
    degrees: float = KNOWN


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Revenue draws by person, (people + 1, S), of open deals and deals not yet created, and their inputs."""

    organisation: ScopeTree
    pipeline: Pipeline
    closed: Floats  # (people + 1,), known
    open_draws: Floats
    new_draws: Floats
    odds: Floats  # (n, j) of exp(centred log-odds)
    shift: Floats  # (used + 1, S) of exp(factor), of teams with people; the last is for deals of no team
    seed: int
    sizes: ShockSizes
    new: NewBusinessRates
    new_rate: NDArray[np.float32]  # (people + 1, S): expected wins of new business in each scenario
    new_size: Floats | None = None  # (people + 1,): factor on the amounts of new deals; None = 1
    # (n, j) twice: the probabilities before any ratio, and times all ratios, not capped; None = no ratio
    uncapped: tuple[Floats, Floats] | None = None

    def total(self, people: Ints) -> Floats:
        """Draws of a scope's revenue, (S,): closed, open and new.

        Amounts are on a step, so that sums are exact in any order: of many people they are a product, which
        copies nothing.
        """
        if 2 * len(people) < len(self.closed):
            return np.asarray(
                self.closed[people].sum() + self.open_draws[people].sum(0) + self.new_draws[people].sum(0)
            )
        counted = np.bincount(people, minlength=len(self.closed)).astype(np.float64)
        return np.asarray(counted @ self.closed + counted @ self.open_draws + counted @ self.new_draws)

    def with_win_probability_ratio(self, ratio: Floats) -> Simulation:
        """The same scenarios and random numbers with the open deals' win probabilities times `ratio` (n,).

        Of several ratios, one after the other, the product is capped: their order does not matter.
        """
        if (ratio == 1).all():
            return self
        pipeline = self.pipeline
        first, asked = self.uncapped or (pipeline.won_by, pipeline.won_by)
        asked = asked * ratio[:, None]
        raised = np.minimum(asked, np.maximum(_MAX_CHANCE, first))
        pipeline, odds, draws = draw_open_deals(
            self.organisation, replace(pipeline, won_by=raised), self.shift, self.sizes, self.seed
        )
        return replace(self, pipeline=pipeline, odds=odds, open_draws=draws, uncapped=(first, asked))

    def with_new_business(self, rate: NDArray[np.float32], size: Floats) -> Simulation:
        """The same scenarios with new business at rates (people + 1, S), its amounts times `size`.

        `size` (people + 1,) comes on top of the factor that the amounts have already.
        """
        size = size if self.new_size is None else self.new_size * size
        draws = round_to_step(self.new.draw_revenue(rate, self.seed)[0] * size[:, None])
        return replace(self, new_draws=draws, new_rate=rate, new_size=size)


def round_to_step(amount: Floats) -> Floats:
    """Amounts rounded to the simulation's step, so that their sums are exact in any order."""
    return np.asarray(np.round(np.asarray(amount, float) / STEP) * STEP)


def simulate(
    organisation: ScopeTree,
    pipeline: Pipeline,
    closed: Floats,
    new: NewBusinessRates,
    company_sd: float,
    team_sd: float,
    scenarios: int = SCENARIOS,
    seed: int = SEED,
    *,
    degrees: float = KNOWN,
) -> Simulation:
    """Draw all deals, new business and shared factors together; the same input gives the same draws.

    `company_sd` and `team_sd` are the sizes of the shared shifts in log-odds at this time of the period,
    known with `degrees` of freedom: in each scenario all shared shocks are a common scale times those sizes.
    """
    if scenarios & (scenarios - 1) or scenarios < BLOCK:
        raise ValueError(f"scenarios: expected a power of two of at least {BLOCK}, got {scenarios}")
    factors = _Factors.of(organisation, scenarios, seed)
    scale = scenario_scales(degrees, scenarios, seed)
    shift = np.exp(scale * (company_sd * factors.market[0] + team_sd * factors.team))
    sizes = ShockSizes(company_sd, team_sd, degrees)
    pipeline, odds, open_draws = draw_open_deals(organisation, pipeline, shift, sizes, seed)
    rate, new_draws = _draw_new_business(organisation, new, factors, scale, seed)
    return Simulation(
        organisation=organisation,
        pipeline=pipeline,
        closed=round_to_step(closed),
        open_draws=open_draws,
        new_draws=new_draws,
        odds=odds,
        shift=shift,
        seed=seed,
        sizes=sizes,
        new=new,
        new_rate=rate,
    )


class _Factors(NamedTuple):
    """Standard normal factors in each scenario, and the generator that goes on after them."""

    market: Floats  # (2, S): of open deals, and what new business has beside it
    team: Floats  # (used + 1, S), of the teams that anybody is in; the last, for people of no team, is 0
    new_team: Floats  # (used + 1, S): what a team's new business has beside it
    rng: np.random.Generator

    @classmethod
    def of(cls, organisation: ScopeTree, scenarios: int, seed: int) -> _Factors:
        """Those of an organisation: the same seed draws the same."""
        rng, teams = np.random.default_rng(seed), len(organisation.teams)
        rows = np.append(_used_teams(organisation), teams)
        market, team = _normal(rng, 2, scenarios), _normal(rng, teams + 1, scenarios, rows)
        new_team = _normal(rng, teams + 1, scenarios, rows)
        team[-1] = new_team[-1] = 0.0
        return cls(market, team, new_team, rng)


def draw_new_business(simulation: Simulation, new: NewBusinessRates) -> tuple[NDArray[np.float32], Floats]:
    """(rates, revenue) of new business by person and scenario, as `simulate` draws them for these rates."""
    scenarios, seed = simulation.shift.shape[1], simulation.seed
    scale = scenario_scales(simulation.sizes.degrees, scenarios, seed)
    factors = _Factors.of(simulation.organisation, scenarios, seed)
    return _draw_new_business(simulation.organisation, new, factors, scale, seed)


def _draw_new_business(
    organisation: ScopeTree, new: NewBusinessRates, factors: _Factors, scale: Floats, seed: int
) -> tuple[NDArray[np.float32], Floats]:
    independent = np.sqrt(1 - SHARED_MARKET**2)
    market_sd, team_rate_sd = new.market_sd * scale, new.team_sd * scale
    market = market_sd * (SHARED_MARKET * factors.market[0] + independent * factors.market[1])
    team_shift = team_rate_sd * (SHARED_MARKET * factors.team + independent * factors.new_team)
    in_team = np.arange(len(team_shift)) < len(team_shift) - 1
    rate_factor = np.exp(market - market_sd**2 / 2 + team_shift - team_rate_sd**2 / 2 * in_team[:, None])
    rate = new.draw_rates(rate_factor[_shift_rows(organisation)], factors.rng)
    return rate, round_to_step(new.draw_revenue(rate, seed)[0])


def draw_open_deals(
    organisation: ScopeTree, pipeline: Pipeline, shift: Floats, sizes: ShockSizes, seed: int
) -> tuple[Pipeline, Floats, Floats]:
    """(the deals with amounts on the step, their odds (n, j), draws by person (people + 1, S)).

    A deal's random numbers do not depend on its probability: a higher one never turns a win into a loss.
    """
    teamless = np.append(organisation.team_of, -1)[pipeline.person] < 0
    odds = np.empty(pipeline.won_by.shape)
    for rows, sd in ((teamless, sizes.company), (~teamless, float(np.hypot(sizes.company, sizes.team)))):
        chance = np.clip(pipeline.won_by[rows], 0.0, 1.0)
        odds[rows] = np.exp(centred_log_odds(chance, sd, sizes.degrees))
    pipeline = replace(pipeline, amounts=round_to_step(pipeline.amounts))
    draws = np.zeros((len(organisation.people) + 1, shift.shape[1]))
    group = _shift_rows(organisation)[pipeline.person]
    deals = OpenDeals(np.arange(len(odds)), odds[:, -1], pipeline.amounts, group, shift, seed)
    add_open_draws(deals, pipeline.person, draws)
    return pipeline, odds, draws


def shift_rows(simulation: Simulation) -> Ints:
    """Row of `shift` that applies to each open deal, (n,)."""
    return _shift_rows(simulation.organisation)[simulation.pipeline.person]


def draw_wins(
    simulation: Simulation, rows: NDArray[np.bool_], scenarios: int | None = None
) -> tuple[Floats, Floats]:
    """(wins, revenue) of the open deals marked (n,), by person and scenario: (people + 1, S) each.

    `scenarios`: only the first so many of them, in whole blocks.
    """
    use = np.flatnonzero(rows)
    shape = len(simulation.organisation.people) + 1, scenarios or simulation.shift.shape[1]
    wins, revenue = np.zeros(shape), np.zeros(shape)
    add_wins(_open_deals(simulation, use), simulation.pipeline.person[use], wins, revenue)
    return wins, revenue


def add_draws(simulation: Simulation, rows: Ints, draws: Floats, sign: float) -> None:
    """Adds the draws of some open deals, times `sign`, to draws by person (people + 1, S)."""
    deals = _open_deals(simulation, rows)
    add_open_draws(deals._replace(amounts=sign * deals.amounts), simulation.pipeline.person[rows], draws)


def _open_deals(simulation: Simulation, rows: Ints) -> OpenDeals:
    """Some open deals with their odds by the period's end."""
    group = shift_rows(simulation)[rows]
    odds, amounts = simulation.odds[rows, -1], simulation.pipeline.amounts[rows]
    return OpenDeals(rows, odds, amounts, group, simulation.shift, simulation.seed)


def _shift_rows(organisation: ScopeTree) -> Ints:
    """Row of `shift` that applies to each person, (people + 1,)."""
    team, used = np.append(organisation.team_of, -1), _used_teams(organisation)
    return np.where(team < 0, len(used), np.searchsorted(used, team))


def _used_teams(organisation: ScopeTree) -> Ints:
    """The teams that anybody is in, in order: what is drawn for each team takes memory for these alone."""
    found = np.unique(organisation.team_of)
    return np.asarray(found[found >= 0], np.int64)


def attainment_given_deal(
    simulation: Simulation, rows: Ints, total: Floats, target: float
) -> tuple[Floats, Floats, Floats]:
    """(if won, if lost, overall) probability of `total >= target` for each deal of `rows`, shape (rows,).

    The same scenarios with only this deal set to won, or to lost: the deal's own effect on the target.
    (Conditioning on the win would also make a good common factor likelier, and credit the deal with that.)
    `overall` is the probability of attainment with the deal's own noise integrated out exactly: each
    scenario weighs both by the deal's probability in it.
    """
    probabilities: tuple[Floats, Floats, Floats] = attained_given_deals(
        _open_deals(simulation, rows), total, float(target)
    )
    return probabilities


def swings(simulation: Simulation, totals: Floats, targets: Floats, scopes: Ints) -> Floats:
    """If won minus if lost (see `attainment_given_deal`) of each open deal for several scopes: (n, m).

    `scopes` (n, m) are rows of `totals` (k, S) and `targets` (k,), -1 = none (the swing is 0). A deal's draws
    are computed once for all of its scopes.
    """
    all_rows = np.arange(len(simulation.odds))
    result: Floats = swings_of_deals(_open_deals(simulation, all_rows), totals, targets, scopes)
    return result


def total_without(simulation: Simulation, row: int, total: Floats) -> Floats:
    """Draws of a scope's revenue (S,) without one of its open deals."""
    own = np.zeros((1, len(total)))
    deal = _open_deals(simulation, np.array([row]))
    add_one_by_date(deal._replace(odds=deal.odds[:, None]), own)
    return np.asarray(total - own[0])


def open_by_date(simulation: Simulation, rows: Ints) -> Floats:
    """Draws of the revenue of the deals of `rows` by each date of `won_by`, shape (dates, S)."""
    out = np.zeros((simulation.odds.shape[1], simulation.shift.shape[1]))
    add_by_date(_open_deals(simulation, rows)._replace(odds=simulation.odds[rows]), out)
    return np.cumsum(out, 0)


def _normal(rng: np.random.Generator, count: int, scenarios: int, rows: Ints | None = None) -> Floats:
    """Standard normals, stratified: one in each of S equally likely cells, in random order. (count, S)

    `rows`: only these are kept; all are drawn, so that which ones are kept changes nothing of them.
    """
    kept = set(range(count) if rows is None else rows.tolist())
    drawn = ((row, rng.permutation(scenarios)) for row in range(count))
    cells = np.array([cells for row, cells in drawn if row in kept]).reshape(len(kept), scenarios)
    return np.asarray(ndtri((cells + 0.5) / scenarios))
