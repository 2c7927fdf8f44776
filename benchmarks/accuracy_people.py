"""Does the comparison of reps find who is skilled? Simulated organisations with known skill.

    python benchmarks/accuracy_people.py --first-seed 301 --seeds 5 --deals 8000

Rank correlation, over reps with at least 30 closed deals in the last two years, of the true skill with the
results above expectation, and with the raw win rate; and of both with the quality of the deals that a rep
received (which should not count).
"""

from __future__ import annotations

import argparse
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from scipy.stats import spearmanr

from crm.eventlog import EventLog
from crm.instants import DAY, end_of_day
from features import compile_history
from models.forecast.organisation import ScopeTree
from models.scoring import feature_columns
from models.seller_attribution import attributed_deals, results_above_expected
from simulator import WorldSettings, crm_tables, simulate
from simulator.log import C_PERSONS
from training.config import TrainConfig
from training.fit import train

TOKYO = ZoneInfo("Asia/Tokyo")
LEAST = 30


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--deals", type=int, default=8_000)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 9, 30))
    options = parser.parse_args()
    print("seed  sellers  skill ~ fair  skill ~ win rate | deals' quality ~ fair  ~ win rate")
    found = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        found.append(one_world(seed, options.deals, options.as_of))
        print(
            f"{seed}  {found[-1][0]:.0f}  " + "  ".join(f"{value:+.2f}" for value in found[-1][1:]),
            flush=True,
        )
    print("mean  " + "  ".join(f"{value:+.2f}" for value in np.mean(found, 0)[1:]))


def one_world(seed: int, deals: int, as_of: date) -> list[float]:
    """The number of reps, and the four correlations."""
    world = simulate(WorldSettings(deals=deals, seed=seed, end=as_of))
    log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(as_of, TOKYO)
    bundle, _ = train(log, moment, TrainConfig())
    levels = {name: kind if isinstance(kind, str) else list(kind) for name, kind in bundle.levels.items()}
    history = compile_history(log, bundle.calendar, levels)
    organisation = ScopeTree.of(log)
    handed = attributed_deals(bundle, history, feature_columns(bundle, history), log, organisation, moment)
    lately = handed.within(moment - 730 * DAY, moment)
    people = len(organisation.people)
    stands = results_above_expected(lately, lately, np.append(np.arange(people), -1), people)
    skill = world.log.people["skill"][: world.log.cursor[C_PERSONS]][:people]
    use = stands.deals >= LEAST
    fair = stands.wins_above[use, 1] / stands.expected_wins[use]
    raw = stands.wins[use] / stands.deals[use]
    quality = stands.expected_wins[use] / stands.deals[use]
    pairs = ((skill[use], fair), (skill[use], raw), (quality, fair), (quality, raw))
    return [float(use.sum()), *(float(spearmanr(*pair).statistic) for pair in pairs)]


if __name__ == "__main__":
    main()
