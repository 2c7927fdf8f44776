"""Does the service stay as it is for half an hour: memory, open files and threads, the slowest answers?

    python benchmarks/soak.py HOME [--minutes 30] [--workers 1] [--pause 0.3] [--window 5]

HOME is a folder with a model (that of `sancho demo`, say); a copy of it is served by the real command. Four
connections ask one question after the other with a pause between them: deals stored and sent, forecasts,
lists, next actions; one of them changes the amount of a deal, again and again of the same twenty, every five
seconds. Printed of each window of minutes: calls, errors, p50 and p99 of the answers, and at its end the
memory of each kind of process, their open files and threads; in the end how much each grew an hour, by a line
through all windows but the first, in which everything is asked for the first time.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import psutil
from hostile_kinds import JSON, NDJSON, Known, Sent
from hostile_requests import Served

CONNECTIONS = 4
PUSH_SECONDS = 5.0
CHANGED = 20  # deals whose amount is changed in turn
FIGURES = ("service MB", "jobs MB", "files", "threads")


@dataclass
class Window:
    """What was met in some minutes."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    figures: tuple[float, ...] = ()


def main() -> None:
    """Serves, asks, and prints a line for each window."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--window", type=float, default=5.0)
    chosen = parser.parse_args()
    windows = [Window() for _ in range(max(2, round(chosen.minutes / chosen.window)))]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        more = ("--workers", str(chosen.workers))
        served = stack.enter_context(Served(chosen.home.resolve(), folder, {}, more))
        over, current = threading.Event(), [windows[0]]
        known, deals = served.known(), _deals(served)
        threads = [
            threading.Thread(target=_ask, args=(served, known, current, over, chosen.pause), daemon=True)
            for _ in range(CONNECTIONS - 1)
        ]
        threads.append(threading.Thread(target=_push, args=(served, deals, current, over), daemon=True))
        for thread in threads:
            thread.start()
        print(f"{'minutes':>7} {'calls':>7} {'errors':>6} {'p50 ms':>7} {'p99 ms':>7}  " + "  ".join(FIGURES))
        for number, window in enumerate(windows, 1):
            time.sleep(60 * chosen.window)
            window.figures = _figures(served.process)
            if number < len(windows):
                current[0] = windows[number]
            _print(number * chosen.window, window)
        over.set()
        for thread in threads:
            thread.join()
    _print_growth(windows, chosen.window)


def _deals(served: Served) -> list[str]:
    answer = orjson.loads(served.answer(Sent("GET", f"/v1/deals?limit={CHANGED}"))[1])
    return [row["deal_id"] for row in answer["deals"]]


def _questions(known: Known) -> Iterator[Sent]:
    deal = {"deal_id": "new", "created_at": known.created_at, "stage": known.stage}
    yield Sent("GET", f"/v1/deals/{known.deal_id}")
    yield Sent("POST", "/v1/deals/score", orjson.dumps({"deal": deal}), JSON)
    yield Sent("GET", f"/v1/forecasts/{known.period}")
    yield Sent("GET", "/v1/deals?limit=50")
    yield Sent("GET", "/v1/actions")
    yield Sent("GET", f"/v1/kpis/{known.period}")


def _ask(served: Served, known: Known, current: list[Window], over: threading.Event, pause: float) -> None:
    while not over.is_set():
        for sent in _questions(known):
            _met(served, sent, current[0])
            if over.wait(pause):
                return


def _push(served: Served, deals: list[str], current: list[Window], over: threading.Event) -> None:
    number = 0
    while not over.wait(PUSH_SECONDS):
        number += 1
        row = {"deal_id": deals[number % len(deals)], "amount": 1_000_000 + 1_000 * number}
        _met(served, Sent("PUT", "/v1/tables/deals", orjson.dumps(row), NDJSON), current[0])


def _met(served: Served, sent: Sent, window: Window) -> None:
    began = time.monotonic()
    try:
        status, body = served.answer(sent, within=60)
    except OSError as fault:
        status, body = 0, str(fault).encode()
    window.seconds.append(time.monotonic() - began)
    if not 200 <= status < 300:
        window.errors.append(f"{status} {sent.method} {sent.path}: {body[:200].decode('utf-8', 'replace')}")


def _figures(process: psutil.Process) -> tuple[float, ...]:
    """Megabytes of their own of the service's and the jobs' processes, open files and threads of all."""
    service, jobs, files, threads = 0.0, 0.0, 0, 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            megabytes = one.memory_full_info().uss / 1e6
            if "jobs" in one.cmdline():
                jobs += megabytes
            else:
                service += megabytes
            files += one.num_fds()
            threads += one.num_threads()
    return service, jobs, float(files), float(threads)


def _print(minutes: float, window: Window) -> None:
    p50, p99 = statistics.median(window.seconds), statistics.quantiles(window.seconds, n=100)[98]
    figures = "  ".join(
        f"{value:>{len(name)}.0f}" for name, value in zip(FIGURES, window.figures, strict=True)
    )
    print(
        f"{minutes:>7.0f} {len(window.seconds):>7} {len(window.errors):>6} {1000 * p50:>7.0f} "
        f"{1000 * p99:>7.0f}  {figures}  {' | '.join(window.errors[:2])}",
        flush=True,
    )


def _print_growth(windows: list[Window], minutes: float) -> None:
    later = np.array([window.figures for window in windows[1:]])
    hours = np.arange(len(later)) * minutes / 60
    if len(later) > 1:
        for name, slope in zip(FIGURES, np.polyfit(hours, later, 1)[0], strict=True):
            print(f"{name} grew by {slope:+.1f} an hour")


if __name__ == "__main__":
    main()
