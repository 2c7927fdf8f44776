"""How do several processes answer on one port? Forked from one that is ready: they share what it holds.

A process that only looks after the others opens the store and the model and warms up, as a service of one
process does. The processes that answer are forked from it: tables, history, model, compiled functions,
simulations and libraries lie in memory once, and only what a process writes to is its own. Meanwhile one
process already says that the service is starting. Each takes up new rows and models by itself.

The process is forked while it has one thread and no open connection.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from service.logs import log_event

if TYPE_CHECKING:
    from service.api.counts import Counts
    from service.settings import Settings
    from service.use_cases import UseCases

_LOG = "sancho.workers"
_USUAL_SECONDS = 30.0  # for answers that are likely to be asked, made once for all processes
_TICK_SECONDS = 0.2
_PAUSE_SECONDS = 1.0  # between two starts of the same worker
_END_SECONDS = 15.0  # for answers under way, before a process is killed
_PARENT_DIED = 1  # PR_SET_PDEATHSIG of Linux


def can_fork() -> bool:
    """Whether this system's processes can be forked after libraries were loaded."""
    return sys.platform == "linux"


class Workers:
    """Processes that answer, and the one that they are forked from; begun while there is one thread only."""

    def __init__(self, settings: Settings, count: int, options: Mapping[str, Any]) -> None:
        self._settings, self._count, self._options = settings, count, options
        self._supervisor = 0
        self._counts: Counts | None = None

    def start(self) -> None:
        """Begins the process that the others are forked from."""
        self._supervisor = _forked(self._supervise)

    def wait(self) -> int:
        """Waits until all have ended, which SIGINT and SIGTERM make them; the exit status."""
        _at_signals(lambda *_: self._send(signal.SIGTERM))
        _, status = os.waitpid(self._supervisor, 0)
        return os.waitstatus_to_exitcode(status)

    def _send(self, name: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._supervisor, name)

    def _supervise(self) -> int:
        import numba
        import uvicorn

        from service.api.counts import Counts
        from service.use_cases import UseCases

        self._counts = Counts()  # shared by all that are forked from here
        numba.config.THREADING_LAYER = "forksafe"
        _at_signals(lambda *_: sys.exit(0))  # whoever is told to stop while it gets ready
        address = uvicorn.Config("", host=self._settings.host, port=self._settings.port, **self._options)
        listening = address.bind_socket()
        service = UseCases.open(self._settings)
        _let_go_of_connections()
        starting = _forked(lambda: self._answer(listening, service, warm=False))
        with suppress(SanchoError):  # each says why, and goes on trying
            service.serving.refresh(warm=True)
            if service.answers is not None:
                service.answers.make_usual(_USUAL_SECONDS)
        _let_go_of_connections()
        gc.collect()
        gc.freeze()  # collecting would write to every page
        keeper = _Keeper(lambda: self._answer(listening, service), self._count)
        stopping: list[int] = []
        _at_signals(lambda number, _: stopping.append(number))
        keeper.keep(stopping, starting)
        return 0

    def _answer(self, listening: socket.socket, service: UseCases, warm: bool = True) -> int:
        import uvicorn

        from service.app import create_app

        app = create_app(self._settings, service, warm, counts=self._counts)
        server = uvicorn.Server(uvicorn.Config(app, **self._options))
        server.run(sockets=[listening])
        return 0 if server.started else 1


class _Keeper:
    """So many processes that do the same; one that ends is begun again."""

    def __init__(self, work: Callable[[], int], count: int) -> None:
        self._work = work
        self._running: dict[int, float] = {}  # when each began, by its id
        self._count = count

    def keep(self, stopping: list[int], before: int) -> None:
        """Until it is to stop; `before`: a process that ends once these have begun."""
        while not stopping:
            missing = self._count - len(self._running)
            for _ in range(missing):
                self._running[_forked(self._work)] = time.monotonic()
            if before:
                _end(before)
                before = 0
            time.sleep(_TICK_SECONDS)
            self._note_ends(stopping)
        for process in (*self._running, *([before] if before else ())):
            _end(process)
        deadline = time.monotonic() + _END_SECONDS
        while self._running and time.monotonic() < deadline:
            self._note_ends(stopping)
            time.sleep(_TICK_SECONDS)
        for process in self._running:
            _end(process, signal.SIGKILL)

    def _note_ends(self, stopping: list[int]) -> None:
        """Forgets those that have ended; one that ended at once is not begun again at once."""
        while (ended := _ended()) is not None:
            process, status = ended
            began = self._running.pop(process, None)
            if began is None or stopping:
                continue
            log_event(_LOG, "warning", "worker_ended", status=status)
            time.sleep(max(0.0, began + _PAUSE_SECONDS - time.monotonic()))


def _forked(work: Callable[[], int]) -> int:
    """The id of a new process that does some work and ends with its status, or where this one ends."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PARENT_DIED, signal.SIGTERM)
        if os.getppid() == parent:
            status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        log_event(_LOG, "error", "worker_failed", exc_info=error)
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _at_signals(what: Callable[[int, object], object]) -> None:
    """Does something at each signal to stop."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, what)


def _ended() -> tuple[int, int] | None:
    """A process that has ended, and its status; None where none has."""
    try:
        process, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (process, os.waitstatus_to_exitcode(status)) if process else None


def _end(process: int, name: signal.Signals = signal.SIGTERM) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, name)


def _let_go_of_connections() -> None:
    """No process may use another's connection: they are closed, and opened again by whoever asks."""
    import sqlalchemy as sa

    for one in gc.get_objects():
        if isinstance(one, sa.Engine):
            one.dispose()
