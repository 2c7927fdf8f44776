"""How much revenue does a quarter gain if the recommendations are followed every week?

    python benchmarks/accuracy_following.py --first-seed 821 --seeds 6 --deals 8000

At the end of a world effects are estimated from its log. Then it is continued for a quarter from its true
state: as usual; with the first recommendation of each open deal done within the week, computed every Monday
from the log up to then; and likewise with the top reps' most frequent action and with a T-learner's largest
effect, for as many deals as have a recommendation. All use the same random numbers. Printed: revenue compared
with the usual one, by world and replay.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from accuracy_actions import named
from plain_learner import TLearner

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import action_events_of, build_features, compile_history
from features.action_events import BASELINE_ACTIONS
from models.actions import ActionEffect, candidate_actions
from simulator import World, WorldSettings, advance, crm_tables, simulate
from simulator.catalog import ACTIONS, OPEN
from simulator.log import C_WINS
from simulator.random_stream import key_of
from training.actions import learn_actions
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
WEEKS, DAYS = 13, 92
WAYS = ("ours", "top sellers", "T-learner")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=821)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--deals", type=int, default=8_000)
    parser.add_argument(
        "--lives", type=int, default=2, help="how often each world lives on, each with other luck"
    )
    options = parser.parse_args()
    gains: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        world = simulate(WorldSettings(deals=options.deals, seed=seed, end=END))
        observed = ObservationalData.of(EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO))
        known = learn_actions(observed)
        plain = TLearner.of(observed, [one.action for one in known])
        for life in range(options.lives):
            usual, _ = simulated_quarter(world, life, None, observed, known, plain)
            gain_texts = []
            for way in WAYS:
                brought, done = simulated_quarter(world, life, way, observed, known, plain)
                gains[way].append(100 * (brought / usual - 1))
                gain_texts.append(f"{way} {gains[way][-1]:+.1f} % ({done} actions)")
            print(f"world {seed}, replay {life}: {', '.join(gain_texts)}", flush=True)
    print("revenue of the quarter against the usual, mean and its standard error over worlds and luck")
    for way, found in gains.items():
        by_world = np.array(found).reshape(-1, options.lives).mean(axis=1)
        error = by_world.std(ddof=1) / np.sqrt(len(by_world)) if len(by_world) > 1 else np.nan
        print(f"  {way:12s} {by_world.mean():+.1f} +- {error:.1f} %")


def simulated_quarter(
    world: World,
    life: int,
    way: str | None,
    observed: ObservationalData,
    known: tuple[ActionEffect, ...],
    plain: TLearner,
) -> tuple[float, int]:
    """(revenue of the quarter, actions requested) when each week's choice is done within that week."""
    world = deepcopy(world)
    world.state.market["key"] = np.uint64(key_of(world.settings.seed, 7000 + life))
    first = world.last_day + 1
    names = {name: ACTIONS.index(action) for action, name in named(world, observed.history).items()}
    asked_for = 0
    for day in range(DAYS):
        if way is not None and day % 7 == 0 and day // 7 < WEEKS:
            asked_for += ask(world, way, observed, known, plain, names)
        advance(world, world.date_of(first + day))
    wins = world.log.wins[: world.log.cursor[C_WINS]]
    return float(wins["amount"][wins["day"] >= first].sum()), asked_for


def ask(
    world: World,
    way: str,
    observed: ObservationalData,
    known: tuple[ActionEffect, ...],
    plain: TLearner,
    names: dict[str, int],
) -> int:
    """Requests each open deal's chosen action within seven days; returns the number of actions."""
    log = EventLog.of(crm_tables(world), TOKYO)
    moment = end_of_day(world.date_of(world.last_day), TOKYO)
    levels = {
        name: kind if isinstance(kind, str) else list(kind) for name, kind in observed.history.levels.items()
    }
    history = compile_history(log.as_of(moment), observed.history.calendar, levels)
    deals = world.state.deals
    rows = np.flatnonzero(deals["status"] == OPEN)
    number = history.deal_ids.get_indexer([f"D{serial + 1:07d}" for serial in deals["serial"][rows]])
    rows, number = rows[number >= 0], number[number >= 0]
    x = build_features(history, number, np.full(len(number), moment))[:, observed.used]
    chance = plain.chance(x)
    offered = candidate_actions(
        known, x, observed.features, levels, chance, action_events_of(history), number, moment
    )
    offered = [one for one in offered if one.action in names]
    some = np.any([one.recommended for one in offered], axis=0)
    # The others choose among all actions but calls and mails: those are what top sellers do most.
    fits = np.column_stack(
        [one.comparable & ~one.done & (one.action not in BASELINE_ACTIONS) for one in offered]
    )
    if way == "ours":
        worth = np.column_stack([np.where(one.recommended, one.effect, -np.inf) for one in offered])
    elif way == "T-learner":
        effects = plain.effects(x)
        worth = np.where(fits, np.column_stack([effects[one.action] for one in offered]), -np.inf)
    else:
        share = {one.action: one.evidence.top_share or 0.0 for one in known}
        worth = np.where(fits, np.array([share[one.action] for one in offered]), -np.inf)
    chosen = worth.argmax(axis=1)
    some &= worth[np.arange(len(worth)), chosen] > -np.inf
    codes = np.array([names[one.action] for one in offered])
    deals["force"][rows[some]] = codes[chosen[some]]
    deals["force_until"][rows[some]] = world.last_day + 7
    return int(some.sum())


if __name__ == "__main__":
    main()
