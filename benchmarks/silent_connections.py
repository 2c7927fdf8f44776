"""Do good callers notice a thousand connections that stay silent, half-open or slow?

    python benchmarks/silent_connections.py HOME [--files 1024] [--silent 1000] [--half 100] [--slow 50]
        [--seconds 30] [--workers 1] [--root ROOT]

HOME is the folder of an organisation with a model; a copy of it is served by the real command, which may have
so many files open. Four good callers ask one question after the other, each on a connection that it keeps
and, every tenth time, on a new one: first alone, then beside connections that send nothing, half a header, or
a byte of a body now and then, and that are opened anew as often as the service ends them. ROOT names the
checkout whose service it is (default: this one), so that an earlier one can be compared with it.

Printed of both: calls, errors by kind, p50, p99 and the longest in milliseconds; and how often the others
were ended by the service. At last, wrong keys: how many of 100 within a minute were looked at.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import resource
import selectors
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hostile_kinds import Sent
from hostile_requests import ROOT, Served

GOOD = 4
_PATH = "/v1/deals?limit=20"
_HALF = b"GET /v1/deals HTTP/1.1\r\nHost: localhost\r\nX-Half: "
_BODY = (
    b"POST /v1/deals/score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
    b"Content-Length: 9999\r\n\r\n{"
)
_DRIP_SECONDS = 2.0


@dataclass
class Good:
    """What the good callers met."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def line(self, name: str) -> str:
        """One line of the report."""
        took = sorted(self.seconds) or [float("nan")]
        errors = ", ".join(f"{kind} {count}" for kind, count in self.errors.items()) or "no errors"
        p50, p99 = statistics.median(took), took[int(0.99 * (len(took) - 1))]
        return (
            f"{name:<20}{len(self.seconds):>7} calls  p50 {1000 * p50:7.1f} ms  p99 {1000 * p99:7.1f} ms  "
            f"longest {1000 * took[-1]:8.1f} ms  {errors}"
        )


def main() -> None:
    """Serves, asks alone, then beside the others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--files", type=int, default=1_024)
    parser.add_argument("--silent", type=int, default=1_000)
    parser.add_argument("--half", type=int, default=100)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--root", type=Path, default=ROOT)
    chosen = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the others, which are here
    before = ("prlimit", f"--nofile={chosen.files}:{chosen.files}")
    more = {"PYTHONPATH": str(chosen.root.resolve())}
    options = () if chosen.workers == 1 else ("--workers", str(chosen.workers))
    print(f"files {chosen.files}, silent {chosen.silent}, half {chosen.half}, slow {chosen.slow}")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        served = stack.enter_context(Served(chosen.home.resolve(), Path(folder), more, options, before))
        answers_to_good_callers(served, 3.0)  # what is asked first is made first
        print(answers_to_good_callers(served, chosen.seconds).line("alone"), flush=True)
        with others(served, chosen.silent, chosen.half, chosen.slow) as ended:
            print(answers_to_good_callers(served, chosen.seconds).line("beside the others"), flush=True)
            print("the others, ended by the service:", dict(ended) or "never")
        print(answers_to_good_callers(served, 5.0).line("afterwards"))
        statuses = Counter(
            served.answer(Sent("GET", "/v1/jobs", headers={"Authorization": f"Bearer sancho_{n:x}_x"}))[0]
            for n in range(100)
        )
        print("100 wrong keys:", dict(statuses))


def answers_to_good_callers(served: Served, seconds: float) -> Good:
    """What good callers meet for a while."""
    met = Good()
    until = time.monotonic() + seconds
    callers = [threading.Thread(target=_ask, args=(served, until, met)) for _ in range(GOOD)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    return met


def _ask(served: Served, until: float, met: Good) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    kept: http.client.HTTPConnection | None = None
    number = 0
    while time.monotonic() < until:
        number += 1
        if kept is None or number % 10 == 0:
            if kept is not None:
                kept.close()
            kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        began = time.monotonic()
        try:
            kept.request("GET", _PATH, headers=headers)
            answer = kept.getresponse()
            answer.read()
            if answer.status != 200:
                met.errors[str(answer.status)] += 1
            met.seconds.append(time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            met.errors[type(error).__name__] += 1
            kept.close()
            kept = None
        time.sleep(0.01)


@contextlib.contextmanager
def others(served: Served, silent: int, half: int, slow: int) -> Iterator[Counter[str]]:
    """So many connections of each kind, each opened anew when it is ended, while this lasts."""
    ended: Counter[str] = Counter()
    over = threading.Event()
    kinds = ["silent"] * silent + ["half"] * half + ["slow"] * slow
    watch = threading.Thread(target=_hold, args=(served, kinds, ended, over), daemon=True)
    watch.start()
    time.sleep(3.0)
    try:
        yield ended
    finally:
        over.set()
        watch.join()


def _hold(served: Served, kinds: list[str], ended: Counter[str], over: threading.Event) -> None:
    first = {"silent": b"", "half": _HALF, "slow": _BODY % served.key.encode()}
    waiting = list(kinds)
    dripped = time.monotonic()
    with selectors.DefaultSelector() as chosen:
        while not over.is_set():
            for _ in range(min(len(waiting), 50)):
                kind = waiting.pop()
                line = socket.socket()
                line.settimeout(1.0)
                try:
                    line.connect(("127.0.0.1", served.port))
                    line.sendall(first[kind])
                except OSError:
                    ended[f"{kind}, not let in"] += 1
                    waiting.append(kind)
                    line.close()
                    break
                line.setblocking(False)
                chosen.register(line, selectors.EVENT_READ, kind)
            for key, _ in chosen.select(0.05):
                try:
                    gone = not key.fileobj.recv(4096)  # type: ignore[union-attr]
                except OSError:
                    gone = True
                if gone:
                    ended[key.data] += 1
                    waiting.append(key.data)
                    chosen.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
            if time.monotonic() - dripped > _DRIP_SECONDS:
                dripped = time.monotonic()
                for key in list(chosen.get_map().values()):
                    if key.data == "slow":
                        with contextlib.suppress(OSError):
                            key.fileobj.send(b" ")  # type: ignore[union-attr]
        for key in list(chosen.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
