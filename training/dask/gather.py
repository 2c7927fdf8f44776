"""How are results gathered from workers, and what happens if a worker is lost?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0

Result = TypeVar("Result")


def gathered(client: Client, futures: Sequence[Future]) -> list[Any]:
    """Results of tasks, in order. Other workers take over a lost worker's tasks; SanchoError if none is left.

    A task that kills several workers, for lack of memory, is not retried without end.
    """
    from distributed import CancelledError, KilledWorker, wait

    seconds_without_workers = 0.0
    try:
        while True:
            try:
                wait(futures, timeout=LOOK_SECONDS)
                return list(client.gather(list(futures)))
            except TimeoutError:
                seconds_without_workers = 0.0 if client.nthreads() else seconds_without_workers + LOOK_SECONDS
                if seconds_without_workers >= PATIENCE_SECONDS:
                    raise lost() from None
    except (KilledWorker, CancelledError, OSError):
        raise lost() from None


def together(client: Client, work: Callable[[], Result]) -> Result:
    """The result of work that needs all present workers until its end; SanchoError as soon as one is lost.

    Otherwise LightGBM's workers would wait for the lost one for hours.
    """
    workers, results, errors = set(client.nthreads()), list[Result](), list[BaseException]()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as fault:
            errors.append(fault)

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)
        if thread.is_alive() and not workers <= _present(client):
            raise lost()
    if results:
        return results[0]
    if workers <= _present(client):
        raise errors[0]
    raise lost() from errors[0]


def _present(client: Client) -> set[str]:
    try:
        return set(client.nthreads())
    except (OSError, RuntimeError):
        return set()


def lost() -> SanchoError:
    """The error for a lost worker."""
    return SanchoError(
        Text(
            "ワーカーが途中で停止しました。メモリが足りない可能性があります。"
            "ワーカーのメモリを増やすか、max_moments を減らしてください。",
            "a worker stopped, probably for lack of memory; give the workers more memory, or lower "
            "max_moments.",
        ),
        "worker_died",
    )
