"""Does the service hold a steady load: how many errors, how slow are the slowest answers, does memory grow?

A small organisation is made and served by `sancho serve` on the loopback address; a few clients ask one
question after the other for some minutes, over many deals and periods so that every cache fills and drops.
The clients' loop is bounded in time and in requests.

    python -m tools.soak FOLDER [MINUTES]
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.installation import ROOT, CheckError, environment, free_port, started, wait_until_ready

CLIENTS = 2
MOST_REQUESTS = 200_000  # of one client
_DEALS, _END = 800, "2026-10-31"
_LOOK_SECONDS = 2.0
_SETTINGS = 'language = "en"\n[train]\ntrees = 30\nleaves = 8\nmax_moments = 8000\nquestions = 1\n'
_SANCHO = (sys.executable, "-c", "from service.cli import main; main()")
_MONTHS = [f"{year}-{month:02d}" for year in (2026, 2027) for month in range(1, 13)]
_QUARTERS = [f"{year}-Q{quarter}" for year in (2026, 2027) for quarter in (1, 2, 3, 4)]


@dataclass
class Load:
    """What the clients met: seconds by question, errors by status, resident memory in MiB by time."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(map(len, self.seconds.values()))

    def percentile(self, share: float) -> float:
        """Seconds within which a share of all answers came."""
        ordered = sorted(itertools.chain.from_iterable(self.seconds.values()))
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def growth(self) -> float:
        """MiB that the last third of the time has more than the middle third (medians); 0 if not measured.

        >>> Load(memory=[100, 150, 200, 200, 200, 203]).growth()
        1.5
        """
        third = len(self.memory) // 3
        if third == 0:
            return 0.0
        return statistics.median(self.memory[-third:]) - statistics.median(self.memory[-2 * third : -third])

    def summary(self, minutes: float) -> str:
        """One sentence with all of it."""
        slowest = max(self.seconds, key=lambda name: statistics.median(self.seconds[name]))
        return (
            f"{self.requests:,} requests by {CLIENTS} clients in {minutes:g} min, "
            f"{sum(self.errors.values())} errors, median {1e3 * self.percentile(0.5):.0f} ms, "
            f"p99 {1e3 * self.percentile(0.99):.0f} ms (slowest question: {slowest}, median "
            f"{1e3 * statistics.median(self.seconds[slowest]):.0f} ms), memory "
            f"{self.memory[-1] if self.memory else 0:,.0f} MiB, {self.growth():+.1f} MiB from the middle "
            f"third to the last (load average of the machine {os.getloadavg()[0]:.0f})"
        )


def soak(folder: Path, minutes: float) -> str:
    """Serves and asks; the summary. CheckError for any error, and where memory goes on growing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sancho.toml").write_text(_SETTINGS, "utf-8")
    surroundings = environment(folder) | {"PYTHONPATH": str(ROOT)}
    for line in (["world", "sample", "--deals", str(_DEALS), "--end", _END], ["import", "sample"], ["train"]):
        _sancho(folder, surroundings, *line)
    key = _sancho(folder, surroundings, "key", "create", "--name", "soak").split()[-1]
    port = free_port()
    load = Load()
    with started([*_SANCHO, "serve", "--port", str(port)], folder, variables=surroundings) as process:
        wait_until_ready(port, process, 300)
        _ask_all(load, process.pid, port, key, 60 * minutes)
        if process.poll() is not None:
            raise CheckError(f"the service ended with {process.returncode}: {load.summary(minutes)}")
        wait_until_ready(port, process, 30)
    if load.errors:
        raise CheckError(f"{load.summary(minutes)}; errors: {dict(load.errors.most_common(5))}")
    if load.growth() > max(64, 0.1 * load.memory[-1]):
        raise CheckError(f"memory grows: {load.summary(minutes)}")
    return load.summary(minutes)


def _sancho(folder: Path, surroundings: dict[str, str], *line: str) -> str:
    done = subprocess.run(
        [*_SANCHO, *line], cwd=folder, env=surroundings, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        raise CheckError(f"`sancho {line[0]}` ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def _ask_all(load: Load, pid: int, port: int, key: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    lock = threading.Lock()
    clients = [
        threading.Thread(target=_client, args=(load, lock, number, port, key, until), daemon=True)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    while time.monotonic() < until and any(client.is_alive() for client in clients):
        resident = resident_mib(pid)
        if resident is not None:
            load.memory.append(resident)
        time.sleep(_LOOK_SECONDS)
    for client in clients:
        client.join(120)


def _client(load: Load, lock: threading.Lock, number: int, port: int, key: str, until: float) -> None:
    """Asks until the time or the count is over; each answer is read whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    deals = _ask(connection, headers, "GET", "/v1/deals?limit=200", None)[1]["deals"]
    questions = _questions(number, [deal["deal_id"] for deal in deals])
    for name, method, path, body in itertools.islice(questions, MOST_REQUESTS):
        if time.monotonic() >= until:
            break
        began = time.perf_counter()
        try:
            status, answer = _ask(connection, headers, method, path, body)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            connection.close()  # it connects again for the next question
            status, answer = 0, {"code": type(fault).__name__}
        with lock:
            load.seconds.setdefault(name, []).append(time.perf_counter() - began)
            if status != 200:
                load.errors[f"{name} {status} {answer.get('code', '')}"] += 1
    connection.close()


def _ask(
    connection: http.client.HTTPConnection,
    headers: dict[str, str],
    method: str,
    path: str,
    body: bytes | None,
) -> tuple[int, dict[str, Any]]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def _questions(number: int, deals: list[str]) -> Iterator[tuple[str, str, str, bytes | None]]:
    """Name, method, path and body of one question after the other, without end."""
    from service.cli.demo import example_request
    from service.settings import read_settings

    draw = random.Random(number)
    sent = json.dumps(example_request(read_settings())).encode()
    while True:
        deal, month, quarter = draw.choice(deals), draw.choice(_MONTHS), draw.choice(_QUARTERS)
        yield "score a sent deal", "POST", "/v1/deals/score", sent
        yield "a deal", "GET", f"/v1/deals/{deal}", None
        yield "open deals", "GET", f"/v1/deals?limit=20&period={quarter}", None
        yield "a forecast", "GET", f"/v1/forecasts/{draw.choice((month, quarter))}", None
        yield "KPIs", "GET", f"/v1/kpis/{quarter}", None


def resident_mib(pid: int) -> float | None:
    """Resident memory of a process; None where the system does not tell it this way."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)


if __name__ == "__main__":
    print(soak(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10.0))
