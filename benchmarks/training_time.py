"""How long does a training take compared with its LightGBM calls, and how does it scale, also on Dask?

    python benchmarks/training_time.py                              # 10,000 deals
    python benchmarks/training_time.py --dask                       # compared with `--dask local`
    python benchmarks/training_time.py --deals 10000 110000 1000000 --worlds FOLDER   # kept from run to run

A training is everything that `sancho train` does between reading and registering, on up to 1,000,000
snapshots. Each size runs in a separate process, with kernels compiled before the measurement.
`lightgbm.train`, including the construction of its data sets, is measured in the same run. Processor time
excludes other programs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import Calendar
from simulator import WorldSettings, crm_tables, simulate
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.dask import LOCAL, LOCAL_WORKERS, LogSource, open_cluster, to_parquet
from training.dask.source import read_parquet
from training.data import TrainingData
from training.executor import IN_PROCESS, Executor
from training.fit import train_on

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)
NOW = end_of_day(END, TOKYO)
SNAPSHOTS = 1_000_000
CONFIG = TrainConfig(max_moments=SNAPSHOTS, max_questions=SNAPSHOTS)


@dataclass
class Clock:
    """Wall-clock seconds, and processor seconds of this process, spent in the wrapped functions."""

    wall: float = 0.0
    cpu: float = 0.0
    calls: int = field(default=0)

    def over(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, measured."""

        def outer(*args: Any, **named: Any) -> Any:
            began, busy = time.perf_counter(), time.process_time()
            try:
                return work(*args, **named)
            finally:
                self.wall += time.perf_counter() - began
                self.cpu += time.process_time() - busy
                self.calls += 1

        return outer


def world(deals: int, folder: Path) -> tuple[EventLog, LogSource]:
    """A simulated world, and its source of Parquet files, generated once."""
    there = folder / str(deals)
    if not (there / "deals.parquet").exists():
        tables = crm_tables(simulate(WorldSettings(deals=deals, seed=1, end=END)))
        to_parquet(EventLog.of(tables, TOKYO), there)
    log = read_parquet(there, TOKYO)
    return log, LogSource.in_folder(there, log)


def trained(log: EventLog, executor: Executor = IN_PROCESS, config: TrainConfig = CONFIG) -> tuple[Any, Any]:
    data = TrainingData.of(log, NOW, config, executor=executor)
    bundle, report = train_on(data, config, executor=executor)
    return with_common_factors(bundle, data, config), report


def measure(deals: int, folder: Path) -> dict[str, Any]:
    trained(world(400, folder)[0], config=TrainConfig(trees=2))
    import lightgbm  # after the training has set how its threads wait

    log, _ = world(deals, folder)
    bare, whole = Clock(), Clock()
    lightgbm.train = bare.over(lightgbm.train)
    bundle, report = whole.over(trained)(log)
    return {
        "deals": deals,
        **{name: report.counts[name] for name in ("moments", "questions", "features")},
        "wall": whole.wall,
        "cpu": whole.cpu,
        "bare_wall": bare.wall,
        "bare_cpu": bare.cpu,
        "calls": bare.calls,
        "steps": report.seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load": os.getloadavg()[0],
        "same": bundle.check() == 0.0,
    }


def spread(deals: int, folder: Path) -> None:
    """One process with two threads, compared with two workers of one thread each."""
    log, source = world(deals, folder)
    here, there = Clock(), Clock()
    trained(world(400, folder)[0], config=TrainConfig(trees=2))
    one, local_report = here.over(trained)(log)
    with open_cluster(LOCAL, source) as workers:
        calendar = Calendar.of_organisation(log.organisation)
        two, dask_report = there.over(trained)(log, workers.executor(NOW, calendar))
    loss = [report.evaluation.overall["model"]["log_loss"] for report in (local_report, dask_report)]
    gap = np.abs(one.self_check.won_by - two.self_check.won_by).mean()
    print(
        f"{deals:,} deals, {local_report.counts['moments']:,} snapshots: "
        f"--dask local ({LOCAL_WORKERS} workers) {there.wall:.1f} s, "
        f"one process of {CONFIG.threads} threads {here.wall:.1f} s: ratio {there.wall / here.wall:.2f}\n"
        f"  features {dask_report.seconds[FEATURES]:.1f} s against {local_report.seconds[FEATURES]:.1f} s, "
        f"equal bit for bit: {one.self_check.x.tobytes() == two.self_check.x.tobytes()}; "
        f"log loss on later deals {loss[1]:.4f} against {loss[0]:.4f}; "
        f"chances of kept rows differ by {gap:.4f} on average; load {os.getloadavg()[0]:.1f}"
    )


FEATURES = "Computing features of past moments"


def show(m: dict[str, Any]) -> None:
    print(
        f"{m['deals']:>9,} deals: {m['moments']:,} snapshots, {m['questions']:,} questions, {m['features']} "
        f"features: {m['wall']:.1f} s, LightGBM's {m['calls']} calls {m['bare_wall']:.1f} s: "
        f"ratio {m['wall'] / m['bare_wall']:.2f} (of processor time {m['cpu'] / m['bare_cpu']:.2f})\n"
        f"  peak {m['peak_mib']:,.0f} MiB, log included; load {m['load']:.1f}; kept rows score the same: "
        f"{m['same']}"
    )
    for step, seconds in m["steps"].items():
        print(f"    {step:40s} {seconds:7.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deals", type=int, nargs="+", default=[10_000])
    parser.add_argument("--worlds", type=Path, help="where simulated worlds are kept")
    parser.add_argument("--dask", action="store_true", help="beside `--dask local`")
    parser.add_argument("--one", type=int, help="measure one size and print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = options.worlds or Path(passing)
        if options.one:
            print(json.dumps(measure(options.one, folder)))
            return
        found = []
        for deals in options.deals:
            if options.dask:
                spread(deals, folder)
                continue
            command = [sys.executable, __file__, "--one", str(deals), "--worlds", str(folder)]
            answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found.append(json.loads(answer.stdout))
            show(found[-1])
    for a, b in pairwise(found):
        doublings = np.log2(b["deals"] / a["deals"])
        by = [(b[name] / a[name]) ** (1 / doublings) for name in ("wall", "cpu", "peak_mib")]
        print(
            f"{a['deals']:,} -> {b['deals']:,} deals: {b['wall'] / a['wall']:.1f} times as long, per "
            f"doubling {by[0]:.2f} (processor time {by[1]:.2f}, memory {by[2]:.2f})"
        )


if __name__ == "__main__":
    main()
