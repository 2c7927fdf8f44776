"""Does the service go on under load while things break: errors by kind, the longest pause, what was lost?

    python benchmarks/under_load.py HOME [--minutes 10] [--workers 2] [--database postgresql]
        [--small FOLDER]

HOME is the folder of a small organisation with a model. A copy of it is served by the real command; with
`--database postgresql` (the default) its store is put on an embedded server first. Eight connections ask one
question after the other: deals stored and sent, forecasts, lists, next actions, pushes of rows of their own,
outcomes of recommendations. Meanwhile, spread over the time: models are promoted 20 times, a training runs, a
worker is killed, PostgreSQL hangs for five seconds, is killed and comes back, and the registry's file is away
for fifteen. --small: a folder on a file system of its own (a tmpfs of some hundred MB) from which the copy is
served, and which is full for fifteen seconds; with `--database sqlite` the store is on it, too.

Printed: answers and errors by kind and by what was going on, the longest time in which no call of a kind was
answered with success, p50 and p99, and what was lost: rows and outcomes whose push was acknowledged and that
the store does not hold in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
from faults import Fault, filled, hung, killed, moved, postgresql
from hostile_kinds import JSON, NDJSON, Known, Sent
from hostile_requests import _SANCHO, ROOT, Served

CONNECTIONS = 8
PROMOTIONS = 20
_DATABASE = "SANCHO_DATABASE_URL"
Breakage = tuple[str, Fault, float]  # name, what is broken, for how many seconds


@dataclass
class Met:
    """What the connections met."""

    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # during, kind, status
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    good_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rows: list[str] = field(default_factory=list)  # acknowledged
    outcomes: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    during: str = "nothing"


def main() -> None:
    """Serves, loads, breaks, counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--small", type=Path)
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=chosen.small)))
        home, more = chosen.home.resolve(), {}
        if chosen.database == "postgresql":
            more[_DATABASE] = stack.enter_context(postgresql(folder / "pg"))
            home = _moved_to(home, folder, more)
        served = stack.enter_context(Served(home, folder, more, ("--workers", str(chosen.workers))))
        faults = [
            *(
                [("PostgreSQL hung", hung, 5.0), ("PostgreSQL killed", killed, 2.0)]
                if more.get(_DATABASE)
                else []
            ),
            ("registry away", moved("mlflow.db"), 15.0),
            *([("disk full", filled, 15.0)] if chosen.small is not None else []),
        ]
        met = _loaded(served, chosen.minutes * 60, faults, chosen.small)
        print(f"{chosen.minutes:g} minutes, {CONNECTIONS} connections, {chosen.workers} workers")
        _print(met, served)
        lost = _lost(served, met)
    print(f"lost: {len(lost)} of {len(met.rows)} rows and {len(met.outcomes)} outcomes {lost[:5]}")
    sys.exit(int(bool(lost or met.odd)))


def _moved_to(home: Path, folder: Path, more: dict[str, str]) -> Path:
    """A home whose store is in another database, by a backup."""
    other = folder / "moved"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SANCHO_HOME": str(home)}
    for command, also in ((("backup", str(folder / "kept")), {}), (("restore", str(folder / "kept")), more)):
        given = environment | also | ({"SANCHO_HOME": str(other)} if also else {})
        subprocess.run([*_SANCHO, *command], env=given, cwd=folder, check=True, capture_output=True)
    return other


def _loaded(served: Served, seconds: float, faults: list[Breakage], small: Path | None) -> Met:
    known, met = served.known(), Met()
    recommended = orjson.loads(served.answer(Sent("GET", "/v1/actions?limit=50"))[1])["actions"]
    ids = [one["recommendation_id"] for one in recommended]
    over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(served, known, ids, met, over, number), daemon=True)
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    _break(served, met, seconds, faults, small)
    over.set()
    for thread in threads:
        thread.join()
    return met


def _ask(served: Served, known: Known, ids: list[str], met: Met, over: threading.Event, number: int) -> None:
    """One connection: a question after the other, each kind in turn."""
    count = 0
    while not over.is_set():
        for kind, sent, acknowledged in _questions(known, ids, number, count):
            began, during = time.monotonic(), met.during
            try:
                status, body = served.answer(sent, within=60)
            except OSError:
                status, body = 0, b""
                time.sleep(0.05)
            ended = time.monotonic()
            met.statuses[during, kind, status] += 1
            met.seconds[kind].append(ended - began)
            if 200 <= status < 300:
                met.good_at[kind].append(ended)
                acknowledged(met)
            elif status not in (0, 503) and not (status == 409 and kind == "promote"):
                met.odd.append(f"{status} {kind} during {during}: {body[:200].decode('utf-8', 'replace')}")
            if over.is_set():
                return
        count += 1


def _questions(
    known: Known, ids: list[str], number: int, count: int
) -> Iterator[tuple[str, Sent, Callable[[Met], Any]]]:
    deal = {"deal_id": f"L-{number}-{count}", "created_at": known.created_at, "stage": known.stage}

    def nothing(_met: Met) -> None:
        pass

    yield "stored deal", Sent("GET", f"/v1/deals/{known.deal_id}"), nothing
    yield "sent deal", Sent("POST", "/v1/deals/score", orjson.dumps({"deal": deal}), JSON), nothing
    yield "forecast", Sent("GET", f"/v1/forecasts/{known.period}"), nothing
    yield "list", Sent("GET", "/v1/deals?limit=50"), nothing
    yield "actions", Sent("GET", "/v1/actions"), nothing
    row = f"W-{number}-{count}"
    body = orjson.dumps({"account_id": row, "name": row})
    yield "push", Sent("PUT", "/v1/tables/accounts", body, NDJSON), lambda met: met.rows.append(row)
    if number == 0 and count < len(ids):
        path = f"/v1/recommendations/{ids[count]}/outcome"
        sent = Sent("POST", path, b'{"state": "done"}', JSON)
        yield "outcome", sent, lambda met: met.outcomes.append(ids[count])


def _break(served: Served, met: Met, seconds: float, faults: list[Breakage], small: Path | None) -> None:
    """Breaks one thing after the other, at parts of the time."""
    began = time.monotonic()

    def at(part: float) -> None:
        time.sleep(max(0.0, began + part * seconds - time.monotonic()))

    at(0.05)
    met.during = "a training"
    job = orjson.loads(served.answer(Sent("POST", "/v1/trainings", b'{"promote": false}', JSON))[1])
    while time.monotonic() < began + 0.35 * seconds:
        time.sleep(1.0)
        status, body = served.answer(Sent("GET", f"/v1/jobs/{job['job_id']}"))
        if status == 200 and orjson.loads(body)["state"] not in ("queued", "running"):
            break
    print(f"training: {orjson.loads(body)['state']} after {time.monotonic() - began - 0.05 * seconds:.0f} s")
    met.during = "promotions"
    made = Counter(_promoted(served, number) for number in range(PROMOTIONS))
    print(f"promotions: {dict(made)}")
    met.during = "a killed worker"
    found = served.process.children(recursive=True)
    next(one for one in reversed(found) if not one.children() and "jobs" not in one.cmdline()).kill()
    at(0.55)
    for number, (name, fault, lasts) in enumerate(faults):
        at(0.55 + 0.4 * number / len(faults))
        met.during = name
        with fault(served.home, small):
            time.sleep(lasts)
        time.sleep(0.05 * seconds)
        met.during = "nothing"
    at(1.0)


def _promoted(served: Served, number: int) -> int:
    """The status of promoting one of two versions in turn."""
    time.sleep(1.0)
    return served.answer(Sent("POST", f"/v1/models/{1 + number % 2}/promote"), within=120)[0]


def _print(met: Met, served: Served) -> None:
    for kind, seconds in met.seconds.items():
        good = sorted(met.good_at[kind])
        pauses = [later - earlier for earlier, later in itertools.pairwise(good)]
        p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
        print(
            f"  {kind:<12} {len(seconds):>7} calls  p50 {1000 * p50:>6.0f} ms  p99 {1000 * p99:>6.0f} ms  "
            f"longest without success {max(pauses, default=0.0):>5.1f} s"
        )
    errors: Counter[tuple[str, int]] = Counter()
    for (during, _, status), count in met.statuses.items():
        if not 200 <= status < 300:
            errors[during, status] += count
    for (during, status), count in sorted(errors.items()):
        print(f"  {status or 'no answer'} during {during}: {count}")
    print(f"  unexpected answers: {len(met.odd)} {met.odd[:3]}")
    print(f"  memory of all processes: {_megabytes(served.process):.0f} MB")


def _megabytes(process: psutil.Process) -> float:
    """What a process and its children hold of their own, in MB."""
    found = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            found += one.memory_full_info().uss / 1e6
    return found


def _lost(served: Served, met: Met) -> list[str]:
    """What was acknowledged and is not stored."""
    code = (
        "import sys, json; from service.settings import read_settings; "
        "from service.organisation import open_store; store = open_store(read_settings()); "
        "found = [list(map(str, store.read(tables=['accounts'])['accounts']['account_id'])), "
        "[one.recommendation_id for one in store.recommendations()[1]]]; print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=served.environment,
        cwd=served.folder,
        capture_output=True,
        check=True,
    )
    rows, outcomes = (set(one) for one in orjson.loads(done.stdout.splitlines()[-1]))
    return [one for one in met.rows if one not in rows] + [one for one in met.outcomes if one not in outcomes]


if __name__ == "__main__":
    main()
