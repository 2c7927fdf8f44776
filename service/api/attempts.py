"""Who tries out keys or passwords? Whoever sent too many wrong ones waits before the next is looked at."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST, SECONDS = 20, 60.0  # wrong keys from one address within so long, in one process
MOST_OF_ACCOUNT, ACCOUNT_SECONDS = 10, 900.0  # wrong passwords for one e-mail address, in one process
_ADDRESSES = 10_000  # remembered


class FailedAttempts:
    """Counts calls with a wrong key by address (or wrong passwords by account).

    All of it happens on the event loop, so nothing is locked.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = MOST,
        seconds: float = SECONDS,
    ) -> None:
        self._monotonic, self._most, self._seconds = monotonic, most, seconds
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    def seconds_to_wait(self, address: str) -> float:
        """How long an address has to wait; 0 where it may try."""
        since, count = self._failed.get(address, (0.0, 0))
        left = since + self._seconds - self._monotonic()
        return left if count >= self._most and left > 0 else 0.0

    def note(self, address: str) -> None:
        """A wrong key has come from an address."""
        now = self._monotonic()
        since, count = self._failed.pop(address, (now, 0))
        self._failed[address] = (since, count + 1) if now - since < self._seconds else (now, 1)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def take_back(self, address: str) -> None:
        """One that was noted has turned out to be right."""
        if (found := self._failed.get(address)) is not None:
            self._failed[address] = (found[0], max(0, found[1] - 1))

    def forget(self, address: str) -> None:
        """Somebody has shown that he is no stranger."""
        self._failed.pop(address, None)
