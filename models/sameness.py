"""How is something kept that was worked out of a value too long to compare? By the very value itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Same(Generic[V]):
    """A value as a key: equal to nothing but itself, in no time.

    >>> names = ["a"]
    >>> Same(names) == Same(names), Same(names) == Same(["a"])
    (True, False)
    """

    value: V

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
