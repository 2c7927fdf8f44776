"""Who waits for whom? What may take long has threads of its own, few of them, and a queue that ends.

Checking keys, writing to the store, and asking store and registry about themselves each have a pool, so that
none of them takes the threads from which everything else is answered. Who finds the queue full, waits in it
too long, or waits while the database turns out to be away, is told to come again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import Request

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import UNAVAILABLE

T = TypeVar("T")
BUSY = "busy"  # code of the error where too many wait
_BUSY = Text(
    "混み合っているため処理できませんでした（同時に{threads}件、待ち{waiting}件まで）。"
    "数秒後にもう一度送ってください。",
    "too much is being done at once ({threads} requests of this kind, and {waiting} that wait); send it "
    "again in a few seconds.",
)
_NO_ANSWER = Text(
    "データベースから{seconds:g}秒以内に応答がありませんでした。数秒後にもう一度送ってください。",
    "the database did not answer within {seconds:g} seconds; send it again in a few seconds.",
)


class Pool:
    """Some threads, and those who wait for one: at most so many, for at most so long."""

    def __init__(self, threads: int, waiting: int, patience: float) -> None:
        self._size, self._most_waiting, self._patience = threads, waiting, patience
        self._slots, self._threads = CapacityLimiter(threads), CapacityLimiter(threads)
        self._waiting = 0
        self._running = 0  # in threads, those too that nobody waits for any more
        self._failed: tuple[float, SanchoError] | None = None  # when the database was last out of reach
        self._guard = threading.Lock()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """The turn of one that waits; raises `busy` where too many do, or it takes too long."""
        turn = object()
        try:
            self._slots.acquire_on_behalf_of_nowait(turn)
        except anyio.WouldBlock:
            await self._wait(turn)
        try:
            yield
        finally:
            self._slots.release_on_behalf_of(turn)

    async def _wait(self, turn: object) -> None:
        if self._waiting >= self._most_waiting:
            raise self._busy()
        began = time.monotonic()
        self._waiting += 1
        try:
            with anyio.move_on_after(self._patience) as waited:
                await self._slots.acquire_on_behalf_of(turn)
        finally:
            self._waiting -= 1
        if waited.cancelled_caught:
            raise self._busy()
        if self._failed is not None and self._failed[0] > began:  # what it waits for is away
            self._slots.release_on_behalf_of(turn)
            raise SanchoError(self._failed[1].text, UNAVAILABLE)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function gives, in a thread of the pool."""
        async with self.slot():
            try:
                return await to_thread.run_sync(function, *arguments, limiter=self._threads)
            except SanchoError as error:
                if error.code == UNAVAILABLE:
                    self._failed = (time.monotonic(), error)
                raise

    async def run_within(
        self, seconds: float, function: Callable[..., T], *arguments: Any, late: SanchoError | None = None
    ) -> T:
        """The same, where it takes no longer; else `late`, while the thread goes on alone.

        By default that is `store_unavailable`.
        """
        if self._running >= 4 * self._size:  # of those nobody waits for
            raise late or _no_answer(seconds)

        def counted() -> T:
            with self._guard:
                self._running += 1
            try:
                return function(*arguments)
            finally:
                with self._guard:
                    self._running -= 1

        with anyio.move_on_after(seconds):
            async with self.slot():
                return await to_thread.run_sync(counted, abandon_on_cancel=True, limiter=self._threads)
        raise late or _no_answer(seconds)

    def _busy(self) -> SanchoError:
        return SanchoError(_BUSY.format(threads=self._size, waiting=self._most_waiting), BUSY)


def _no_answer(seconds: float) -> SanchoError:
    return SanchoError(_NO_ANSWER.format(seconds=seconds), UNAVAILABLE)


class Pools:
    """The pools of one process."""

    def __init__(self) -> None:
        self.keys = Pool(threads=4, waiting=256, patience=10)
        self.passwords = Pool(threads=2, waiting=32, patience=10)  # each check needs 64 MB
        self.provider = Pool(threads=4, waiting=64, patience=10)  # the identity provider
        self.writes = Pool(threads=4, waiting=256, patience=60)
        self.aside = Pool(threads=8, waiting=64, patience=20)  # models, jobs, reports
        self.slow = Pool(threads=4, waiting=256, patience=120)  # questions that compute for seconds
        self.batches = Pool(threads=8, waiting=8, patience=10)  # many deals in one call, as long as it takes


def pools_of(request: Request) -> Pools:
    """The pools of the process that answers."""
    pools: Pools = request.app.state.pools
    return pools
