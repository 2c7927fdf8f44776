"""How much accuracy is lost without stage history, activities, amounts, dates or owners?

    python benchmarks/accuracy_missing.py --worlds 5 --first-seed 301 --write

Each simulated world is imported completely, and again without one of these; a model is trained on each as of
the same cut-off and predicts for the same later deals, every second week while they were open: won by the
quarter's end, won ever? The cost is the increase of the log loss. --write stores it where `sancho train`
reads it.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import numpy as np
from accuracy_small import AFTER_DAYS, END, EVALUATED_DAYS, TOKYO, questions_of, seen_by
from measured_costs import keep

from crm.eventlog import EventLog
from crm.instants import end_of_day
from simulator import WorldSettings
from training import metrics
from training.config import TrainConfig
from training.fit import train

BEFORE_DAYS = 730  # days before the cut-off
LACKING = {
    "no_stage_history": ("stage",),
    "no_activities": (),
    "no_amount": ("amount",),
    "no_expected_close_date": ("expected_close_date",),
    "no_owner_id": ("owner_id",),
    "no_history": ("stage", "amount", "expected_close_date", "owner_id"),
}


def main() -> None:
    """Run and print."""
    options = _arguments()
    rises: dict[str, list[float]] = {code: [] for code in LACKING}
    for seed in range(options.first_seed, options.first_seed + options.worlds):
        began = time.perf_counter()
        settings = WorldSettings(
            options.deals, seed, END, BEFORE_DAYS + EVALUATED_DAYS + AFTER_DAYS, bottlenecks=seed % 3
        )
        last_day = END - timedelta(days=EVALUATED_DAYS + AFTER_DAYS)
        cut = end_of_day(last_day, TOKYO)
        past, whole = seen_by(settings, last_day)
        config = TrainConfig(seed=seed, threads=options.threads)
        full = loss_of(past, whole, cut, config)
        for code in LACKING:
            # Without a history a row still says how a deal stands today: only the past is lost.
            asked_of = whole if code.endswith("_history") else without(whole, code)
            rises[code].append(loss_of(without(past, code), asked_of, cut, config) / full - 1.0)
        rises_text = ", ".join(f"{code} {found[-1]:+.1%}" for code, found in rises.items())
        print(
            f"seed {seed}, {time.perf_counter() - began:.0f} s: log loss {full:.4f}; {rises_text}", flush=True
        )
    print("\nrise of the log loss: mean over worlds [middle 80 % of worlds]")
    for code, found in rises.items():
        lo, hi = np.quantile(found, [0.1, 0.9])
        print(f"  {code:24s} {np.mean(found):+.1%} [{lo:+.1%}, {hi:+.1%}]")
    if options.write:
        keep(rises, f"accuracy_missing.py --worlds {options.worlds} --first-seed {options.first_seed}")


def loss_of(past: EventLog, whole: EventLog, cut: int, config: TrainConfig) -> float:
    """Mean log loss on the later deals of a model trained on the past."""
    bundle, _ = train(past, cut, config)
    questions, x = questions_of(whole, bundle, cut)
    chance = bundle.win.won_by(x[questions.row], questions.question_at, questions.horizon)
    return float(metrics.log_losses(chance, questions.won).mean())


def without(log: EventLog, code: str) -> EventLog:
    """The log of a company that lacks one kind of data."""
    tables, events = dict(log.tables), log["deal_events"]
    tables["deal_events"] = events[~events["field"].isin(LACKING[code])].reset_index(drop=True)
    if code == "no_activities":
        tables["activities"] = log["activities"].iloc[:0]
    column = code.removeprefix("no_")
    if column in log["deals"].columns:
        values = log["deals"][column]
        tables["deals"] = log["deals"].assign(**{column: values.mask(values.notna())})
    return EventLog(tables, log.zone)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=301, help="the first world's seed")
    parser.add_argument("--deals", type=int, default=1500, help="about how many deals a world has")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the costs for `sancho train` to quote")
    return parser.parse_args()


if __name__ == "__main__":
    main()
