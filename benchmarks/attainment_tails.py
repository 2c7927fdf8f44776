"""Are the probabilities of a target right where they are near 0 or 1? Simulated worlds, before and after.

    python benchmarks/attainment_tails.py ../tails --first-seed 361 --worlds 8
    python benchmarks/attainment_tails.py ../tails --first-seed 361 --worlds 8 --days 500
    python benchmarks/attainment_tails.py ../tails show

Each world is simulated beyond its evaluated quarters. The product is trained at each quarter's start on what
was known then, and asked after 1, 4, 8 and 12 weeks. The same scored deals and rates of new business are
drawn twice with the same random numbers: with shared shocks of exactly the estimated size (before), and with
their size as uncertain as the number of past periods leaves it (after; `models/forecast/shock_scale.py`).
Every scope is judged at its target, and at 60 to 140 % of it, where targets are out of reach or safe: log
score and Brier of what happened, and of what the replays of the world say happens (which varies far less by
chance), in all and where the probability was below 5 or above 95 %. Revenue: CRPS and coverage of the 50, 80
and 90 % intervals.

One file per world is kept in the folder and not computed again. Worlds with a seed below `--judged-from` are
for development; judge on others. Intervals count worlds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from coverage_periods import share_within

from crm.eventlog import EventLog
from crm.instants import last_known_day
from crm.periods import Period, period_holding, previous
from features.arrays import Flags, Floats
from features.calendar import Calendar
from models.forecast.attainment import probability_of
from models.forecast.shock_scale import KNOWN
from models.forecast.simulate import Simulation, simulate
from models.statistics import means_of
from simulator import Oracle, WorldSettings, advance, crm_tables, oracle
from simulator import simulate as simulate_world
from training.backtest.distribution_scores import crps
from training.backtest.origins import origins
from training.backtest.period_snapshots import PeriodSnapshot, SnapshotCache
from training.backtest.predict import forecast_at
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train_on
from training.metrics import brier_scores, log_losses

TOKYO = ZoneInfo("Asia/Tokyo")
THREE_YEARS, DAYS_AFTER = 1096, 10  # days simulated up to the last quarter's end, and after it
END = date(2025, 9, 30)
WEEKS = (1, 4, 8, 12)
TIMES = (1.0, 0.6, 0.8, 1.2, 1.4)  # of the target: the target itself, then others
LEVELS = (0.5, 0.8, 0.9)
KINDS = ("company", "team", "person")
BEFORE, AFTER = "before", "after"
SURE = (0.05, 0.95)  # probabilities beyond are the tails


def main() -> None:
    """Compute what is missing, and print the tables of what is there."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.show != "show":
        for seed in range(options.first_seed, options.first_seed + options.worlds):
            name = options.folder / f"{options.days}-{options.deals}-{seed}.npz"
            if not name.exists():
                one_world(seed, name, options)
    show(options.folder, options.judged_from)


def one_world(seed: int, name: Path, options: argparse.Namespace) -> None:
    """What is said of every scope at four weeks of some quarters of one world, and the truth, as a file."""
    began = time.perf_counter()
    days = options.days + DAYS_AFTER
    deals = round(options.deals * days / THREE_YEARS)
    settings = WorldSettings(deals=deals, seed=seed, end=END + timedelta(days=DAYS_AFTER), days=days)
    log = EventLog.of(crm_tables(simulate_world(settings)), TOKYO)
    cache = SnapshotCache(log, Calendar.of_organisation(log.organisation))
    config = replace(TrainConfig(), threads=options.threads, seed=seed)
    quarters = [period_holding(END)]
    while len(quarters) < options.periods:
        quarters.insert(0, previous(quarters[0]))
    world, rows = None, []
    for period in quarters:
        data = TrainingData.of(cache.as_of(period.start(TOKYO)), period.start(TOKYO), config)
        bundle, _ = train_on(data, config)
        bundle = with_common_factors(bundle, data, config)
        for origin in origins(period, WEEKS, TOKYO):
            day = last_known_day(origin.as_of, TOKYO)
            world = world or simulate_world(settings, until=day)
            advance(world, day)
            truth = oracle(settings, day, options.replays, [(period.first, period.last)], world=world)
            snapshot = cache.snapshot(origin)
            after = forecast_at(
                bundle, cache.as_of(origin.as_of), origin, snapshot.organisation, snapshot.closed_by_person
            ).simulation
            ways = {AFTER: after, **{way: redrawn(after, degrees) for way, degrees in options.ways.items()}}
            rows += scope_rows(snapshot, ways, truth, cache.actuals(period), period)
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    np.savez(name, **columns, replays=np.array(options.replays), degrees=np.array(after.sizes.degrees))
    print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)


def redrawn(simulation: Simulation, degrees: float) -> Simulation:
    """The same scenarios with the size of the shared shocks known with other degrees of freedom."""
    company_sd, team_sd, _ = simulation.sizes
    organisation, pipeline, new = simulation.organisation, simulation.pipeline, simulation.new
    return simulate(organisation, pipeline, simulation.closed, new, company_sd, team_sd, degrees=degrees)


def scope_rows(
    snapshot: PeriodSnapshot,
    ways: dict[str, Simulation],
    truth: Oracle,
    actual: dict[str, float],
    period: Period,
) -> list[dict[str, object]]:
    """A row per scope: probabilities of each target by each way, of the replays, and what came."""
    rows = []
    draws = truth.revenue[period.first, period.last]
    for position, scope in enumerate(snapshot.scopes):
        target = float(snapshot.target[position])
        if scope not in actual or np.isnan(target) or target <= 0:
            continue
        kind, _, who = scope.partition(":")
        table = draws.teams if kind == "team" else draws.people
        true = np.asarray(draws.company if kind == "company" else table[who], float)
        row: dict[str, object] = {
            "kind": kind,
            "week": snapshot.origin.week,
            "quarter": period.name,
            "came": [float(actual[scope] >= times * target) for times in TIMES],
            "truth": [float((true >= times * target).mean()) for times in TIMES],
            "usual": float(true.mean()),
        }
        for way, simulation in ways.items():
            people = simulation.organisation.members(scope)
            total = simulation.total(people)
            row[f"{way}_said"] = [probability_of(simulation, people, times * target) for times in TIMES]
            row[f"{way}_mean"] = float(total.mean())
            row[f"{way}_crps"] = float(crps(total, actual[scope]))
            row[f"{way}_held"] = [share_within(true, total, level).mean() for level in LEVELS]
        rows.append(row)
    return rows


def show(folder: Path, judged_from: int) -> None:
    """The tables of the worlds that are there, with 95 % intervals that count worlds."""
    files = {tuple(map(int, file.stem.split("-"))): file for file in folder.glob("*.npz")}
    for days, deals, judged in sorted({(*name[:2], name[2] >= judged_from) for name in files}):
        cases = [
            dict(np.load(file, allow_pickle=False))
            for name, file in sorted(files.items())
            if name[:2] == (days, deals) and (name[2] >= judged_from) == judged
        ]
        degrees = [round(float(case["degrees"])) for case in cases]
        print(
            f"\n== {'judged' if judged else 'development'}: {len(cases)} worlds of {days} days, "
            f"{deals} deals in three years; {sum(len(case['kind']) for case in cases)} forecasts, "
            f"{min(degrees)} to {max(degrees)} degrees of freedom"
        )
        print("   scores: of what happened | expected over the replays of the world (less before)")
        show_cases(cases)


def show_cases(cases: list[dict]) -> None:
    """The tables of some worlds."""
    ways = [name.removesuffix("_said") for name in cases[0] if name.endswith("_said")]
    for kind in (*KINDS, None):
        for part in ("target", "all targets", "tails"):
            print(f"   {kind or 'all'}, {part}")
            for way in ways:
                print(f"      {way:7s} {_scores(cases, way, kind, part)}")
        for way in ways:
            print(f"      {way:7s} {_revenue(cases, way, kind)}")


def _scores(cases: list[dict], way: str, kind: str | None, part: str) -> str:
    """Log score and Brier of one way, and their difference from `before`; the mean probability and share."""
    columns, world = [], []
    for number, case in enumerate(cases):
        use = np.ones(len(case["kind"]), bool) if kind is None else case["kind"] == kind
        targets = slice(0, 1) if part == "target" else slice(None)
        said, base = (case[f"{one}_said"][use, targets].ravel() for one in (way, BEFORE))
        came = case["came"][use, targets].ravel()
        truth = (case["truth"][use, targets].ravel() * case["replays"] + 0.5) / (case["replays"] + 1.0)
        picked = _in_tails(base) if part == "tails" else np.ones(len(said), bool)
        values = [said, came, truth]
        for score in (log_losses, brier_scores):
            for outcome in (came, truth):
                own = _expected(score, said, outcome)
                values += [own, own - _expected(score, base, outcome)]
        columns.append(np.stack(values, axis=1)[picked])
        world.append(np.full(int(picked.sum()), number))
    table = np.concatenate(columns)
    if not len(table):
        return "none"
    means = means_of(table, np.ones(len(table)), np.concatenate(world), np.random.default_rng(7))
    numbers = [
        f"{name} {means[at].mean:.4f} ({_difference(means[at + 1])}) | "
        f"{means[at + 2].mean:.4f} ({_difference(means[at + 3])})"
        for name, at in (("log", 3), ("Brier", 7))
    ]
    shares = f"said {means[0].mean:.3f} came {means[1].mean:.3f} true {means[2].mean:.3f}"
    return f"{'; '.join(numbers)}; {shares}; n {len(table)}"


def _expected(score, said: Floats, outcome: Floats) -> Floats:
    return outcome * score(said, np.ones(len(said))) + (1.0 - outcome) * score(said, np.zeros(len(said)))


def _in_tails(said: Floats) -> Flags:
    return (said < SURE[0]) | (said > SURE[1])


def _difference(one) -> str:
    return f"{one.mean:+.4f} [{one.lo:+.4f}, {one.hi:+.4f}]"


def _revenue(cases: list[dict], way: str, kind: str | None) -> str:
    """CRPS over the mean revenue, its difference from `before`, and the replays inside each interval."""
    uses = [np.ones(len(case["kind"]), bool) if kind is None else case["kind"] == kind for case in cases]
    usual = np.concatenate([case["usual"][use] for case, use in zip(cases, uses, strict=True)]).mean()
    own, base = (
        np.concatenate([case[f"{one}_crps"][use] for case, use in zip(cases, uses, strict=True)])
        for one in (way, BEFORE)
    )
    held = np.concatenate([case[f"{way}_held"][use] for case, use in zip(cases, uses, strict=True)])
    mean = np.concatenate([case[f"{way}_mean"][use] for case, use in zip(cases, uses, strict=True)])
    world = np.repeat(np.arange(len(cases)), [int(use.sum()) for use in uses])
    table = np.column_stack([own / usual, (own - base) / usual, held])
    means = means_of(table, np.ones(len(table)), world, np.random.default_rng(7))
    inside = ", ".join(
        f"{100 * level:.0f}: {100 * one.mean:.0f} [{100 * one.lo:.0f}, {100 * one.hi:.0f}]"
        for level, one in zip(LEVELS, means[2:], strict=True)
    )
    return (
        f"revenue: CRPS {means[0].mean:.4f} ({_difference(means[1])}) of its mean; covers {inside}; "
        f"forecast over truth {mean.mean() / usual:.3f}"
    )


def _way(text: str) -> tuple[str, float]:
    return f"t{float(text):g}", float(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where each world's file is kept")
    parser.add_argument("show", nargs="?", choices=("show",), help="only print what is there")
    parser.add_argument("--first-seed", type=int, default=361)
    parser.add_argument("--worlds", type=int, default=8)
    parser.add_argument("--judged-from", type=int, default=100, help="seeds below it are for development")
    parser.add_argument("--deals", type=int, default=2000, help="in three years")
    parser.add_argument(
        "--days", type=int, default=THREE_YEARS, help="of records before the last quarter ends"
    )
    parser.add_argument("--periods", type=int, default=2, help="quarters of each world")
    parser.add_argument("--replays", type=int, default=500, help="of the world, for the true probabilities")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--also", type=_way, action="append", default=[], help="further degrees of freedom, for development"
    )
    options = parser.parse_args()
    options.ways = {BEFORE: KNOWN, **dict(options.also)}
    return options


if __name__ == "__main__":
    main()
