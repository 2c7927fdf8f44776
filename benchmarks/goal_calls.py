"""How long do the calls about setting targets take on an organisation that is there already?

    python benchmarks/goal_calls.py HOME [--repeats 5]

Opens the service on a home (of `sancho demo`, for example) as `sancho serve` does, with the current quarter
simulated, and makes each call: the first time, when the period may still have to be simulated, and again.
Prints seconds of wall clock and of the processor; under 1 s is the aim. Nothing is written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from service.schemas import ShareRequest
from service.settings import read_settings
from service.use_cases import UseCases


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    settings = read_settings(home=options.home)
    service = UseCases.open(settings)
    try:
        service.serving.refresh(warm=True)
        print(f"{'call':44s} first: wall, CPU   again: wall, CPU (medians of {options.repeats})")
        for name, call in _calls(service).items():
            first, later = _timed(call), [_timed(call) for _ in range(options.repeats)]
            wall, cpu = np.median(later, axis=0)
            print(f"{name:44s} {first[0]:7.2f} {first[1]:6.2f} s {wall:9.2f} {cpu:6.2f} s", flush=True)
    finally:
        service.close()


def _calls(service: UseCases) -> Mapping[str, Callable[[], Any]]:
    targets = service.targets

    def shared(**body: Any) -> Callable[[], Any]:
        request = ShareRequest(confidence=0.5, round_to=100_000, **body)
        return lambda: targets.share(request, "company", "ja")

    return {
        "levels of this quarter": lambda: targets.levels("this-quarter", "company", None, "ja"),
        "levels of next quarter": lambda: targets.levels("next-quarter", "company", None, "ja"),
        "levels of new customers, next quarter": lambda: targets.levels(
            "next-quarter", "company", None, "ja", kpi="new_revenue"
        ),
        "share this quarter's target": shared(period="this-quarter"),
        "share next quarter's target": shared(period="next-quarter"),
        "share next quarter's target, teams": shared(period="next-quarter", level="team"),
        "evenness of 4 quarters": lambda: targets.evenness("company", 4, None, "ja"),
    }


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
