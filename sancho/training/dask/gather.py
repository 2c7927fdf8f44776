"""What if a worker is lost while one waits for it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0

Made = TypeVar("Made")


def gathered(client: Client, futures: Sequence[Future]) -> list[Any]:
    """Results of tasks, in order. A lost worker's are done by others; SanchoError where none is left.

    A task that kills worker after worker, for want of memory, is not tried for ever.
    """
    from distributed import CancelledError, KilledWorker, wait

    alone = 0.0
    try:
        while True:
            try:
                wait(futures, timeout=LOOK_SECONDS)
                return list(client.gather(list(futures)))
            except TimeoutError:
                alone = 0.0 if client.nthreads() else alone + LOOK_SECONDS
                if alone >= PATIENCE_SECONDS:
                    raise lost() from None
    except (KilledWorker, CancelledError, OSError):
        raise lost() from None


def together(client: Client, work: Callable[[], Made]) -> Made:
    """What a work makes that needs all present workers to its end; SanchoError as soon as one is gone.

    LightGBM's workers wait for one another, and would for hours.
    """
    members, made, failed = set(client.nthreads()), list[Made](), list[BaseException]()

    def do() -> None:
        try:
            made.append(work())
        except BaseException as fault:
            failed.append(fault)

    thread = Thread(target=copy_context().run, args=(do,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)
        if thread.is_alive() and not members <= _present(client):
            raise lost()
    if made:
        return made[0]
    if members <= _present(client):
        raise failed[0]
    raise lost() from failed[0]


def _present(client: Client) -> set[str]:
    try:
        return set(client.nthreads())
    except (OSError, RuntimeError):
        return set()


def lost() -> SanchoError:
    """A worker is gone."""
    return SanchoError(
        Text(
            "ワーカーが途中で停止しました。メモリが足りない可能性があります。"
            "ワーカーのメモリを増やすか、most_moments を減らしてください。",
            "a worker died, probably for want of memory; give workers more, or lower most_moments.",
        ),
        "worker_died",
    )
