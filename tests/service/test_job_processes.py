"""Do the processes beside the service do its jobs, come back when killed, and end with it?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.jobs import JobQueue
from service.jobs.kinds import IMPORT
from service.jobs.process import WorkerProcesses
from service.settings import Settings

pytestmark = pytest.mark.slow


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def add_import(queue: JobQueue) -> str:
    rows = b"deal_id,created_at,stage\nD-1,2026-04-01,won\n"
    return queue.add(IMPORT, {"file": "deals.csv"}, contents=[rows])[0].job_id


def test_a_killed_process_is_started_again_and_all_end_with_the_service(tmp_path: Path):
    settings = Settings(home=tmp_path)
    processes = WorkerProcesses(settings, [[IMPORT]])
    processes.start()
    try:
        with JobQueue(settings.store_url) as queue:
            first = add_import(queue)
            wait_until(lambda: queue.find(first).state == "done")
            killed = processes._running[0]
            assert killed is not None
            killed.send_signal(signal.SIGKILL)
            second = add_import(queue)
            wait_until(lambda: queue.find(second).state == "done")
    finally:
        processes.stop()
    assert all(process is None or process.poll() is not None for process in processes._running)


def test_a_process_whose_service_was_killed_ends_by_itself(tmp_path: Path):
    service = (
        "import time, pathlib; from service.jobs.process import WorkerProcesses; "
        "from service.settings import Settings; "
        f"processes = WorkerProcesses(Settings(home=pathlib.Path({str(tmp_path)!r})), [['import']]); "
        "processes.start(); time.sleep(3); "
        "print(processes._running[0].pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", service], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    def gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{child}/stat")
        return state.exists() and state.read_text().split(")")[-1].split()[0] == "Z"

    wait_until(gone)
