"""How many connections may a process have, and what may one of them take?"""

from __future__ import annotations

from dataclasses import dataclass

try:
    import resource
except ImportError:  # a system without limits of files
    resource = None  # type: ignore[assignment]

MOST_FILES = 65_536  # that a process asks the system for
BACKLOG = 2_048  # connections that wait to be taken


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a connection may take; bytes and seconds."""

    connections: int
    of_one_address: int
    head_seconds: float = 10.0  # from its first byte, or from the connection on
    head_bytes: int = 64 << 10
    head_fields: int = 100
    idle_body_seconds: float = 30.0  # without a byte of a body that is not whole
    slow_seconds: float = 20.0  # after which a body has to have come at
    slow_bytes: float = 500.0  # a second, unless its answer has begun
    unread_seconds: float = 30.0  # for which an answer may wait for who does not read it


def limits_of_this_process() -> Limits:
    """Limits that leave half of a process's files to all else; it asks for as many files as it may have."""
    files = MOST_FILES
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = resource.RLIM_INFINITY
        wanted = MOST_FILES if hard == unlimited else min(hard, MOST_FILES)
        if soft != unlimited and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        files = MOST_FILES if soft == unlimited else min(soft, MOST_FILES)
    return Limits(connections=max(files // 2, 16), of_one_address=max(files // 4, 8))


def backlog(limits: Limits) -> int:
    """How many connections may wait to be taken: with those there are, no more than there are files for.

    >>> backlog(Limits(connections=512, of_one_address=256))
    256
    """
    return min(BACKLOG, max(limits.connections // 2, 8))
