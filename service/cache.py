"""How is a value kept that is slow to compute? In a cache of bounded size that computes it once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class _Computing:
    """A key whose value is being computed, and how many threads want it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted_by: int = 0


class Cache(Generic[K, V]):
    """At most `size` values; where it is full, the least recently used one goes.

    Each key has a lock of its own: threads that ask for the same key wait for one computation, threads that
    ask for other keys do not wait. A computation may ask another cache, but not this one for the same key.

    >>> lengths: Cache[str, int] = Cache(2)
    >>> [lengths.get(word, lambda: len(word)) for word in ("one", "three", "one", "seven")]
    [3, 5, 3, 5]
    >>> "one" in lengths, "three" in lengths
    (True, False)
    """

    def __init__(self, size: int) -> None:
        self._values: LRUCache[K, V] = LRUCache(size)
        self._computing: dict[K, _Computing] = {}
        self._guard = threading.Lock()  # held for look-ups alone, never while a value is computed

    def __contains__(self, key: K) -> bool:
        with self._guard:
            return key in self._values

    def __len__(self) -> int:
        with self._guard:
            return len(self._values)

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """The value of a key, computed unless it is kept; a computation that raises leaves nothing behind."""
        with self._guard:
            if key in self._values:
                return self._values[key]
            computing = self._computing.setdefault(key, _Computing())
            computing.wanted_by += 1
        try:
            with computing.lock:
                with self._guard:
                    if key in self._values:  # another thread has computed it meanwhile
                        return self._values[key]
                value = compute()
                with self._guard:
                    self._values[key] = value
                return value
        finally:
            with self._guard:
                computing.wanted_by -= 1
                if computing.wanted_by == 0:
                    del self._computing[key]
