"""Does a plan have the predicted effect? The world is replayed with the levers changed as planned.

    python benchmarks/accuracy_plan.py --first-seed 301 --seeds 5 --deals 8000

At the start of a period a model is trained on what was known then and computes the smallest change of leads,
appointment rate and deal size that reaches the target with a probability; then the world is continued from
its true state, 200 times unchanged and 200 times with those levers changed as planned. Three comparisons:

own target   the model's target: predicted and replayed probability, before and with the plan. One world's
             replays start from its true state, which the model does not know: they should agree only on
             average over many worlds.
same start   each side's own target, reached without the plan with probability `--before`: the gain of the
             plan, for a distribution of outcomes that is narrower in the replays (they know the state).
revenue      the gain of expected revenue, predicted and replayed.
"""

from __future__ import annotations

import argparse
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from crm.periods import parse_period
from features import compile_history
from features.kpis import KpiEvents
from models.kpis import KpiForecasts, RemainingPeriod
from models.levers import smallest_plan
from service.drivers import lever_model_of
from service.period_forecast import simulate_period
from simulator import Intervention, WorldSettings, crm_tables, replay, simulate
from training.config import TrainConfig
from training.fit import train

TOKYO = ZoneInfo("Asia/Tokyo")
FACTORS = {"leads": "lead_inflow", "appointment_rate": "appointment_rate", "amount": "amount"}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--deals", type=int, default=8_000)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--before", type=float, default=0.4, help="probability as things go")
    parser.add_argument("--wanted", type=float, default=0.7)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 9, 30))
    parser.add_argument("--period", default="FY2026-H2")
    options = parser.parse_args()
    print("promised / replayed, per world")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    found = np.array([one_world(seed, options) for seed in seeds])
    print(f"means over {len(found)} worlds, promised minus replayed with its standard error")
    for number, name in enumerate(
        ("own target, before", "own target, plan", "same start, plan", "revenue gain")
    ):
        both = found[:, 2 * number : 2 * number + 2]
        gap = 100 * (both[:, 0] - both[:, 1])
        error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.nan
        promised, replayed = 100 * both.mean(0)
        print(f"  {name:20s} {promised:5.1f} / {replayed:5.1f} %   {gap.mean():+.1f} +- {error:.1f} points")


def one_world(seed: int, options: argparse.Namespace) -> list[float]:
    """Pairs, predicted and replayed: own target before, with the plan, from the same start, revenue."""
    world = simulate(WorldSettings(deals=options.deals, seed=seed, end=options.as_of))
    log = EventLog.of(crm_tables(world), TOKYO)
    moment, period = end_of_day(options.as_of, TOKYO), parse_period(options.period)
    bundle, _ = train(log, moment, TrainConfig())
    levels = {name: kind if isinstance(kind, str) else list(kind) for name, kind in bundle.levels.items()}
    history = compile_history(log.as_of(moment), bundle.calendar, levels)
    forecast = simulate_period(bundle, log, history, moment, period)
    known, organisation = log.as_of(moment), forecast.organisation
    ahead = RemainingPeriod.of(
        known, bundle.calendar, organisation, moment, period.start(TOKYO), period.end(TOKYO)
    )
    prospects = KpiForecasts(forecast.simulation, KpiEvents(known, organisation.people), ahead, period)
    drive, people = lever_model_of(forecast, prospects, bundle), organisation.members("company")
    target = float(np.quantile(forecast.company_revenue, 1 - options.before))
    plan = smallest_plan(drive, list(FACTORS), people, target, options.wanted)
    change, changes = {}, []
    for name, share in plan.shares.items():
        level = drive.levels[name]
        now = level.of(people) or 1.0
        then = level.of(people, level.step_towards_top(share, people)) or now
        change[FACTORS[name]] = then / now
        changes.append(f"{name} x{then / now:.2f}")
    first, last = period.first, period.last
    revenues = [
        replay(world, last, options.replays, seed, how, to_the_end=False).revenue(first, last)
        for how in (None, Intervention(**change))
    ]
    replay_target = float(np.quantile(revenues[0], 1 - options.before))
    replayed = float((revenues[1] >= replay_target).mean())
    plain = [float((revenue >= target).mean()) for revenue in revenues]
    gain = drive.with_shares(plan.shares, people).total(people).mean() / forecast.company_revenue.mean() - 1
    pairs = [plan.before, plain[0], plan.reached, plain[1], plan.reached, replayed]
    pairs += [gain, revenues[1].mean() / revenues[0].mean() - 1]
    print(f"{seed}  {', '.join(changes)}")
    print(
        f"     own target {pairs[0]:.2f} / {pairs[1]:.2f}, plan {pairs[2]:.2f} / {pairs[3]:.2f}; "
        f"same start {pairs[4]:.2f} / {pairs[5]:.2f}; revenue {pairs[6]:+.3f} / {pairs[7]:+.3f}",
        flush=True,
    )
    return pairs


if __name__ == "__main__":
    main()
