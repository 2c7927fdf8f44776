"""Are off-policy estimates right? A policy's value, estimated from logged random choices and simulated.

    python benchmarks/accuracy_policy.py --first-seed 901 --seeds 4

For each open deal of a world an action (or none) is drawn uniformly and done; each of many continuations of
the world is one set of logged outcomes. From it the win rate of the policy "the action with the largest
estimated effect, or none" is estimated, and compared with the world continued under that policy. Printed: the
mean error and the coverage of the 90% interval, for the three estimators.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from accuracy_actions import named
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import action_events_of, build_features
from features.arrays import Floats, Ints
from models.actions import candidate_actions, evaluate_policy
from simulator import Intervention, World, WorldSettings, crm_tables, replay, simulate
from training.actions import learn_actions
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
CHOICES = ("demo", "superior_visit", "quote", "material_by_industry", "decoy_by_feeling")
DRAWN = 5  # assignments of each world


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=901)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--deals", type=int, default=8_000)
    parser.add_argument("--replays", type=int, default=40)
    options = parser.parse_args()
    gaps, held = [], []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        gap, inside, true, usual = one_world(seed, options.deals, options.replays)
        gaps.append(gap)
        held.append(inside)
        print(
            f"world {seed}: win rate as usual {100 * usual:.1f} %, under the rule {100 * true:.1f} %; "
            f"mean errors in points {np.round(100 * gap.mean(0), 2).tolist()}",
            flush=True,
        )
    gap, inside = np.concatenate(gaps), np.concatenate(held)
    print(f"{len(gap)} logs: mean error, standard deviation in points; 90 % intervals hold the truth")
    for at, name in enumerate(("inverse propensity", "self-normalised", "doubly robust")):
        print(
            f"  {name:20s} {100 * gap[:, at].mean():+.2f}  {100 * gap[:, at].std():.2f}  "
            f"{100 * inside[:, at].mean():.0f} %"
        )


def one_world(seed: int, deals: int, replays: int) -> tuple[Floats, NDArray[np.bool_], float, float]:
    """(errors (logs, 3), whether intervals contain the truth, win rate under the policy, as usual)."""
    world = simulate(WorldSettings(deals=deals, seed=seed, end=END))
    log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO)
    observed = ObservationalData.of(log, moment)
    history, features = observed.history, observed.features
    known = learn_actions(observed)
    usual = replay(world, END + timedelta(days=1), 4 * replays, 5)
    ids, chance = usual.deal_ids, usual.won().mean(0)
    number = history.deal_ids.get_indexer(ids)
    x = build_features(history, number, np.full(len(number), moment))[:, observed.used]
    offered = {
        one.action: one
        for one in candidate_actions(
            known, x, features, history.levels, chance, action_events_of(history), number, moment
        )
    }
    names = named(world, history)
    effect = np.zeros((len(ids), len(CHOICES) + 1))  # the last is to do nothing special
    for at, action in enumerate(CHOICES):
        offer = offered[names[action]]
        effect[:, at] = np.where(offer.recommended, offer.effect, -1.0)
    best = effect.argmax(axis=1)
    truth = simulated_wins(world, ids, best, 4 * replays, 77).mean()
    rng = np.random.default_rng(seed)
    gaps, inside = [], []
    rule, expected = np.eye(len(CHOICES) + 1)[best], np.clip(chance[:, None] + np.maximum(effect, 0.0), 0, 1)
    for draw in range(DRAWN):
        chosen = rng.integers(0, len(CHOICES) + 1, len(ids))
        even = np.full(len(ids), 1 / (len(CHOICES) + 1))
        for outcome in simulated_wins(world, ids, chosen, replays, 100 + draw):
            found = evaluate_policy(outcome, chosen, even, rule, expected)
            three = (found.ips, found.snips, found.doubly_robust)
            gaps.append([one.value - truth for one in three])
            inside.append([one.low <= truth <= one.high for one in three])
    return np.array(gaps), np.array(inside), float(truth), float(chance.mean())


def simulated_wins(world: World, ids: list[str], chosen: Ints, replays: int, seed: int) -> Floats:
    """Whether each deal is won (replays, n) if the chosen actions are done within two weeks."""
    force = [(deal, CHOICES[at]) for deal, at in zip(ids, chosen.tolist(), strict=True) if at < len(CHOICES)]
    done = replay(world, END + timedelta(days=1), replays, seed, Intervention(force=force))
    return done.won().astype(float)


if __name__ == "__main__":
    main()
