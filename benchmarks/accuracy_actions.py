"""Are the estimated effects of actions right? Compared with simulated worlds, with and without each action.

    python benchmarks/accuracy_actions.py --first-seed 801 --seeds 10 --deals 8000

At the end of a world effects are estimated from its log; then the world is continued from its true state,
with each action done on every open deal within two weeks, and as usual, with the same random numbers. Printed
per action: deals with it, the unadjusted difference, the adjusted one, the mean estimate, the true mean (over
the open deals that have an estimate), the correlation over deals, the coverage of the 80% interval. The truth
per deal is a noisy mean over replays, so coverage is measured by kinds of deal (stage, size, product,
industry). Then: the true gain of the first recommendation, compared with the best action, a T-learner's
choice and the top reps' most frequent action; and how often decoys are recommended first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plain_learner import TLearner

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import History, action_events_of, build_features
from features.action_events import BASELINE_ACTIONS
from features.arrays import Floats
from models.actions import ActionEffect, CandidateAction, candidate_actions, effect_scale
from models.actions.reliability import UNRECORDED
from models.statistics import Z80
from simulator import Intervention, World, WorldSettings, action_signs, crm_tables, replay, simulate
from simulator.truth_files import DECOYS
from training.actions import learn_actions
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
CELLS = 30  # deals of a kind, for its true mean effect to be known


@dataclass(frozen=True)
class Judged:
    """One world: the candidate actions of its open deals, and their true effects (n, actions)."""

    world: World
    ids: list[str]
    names: dict[str, str]  # what each true action is called in the log
    chance: Floats  # as usual
    truth: Floats
    noise: Floats  # standard errors of the truth: replays are few
    halves: Floats  # the truth by each half of the replays (2, n, actions)
    offered: dict[str, CandidateAction]
    known: dict[str, ActionEffect]
    t_learner: dict[str, Floats]  # the plain T-learner's effects (n,)
    kinds: NDArray[np.int64]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=801)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--deals", type=int, default=8_000)
    parser.add_argument("--replays", type=int, default=120)
    options = parser.parse_args()
    worlds = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        worlds.append(one_world(seed, options.deals, options.replays))
        print(f"world {seed}: {len(worlds[-1].truth)} open deals", flush=True)
    by_action(worlds)
    recommended(worlds)


def one_world(seed: int, deals: int, replays: int) -> Judged:
    """Estimate effects, continue the world, and compare."""
    world = simulate(WorldSettings(deals=deals, seed=seed, end=END))
    log, moment = EventLog.of(crm_tables(world), TOKYO), end_of_day(END, TOKYO)
    observed = ObservationalData.of(log, moment)
    history, features = observed.history, observed.features
    known = learn_actions(observed)
    names = named(world, history)
    ids, truth, noise, halves = simulated_effects(world, replays, names)
    number = history.deal_ids.get_indexer(pd.Index(ids))
    x = build_features(history, number, np.full(len(number), moment))[:, observed.used]
    chance = truth[:, 0]  # as usual
    offered = candidate_actions(
        known, x, features, history.levels, chance, action_events_of(history), number, moment
    )
    column_of = {feature.name: at for at, feature in enumerate(features)}
    size = np.digitize(np.nan_to_num(np.expm1(x[:, column_of["employees"]])), (100, 1_000))
    kinds = np.column_stack([x[:, column_of[name]] for name in ("stage", "product", "industry")] + [size])
    kinds_known = np.nan_to_num(kinds, nan=-1.0).astype(np.int64)
    known_by, offered_by = {one.action: one for one in known}, {one.action: one for one in offered}
    plain = TLearner.of(observed, list(known_by)).effects(x)
    return Judged(
        world, ids, names, chance, truth[:, 1:], noise, halves, offered_by, known_by, plain, kinds_known
    )


def named(world: World, history: History) -> dict[str, str]:
    """The names of the world's actions in the log, as far as they occur in it."""
    there = {one.action for one in action_events_of(history)}
    names = {}
    for action, sign in action_signs(world.ground_truth).items():
        name = f"material:{sign['material']}" if "material" in sign else sign["kind"]
        name = "visit_with_manager" if action == "superior_visit" else name
        if name in there:
            names[action] = name
    return names


def simulated_effects(
    world: World, replays: int, names: dict[str, str]
) -> tuple[list[str], Floats, Floats, Floats]:
    """(ids of the open deals, chance as usual and true effects (n, 1 + a), their noise, halves (2, n, a))."""
    usual = replay(world, END + timedelta(days=1), replays, 5)
    ids, before = usual.deal_ids, usual.won().astype(float)
    columns, noise, halves = [before.mean(0)], [], []
    for action in names:
        after = replay(
            world, END + timedelta(days=1), replays, 5, Intervention(force=[(deal, action) for deal in ids])
        )
        gain = after.won() - before
        columns.append(gain.mean(0))
        halves.append([gain[::2].mean(0), gain[1::2].mean(0)])
        noise.append(gain.std(0) / np.sqrt(replays))
    return ids, np.column_stack(columns), np.column_stack(noise), np.array(halves).transpose(1, 2, 0)


def by_action(worlds: list[Judged]) -> None:
    """Prints the accuracy of the effects, action by action."""
    rows: dict[str, list[list[float]]] = defaultdict(list)
    covered: dict[str, list[bool]] = defaultdict(list)
    deals: list[bool] = []
    for world in worlds:
        for at, (action, name) in enumerate(world.names.items()):
            offer = world.offered.get(name)
            if offer is None or not offer.comparable.any():
                continue
            use, own = offer.comparable, world.known[name]
            effect, true = offer.effect[use], world.truth[use, at]
            both = np.corrcoef(effect, true)[0, 1] if true.std() > 0 and effect.std() > 0 else np.nan
            adjusted = float((effect + UNRECORDED * offer.selection_bias[use]).mean())
            plain = adjusted + float(own.adjustment * effect_scale(world.chance[use]).mean())
            rows[action].append([own.evidence.deals_with, plain, adjusted, effect.mean(), true.mean(), both])
            covered[action] += cells_covered(offer, world, at)
            sd = np.hypot((offer.high - offer.effect)[use] / Z80, world.noise[use, at])
            deals += (np.abs(effect - true) <= Z80 * np.maximum(sd, 1e-9)).tolist()
    print("\naction                  acted on  plain  adjusted  believed  truth  correlation  80 % holds")
    every = [one for found in covered.values() for one in found]
    for action, found in rows.items():
        n, plain, adjusted, estimate, true, both = np.nan_to_num(np.array(found)).mean(axis=0)
        share = 100 * np.mean(covered[action]) if covered[action] else np.nan
        print(
            f"{action:22s} {n:9.0f} {100 * plain:+6.1f} {100 * adjusted:+9.1f} {100 * estimate:+9.1f} "
            f"{100 * true:+6.1f} {both:12.2f} {share:9.0f} %"
        )
    print(
        f"80 % intervals hold the truth of {100 * np.mean(every):.0f} % of {len(every)} kinds of deal; "
        f"widened by the replays' noise, that of {100 * np.mean(deals):.0f} % of {len(deals)} deals"
    )


def cells_covered(offer: CandidateAction, world: Judged, at: int) -> list[bool]:
    """Whether the mean interval of each kind of deal contains its true mean effect."""
    out = []
    for column in range(world.kinds.shape[1]):
        for code in np.unique(world.kinds[:, column]):
            of_kind = offer.comparable & (world.kinds[:, column] == code)
            if of_kind.sum() >= CELLS:
                true = world.truth[of_kind, at].mean()
                out.append(bool(offer.low[of_kind].mean() <= true <= offer.high[of_kind].mean()))
    return out


def quarter(world: Judged, done: list[tuple[str, str]]) -> float:
    """Mean revenue of the next quarter with these actions done on open deals at its start."""
    last = END + timedelta(days=92)
    lived_on = replay(world.world, last, 60, 9, Intervention(force=done), to_the_end=False)
    return float(lived_on.revenue(END + timedelta(days=1), last).mean())


def best_possible(halves: Floats, fits: NDArray[np.bool_]) -> Floats:
    """The gain of each deal's best action (n,): chosen on one half of the replays, measured on the other.

    The maximum of noisy values is biased upwards; chosen and measured on different halves it is slightly low.
    """
    both = []
    for one, other in ((0, 1), (1, 0)):
        first = np.where(fits, halves[one], -np.inf).argmax(axis=1)
        both.append(halves[other][np.arange(len(first)), first])
    return np.where(fits.any(axis=1), np.mean(both, axis=0), 0.0)


def recommended(worlds: list[Judged]) -> None:
    """Prints the true gain of following the first recommendation."""
    got: dict[str, list[float]] = defaultdict(list)
    for world in worlds:
        names = list(world.names.values())
        rows = [world.offered[name] for name in names if name in world.offered]
        at = [names.index(one.action) for one in rows]
        truth = world.truth[:, at]
        fits = np.column_stack([one.comparable & ~one.done for one in rows])
        sound = np.column_stack([one.recommended for one in rows])
        effect = np.column_stack([one.effect for one in rows])
        first = np.where(sound, effect, -np.inf).argmax(axis=1)
        some = sound.any(axis=1)
        deals = np.arange(len(truth))
        true = truth[deals, first]
        best = best_possible(world.halves[:, :, at], fits)
        decoys = [n for n, one in enumerate(at) if list(world.names)[one] in DECOYS]
        decoy = np.isin(first, decoys)
        plain = np.column_stack([one.effect + UNRECORDED * one.selection_bias for one in rows])
        plain_first = np.where(fits, plain, -np.inf).argmax(axis=1)
        # The other methods choose among actions other than ordinary contacts.
        special = fits & np.array([one.action not in BASELINE_ACTIONS for one in rows])
        t_learner = np.column_stack([world.t_learner[one.action] for one in rows])
        t_learner_first = np.where(special, t_learner, -np.inf).argmax(axis=1)
        top = [world.known[one.action].evidence.top_share or 0.0 for one in rows]
        favourite = np.where(special, np.array(top), -np.inf).argmax(axis=1)
        got["deals with a recommendation, %"].append(100 * some.mean())
        got["true effect of the first recommendation, points"].append(100 * true[some].mean())
        got["  share of them with a true effect above 0, %"].append(100 * (true[some] > 0).mean())
        got["  share of them with a true effect below 0, %"].append(100 * (true[some] < 0).mean())
        got["best possible action on the same deals, points"].append(100 * best[some].mean())
        got["  share of it that the first recommendation brings, %"].append(
            100 * true[some].mean() / best[some].mean()
        )
        got["top sellers' most frequent action, points"].append(100 * truth[deals, favourite][some].mean())
        got["plain T-learner's largest effect, points"].append(
            100 * truth[deals, t_learner_first][some].mean()
        )
        got["largest effect by the adjusted difference alone, points"].append(
            100 * truth[deals, plain_first][some].mean()
        )
        usual = quarter(world, [])
        for what, row in (
            ("first recommendation", first),
            ("top sellers' most frequent", favourite),
            ("plain T-learner's", t_learner_first),
        ):
            done = [(world.ids[n], list(world.names)[at[row[n]]]) for n in np.flatnonzero(some).tolist()]
            gain = quarter(world, done) / usual - 1
            got[f"next quarter's revenue with the {what} action, % more"].append(100 * gain)
        everyday = np.isin(first, [n for n, one in enumerate(rows) if one.action in BASELINE_ACTIONS])
        got["calls and mails recommended first, %"].append(100 * everyday[some].mean())
        got["decoys recommended first, % of recommendations"].append(100 * decoy[some].mean())
        got["  by the plain T-learner"].append(100 * np.isin(t_learner_first, decoys)[some].mean())
    print("\nfollowing the first recommendation: mean over worlds (least, most)")
    for what, values in got.items():
        print(f"  {what:60s} {np.nanmean(values):6.1f}  ({np.nanmin(values):.1f}, {np.nanmax(values):.1f})")


if __name__ == "__main__":
    main()
