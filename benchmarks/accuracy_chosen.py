"""Is the effect of what is recommended first as large as believed, and does its interval hold the truth?

    python benchmarks/accuracy_chosen.py FOLDER --name after --first-seed 201 --seeds 10 --deals 4000

At the end of a simulated organisation the first recommendation of each open deal is chosen as the service
chooses it (by points per minute); its true effect is known by continuing the organisation with the action
done and as usual. FOLDER keeps the truth and one result per world and name; what is there is not computed
again, so that another version of the code (`PYTHONPATH`, another `--name`) is judged on the same truth.
Printed per name: deals with a recommendation, means over worlds of the effect believed and the true one and
their difference with a 95 % interval (Student's t over worlds), and how many of the shown 80 % intervals of
first recommendations hold the truth, as it is and where the interval is widened by the truth's own noise
(replays are few); likewise for all recommended pairs of deal and action.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_actions import END, TOKYO, named, simulated_effects
from scipy.stats import t as student

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import action_events_of, build_features
from features.arrays import Floats
from models.actions import candidate_actions
from models.statistics import Z80
from simulator import WorldSettings, crm_tables, replay, simulate
from training.actions import learn_actions
from training.observational_data import ObservationalData


@dataclass(frozen=True)
class Chosen:
    """Pairs of deal and action (n,): believed effect, its sd, the true one and its noise, in win rate."""

    believed: Floats
    sd: Floats
    true: Floats
    noise: Floats

    def summary(self) -> dict[str, float]:
        """Means, in points, and shares, in percent."""
        if not len(self.true):
            return {"pairs": 0}
        error = np.abs(self.believed - self.true)
        return {
            "pairs": len(self.true),
            "believed": 100 * float(self.believed.mean()),
            "true": 100 * float(self.true.mean()),
            "held": 100 * float((error <= Z80 * self.sd).mean()),
            "held_with_noise": 100 * float((error <= Z80 * np.hypot(self.sd, self.noise)).mean()),
            "width": 100 * float(2 * Z80 * self.sd.mean()),
            "without_effect": 100 * float((self.true < 0.005).mean()),
        }


def main() -> None:
    """Run what is missing, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="after")
    parser.add_argument("--first-seed", type=int, default=201)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--deals", type=int, default=4_000)
    parser.add_argument("--replays", type=int, default=60)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        result = options.folder / f"{options.name}-{seed}.json"
        if not result.exists():
            judged = one_world(seed, options.deals, options.replays, options.folder)
            result.write_text(json.dumps(judged, indent=1))
            print(f"world {seed}: {judged}", flush=True)
    print_table(options.folder)


def one_world(seed: int, deals: int, replays: int, folder: Path) -> dict[str, object]:
    """Learn the effects, choose, and compare with the truth."""
    world = simulate(WorldSettings(deals=deals, seed=seed, end=END))
    log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO)
    observed = ObservationalData.of(log, moment)
    history = observed.history
    names = named(world, history)
    stored = folder / f"truth-{seed}-{deals}-{replays}.npz"
    if not stored.exists():
        _, truth, noise, _ = simulated_effects(world, replays, names)
        np.savez(stored, truth=truth, noise=noise)
    with np.load(stored) as kept:
        truth, noise = kept["truth"], kept["noise"]
    ids = replay(world, END + timedelta(days=1), 1, 5).deal_ids
    number = history.deal_ids.get_indexer(pd.Index(ids))
    x = build_features(history, number, np.full(len(number), moment))[:, observed.used]
    known = {one.action: one for one in learn_actions(observed)}
    chance = truth[:, 0]
    offered = candidate_actions(
        list(known.values()),
        x,
        observed.features,
        history.levels,
        chance,
        action_events_of(history),
        number,
        moment,
    )
    in_log = list(names.values())
    offered = [one for one in offered if one.action in in_log]
    at = [in_log.index(one.action) for one in offered]
    recommended = np.column_stack([one.recommended for one in offered])
    effect = np.column_stack([np.minimum(one.effect, 1 - chance) for one in offered])
    sd = np.column_stack([(one.high - one.low) / (2 * Z80) for one in offered])
    minutes = np.array([known[one.action].minutes for one in offered])
    true, true_noise = truth[:, 1:][:, at], noise[:, at]
    first = np.where(recommended, effect / np.maximum(minutes, 1.0), -np.inf).argmax(axis=1)
    rows = np.flatnonzero(recommended.any(axis=1))
    chosen = rows, first[rows]
    firsts = Chosen(effect[chosen], sd[chosen], true[chosen], true_noise[chosen])
    every = Chosen(effect[recommended], sd[recommended], true[recommended], true_noise[recommended])
    return {
        "open_deals": len(ids),
        "gain_per_open_deal": 100 * float(firsts.true.sum()) / len(ids),
        "first": firsts.summary(),
        "recommended": every.summary(),
    }


def print_table(folder: Path) -> None:
    """Prints what the folder has, name by name."""
    by_name: dict[str, list[dict[str, object]]] = {}
    for path in sorted(folder.glob("*-*.json")):
        by_name.setdefault(path.stem.rsplit("-", 1)[0], []).append(json.loads(path.read_text()))
    for name, worlds in by_name.items():
        open_deals = sum(float(str(one["open_deals"])) for one in worlds)
        gain = np.mean([float(str(one["gain_per_open_deal"])) for one in worlds])
        print(f"\n{name}: {len(worlds)} worlds, {open_deals:.0f} open deals; points per open deal {gain:.2f}")
        for what in ("first", "recommended"):
            rows = [one[what] for one in worlds]
            found = [row for row in rows if isinstance(row, dict) and row["pairs"]]
            if not found:
                continue
            table = {key: np.array([row[key] for row in found]) for key in found[0]}
            gap = table["believed"] - table["true"]
            half = (
                student.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
                if len(gap) > 1
                else np.nan
            )
            pairs = table["pairs"]
            held, noisy, none = (
                float(pairs @ table[key] / pairs.sum())
                for key in ("held", "held_with_noise", "without_effect")
            )
            print(
                f"  {what:12s} {pairs.sum():5.0f} pairs  believed {table['believed'].mean():5.1f}  "
                f"true {table['true'].mean():5.1f}  difference {gap.mean():+.1f} "
                f"[{gap.mean() - half:+.1f}, {gap.mean() + half:+.1f}]  80 % intervals hold {held:.0f} %, "
                f"with noise {noisy:.0f} %, width {table['width'].mean():.1f}; "
                f"below half a point {none:.0f} %"
            )


if __name__ == "__main__":
    main()
