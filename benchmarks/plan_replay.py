"""Does a plan bring what it promises? The world is replayed with the levers really changed.

    python benchmarks/plan_replay.py --first-seed 301 --seeds 5 --deals 8000

At the start of a period a model is trained on what was known and asked for the smallest change of leads,
appointment rate and deal size that attains with a probability; then the world lives on from its true state,
200 times as it is and 200 times with those levers changed as planned. Two targets, both such that things as
they go attain with `--before`: the model's own by its forecast, and the same for the replays, so that what is
compared is what the plan adds and not how good the forecast was (benchmarks/accuracy_worlds.py says that).
The plain comparison, on the model's own target, is printed beside it.
"""

from __future__ import annotations

import argparse
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from sancho.crm.eventlog import EventLog
from sancho.crm.moment import end_of_day
from sancho.crm.period import parse_period
from sancho.crm.world import WorldSettings
from sancho.crm.world.engine import simulate
from sancho.crm.world.replay import replay
from sancho.crm.world.settings import Intervention
from sancho.crm.world.tables import frames
from sancho.features import compile_history
from sancho.features.kpis import Happenings
from sancho.models.kpis import Ahead, Prospects
from sancho.models.levers import smallest
from sancho.service.levers import drive_of
from sancho.service.room import open_room
from sancho.training.config import TrainConfig
from sancho.training.fit import train

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
    asked = parser.parse_args()
    print("seed  levers (from -> to)   promised  replayed  |  own target: before promised/replayed, after")
    misses = []
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        misses.append(one_world(seed, asked))
    error = np.array(misses)
    print(
        f"promised minus replayed: mean {100 * error.mean():+.1f} points, within 5 points in "
        f"{(np.abs(error) <= 0.05).sum()} of {len(error)}; a replayed share is known to "
        f"{100 * np.sqrt(2 * 0.25 / asked.replays):.1f} points (two samples of {asked.replays})"
    )


def one_world(seed: int, asked: argparse.Namespace) -> float:
    """Promised minus replayed probability, on targets equally likely before."""
    world = simulate(WorldSettings(deals=asked.deals, seed=seed, end=asked.as_of))
    log = EventLog.of(frames(world), TOKYO)
    moment, period = end_of_day(asked.as_of, TOKYO), parse_period(asked.period)
    bundle, _ = train(log, moment, TrainConfig())
    levels = {name: kind if isinstance(kind, str) else list(kind) for name, kind in bundle.levels.items()}
    history = compile_history(log.as_of(moment), bundle.calendar, levels)
    room = open_room(bundle, log, history, moment, period)
    known, organisation = log.as_of(moment), room.organisation
    ahead = Ahead.of(known, bundle.calendar, organisation, moment, period.start(TOKYO), period.end(TOKYO))
    prospects = Prospects(room.simulation, Happenings(known, organisation.people), ahead, period)
    drive, people = drive_of(room, prospects, bundle), organisation.members("company")
    target = float(np.quantile(room.total, 1 - asked.before))
    plan = smallest(drive, list(FACTORS), people, target, asked.wanted)
    change, said = {}, []
    for name, share in plan.shares.items():
        level = drive.levels[name]
        now = level.of(people) or 1.0
        then = level.of(people, level.moved(share, people)) or now
        change[FACTORS[name]] = then / now
        said.append(f"{name} x{then / now:.2f}")
    first, last = period.first, period.last
    lived = [
        replay(world, last, asked.replays, seed, how, to_the_end=False).revenue(first, last)
        for how in (None, Intervention(**change))
    ]
    fair = float(np.quantile(lived[0], 1 - asked.before))
    replayed = float((lived[1] >= fair).mean())
    plain = [float((revenue >= target).mean()) for revenue in lived]
    gain = drive.moved(plan.shares, people).total(people).mean() / room.total.mean() - 1
    print(
        f"{seed}  {', '.join(said)}  {plan.reached:.3f}  {replayed:.3f}  |  "
        f"{plan.before:.2f}/{plain[0]:.2f}, {plan.reached:.2f}/{plain[1]:.2f}; revenue {gain:+.3f} promised, "
        f"{lived[1].mean() / lived[0].mean() - 1:+.3f} replayed",
        flush=True,
    )
    return plan.reached - replayed


if __name__ == "__main__":
    main()
