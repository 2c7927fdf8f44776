"""Who writes next? One after the other, in the order of asking, and again where the database ended it."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from crm.store.failures import being_written, sqlstate

TURN_SECONDS = 60.0  # a writer waits for others: those of this process, then those of all
ATTEMPTS = 4
# What PostgreSQL ends one of two transactions with that stand in each other's way: the same again will do.
_ENDED = ("40P01", "40001")

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Turns:
    """The writers of one process: first come, first served.

    Those that wait hold no connection, so that reads find one.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextmanager
    def next(self, seconds: float = TURN_SECONDS) -> Iterator[None]:
        """Waits for its turn, at most so long; SanchoError, `store_unavailable`, where it does not come."""
        own = threading.Event()
        with self._guard:
            if self._taken:
                self._waiting.append(own)
            else:
                self._taken = True
                own.set()
        if not own.wait(seconds):
            with self._guard:
                if not own.is_set():
                    self._waiting.remove(own)
                    raise being_written()
        try:
            yield
        finally:
            with self._guard:
                self._taken = bool(self._waiting)
                if self._taken:
                    self._waiting.popleft().set()


def repeated(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Work of one transaction, done again a few times where the database ended it for another's sake.

    Nothing of the first time is left by then. PostgreSQL does so where two wait for each other (a deadlock).
    """

    @wraps(work)
    def attempt(*given: Given.args, **named: Given.kwargs) -> Result:
        for number in range(1, ATTEMPTS):
            try:
                return work(*given, **named)
            except Exception as fault:
                if sqlstate(fault) not in _ENDED:
                    raise
            time.sleep(random.uniform(0.01, 0.1) * number)  # noqa: S311 - so that the two do not meet again
        return work(*given, **named)

    return attempt
