"""How are slow values cached? In a bounded LRU cache that computes each value once."""

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
    """A key whose value is being computed, and the number of threads that wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class Cache(Generic[K, V]):
    """At most `size` values; a full cache drops the least recently used one.

    Each key has a lock of its own: threads that need the same key wait for one computation, threads that
    need other keys do not wait. A computation may use another cache, but not this one with the same key.

    >>> lengths: Cache[str, int] = Cache(2)
    >>> [lengths.get(word, lambda: len(word)) for word in ("one", "three", "one", "seven")]
    [3, 5, 3, 5]
    >>> "one" in lengths, "three" in lengths
    (True, False)
    """

    def __init__(self, size: int) -> None:
        self._values: LRUCache[K, V] = LRUCache(size)
        self._computing: dict[K, _Computing] = {}
        self._guard = threading.Lock()  # held for look-ups only, never while a value is computed

    def __contains__(self, key: K) -> bool:
        with self._guard:
            return key in self._values

    def __len__(self) -> int:
        with self._guard:
            return len(self._values)

    def items(self) -> list[tuple[K, V]]:
        """The keys and values there are."""
        with self._guard:
            return list(self._values.items())

    def take(self, other: Cache[K, V], wanted: Callable[[K], bool]) -> None:
        """Takes over values of another cache."""
        for key, value in other.items():
            if wanted(key):
                self.put(key, value)

    def put(self, key: K, value: V) -> None:
        """Keeps a value that is there already."""
        with self._guard:
            self._values[key] = value

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """The value of a key, computed unless it is cached; a computation that raises caches nothing."""
        with self._guard:
            if key in self._values:
                return self._values[key]
            computing = self._computing.setdefault(key, _Computing())
            computing.waiting += 1
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
                computing.waiting -= 1
                if computing.waiting == 0:
                    del self._computing[key]
