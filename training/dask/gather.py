"""How are results gathered from workers, and what happens if a worker or the scheduler is lost?

A lost worker's part is done again: single tasks by Dask itself, on another worker; work that needs all
workers at once as a whole, on those that there are then. A worker that was started under Dask's nanny, as by
`dask worker` and on this machine, is replaced meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0  # for the scheduler to answer, and for a first worker where there is none
RETURN_SECONDS = 60.0  # for lost workers to be replaced; then those that are left do the work
ATTEMPTS = 3

Result = TypeVar("Result")


class WorkerLostError(SanchoError):
    """A worker was lost; the same work may succeed without it, or with the one that takes its place."""


def repeated(client: Client, work: Callable[[], Result]) -> Result:
    """The result of work that is done again, a few times, where a worker was lost meanwhile.

    SanchoError where workers are lost each time, where none is left, or where the scheduler is gone.
    """
    for _ in range(ATTEMPTS - 1):
        before = len(present(client))
        try:
            return work()
        except WorkerLostError:
            _await_workers(client, before)
    return work()


def gathered(client: Client, futures: Sequence[Future]) -> list[Any]:
    """Results of tasks, in order. Other workers take over a lost worker's tasks; SanchoError if none is left.

    A task that kills several workers, for lack of memory, is not retried without end.
    """
    from distributed import CancelledError, KilledWorker, wait

    seconds_without_workers = 0.0
    try:
        while True:
            try:
                with client.as_current():
                    wait(futures, timeout=LOOK_SECONDS)
                break
            except TimeoutError:
                some = bool(present(client))
                seconds_without_workers = 0.0 if some else seconds_without_workers + LOOK_SECONDS
                if seconds_without_workers >= PATIENCE_SECONDS:
                    raise lost() from None
        return list(client.gather(list(futures)))
    except KilledWorker:
        raise SanchoError(_LOST, "worker_died") from None  # several in turn: it is the task
    except (CancelledError, OSError):
        present(client)  # where the scheduler is gone, that is what is said
        raise lost() from None


def together(client: Client, work: Callable[[], Result]) -> Result:
    """The result of work that needs all present workers until its end; SanchoError as soon as one is lost.

    Otherwise LightGBM's workers would wait for the lost one for hours: they are started anew.
    """
    workers, results, errors = present(client), list[Result](), list[BaseException]()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as fault:
            errors.append(fault)

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)
        if thread.is_alive() and not workers <= present(client):
            _start_anew(client)
            raise lost()
    if results:
        return results[0]
    if workers <= present(client):
        raise errors[0]
    _start_anew(client)
    raise lost() from errors[0]


def present(client: Client) -> set[str]:
    """The addresses of the workers; SanchoError, `no_cluster`, where the scheduler does not answer."""
    try:
        if client.status == "running":
            return set(client.sync(client.scheduler.ncores, callback_timeout=PATIENCE_SECONDS))
    except (OSError, RuntimeError, TimeoutError):
        pass
    raise SanchoError(
        Text(
            "Daskのスケジューラーとの接続が切れました。スケジューラーが動いているか確認して、もう一度実行してください。",
            "the Dask scheduler has gone away; check that it is running, and run this again.",
        ),
        "no_cluster",
    ) from None


def _start_anew(client: Client) -> None:
    """Restarts the workers that are left, where Dask's nanny can: they may wait for the lost one."""
    workers = sorted(present(client))
    if workers:
        try:
            client.restart_workers(workers, timeout=RETURN_SECONDS, raise_for_error=False)
        except (OSError, ValueError, TimeoutError, RuntimeError):
            raise SanchoError(_LOST, "worker_died") from None  # nobody can free them


def _await_workers(client: Client, count: int) -> None:
    """Waits until so many workers are there, or some time has passed and one is there at least."""
    began = time.monotonic()
    while (found := len(present(client))) < count:
        waited = time.monotonic() - began
        if waited >= RETURN_SECONDS or (waited >= PATIENCE_SECONDS and not found):
            break
        time.sleep(min(LOOK_SECONDS, 0.2))
    if not found:
        raise SanchoError(_LOST, "worker_died")


def lost() -> WorkerLostError:
    """The error for a lost worker."""
    return WorkerLostError(_LOST, "worker_died")


_LOST = Text(
    "ワーカーが途中で停止しました。メモリが足りない可能性があります。"
    "ワーカーのメモリを増やすか、max_moments を減らしてください。",
    "a worker stopped, probably for lack of memory; give the workers more memory, or lower max_moments.",
)
