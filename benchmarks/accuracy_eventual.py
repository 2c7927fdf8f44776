"""Is the chance to be won in the end right when moods come and go? Simulated worlds, judged at their end.

    python benchmarks/accuracy_eventual.py ../eventual
    python benchmarks/accuracy_eventual.py ../eventual --before ../eventual_before

Each world runs on until every deal that was open at one of four moments has ended. The product is trained as
of each moment on what was known then and says of every open deal how likely it is won by the quarter's end
and in the end. Beside it: the stage-rate table, a plain life table (stage x days in it, open deals included),
and the truth, from replays of the world. One file per world and moment is kept in the folder and not computed
again. Worlds 1 to 99 are for development; evaluate on others (--first-seed). `--before`: the folder of an
earlier version's run, for comparison. What happened also depends on the mood to come, which nobody knows:
"said" is therefore compared with the true chances, and with what happened beside it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy.special import expit

from crm.eventlog import EventLog
from crm.instants import end_of_day
from crm.periods import Period, period_holding
from features import build_features, open_at
from features.arrays import Floats
from models.bundle import Bundle
from models.logistic import bounded_logit
from models.scoring import feature_columns, score_deals
from models.snapshot_rows import SnapshotRows
from models.statistics import Interval, means_of
from models.win.base_models import FeatureLayout
from models.win.stacking import shift_to_mean
from simulator import World, WorldSettings, advance, crm_tables, oracle, simulate
from training import baselines, metrics
from training.baselines.past_moments import PastMoments
from training.baselines.rates import life_table, stage_table
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train_on

TOKYO = ZoneInfo("Asia/Tokyo")
START = date(2023, 7, 1)
MOMENTS = (720, 840, 960, 1080)  # days after the start
NOMINAL_DAYS, ENDS_AFTER = 1096, 700  # days that `--deals` are for; after the last moment all deals end
METHODS = ("sancho", "life_level", "stage_rates", "life_table", "truth")
QUESTIONS = (("in the end", "ever", "won"), ("by the quarter's end", "by_end", "won_by_end"))
REPLAYS = 400  # of the world, for the true chances
WITHIN = 0.03


def main() -> None:
    """Compute what is missing, and print the tables of what is there."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.worlds):
        missing = [day for day in MOMENTS if not _file(options.folder, seed, day).exists()]
        if missing:
            one_world(seed, missing, options)
    show("this version", _cases(options.folder))
    if options.before:
        show("before", _cases(options.before))
        compare(_cases(options.folder), _cases(options.before))


def one_world(seed: int, days: Sequence[int], options: argparse.Namespace) -> None:
    """Forecasts at some moments of a world, and how its deals ended, one file each."""
    length = MOMENTS[-1] + ENDS_AFTER
    settings = WorldSettings(
        deals=round(options.deals * length / NOMINAL_DAYS),
        seed=seed,
        end=START + timedelta(days=length - 1),
        days=length,
        moods=options.moods,
    )
    world: World | None = None
    found = {}
    for day in days:
        began = time.perf_counter()
        today = START + timedelta(days=day)
        if world is None:
            world = simulate(settings, until=today)
        advance(world, today)
        found[day] = one_moment(settings, world, today, options)
        print(f"seed {seed}, {today}: {time.perf_counter() - began:.0f} s", flush=True)
    if world is None:
        return
    advance(world, settings.end)
    ended = EventLog.of(crm_tables(world), TOKYO)["deals"].set_index("deal_id")
    for day, (case, period) in found.items():
        deals = ended.loc[case["deal_id"]]
        won = (deals["outcome"] == "won").to_numpy()
        case["won"] = won.astype(float).tolist()
        by_end = won & (deals["closed_at"] < pd.Timestamp(period.end(TOKYO), unit="us", tz="UTC")).to_numpy()
        case["won_by_end"] = by_end.astype(float).tolist()
        case["still_open"] = int(deals["outcome"].isna().sum())
        _file(options.folder, seed, day).write_text(json.dumps(case), "utf-8")


def one_moment(
    settings: WorldSettings, world: World, today: date, options: argparse.Namespace
) -> tuple[dict, Period]:
    """What each method says of every deal open at the end of a day, and the quarter that is asked about."""
    as_of = end_of_day(today, TOKYO)
    config = replace(TrainConfig(), threads=options.threads, seed=settings.seed)
    data = TrainingData.of(EventLog.of(crm_tables(world), TOKYO), as_of, config)
    bundle, _ = train_on(data, config)
    tomorrow = today + timedelta(days=1)
    period = period_holding(tomorrow)
    deals = open_at(data.history, as_of)
    scores = score_deals(bundle, data.history, deals, as_of, period)
    truth = oracle(settings, today, REPLAYS, [(period.first, period.last)], world=world)
    known = truth.deals.set_index("deal_id").loc[scores["deal_id"]]
    tables = plain_tables(bundle, data, deals, as_of)
    case = {
        "seed": settings.seed,
        "day": str(today),
        "market": float(world.state.market["level"][0]),
        "deal_id": scores["deal_id"].tolist(),
        "ever": {
            "sancho": scores["win_probability"].tolist(),
            "truth": known["win_probability"].tolist(),
            **{name: chance.tolist() for name, chance in tables.items()},
        },
        "by_end": {
            "sancho": scores["win_by_period_end"].tolist(),
            "truth": known[f"win_by_{period.last}"].tolist(),
        },
    }
    return case, period


def plain_tables(bundle: Bundle, data: TrainingData, deals: np.ndarray, as_of: int) -> dict[str, Floats]:
    """The stage-rate table's and the life table's chances to be won in the end."""
    count, ever = len(deals), bundle.win.ever_days
    moments = np.full(count, as_of, np.int64)
    columns = feature_columns(bundle, data.history)
    x = build_features(data.history, deals, moments)[:, columns]
    questions = SnapshotRows(
        x=x,
        at=moments,
        deal=np.arange(count),
        days=np.full(count, np.nan),
        event=np.full(count, -1, np.int64),
        weight=np.ones(count),
        regular=np.ones(count, bool),
        row=np.arange(count),
        horizon=np.full(count, ever),
        won=np.full(count, np.nan),
        lost=np.full(count, np.nan),
        matures_after_days=np.full(count, np.inf),
        longest_days=data.snapshots.cycle.longest_days,
        ever_days=ever,
    )
    # The columns are the bundle's: its features are the history's.
    layout = FeatureLayout.of(bundle.features, ())
    past = PastMoments.of(baselines.panel(data, columns), data.as_of)
    by_stage = stage_table(layout, 10.0)(past, (ever,))(questions)
    by_life = life_table(layout, 12.0)(past, (ever,))(questions)
    return {"stage_rates": by_stage, "life_table": by_life}


def show(name: str, cases: list[dict]) -> None:
    """By moment what was said and what happened, and over all moments the scores of each method."""
    if not cases:
        return
    print(f"\n== {name}: {len(cases)} moments of {len({case['seed'] for case in cases})} worlds")
    print(
        "   seed day        deals  mood | in the end: said  truth  happened | by quarter's end: said  truth"
    )
    for case in cases:
        ever, by_end = case["ever"], case["by_end"]
        print(
            f"   {case['seed']:4d} {case['day']} {len(case['won']):6d} {case['market']:+.2f} |"
            f"             {np.mean(ever['sancho']):.3f}  {np.mean(ever['truth']):.3f}  "
            f"{np.mean(case['won']):.3f}    |                   {np.mean(by_end['sancho']):.3f}  "
            f"{np.mean(by_end['truth']):.3f}"
        )
    for label, question, outcome in QUESTIONS:
        print(
            f"   {label}: log loss over deals [95 % by deal] | by moment, said minus the true chance: mean,"
        )
        print("      root mean square, largest, within 3 points | said minus what happened: mean, root mean")
        print("      square, within 3 points")
        for method in METHODS:
            chances = [_chance(case, question, method) for case in cases]
            if chances[0] is not None:
                print(f"      {method:12s} {_figures(cases, chances, question, outcome, method)}")


def _chance(case: dict, question: str, method: str) -> Floats | None:
    """A method's chances (n,); `life_level` are the product's at the level of the plain life table."""
    if method != "life_level":
        return np.asarray(case[question][method]) if method in case[question] else None
    if question != "ever":
        return None
    log_odds = bounded_logit(np.asarray(case["ever"]["sancho"]))
    ones = np.ones(len(log_odds))
    return expit(log_odds + shift_to_mean(log_odds, float(np.mean(case["ever"]["life_table"])), ones))


def _figures(cases: list[dict], chances: list[Floats], question: str, outcome: str, method: str) -> str:
    # Replays estimate a chance with an error: half a win is added on both sides.
    smooth = [(one * REPLAYS + 0.5) / (REPLAYS + 1) if method == "truth" else one for one in chances]
    losses = [
        metrics.log_losses(one, np.asarray(case[outcome])) for one, case in zip(smooth, cases, strict=True)
    ]
    loss = _mean_by_deal(losses, cases)
    said = np.array([one.mean() for one in chances])
    gap = said - np.array([np.mean(case[question]["truth"]) for case in cases])
    off = said - np.array([np.mean(case[outcome]) for case in cases])
    return (
        f"{loss.mean:.4f} [{loss.lo:.4f}, {loss.hi:.4f}] | {gap.mean():+.3f} {_root_mean_square(gap):.3f} "
        f"{np.abs(gap).max():.3f} {(np.abs(gap) <= WITHIN).sum():2d} of {len(gap)} | "
        f"{off.mean():+.3f} {_root_mean_square(off):.3f} {(np.abs(off) <= WITHIN).sum():2d} of {len(off)}"
    )


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt((values**2).mean()))


def _mean_by_deal(columns: list[Floats], cases: list[dict]) -> Interval:
    """The mean over all rows, with an interval that draws deals."""
    deal = [f"{case['seed']} {one}" for case in cases for one in case["deal_id"]]
    number = np.unique(deal, return_inverse=True)[1].astype(np.int64)
    values = np.concatenate(columns)[:, None]
    return means_of(values, np.ones(len(values)), number, np.random.default_rng(7))[0]


def compare(cases: list[dict], before: list[dict]) -> None:
    """Log loss of this version minus that before on the same deals, by question."""
    other = {(case["seed"], case["day"]): case for case in before}
    both = [case for case in cases if (case["seed"], case["day"]) in other]
    print(f"\n== this version minus before, {len(both)} moments: log loss on the same deals [95 % by deal]")
    for label, question, outcome in QUESTIONS if both else ():
        gaps = []
        for now in both:
            then = other[now["seed"], now["day"]]
            old = dict(zip(then["deal_id"], then[question]["sancho"], strict=True))
            won, then_said = np.asarray(now[outcome]), np.array([old[one] for one in now["deal_id"]])
            now_said = np.asarray(now[question]["sancho"])
            gaps.append(metrics.log_losses(now_said, won) - metrics.log_losses(then_said, won))
        mean = _mean_by_deal(gaps, both)
        rows = sum(len(gap) for gap in gaps)
        print(f"   {label}: {mean.mean:+.4f} [{mean.lo:+.4f}, {mean.hi:+.4f}] on {rows} rows")


def _file(folder: Path, seed: int, day: int) -> Path:
    return folder / f"{seed}-{day}.json"


def _cases(folder: Path) -> list[dict]:
    cases = [json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")]
    return sorted(cases, key=lambda case: (case["seed"], case["day"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where each case's file is kept")
    parser.add_argument("--before", type=Path, help="the folder of an earlier version's run")
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--deals", type=int, default=3000, help="in three years")
    parser.add_argument("--moods", type=float, default=2.0, help="how strongly moods move, as a factor")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
