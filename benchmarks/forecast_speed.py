"""How long does a forecast of all scopes take, with every deal's swing, compared with plain numpy?

    python benchmarks/forecast_speed.py [--deals 10000]

10,000 open deals, 100 people, 12 teams: the probability of the target of company, teams and people, and for
each open deal the effect of winning instead of losing it on the targets of its person, its team and the
company. Plain numpy draws every deal in every scenario and counts. The number of its scenarios gives the same
standard error (over 24 seeds) of the company's probability. Prints seconds, the ratio, and whether a second
call gives the same result.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from crm.periods import parse_period
from features.arrays import Floats
from models.forecast.attainment import probability_of, swing_points
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts
from models.forecast.simulate import LEVELS, SCENARIOS, Pipeline, simulate

PEOPLE, TEAMS, SEEDS = 100, 12, 24
SIZES = (0.2, 0.1)
PERIOD = parse_period("2026-Q4")
Answer = dict[str, tuple[float, Floats]]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=10_000)
    deals = parser.parse_args().deals
    rng = np.random.default_rng(1)
    organisation = ScopeTree(
        tuple(f"P{n:03d}" for n in range(PEOPLE)),
        np.arange(PEOPLE) % TEAMS,
        tuple(f"T{n:02d}" for n in range(TEAMS)),
        np.full(TEAMS, -1),
    )
    pipeline = Pipeline(
        np.array([f"D{n}" for n in range(deals)], object),
        rng.integers(0, PEOPLE, deals),
        rng.beta(1.0, 4.0, deals)[:, None],
        rng.lognormal(13.0, 1.0, deals)[:, None] * np.sort(rng.lognormal(0.0, 0.2, (deals, LEVELS)), axis=1),
    )
    new = NewBusinessRates(
        np.append(np.full(PEOPLE, 2.0), 0.0), 0.2, 0.1, 0.3, rng.lognormal(13.0, 1.0, 512),
        np.ones(PEOPLE + 1), np.ones(1),
    )  # fmt: skip
    small = Pipeline(
        pipeline.deal_ids[:50], pipeline.person[:50], pipeline.won_by[:50], pipeline.amounts[:50]
    )
    targets = dict.fromkeys(organisation.scopes(), 0.0)
    ours(organisation, small, new, targets)  # kernels are compiled

    made = simulate(organisation, pipeline, np.zeros(PEOPLE + 1), new, *SIZES)
    targets = {scope: float(np.quantile(made.total(organisation.members(scope)), 0.45)) for scope in targets}
    began = time.perf_counter()
    answer = ours(organisation, pipeline, new, targets)
    seconds = time.perf_counter() - began
    again = ours(organisation, pipeline, new, targets)
    same = all(
        answer[scope][0] == again[scope][0] and (answer[scope][1] == again[scope][1]).all()
        for scope in answer
    )
    everyone = organisation.members(COMPANY)
    chances = [
        probability_of(
            simulate(organisation, pipeline, np.zeros(PEOPLE + 1), new, *SIZES, seed=seed),
            everyone,
            targets[COMPANY],
        )
        for seed in range(SEEDS)
    ]
    error = float(np.std(np.array(chances, float), ddof=1))
    chance = float(np.mean(np.array(chances, float)))
    needed = chance * (1.0 - chance) / error**2
    tried = 1 << 11
    began = time.perf_counter()
    plain(organisation, pipeline, new, targets, tried)
    plain_seconds = (time.perf_counter() - began) * needed / tried
    print(
        f"{deals:,} open deals, {PEOPLE} people, {TEAMS} teams: forecasts of {len(answer)} scopes and "
        f"{sum(len(swing) for _, swing in answer.values()):,} swings in {seconds:.2f} s "
        f"({SCENARIOS:,} scenarios; standard error of the company's probability {error:.5f})"
    )
    print(
        f"plain numpy as exact ({needed:,.0f} scenarios, measured at {tried:,}): {plain_seconds:.1f} s; "
        f"ratio {plain_seconds / seconds:.1f} (aim: 20)"
    )
    print(f"a second call answers the same: {same}")


def ours(
    organisation: ScopeTree, pipeline: Pipeline, new: NewBusinessRates, targets: dict[str, float]
) -> Answer:
    """Probability and the swings of its deals, in points of probability, for every scope."""
    made = simulate(organisation, pipeline, np.zeros(PEOPLE + 1), new, *SIZES)
    facts = PeriodFacts(
        period=PERIOD,
        moment=0,
        day_ends={},
        dates=(),
        closed=np.zeros(0),
        closed_by_date=np.zeros((0, 0)),
        targets=targets,
        stage_weighted=np.zeros(0),
        last_year=None,
        run_rate=None,
    )
    points = swing_points(made, facts)
    return {
        scope: (float(probability_of(made, organisation.members(scope), target) or 0.0), points[scope])
        for scope, target in targets.items()
    }


def plain(
    organisation: ScopeTree,
    pipeline: Pipeline,
    new: NewBusinessRates,
    targets: dict[str, float],
    scenarios: int,
) -> Answer:
    """The same by drawing every deal in every scenario, and counting."""
    rng = np.random.default_rng(0)
    deals = len(pipeline.person)
    shift = SIZES[0] * rng.standard_normal(scenarios) + SIZES[1] * rng.standard_normal((TEAMS, scenarios))
    odds = pipeline.won_by[:, -1] / (1.0 - pipeline.won_by[:, -1])
    team = organisation.team_of[pipeline.person]
    total = np.zeros((PEOPLE + 1, scenarios))
    drawn = np.empty((deals, scenarios), np.float32)
    won = np.empty((deals, scenarios), bool)
    for row in range(deals):
        odd = odds[row] * np.exp(shift[team[row]])
        won[row] = rng.random(scenarios) < odd / (1.0 + odd)
        drawn[row] = pipeline.amounts[row, rng.integers(0, LEVELS, scenarios)]
        total[pipeline.person[row]] += np.where(won[row], drawn[row], 0.0)
    for person in np.flatnonzero(new.mean > 0):
        count = rng.poisson(new.mean[person] * np.exp(shift[organisation.team_of[person]]))
        amounts = new.amounts[rng.integers(0, len(new.amounts), int(count.sum()))]
        total[person] += np.bincount(np.repeat(np.arange(scenarios), count), amounts, minlength=scenarios)
    found = {}
    for scope, target in targets.items():
        people = organisation.members(scope)
        whole = total[people].sum(axis=0)
        rows = np.flatnonzero(np.isin(pipeline.person, people))
        swing = np.empty(len(rows))
        for number, row in enumerate(rows):
            without = whole - np.where(won[row], drawn[row], 0.0)
            swing[number] = (without + drawn[row] >= target).mean() - (without >= target).mean()
        found[scope] = (float((whole >= target).mean()), swing)
    return found


if __name__ == "__main__":
    main()
