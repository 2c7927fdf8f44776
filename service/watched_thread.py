"""How is work repeated in a thread that ends only when it is stopped?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

_RETRY_SECONDS = 3.0  # after a round that raised
_LOOK_SECONDS = 1.0  # between two checks that the thread is alive


class WatchedThread:
    """Repeats a round of work in a thread; a second thread restarts it should it die.

    `work` returns the seconds to wait until the next round. An exception, also SystemExit from a library,
    ends only that round; `work` logs its errors itself.
    """

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._name = name
        self._work = work
        self._stopped = threading.Event()
        self._due = threading.Event()  # before the time
        self._thread: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Starts the thread and its watcher."""
        self.revive()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name=f"{self._name}-watcher")
        self._watcher.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends after the current round; waits for it, up to the timeout."""
        self._stopped.set()
        self._due.set()
        for thread in (self._thread, self._watcher):
            if thread is not None and thread is not threading.current_thread():
                thread.join(timeout)

    def wake(self) -> None:
        """Begins the next round at once, or after the current one."""
        self._due.set()

    @property
    def is_dead(self) -> bool:
        """Whether it was started and has ended without being stopped."""
        with self._starting:  # a thread that is being started is not dead
            thread = self._thread
            return thread is not None and not thread.is_alive() and not self._stopped.is_set()

    def revive(self) -> None:
        """Starts the thread unless it is running."""
        with self._starting:
            if not self._stopped.is_set() and (self._thread is None or not self._thread.is_alive()):
                thread = threading.Thread(target=self._repeat, daemon=True, name=self._name)
                thread.start()
                self._thread = thread

    def _repeat(self) -> None:
        while not self._stopped.is_set():
            seconds = _RETRY_SECONDS
            self._due.clear()  # what came during a round may not have been seen by it
            with suppress(BaseException):
                seconds = self._work()
            self._due.wait(seconds)

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            with suppress(BaseException):  # where no thread can be started now, the next check tries again
                self.revive()
