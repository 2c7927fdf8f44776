"""How long does a training take over the bare calls of LightGBM inside it?

    python benchmarks/training_time.py [DEALS]

A simulated world of DEALS (10000) is trained once to compile kernels, then once more with the clock running;
`lightgbm.train` and the making of its data sets are timed inside the same run.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sancho.crm.eventlog import EventLog
from sancho.crm.moment import end_of_day
from sancho.crm.world import WorldSettings, simulate
from sancho.training.config import TrainConfig
from sancho.training.fit import train

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 9, 30)


def main() -> None:
    deals = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    small = EventLog.of(simulate(WorldSettings(deals=400, seed=1, end=END)).tables(), TOKYO)
    train(small, end_of_day(END, TOKYO), TrainConfig(trees=2))
    log = EventLog.of(simulate(WorldSettings(deals=deals, seed=1, end=END)).tables(), TOKYO)
    bare = timed("train")
    began, cpu = time.perf_counter(), time.process_time()
    bundle, report = train(log, end_of_day(END, TOKYO))
    total, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"{report.counts}")
    for step, seconds in report.seconds.items():
        print(f"  {step:40s} {seconds:7.2f} s")
    print(f"training {total:.1f} s ({used:.1f} s of processor), of which LightGBM {bare[0]:.1f} s")
    print(f"ratio: {total / max(bare[0], 1e-9):.2f} times the bare calls")
    print(f"kept rows still score the same: {bundle.check() == 0.0}")


def timed(name: str) -> list[float]:
    """Counts the seconds within a function of LightGBM; its data sets are made lazily, so they are in it."""
    import lightgbm

    inner, spent = getattr(lightgbm, name), [0.0]

    def outer(*args: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*args, **named)
        finally:
            spent[0] += time.perf_counter() - began

    setattr(lightgbm, name, outer)
    return spent


if __name__ == "__main__":
    main()
