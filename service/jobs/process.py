"""How do processes that do jobs run beside the service: started with it, started again when they die?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from service.jobs.kinds import lanes
from service.logs import log_event
from service.settings import Settings
from service.watched_thread import WatchedThread

NICENESS = 10  # a training yields to whoever waits for an answer
_LOOK_SECONDS = 1.0
_END_SECONDS = 10.0
_COMMAND_LINE = "from service.cli import main; main()"  # what the command `sancho` runs


class WorkerProcesses:
    """One process for each lane of kinds, at low priority; it ends by itself where this process is gone."""

    def __init__(self, settings: Settings, kinds: Sequence[Sequence[str]] | None = None) -> None:
        self._settings = settings
        self._kinds = lanes() if kinds is None else kinds
        self._running: list[subprocess.Popen[bytes] | None] = [None] * len(self._kinds)
        self._watch = WatchedThread("sancho-jobs", self._keep_running)

    def start(self) -> None:
        """Starts them, and a thread that starts again those that end."""
        self._watch.start()

    def stop(self) -> None:
        """Asks them to end; a job that is being done is taken up again by the next service."""
        self._watch.stop()
        running = [process for process in self._running if process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _keep_running(self) -> float:
        for lane, process in enumerate(self._running):
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                log_event("sancho.jobs", "warning", "worker_ended", status=process.returncode)
            self._running[lane] = self._begin(self._kinds[lane])
        return _LOOK_SECONDS

    def _begin(self, kinds: Sequence[str]) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "SANCHO_HOME": str(self._settings.home.absolute()),
            "SANCHO_DATABASE_URL": self._settings.store_url,
        }
        command = [sys.executable, "-c", _COMMAND_LINE, "jobs", "work", "--beside", str(os.getpid())]
        for kind in kinds:
            command += ["--kind", kind]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - our own


def yield_to_others() -> None:
    """Lowers this process's priority, where the system lets it."""
    try:
        os.nice(NICENESS)
    except (OSError, AttributeError) as error:  # not offered on every system
        log_event("sancho.jobs", "warning", "priority_unchanged", reason=str(error))
