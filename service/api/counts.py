"""How often has something happened within a minute or so, counted over all processes that answer?

The counts stand in memory that the processes which are forked from one share. They hold no names: whose a
count is says a number that is computed with a secret of this start. Nothing is locked, since a process may be
killed at any instant: where two processes count in the same instant, one of the counts may be lost.
"""

from __future__ import annotations

import hashlib
import mmap
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 60.0
_PLACES = 16_384  # for counts; each of them has two places where it may stand
_FIELDS = 3  # of a place: whose it is, until when (microseconds), how many
_MOST = 1 << 62
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Count:
    """How many there were, and in how many seconds they are forgotten."""

    number: int
    seconds_left: float


class Counts:
    """Counts by name; each begins anew a while after its first."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic  # of Linux: the same in all processes of a machine
        self._secret = secrets.token_bytes(16)
        self._numbers = memoryview(mmap.mmap(-1, _PLACES * _FIELDS * 8)).cast("Q")

    def of(self, name: str) -> Count:
        """What has been counted of a name."""
        now = self._now()
        owner, places = self._places(name)
        return next((self._count(at, now) for at in places if self._is_of(at, owner, now)), Count(0, 0.0))

    def note(self, name: str, number: int = 1, keep: int = _MOST, seconds: float = SECONDS) -> Count:
        """Counts something, and says what has been counted with it since its first, `seconds` ago at most.

        Where both places are others', the smaller count makes room, unless it has reached `keep`: then
        nothing is counted.
        """
        now = self._now()
        owner, places = self._places(name)
        at = next((at for at in places if self._is_of(at, owner, now)), None)
        if at is None:
            at = min(places, key=lambda place: self._count(place, now).number)
            if self._count(at, now).number >= keep:
                return Count(number, seconds)
            until = now + int(seconds * _MICROSECONDS)
            self._numbers[at : at + _FIELDS] = memoryview(_packed(owner, until, 0)).cast("Q")
        self._numbers[at + 2] += number
        return self._count(at, now)

    def take_back(self, name: str) -> None:
        """One that was counted did not happen after all."""
        self._change(name, lambda number: max(0, number - 1))

    def forget(self, name: str) -> None:
        """Nothing has been counted of a name."""
        self._change(name, lambda _: 0)

    def _change(self, name: str, change: Callable[[int], int]) -> None:
        now = self._now()
        owner, places = self._places(name)
        for at in places:
            if self._is_of(at, owner, now):
                self._numbers[at + 2] = change(self._numbers[at + 2])

    def _now(self) -> int:
        return int(self._monotonic() * _MICROSECONDS)

    def _places(self, name: str) -> tuple[int, tuple[int, int]]:
        digest = hashlib.blake2b(name.encode(), key=self._secret, digest_size=16).digest()
        owner, where = int.from_bytes(digest[:8], "little") | 1, int.from_bytes(digest[8:], "little")
        return owner, (_FIELDS * (where % _PLACES), _FIELDS * (where // _PLACES % _PLACES))

    def _is_of(self, at: int, owner: int, now: int) -> bool:
        return self._numbers[at] == owner and self._is_recent(at, now)

    def _is_recent(self, at: int, now: int) -> bool:
        return self._numbers[at] != 0 and now < self._numbers[at + 1]

    def _count(self, at: int, now: int) -> Count:
        if not self._is_recent(at, now):
            return Count(0, 0.0)
        return Count(self._numbers[at + 2], (self._numbers[at + 1] - now) / _MICROSECONDS)


def _packed(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in numbers)
