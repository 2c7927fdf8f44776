"""How fast is a simulated organisation generated, written and replayed, and how much memory does it need?

    python benchmarks/world_speed.py [10000] [--seed 1] [--write DIR] [--replays 400]

Prints seconds, rows per second and peak memory (of the whole process so far). Kernels are compiled, or loaded
from numba's cache, before the measurement; the pilot run that sizes bottlenecks is included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from simulator import WorldSettings, replay, simulate, write

END = date(2026, 11, 20)


def peak_gib() -> float:
    """Largest resident memory so far, in GiB (Linux counts KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("deals", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, default=None, help="keep the files here (default: thrown away)")
    parser.add_argument("--replays", type=int, default=0, help="replays of one quarter from its first day")
    options = parser.parse_args()
    started = time.perf_counter()
    simulate(WorldSettings(deals=30, seed=1, end=END, days=60, bottlenecks=0))
    print(f"kernels ready    {time.perf_counter() - started:8.1f} s")

    settings = WorldSettings(deals=options.deals, seed=options.seed, end=END)
    started, cpu = time.perf_counter(), time.process_time()
    world = simulate(settings)
    simulated, cpu = time.perf_counter() - started, time.process_time() - cpu
    events, activities = int(world.log.cursor[0]), int(world.log.cursor[1])
    rows = events + activities + world.state.next_deal + int(world.state.next_lead[0])
    print(
        f"simulated        {simulated:8.1f} s   {rows / simulated:12,.0f} rows/s   "
        f"{cpu:.1f} s of CPU   peak {peak_gib():.2f} GiB"
    )
    print(
        f"                 {world.state.next_deal:,} deals, {events:,} events, {activities:,} activities, "
        f"{int(world.state.next_lead[0]):,} leads"
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write(world, options.write or folder)
        written = time.perf_counter() - started
    print(f"written          {written:8.1f} s   {rows / written:12,.0f} rows/s   peak {peak_gib():.2f} GiB")
    print(f"sim. + written   {simulated + written:8.1f} s")
    if options.replays:
        del world
        before = date(2026, 9, 30)
        past = simulate(settings, until=before)
        for name, to_the_end in (("quarter only", False), ("quarter, deals to their end", True)):
            started, cpu = time.perf_counter(), time.process_time()
            replay(past, before + timedelta(days=92), options.replays, seed=1, to_the_end=to_the_end)
            took, cpu = time.perf_counter() - started, time.process_time() - cpu
            print(
                f"replayed         {took:8.1f} s   {options.replays / took:12,.1f} replays/s   "
                f"{cpu:.1f} s of CPU   "
                f"{name}; {len(past.state.deals):,} open deals   peak {peak_gib():.2f} GiB"
            )


if __name__ == "__main__":
    main()
