"""How long does each question take, first and again, and how soon does an answer know a pushed row?

    python benchmarks/stored_answers.py run FOLDER --home HOME [--name NAME] [--checkout DIR] [--seconds 20]
    python benchmarks/stored_answers.py show FOLDER

`run` serves a copy of a home with a trained model (that of `sancho demo`, say) in a process of its own, from
this checkout or another one, and keeps one file in FOLDER (outside the checkout): NAME.json. Measured, in
milliseconds, are of each GET (and the plan): the first answer of each of some scopes, the same again on 1 and
on 8 connections, and on 8 connections while a row is pushed every 2 seconds and another model is promoted,
with the errors. Then, one push after the other: seconds and processor seconds of the service from a row that
changes the amount of an open deal to the first answer that knows it, of the deal itself, of the company's
forecast and of its KPIs, and the processor seconds until the service is quiet again. `show` prints all files.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PUSH_SECONDS, QUIET_SECONDS, PATIENCE = 2.0, 3.0, 180.0
KEPT_SECONDS = 2.0
PUSHES = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--name", default="now")
    parser.add_argument("--checkout", type=Path, default=ROOT)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    if given.what == "run":
        given.folder.mkdir(parents=True, exist_ok=True)
        result = measured(given.home, given.checkout.resolve(), given.seconds)
        (given.folder / f"{given.name}.json").write_text(json.dumps(result, indent=1))
    show(given.folder)


class Service:
    """A served copy of a home, in a process of its own."""

    def __init__(self, home: Path, checkout: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environment = {
            **os.environ, "SANCHO_HOME": str(home), "PYTHONPATH": str(checkout), "PYTHONUNBUFFERED": "1"
        }  # fmt: skip
        self.home = home
        self.key = self._python(
            "from service.keys import ApiKeys; from service.settings import read_settings; "
            "print(ApiKeys(read_settings().store_url).create('benchmark'))"
        )
        self.other = self._python(_REGISTER)
        command = f"from service.cli import run; run(['serve', '--port', '{self.port}'])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", command], cwd=home, env=self.environment,
            stdout=(home / "serve.log").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        began = time.perf_counter()
        while not self._is_ready():
            time.sleep(0.3)
            if time.perf_counter() - began > PATIENCE or self.process.poll() is not None:
                said = (home / "serve.log").read_text()[-2000:]
                raise SystemExit(f"the service does not get ready: {said}")
        self.start_seconds = time.perf_counter() - began

    def _python(self, code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True, capture_output=True, text=True, cwd=self.home, env=self.environment,
        )  # fmt: skip
        return done.stdout.strip().splitlines()[-1]

    def _is_ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def processor(self) -> float:
        """Processor seconds of the service so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> float:
        """Megabytes that the service holds."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def quiet(self) -> None:
        """Waits until the service has nothing to do."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE:
            before = self.processor()
            time.sleep(QUIET_SECONDS)
            if self.processor() - before < 0.1 * QUIET_SECONDS:
                return

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(30)


# The champion registered once more, as another version that can be promoted.
_REGISTER = """
from service.settings import read_settings
from training.registry import Registry
from training.training_record import TrainingRecord

registry = Registry(read_settings().home)
bundle, info = registry.load()
record = TrainingRecord(
    training_id="again", trained_at=bundle.trained_at, as_of=int(bundle.as_of), fingerprint="",
    parameters={}, metrics={}, cards={}, features={}, evaluation=None,
)
print(registry.register_bundle(bundle, record).version)
"""


class Caller:
    """One connection."""

    def __init__(self, service: Service) -> None:
        self._headers = {"Authorization": f"Bearer {service.key}", "Accept-Language": "ja"}
        self._connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        self._used_at = time.monotonic()

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The answer's status, body and milliseconds."""
        sent = None if body is None else json.dumps(body).encode()
        if time.monotonic() - self._used_at > KEPT_SECONDS:  # the service closes what is idle
            self._connection.close()
        began = time.perf_counter()
        self._connection.request(method, path, sent, {**self._headers, "Content-Type": kind})
        answer = self._connection.getresponse()
        content = answer.read()
        self._used_at = time.monotonic()
        return answer.status, content, 1000 * (time.perf_counter() - began)

    def get(self, path: str) -> Any:
        """An answer's JSON."""
        status, content, _ = self.ask("GET", path)
        if status != 200:
            raise SystemExit(f"{path}: {status} {content[:300]!r}")
        return json.loads(content)


Question = tuple[str, str, Any]  # method, path, body


def questions(caller: Caller) -> dict[str, list[Question]]:
    """Of each kind, the same question of some scopes."""
    deals = caller.get("/v1/deals?limit=40")["deals"]
    period = deals[0]["period"]
    company = caller.get(f"/v1/forecasts/{period}")
    teams = [row["scope"] for row in company["children"]]
    people_of_first = caller.get(f"/v1/forecasts/{period}?scope={teams[0]}")["children"]
    people = [row["scope"] for row in people_of_first]
    scopes = ["company", *teams, *people][:7]
    kinds = {
        "forecasts": f"/v1/forecasts/{period}?scope=",
        "kpis": f"/v1/kpis/{period}?scope=",
        "actions": "/v1/actions?scope=",
        "people": f"/v1/people/{period}?scope=",
        "bottlenecks": "/v1/bottlenecks?scope=",
        "tree": f"/v1/trees/{period}?scope=",
        "deals": "/v1/deals?scope=",
    }
    found: dict[str, list[Question]] = {
        name: [("GET", path + scope, None) for scope in scopes] for name, path in kinds.items()
    }
    plan = {"period": period, "probability": 0.8}
    found["plan"] = [("POST", "/v1/plans", {**plan, "scope": scope}) for scope in scopes]
    found["deal"] = [("GET", f"/v1/deals/{row['deal_id']}", None) for row in deals[:20]]
    with_target = {"company"} | {
        row["scope"] for row in (*company["children"], *people_of_first) if row["target"] is not None
    }
    found["plan"] = [one for one in found["plan"] if one[2]["scope"] in with_target]
    return found


def measured(home: Path, checkout: Path, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as passing:
        copy = Path(passing) / "home"
        shutil.copytree(home, copy)
        service = Service(copy, checkout)
        try:
            return all_of(service, seconds)
        finally:
            service.stop()


def all_of(service: Service, seconds: float) -> dict[str, Any]:
    caller = Caller(service)
    asked = questions(caller)
    result: dict[str, Any] = {"start_seconds": service.start_seconds, "kinds": {}}
    for name, of_kind in asked.items():
        first = [caller.ask(*question)[2] for question in of_kind]
        again = [caller.ask(*question)[2] for _ in range(3) for question in of_kind]
        result["kinds"][name] = {"first": first, "again": again}
        print(
            f"{name}: first {statistics.median(first):.0f} ms, again {statistics.median(again):.1f} ms",
            flush=True,
        )
    service.quiet()
    result["memory_mb"] = service.memory()
    times, errors = under_load(service, asked, seconds, lambda _: None)
    for name, of_kind in times.items():
        result["kinds"][name]["again 8"] = of_kind
    times, busy = under_load(service, asked, seconds, lambda stop: disturb(service, stop))
    for name, of_kind in times.items():
        result["kinds"][name]["disturbed 8"] = of_kind
    result["errors"] = errors + busy
    service.quiet()
    result["pushes"] = [pushed(service, caller, number) for number in range(PUSHES)]
    result["memory_after_mb"] = service.memory()
    return result


def under_load(
    service: Service,
    asked: dict[str, list[Question]],
    seconds: float,
    beside: Callable[[threading.Event], None],
) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of all questions in turn, on eight connections, and how many were not answered."""
    times: dict[str, list[float]] = {name: [] for name in asked}
    errors: list[int] = []
    stop = threading.Event()

    def work(number: int) -> None:
        caller, rng = Caller(service), np.random.default_rng(number)
        names = list(asked)
        while not stop.is_set():
            name = names[rng.integers(len(names))]
            status, _, milliseconds = caller.ask(*asked[name][rng.integers(len(asked[name]))])
            times[name].append(milliseconds)
            if status != 200:
                errors.append(status)
            stop.wait(0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    threads.append(threading.Thread(target=beside, args=(stop,)))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return times, len(errors)


def disturb(service: Service, stop: threading.Event) -> None:
    """Pushes a row every two seconds, and promotes another model once."""
    caller, number = Caller(service), 0
    deal = caller.get("/v1/deals?limit=40")["deals"][39]["deal_id"]
    while not stop.wait(PUSH_SECONDS):
        number += 1
        row = {"deal_id": deal, "amount": 1_000_000 + number}
        caller.ask("PUT", "/v1/tables/deals", row, "application/x-ndjson")
        if number == 4:
            caller.ask(
                "POST", f"/v1/models/{service.other}/promote", {"by": "benchmark", "because": "measured"}
            )


def pushed(service: Service, caller: Caller, number: int) -> dict[str, float]:
    """Seconds and processor seconds from a pushed row to an answer that knows it: a row for each answer."""
    deals = caller.get("/v1/deals?limit=40")["deals"]
    deal, period = deals[20 + number]["deal_id"], deals[0]["period"]
    found: dict[str, float] = {}
    for place, name in enumerate(("deal", "forecast", "kpis")):
        service.quiet()
        was = look(caller, name, deal, period, settled=True)
        service.quiet()
        amount = 9_000_000 + 1_000_000 * (3 * number + place)
        began, processor = time.perf_counter(), service.processor()
        status, content, _ = caller.ask(
            "PUT", "/v1/tables/deals", {"deal_id": deal, "amount": amount}, "application/x-ndjson"
        )
        if status != 200:
            raise SystemExit(f"push: {status} {content[:300]!r}")
        while look(caller, name, deal, period) == was:
            time.sleep(0.02)
            if time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"{name} never knows of the row")
        found[name] = time.perf_counter() - began
        found[f"{name} processor"] = service.processor() - processor
    service.quiet()
    found["until quiet processor"] = service.processor() - processor
    return found


def look(caller: Caller, name: str, deal: str, period: str, settled: bool = False) -> Any:
    """A figure that a new amount of a deal changes; `settled`: of an answer that is not being made anew."""
    path = {"deal": f"/v1/deals/{deal}", "forecast": f"/v1/forecasts/{period}", "kpis": f"/v1/kpis/{period}"}
    answer = caller.get(path[name])
    while settled and any(warning["code"] == "being_renewed" for warning in answer["warnings"]):
        time.sleep(0.1)
        answer = caller.get(path[name])
    if name != "kpis":
        return answer["revenue"]["p50" if name == "deal" else "mean"]
    return next(row["forecast"]["p50"] for row in answer["kpis"] if row["kpi"] == "revenue")


def show(folder: Path) -> None:
    """The table of what is there."""
    for file in sorted(folder.glob("*.json")):
        result = json.loads(file.read_text())
        print(
            f"\n{file.stem}: ready after {result['start_seconds']:.1f} s, {result['memory_mb']:.0f} MB "
            f"({result['memory_after_mb']:.0f} MB in the end), {result['errors']} errors"
        )
        print(f"{'milliseconds, p50 / p99 (n)':14s}")
        for name, of_kind in result["kinds"].items():
            cells = [
                f"{what} {np.median(times):.0f} / {np.quantile(times, 0.99):.0f} ({len(times)})"
                for what, times in of_kind.items()
                if times
            ]
            print(f"  {name:12s} " + "   ".join(cells))
        names = list(result["pushes"][0])
        print(f"from a pushed row, median (largest), n = {len(result['pushes'])}:")
        for name in names:
            values = [push[name] for push in result["pushes"]]
            print(f"  {name:24s} {statistics.median(values):6.2f} s ({max(values):.2f} s)")


if __name__ == "__main__":
    main()
