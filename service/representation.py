"""Which bytes is an answer sent as? Plain or compressed, each with a name that changes with its content.

A strong validator (RFC 9110, 8.8): the name is a digest of the bytes, so two answers with the same name are
the same byte for byte, whoever asks in whichever language. What is small is not worth compressing.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

WORTH_IT = 1_000  # bytes from which compressing saves more than it costs: less fits into one packet anyway
_LEVEL = 1  # a sixth larger than the smallest, in a third of the time


@dataclass(frozen=True)
class Representation:
    """An answer as JSON; its digest and its compressed form are made once."""

    body: bytes

    @cached_property
    def digest(self) -> str:
        """A name of the bytes, 128 bits in hexadecimal."""
        return blake2b(self.body, digest_size=16).hexdigest()

    @cached_property
    def compressed(self) -> bytes | None:
        """The same by gzip; None where it is not worth it."""
        if len(self.body) < WORTH_IT:
            return None
        return gzip.compress(self.body, _LEVEL, mtime=0)  # without the time, so that it is always the same

    def prepared(self) -> Representation:
        """Itself, with both made now, where that holds nobody up."""
        _ = self.digest, self.compressed
        return self

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, once both are made."""
        return len(self.body) + len(self.compressed or b"")

    def tag(self, is_compressed: bool) -> str:
        """The entity tag of one of its two forms."""
        return f'"{self.digest}-gzip"' if is_compressed else f'"{self.digest}"'


def takes_gzip(accepted: str | None) -> bool:
    """Whether a caller would rather have gzip, by its Accept-Encoding (RFC 9110, 12.5.3).

    >>> [takes_gzip(said) for said in ("gzip, br", "br;q=1, *;q=0.5", "gzip;q=0", "gzip;q=0.5, identity", "")]
    [True, True, False, False, False]
    """
    weights: dict[str, float] = {}
    for part in (accepted or "").split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip().lower()] = _weight(parameters)
    gzipped = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzipped > 0 and gzipped >= weights.get("identity", 0.0)


def _weight(parameters: str) -> float:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0


def is_known(none_match: str | None, tag: str) -> bool:
    """Whether a caller holds the answer of a tag already, by its If-None-Match (compared weakly).

    >>> [is_known(said, '"a"') for said in ('"b", W/"a"', "*", '"b"', None)]
    [True, True, False, False]
    """
    held = [one.strip().removeprefix("W/") for one in (none_match or "").split(",")]
    return tag in held or "*" in held
