"""How much memory does a second process that answers take, beside the first?

    python benchmarks/workers_memory.py HOME [WORKERS ...] [--seconds 20]

Serves a copy of a home with a trained model (that of `sancho demo`, say) with each of some numbers of
processes, 1 and 2 unless said otherwise. Printed are, of each process that answers: the memory it holds
(Rss), its share of it (Pss: what several hold counts in part) and what is its own alone (Uss), in megabytes,
once it is ready, after each screen was asked for several times, and some seconds after a row was pushed; the
processor seconds of all processes until then, and seconds from the start to ready. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PATIENCE = 900.0
ROUNDS = 20
SCREENS = ("/v1/forecasts/this-quarter", "/v1/kpis/this-quarter", "/v1/actions", "/v1/deals?limit=50")
KEY = (
    "from service.keys import ApiKeys; from service.settings import read_settings; "
    "print(ApiKeys(read_settings().store_url).create('benchmark'))"
)
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    print(f"{'':26} {'Rss':>7} {'Pss':>7} {'Uss':>7} MB")
    for workers in given.workers:
        with tempfile.TemporaryDirectory(prefix="sancho-memory-") as folder:
            home = Path(shutil.copytree(given.home, Path(folder) / "home"))
            measure(home, workers, given.seconds)


def measure(home: Path, workers: int, seconds: float) -> None:
    """Prints the memory of one service."""
    environment = {
        **os.environ, "SANCHO_HOME": str(home), "PYTHONPATH": str(ROOT), "SANCHO_JOB_WORKERS": "false"
    }  # fmt: skip
    made = subprocess.run(
        [sys.executable, "-c", KEY], check=True, capture_output=True, text=True, env=environment, cwd=home
    )
    key = made.stdout.split()[-1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["serve", "--port", str(port), "--workers", str(workers)]
    service = subprocess.Popen(
        [sys.executable, "-c", f"from service.cli import run; run({words})"],
        env=environment, cwd=home, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        began = time.perf_counter()
        while not is_ready(port):
            time.sleep(0.3)
            if time.perf_counter() - began > PATIENCE or service.poll() is not None:
                raise SystemExit("the service does not get ready")
        print(f"{workers} process(es): ready after {time.perf_counter() - began:.1f} s")
        show("ready", service.pid)
        for _ in range(ROUNDS * workers):
            for screen in SCREENS:
                ask(port, key, screen)
        time.sleep(seconds)
        show("asked", service.pid)
        deal = ask(port, key, "/v1/deals?limit=1")["deals"][0]["deal_id"]
        ask(port, key, "/v1/tables/deals", {"deal_id": deal, "amount": 1_234_567})
        time.sleep(seconds)
        for screen in SCREENS:
            ask(port, key, screen)
        show("a row later", service.pid)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(60)


def show(when: str, service: int) -> None:
    """Prints a line for each process that answers, the one with most of its own first."""
    processes = sorted(filter(answers, family(service)), key=lambda one: -memory(one)[2])
    for number, process in enumerate(processes, 1):
        figures = " ".join(f"{value:7.0f}" for value in memory(process))
        print(f"  {when + ',':14} process {number} {figures}")
    print(f"  {when + ',':14} processor {sum(map(processor, family(service))):.1f} s, of all processes")


def family(process: int) -> list[int]:
    """A process and all that it has begun."""
    try:
        begun = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(one for child in begun for one in family(int(child)))]


def answers(process: int) -> bool:
    """Whether a process serves: it has threads that take up new rows."""
    return len(list(Path(f"/proc/{process}/task").iterdir())) > 1 and memory(process)[0] > 200


def memory(process: int) -> tuple[float, float, float]:
    """(Rss, Pss, Uss) in megabytes."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}
    return sizes["Rss"], sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


def processor(process: int) -> float:
    """Processor seconds so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def is_ready(port: int) -> bool:
    """Whether it answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ask(port: int, key: str, path: str, row: dict[str, Any] | None = None) -> Any:
    """An answer, waited for, or what is said to a row; None where there is none yet."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if row is None else json.dumps(row).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
        method="GET" if row is None else "PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return None
        raise


if __name__ == "__main__":
    main()
