"""Are targets that are shared out by equal chances fairer than those shared out in the usual ways?

    python benchmarks/accuracy_sharing.py FOLDER --first-seed 901 --seeds 20

Simulated organisations of four years; in each of the last two years' eight quarters the company's target, as
it was set in that world, is shared out on the quarter's first day among those who carry one: by equal chances
(with and without what is known of new reps), evenly, by last year's revenue, and by the weighted pipeline.
Everybody's revenue of the quarter then says who reached which target. The win model is trained once, on what
was known at the first of these days; new business is fitted anew each quarter.

A way is fair where it makes no difference who one is: the spread of the shares of people who reached their
targets over thirds of territory (amount of the deals received in the year before), thirds of seniority, and
styles. The table gives the spread of each (the largest minus the smallest share), their mean with a 95 %
interval by world, and the mean of equal chances over that of the best usual way. What chance alone brings is
the spread of as many people of whom each reaches the target with the same probability.

A world's rows are kept as FOLDER/SEED.json; what is there is not computed again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, start_of_day
from crm.periods import parse_period
from features import compile_history
from models.forecast.new_business import NewBusiness, employment_days
from models.forecast.organisation import COMPANY
from models.forecast.part import at_rates
from models.forecast.period_facts import WonDeals
from models.forecast.staffing import Staffing
from models.sharing import share_out
from models.sharing.ways import CHANCE, PERSON, WAYS, Sellers, tree_of
from service.period_forecast import simulate_period
from simulator import WorldSettings, crm_tables, simulate
from training.config import TrainConfig
from training.fit import train

TOKYO = ZoneInfo("Asia/Tokyo")
AS_FORECAST = "chance, all as fast"  # equal chances by the forecast as it is
METHODS = (*WAYS, AS_FORECAST)
GROUPS = ("territory", "seniority", "style")
USUAL = tuple(way for way in WAYS if way != CHANCE)
STEP = 100_000  # targets are round


def main() -> None:
    """Compute what is missing, and print what is there."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        path = options.folder / f"{seed}.json"
        if path.exists() or options.table:
            continue
        rows = one_world(seed, options)
        path.write_text(json.dumps(rows), "utf-8")
        print(f"seed {seed}: {len(rows)} people in quarters", flush=True)
    print_table(options.folder, options.first_seed, options.seeds)


def one_world(seed: int, options: argparse.Namespace) -> list[dict[str, object]]:
    """One row per person and quarter: which group, which target by each way, and the revenue that came."""
    world = simulate(WorldSettings(deals=options.deals, seed=seed, end=options.end, days=options.days))
    log = EventLog.of(crm_tables(world), TOKYO)
    quarters = [parse_period(name) for name in options.quarters]
    first = start_of_day(quarters[0].first, TOKYO)
    config = TrainConfig(threads=1, max_moments=options.moments, max_questions=options.moments)
    bundle, _ = train(log, first, config)
    levels = {name: kind if isinstance(kind, str) else list(kind) for name, kind in bundle.levels.items()}
    history = compile_history(log, bundle.calendar, levels)
    rows: list[dict[str, object]] = []
    for period in quarters:
        moment = start_of_day(period.first, TOKYO)
        known = log.as_of(moment)
        fresh = replace(bundle, new_business=NewBusiness.fit(known, moment, bundle.calendar))
        forecast = simulate_period(fresh, log, history, moment, period, known=known)
        plain, tree = forecast.simulation, forecast.organisation
        staffing = Staffing.of(known, tree, period.first, period, bundle.calendar)
        assert fresh.new_business is not None
        rates = fresh.new_business.rates(known, tree, moment, period, (), staffing)
        staffed = at_rates(plain, rates)
        sellers = Sellers.of(known, plain, forecast.facts)
        whole = forecast.facts.target(COMPANY)
        if whole is None:
            continue
        targets = {}
        for method in METHODS:
            way, simulation = (CHANCE, plain) if method == AS_FORECAST else (method, staffed)
            part = tree_of(way, simulation, sellers, COMPANY, PERSON, {})
            targets[method] = share_out(part, whole, round_to=STEP)
        actual = WonDeals.of(log, tree).between(moment, period.end(TOKYO))
        territory = _received(known, tree, moment)
        since, _ = employment_days(known, tree)
        styles = dict(zip(known["people"]["person_id"], known["people"]["style"], strict=True))
        rows += [
            {
                "quarter": period.name,
                "person": tree.people[one],
                "territory": float(territory[one]),
                "seniority": float(moment // DAY - since[one]),
                "style": str(styles.get(tree.people[one])),
                "revenue": float(actual[one]),
                "mean": float(staffed.total(np.array([one])).mean()),
                "mean plain": float(plain.total(np.array([one])).mean()),
                "open": float(plain.open_draws[one].mean()),
                "chance": float(
                    (staffed.total(np.array([one])) >= targets[CHANCE][_scope(tree, one)]).mean()
                ),
                **{f"target {name}": targets[name][_scope(tree, one)] for name in METHODS},
            }
            for one in np.flatnonzero(sellers.carries).tolist()
        ]
    return rows


def _scope(tree: object, one: int) -> str:
    return f"person:{tree.people[one]}"  # type: ignore[attr-defined]


def _received(known: EventLog, tree: object, moment: int) -> np.ndarray:
    """Amounts of the deals of each person that were created in the year before (people + 1,)."""
    deals = known["deals"]
    lately = micros(deals["created_at"]) >= moment - 365 * DAY
    person = tree.person(pd.Index(deals["owner_id"].astype(object)))  # type: ignore[attr-defined]
    amount = deals["amount"].fillna(0.0).to_numpy(float)
    return np.bincount(person[lately], amount[lately], minlength=len(tree.people) + 1)  # type: ignore[attr-defined]


def print_table(folder: Path, first: int, count: int) -> None:
    """The table of the worlds that are there."""
    worlds = [
        pd.DataFrame(json.loads(path.read_text("utf-8")))
        for seed in range(first, first + count)
        if (path := folder / f"{seed}.json").exists()
    ]
    if not worlds:
        print("nothing is there yet")
        return
    frames = [_grouped(frame) for frame in worlds]
    print(f"{len(frames)} worlds, {sum(map(len, frames)):,} people in quarters")
    rng = np.random.default_rng(1)
    draws = [rng.integers(0, len(frames), len(frames)) for _ in range(1_000)]
    tables = [_counts(frame) for frame in frames]
    whole = _spreads(tables, range(len(tables)))
    drawn = [_spreads(tables, draw) for draw in draws]
    print(f"{'way':22s} reached  {'  '.join(f'{group:>9s}' for group in GROUPS)}  mean spread [95 %]")
    for method in METHODS:
        spread = whole[method]
        means = np.array([np.mean([one[method][group] for group in GROUPS]) for one in drawn])
        lo, hi = np.quantile(means, [0.025, 0.975])
        reached = sum(t[method]["all"][:, 1].sum() for t in tables) / sum(
            t[method]["all"][:, 0].sum() for t in tables
        )
        cells = "  ".join(f"{100 * spread[group]:8.1f}%" for group in GROUPS)
        mean = np.mean([spread[group] for group in GROUPS])
        print(f"{method:22s} {reached:6.1%}  {cells}  {100 * mean:.1f} [{100 * lo:.1f}, {100 * hi:.1f}]")
    for method in (CHANCE, AS_FORECAST):
        ratios = np.array([_ratio(one, method) for one in drawn])
        lo, hi = np.quantile(ratios, [0.025, 0.975])
        print(
            f"{method}: mean spread over the best usual way's {_ratio(whole, method):.2f} "
            f"[{lo:.2f}, {hi:.2f}] (aim: at most 0.50)"
        )
    print(f"by chance alone, were all chances equal: {100 * _noise(tables, rng):.1f}")
    _print_groups(tables)
    quarters = sorted(set().union(*(frame["quarter"] for frame in frames)))
    for half in (quarters[:4], quarters[4:]):
        _print_part(half, [frame[frame["quarter"].isin(half)] for frame in frames], rng)


def _print_part(quarters: list[str], frames: list[pd.DataFrame], rng: np.random.Generator) -> None:
    """The mean spreads of some of the quarters: how they grow with the time since the training."""
    if not quarters:
        return
    tables = [_counts(frame) for frame in frames]
    spreads = _spreads(tables, range(len(tables)))
    own, noise = 100 * np.mean([spreads[CHANCE][group] for group in GROUPS]), 100 * _noise(tables, rng)
    print(
        f"{quarters[0]} to {quarters[-1]}: by equal chances {own:.1f} ({noise:.1f} by chance alone), "
        f"{_ratio(spreads, CHANCE):.2f} of the best usual way's"
    )


def _grouped(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with the third of each quarter that they are in."""
    out = frame.copy()
    for group in ("territory", "seniority"):
        rank = out.groupby("quarter")[group].rank(method="first", pct=True)
        out[f"group {group}"] = np.minimum((rank.to_numpy() * 3 - 1e-9).astype(int), 2)
    out["group style"] = (out["style"] == "route").astype(int)
    return out


def _counts(frame: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """By way and grouping, (groups, 2): how many people, and how many of them reached the target."""
    out: dict[str, dict[str, np.ndarray]] = {}
    for method in METHODS:
        reached = (frame["revenue"] >= frame[f"target {method}"]).to_numpy(float)
        found = {}
        for group in GROUPS:
            number = frame[f"group {group}"].to_numpy(int)
            size = 2 if group == "style" else 3
            found[group] = np.stack(
                [np.bincount(number, minlength=size), np.bincount(number, reached, minlength=size)], axis=1
            )
        found["all"] = np.array([[len(frame), reached.sum()]])
        out[method] = found
    return out


def _spreads(tables: list, chosen: object) -> dict[str, dict[str, float]]:
    """By way and grouping, the largest minus the smallest share of people who reached the target."""
    out: dict[str, dict[str, float]] = {}
    for method in METHODS:
        out[method] = {}
        for group in GROUPS:
            total = sum(tables[number][method][group] for number in chosen)  # type: ignore[attr-defined]
            share = total[:, 1] / np.maximum(total[:, 0], 1)
            out[method][group] = float(share.max() - share.min())
    return out


def _ratio(spreads: dict[str, dict[str, float]], method: str) -> float:
    best = min(np.mean([spreads[way][group] for group in GROUPS]) for way in USUAL)
    return float(np.mean([spreads[method][group] for group in GROUPS]) / best)


def _noise(tables: list, rng: np.random.Generator) -> float:
    """The mean spread where everybody reaches the target with the same probability, independently."""
    found = []
    p = sum(t[CHANCE]["all"][0, 1] for t in tables) / sum(t[CHANCE]["all"][0, 0] for t in tables)
    for _ in range(500):
        spreads = []
        for group in GROUPS:
            people = sum(t[CHANCE][group][:, 0] for t in tables).astype(int)
            share = rng.binomial(people, p) / people
            spreads.append(share.max() - share.min())
        found.append(np.mean(spreads))
    return float(np.mean(found))


def _print_groups(tables: list) -> None:
    print("shares of people who reached their targets, least to most territory and seniority; field, route")
    for method in METHODS:
        cells = []
        for group in GROUPS:
            total = sum(t[method][group] for t in tables)
            cells.append(" ".join(f"{100 * one[1] / max(one[0], 1):.0f}" for one in total))
        print(f"{method:22s} " + " | ".join(cells))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where each world's rows are kept")
    parser.add_argument("--first-seed", type=int, default=901)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--deals", type=int, default=8_000, help="about how many deals in the four years")
    parser.add_argument("--days", type=int, default=1_461)
    parser.add_argument("--end", type=date.fromisoformat, default=date(2026, 9, 30))
    parser.add_argument(
        "--quarters",
        nargs="+",
        default=[
            f"FY{year}-Q{quarter}"
            for year, quarter in (
                (2024, 3),
                (2024, 4),
                (2025, 1),
                (2025, 2),
                (2025, 3),
                (2025, 4),
                (2026, 1),
                (2026, 2),
            )
        ],
    )
    parser.add_argument("--moments", type=int, default=20_000, help="to train on: fewer than usual, for time")
    parser.add_argument("--table", action="store_true", help="only print")
    return parser.parse_args()


if __name__ == "__main__":
    main()
