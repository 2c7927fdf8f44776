"""Who tries out keys? An address that sent too many wrong ones waits before the next is looked at."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST, SECONDS = 20, 60.0  # wrong keys from one address within so long, in one process
_ADDRESSES = 10_000  # remembered


class FailedAttempts:
    """Counts calls with a wrong key by address. All of it happens on the event loop, so nothing is locked."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    def seconds_to_wait(self, address: str) -> float:
        """How long an address has to wait; 0 where it may try."""
        since, count = self._failed.get(address, (0.0, 0))
        left = since + SECONDS - self._monotonic()
        return left if count >= MOST and left > 0 else 0.0

    def note(self, address: str) -> None:
        """A wrong key has come from an address."""
        now = self._monotonic()
        since, count = self._failed.pop(address, (now, 0))
        self._failed[address] = (since, count + 1) if now - since < SECONDS else (now, 1)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)
