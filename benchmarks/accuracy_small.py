"""How good are the probabilities of a company with 30, 100, 300 or 1,000 closed deals?

    python benchmarks/accuracy_small.py --samples 16 --first-seed 201 --out accuracy_small.json

A sample is a company with a random share of a simulated world's deals, such that the given number had closed
by the cut-off. It trains as a user would. Evaluated are all deals of the world created later, every second
week while they were open: won by the quarter's end, won ever? Each is scored in the log of a company of the
same share, so the rows are the same for all sizes and methods. Baseline methods are fitted on the same rows;
each uses the variant that was best in a 5-fold cross-validation over the training deals. Worlds 1 to 99 are
for development; evaluate on others (--first-seed).
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from measured_costs import keep

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER, end_of_day
from crm.schema import TABLES
from features import build_features, compile_history, open_at
from features.arrays import Flags, Floats, Ints
from models.bundle import Bundle
from models.scoring import feature_columns
from models.snapshot_rows import SnapshotRows
from models.statistics import Interval, means_of
from models.win.base_models import FeatureLayout
from simulator import WorldSettings, advance, crm_tables, simulate
from training import metrics
from training.baselines import Effort, FittedBaseline, baseline_methods, chances_of, fit_baselines, panel
from training.choice import Chooser
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train_on

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2025, 12, 31)
# Days up to the cut-off, days in which the evaluated deals are created, and days after that.
BEFORE_DAYS, EVALUATED_DAYS, AFTER_DAYS = 820, 182, 300
EVERY = 14  # days between evaluated moments
SANCHO = "sancho"
HORIZONS = (7.0, 21.0, 35.0, 49.0, 63.0, 77.0)  # of a quarter left, about; each row has its own
TABLE, BOOSTED = "stage_rates", "lightgbm_closed"


def main() -> None:
    """Run and print."""
    options = _arguments()
    losses: dict[int, list[dict[str, float]]] = {size: [] for size in options.sizes}
    for seed in range(options.first_seed, options.first_seed + options.samples):
        began = time.perf_counter()
        texts = []
        for size, found, rows in sample(seed, options):
            losses[size].append(found)
            gap = found[SANCHO] - found[TABLE]
            texts.append(f"{size}: {rows} rows, Sancho {found[SANCHO]:.4f}, minus table {gap:+.4f}")
        print(f"seed {seed}, {time.perf_counter() - began:.0f} s; {'; '.join(texts)}", flush=True)
    result = {str(size): figures(found) for size, found in losses.items()}
    show(result)
    if options.write:
        most = max(options.sizes)
        rises = {
            f"closed_{size}": [a[SANCHO] / b[SANCHO] - 1.0 for a, b in zip(found, losses[most], strict=True)]
            for size, found in losses.items()
            if size < most
        }
        keep(rises, f"accuracy_small.py --samples {options.samples} --first-seed {options.first_seed}")
    if options.out:
        settings = {name: str(value) for name, value in vars(options).items()}
        content = {"settings": settings, "sizes": result, "samples": losses}
        options.out.write_text(json.dumps(content, indent=1), "utf-8")
        print(f"\nwritten: {options.out}")


def sample(seed: int, options: argparse.Namespace) -> list[tuple[int, dict[str, float], int]]:
    """Mean log loss of each method on the later deals of one world, by size, and the number of rows."""
    settings = WorldSettings(
        options.deals, seed, END, BEFORE_DAYS + EVALUATED_DAYS + AFTER_DAYS, bottlenecks=seed % 3
    )
    last_day = END - timedelta(days=EVALUATED_DAYS + AFTER_DAYS)
    cut = end_of_day(last_day, TOKYO)
    past, whole = seen_by(settings, last_day)
    created, closed = micros(whole["deals"]["created_at"]), micros(whole["deals"]["closed_at"])
    before = created < cut
    done = before & (closed != NEVER) & (closed < cut)
    later = (created >= cut) & (created < cut + EVALUATED_DAYS * DAY)
    order = np.random.default_rng((seed, 1)).permutation(len(created))
    config = TrainConfig(seed=seed, threads=options.threads)
    out = []
    for size in options.sizes:
        if done.sum() < size:
            raise SystemExit(f"seed {seed}: only {int(done.sum())} deals have closed; ask for more --deals")
        # The first so many in a fixed random order: a smaller company is a part of a larger one.
        last = np.searchsorted(np.cumsum(done[order]), size) + 1
        in_sample = np.zeros(len(created), bool)
        in_sample[order[:last]] = True
        in_sample &= before
        losses, rows = judge(past, whole, in_sample, later, cut, config)
        out.append((size, losses, rows))
    return out


def seen_by(settings: WorldSettings, last_day: date) -> tuple[EventLog, EventLog]:
    """The log as of the end of a day, and the whole log, with later changes of attributes as events.

    An attribute that the world overwrites without an event gets one at each evaluated moment, as nightly
    snapshots would have recorded it: a row must not contain its own outcome.
    """
    world = simulate(settings, until=last_day)
    past = EventLog.of(crm_tables(world), TOKYO)
    known = past["deals"]
    custom = [name for name in known.columns if name not in TABLES["deals"].by_name]
    changes = []
    for passed in [*range(EVERY, EVALUATED_DAYS, EVERY), EVALUATED_DAYS + AFTER_DAYS]:
        day = last_day + timedelta(days=passed)
        advance(world, day)
        now = EventLog.of(crm_tables(world), TOKYO)["deals"]
        changes += [changed(known, now, name, end_of_day(day, TOKYO) - 1) for name in custom]
        known = now
    tables = crm_tables(world)
    events = pd.concat([tables["deal_events"], *changes], ignore_index=True)
    return past, EventLog.of({**tables, "deal_events": events}, TOKYO)


def changed(before: pd.DataFrame, now: pd.DataFrame, name: str, at: int) -> pd.DataFrame:
    """The changes of one attribute of the existing deals, as events at an instant."""
    old = before.set_index("deal_id")[name].astype(object)
    new = now.set_index("deal_id")[name].astype(object).reindex(old.index)
    differs = (old != new) & (old.notna() | new.notna())
    moment = pd.Timestamp(at, unit="us", tz="UTC")
    return pd.DataFrame(
        {
            "deal_id": old.index[differs],
            "at": moment,
            "field": name,
            "value": new[differs].to_numpy(),
            "old_value": old[differs].to_numpy(),
        }
    )


def judge(
    past: EventLog, whole: EventLog, learned: Flags, later: Flags, cut: int, config: TrainConfig
) -> tuple[dict[str, float], int]:
    """Trains on some deals, and predicts for the later ones, an equal share of them at a time."""
    ids = whole["deals"]["deal_id"]
    past = part_of(past, set(ids[learned]))
    data = TrainingData.of(past, cut, config)
    bundle, _ = train_on(data, config)
    choice = Chooser.of(data, config).choose(data.snapshots.rows, data.as_of)
    columns = choice.baseline.used
    plain = fitted_on(data, bundle, choice.baseline.layout, columns, config)
    before = micros(whole["deals"]["created_at"]) < cut
    groups = max(round(float(before.sum() / learned.sum())), 1)
    group = np.random.default_rng((config.seed, 2)).integers(0, groups, len(later))
    total: dict[str, list[Floats]] = {name: [] for name in (SANCHO, *plain)}
    for number in range(groups):
        own = part_of(whole, set(ids[learned | (later & (group == number))]))
        questions, x = questions_of(own, bundle, cut, columns)
        if not len(questions.row):
            continue
        ours = bundle.win.won_by(x[questions.row], questions.question_at, questions.horizon)
        chances = {SANCHO: ours, **chances_of(plain, questions)}
        for name, chance in chances.items():
            total[name].append(metrics.log_losses(chance, questions.won))
    joined = {name: np.concatenate(parts) for name, parts in total.items()}
    return {name: float(loss.mean()) for name, loss in joined.items()}, len(joined[SANCHO])


def part_of(log: EventLog, deals: set[str]) -> EventLog:
    """The log of a company that has only some of the deals."""
    tables = dict(log.tables)
    for table in ("deals", "deal_events", "activities", "leads"):
        frame = log[table]
        known = frame["deal_id"].isin(deals)
        if table in ("activities", "leads"):
            known |= frame["deal_id"].isna()
        tables[table] = frame[known].reset_index(drop=True)
    return EventLog(tables, log.zone)


def questions_of(log: EventLog, bundle: Bundle, cut: int, columns: Ints) -> tuple[SnapshotRows, Floats]:
    """Two questions about each later deal at every second week: won by the quarter's end, and ever.

    "Ever" only where the outcome is known by the end of the world. Also returns the rows' features.
    """
    history = compile_history(log, bundle.calendar, bundle.levels)
    parts = []
    for moment in range(cut + EVERY * DAY, cut + EVALUATED_DAYS * DAY, EVERY * DAY):
        deal = open_at(history, moment)
        deal = deal[history.created[deal] >= cut]
        parts.append((deal, np.full(len(deal), moment)))
    deal, at = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    x = build_features(history, deal, at)[:, feature_columns(bundle, history)]
    day = bundle.calendar.day_of(at)
    left = (bundle.calendar.start_of(bundle.calendar.quarter_end[day] + 1) - at) / DAY
    closed = history.closed[deal]
    won = history.outcome[deal] == 1
    soon = won & (closed < at + (left * DAY).astype(np.int64))
    known = closed != NEVER
    count, ever = len(deal), bundle.win.ever_days
    row = np.concatenate([np.arange(count), np.flatnonzero(known)])
    outcome = np.concatenate([soon, won[known]]).astype(np.float64)
    rows = SnapshotRows(
        x=x[:, columns],
        at=at,
        deal=deal,
        days=np.full(count, np.nan),
        event=np.full(count, -1, np.int64),
        weight=np.ones(count),
        regular=np.ones(count, bool),
        row=row,
        horizon=np.concatenate([left, np.full(int(known.sum()), ever)]),
        won=outcome,
        lost=np.full(len(row), np.nan),
        matures_after_days=np.full(len(row), np.inf),
        longest_days=bundle.win.windows.longest_days,
        ever_days=ever,
    )
    return rows, x


def fitted_on(
    data: TrainingData, bundle: Bundle, layout: FeatureLayout, columns: Ints, config: TrainConfig
) -> dict[str, FittedBaseline]:
    """Each baseline method in the variant that was best within the training time, fitted on all of it."""
    effort = Effort(threads=config.threads, seed=config.seed, exact=False)
    methods = baseline_methods(layout, bundle.win.windows, effort)
    horizons = (*HORIZONS, bundle.win.ever_days)
    rng = np.random.default_rng((config.seed, 3))
    return fit_baselines(panel(data, columns), data.as_of, methods, horizons, rng)


def figures(samples: list[dict[str, float]]) -> dict[str, dict[str, object]]:
    """By method: mean log loss over samples, Sancho minus it, share of samples where Sancho is worse."""
    count = len(samples)
    rng = np.random.default_rng(7)
    out: dict[str, dict[str, object]] = {}
    for name in samples[0]:
        losses = np.array([one[name] for one in samples])
        gap = np.array([one[SANCHO] for one in samples]) - losses
        columns = np.stack([losses, gap], axis=1)
        mean, difference = means_of(columns, np.ones(count), np.arange(count), rng)
        out[name] = {
            "log_loss": mean.to_json(),
            "ours_minus_it": difference.to_json(),
            "worse_in": float((gap > 0).mean()),
        }
    return out


def show(result: dict[str, dict[str, dict[str, object]]]) -> None:
    """Prints the table, and from which size on Sancho beats each method and LightGBM the rate table."""
    for size, methods in result.items():
        print(f"\n== {size} closed deals: log loss over samples; ours minus it [95 % over samples]")
        for name, one in methods.items():
            mean, gap = one["log_loss"]["mean"], _interval(one["ours_minus_it"])
            comparison = (
                "" if name == SANCHO else f"{gap}   Sancho worse in {one['worse_in']:4.0%} of samples"
            )
            print(f"   {name:16s} {mean:.4f}   {comparison}")
    print()
    for name in next(iter(result.values())):
        if name != SANCHO:
            print(f"ours ahead of {name}: {_sizes(result, SANCHO, name)}")
    print(f"LightGBM on closed deals ahead of the stage-rate table: {_sizes(result, BOOSTED, TABLE)}")
    gaps = {size: found[TABLE]["ours_minus_it"]["mean"] for size, found in result.items()}
    met = all(gap <= 0 for gap in gaps.values())
    print(f"never worse than the stage-rate table on average: {'yes' if met else 'NO'}")


def _interval(stored: dict[str, float | None]) -> Interval:
    return Interval(*(np.nan if stored[name] is None else stored[name] for name in ("mean", "lo", "hi")))


def _sizes(result: dict[str, dict[str, dict[str, object]]], one: str, other: str) -> str:
    ahead = [
        size
        for size, found in result.items()
        if found[one]["log_loss"]["mean"] < found[other]["log_loss"]["mean"]
    ]
    return ", ".join(ahead) if ahead else "at none of these sizes"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=16, help="how many worlds")
    parser.add_argument("--first-seed", type=int, default=201, help="the first world's seed")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300, 1000], help="closed deals")
    parser.add_argument("--deals", type=int, default=3000, help="about how many deals a world has")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write all figures as JSON")
    parser.add_argument("--write", action="store_true", help="keep the cost of few deals for `sancho train`")
    return parser.parse_args()


if __name__ == "__main__":
    main()
