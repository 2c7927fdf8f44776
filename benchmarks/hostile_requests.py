"""Is every request answered, however odd or large, and does the service go on meanwhile?

    python benchmarks/hostile_requests.py HOME [--kinds KIND ...] [--large] [--sample N] [--show N]

HOME is the folder of a small organisation with a model (`sancho demo` makes one); a copy of it is served by
the real command, and is gone afterwards. The requests of `hostile_kinds.py` are sent one after the other;
meanwhile /healthz is asked every 20 ms. With --large also what is far too much: 20,000 events in a request,
a deal with 2,000 and with 20,000 own columns, rows by the hundred thousand, a body of 80 MB.

Printed of each kind: requests, answers by class of status, the slowest, /healthz meanwhile (median and
longest), and by how much the process has grown; below it each answer of 500, each that says that something
was unexpected, each request without an answer, and each that took two seconds. The exit status is 1 where
there is any of these but the slow.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psutil
from hostile_kinds import Known, Sent, by_kind
from hostile_large import large_kinds

ROOT = Path(__file__).parent.parent
WITHIN = 120  # seconds in which there is an answer
READY_WITHIN = 400  # kernels may have to be compiled
UNEXPECTED = ("an unexpected error", "something unexpected", "予期しない", '"internal_error"')
SLOW = 2.0  # seconds from which a request is shown


def main() -> None:
    """Serves a copy of a home and sends it everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--kinds", nargs="*", default=[], help="only those whose name holds one of these")
    parser.add_argument("--large", action="store_true", help="also what is far too much")
    parser.add_argument("--sample", type=int, default=1, help="only each N-th request of a kind")
    parser.add_argument("--show", type=int, default=10, help="faults shown of a kind")
    chosen = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder, Served(chosen.home.resolve(), Path(folder)) as served:
        known = served.known()
        kinds = by_kind(known) | (large_kinds(known) if chosen.large else {})
        print(f"{'kind':<22}{'sent':>7}  {'2xx':>6}{'4xx':>6}{'503':>5}{'500':>5}{'none':>5}"
              f"{'slowest s':>11}{'healthz p50 ms':>16}{'max ms':>9}{'MB':>8}{'+MB':>7}")  # fmt: skip
        for name, requests in kinds.items():
            if not chosen.kinds or any(word in name for word in chosen.kinds):
                outcome = measured(served, one_in(requests, chosen.sample))
                print(outcome.line(name), flush=True)
                for shown in (outcome.faults[: chosen.show], outcome.slow[: chosen.show]):
                    print("".join(f"    {line}\n" for line in shown), end="", flush=True)
                failed |= bool(outcome.faults)
    sys.exit(int(failed))


def one_in(requests: Iterable[Sent], step: int) -> Iterator[Sent]:
    """Each so-manieth request."""
    return (sent for number, sent in enumerate(requests) if number % step == 0)


class Served:
    """A copy of a home, served by the real command on a free port."""

    def __init__(
        self,
        home: Path,
        folder: Path,
        more: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        before: Sequence[str] = (),
    ) -> None:
        self._options, self._before = tuple(options), tuple(before)
        self.home = folder / "home"
        shutil.copytree(home, self.home)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environment = os.environ | {
            "SANCHO_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            **(more or {}),
        }
        self.folder = folder
        self._log = (folder / "log").open("wb")

    def __enter__(self) -> Served:
        made = subprocess.run(
            [*_SANCHO, "key", "create", "--name", "hostile", "--right", "admin"],
            env=self.environment, cwd=self.folder, capture_output=True, check=True,
        )  # fmt: skip
        self.key = made.stdout.decode().split()[0]
        self._process = subprocess.Popen(
            [*self._before, *_SANCHO, "serve", "--port", str(self.port), *self._options],
            env=self.environment, cwd=self.folder, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        until = time.monotonic() + READY_WITHIN
        while self.status("/readyz") != 200:
            if time.monotonic() > until or self._process.poll() is not None:
                raise SystemExit(f"it never got ready:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def status(self, path: str) -> int | None:
        """The status of a plain question; None where nothing answers."""
        try:
            return self.answer(Sent("GET", path))[0]
        except OSError:
            return None

    def answer(self, sent: Sent, within: float = WITHIN) -> tuple[int, bytes]:
        """Status and body of the answer to a request, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Accept-Language": "en", **sent.headers}
            if sent.content_type is not None:
                headers["Content-Type"] = sent.content_type
            connection.putrequest(sent.method, sent.path, skip_host="Host" in headers)
            if sent.body is not None:
                headers.setdefault("Content-Length", str(len(sent.body)))
            for name, value in headers.items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may be refused unsent
                connection.send(sent.body or b"")
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    @property
    def process(self) -> psutil.Process:
        """The process that was started."""
        return psutil.Process(self._process.pid)

    def megabytes(self) -> float:
        """What the process holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def known(self) -> Known:
        """What a caller knows: an open deal, a team, a person, a stage."""
        deal = orjson.loads(self.answer(Sent("GET", "/v1/deals?limit=1"))[1])["deals"][0]
        people = orjson.loads(self.answer(Sent("GET", "/v1/forecasts/this-quarter"))[1])
        scopes = [child["scope"] for child in people["children"]]
        owner = orjson.loads(self.answer(Sent("GET", "/v1/actions?limit=1"))[1])["actions"]
        created = (datetime.now(UTC) - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M+00:00")
        team = next((scope.split(":")[1] for scope in scopes if scope.startswith("team:")), "T01")
        person = owner[0]["owner_id"] if owner else "P01"
        return Known(deal["deal_id"], team, person, "アポイント", people["period"], created)


_SANCHO = (sys.executable, "-c", "from service.cli import main; main()")


@dataclass
class Outcome:
    """What came of the requests of a kind."""

    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    before: float = 0.0
    after: float = 0.0

    def line(self, name: str) -> str:
        """The kind's row of the table."""
        count = [self.statuses[key] for key in ("2xx", "4xx", "503", "500", "none")]
        median = statistics.median(self.health) if self.health else float("nan")
        longest = max(self.health, default=float("nan"))
        return (f"{name:<22}{self.statuses.total():>7}  {count[0]:>6}{count[1]:>6}{count[2]:>5}{count[3]:>5}"
                f"{count[4]:>5}{self.slowest:>11.2f}{median:>16.1f}{longest:>9.0f}"
                f"{self.after:>8.0f}{self.after - self.before:>7.0f}")  # fmt: skip


def measured(served: Served, requests: Iterable[Sent]) -> Outcome:
    """Sends requests one after the other while another thread asks for /healthz."""
    found = Outcome(before=served.megabytes())
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(served, found, over), daemon=True)
    watcher.start()
    for sent in requests:
        began = time.perf_counter()
        try:
            status, body = served.answer(sent)
        except (OSError, http.client.HTTPException, ValueError) as error:
            status, body = 0, repr(error).encode()
        seconds = time.perf_counter() - began
        found.slowest = max(found.slowest, seconds)
        kind = "none" if not status else str(status) if status in (500, 503) else f"{status // 100}xx"
        found.statuses[kind] += 1
        text = body[:2_000_000].decode("utf-8", "replace")
        if status == 500 or not status or any(word in text for word in UNEXPECTED):
            found.faults.append(_shown(sent, status, text))
        if seconds > SLOW:
            found.slow.append(f"{seconds:.1f} s: " + _shown(sent, status, text))
    over.set()
    watcher.join()
    found.after = served.megabytes()
    return found


def _watch(served: Served, found: Outcome, over: threading.Event) -> None:
    while not over.is_set():
        began = time.perf_counter()
        with contextlib.suppress(OSError):
            served.answer(Sent("GET", "/healthz"), within=WITHIN)
        found.health.append(1000 * (time.perf_counter() - began))
        over.wait(0.02)


def _shown(sent: Sent, status: int, text: str) -> str:
    body = "" if sent.body is None else repr(sent.body[:400])
    return f"{status} {sent.method} {sent.path[:120]} {sent.content_type or ''} {body} -> {text[:160]}"


if __name__ == "__main__":
    main()
