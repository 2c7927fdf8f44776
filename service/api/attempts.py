"""Who tries out keys? An address that sent too many wrong ones waits before the next is looked at."""

from __future__ import annotations

import ipaddress

from service.api.counts import SECONDS, Counts

__all__ = ["MOST", "SECONDS", "FailedAttempts"]

MOST = 20  # wrong keys from one address within a minute, of all processes that answer


class FailedAttempts:
    """Counts calls with a wrong key by address, or wrong passwords by account: each `kind` of its own.

    `most` of them within so many `seconds`; by default those of keys.
    """

    def __init__(
        self,
        counts: Counts | None = None,
        kind: str = "keys",
        most: int | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._counts = counts if counts is not None else Counts()
        self._kind, self._most, self._seconds = kind, most, seconds

    def seconds_to_wait(self, address: str) -> float:
        """How long an address has to wait; 0 where it may try."""
        failed = self._counts.of(self._name(address))
        return failed.seconds_left if failed.number >= self._limit else 0.0

    def note(self, address: str) -> None:
        """A wrong key has come from an address."""
        self._counts.note(self._name(address), keep=self._limit, seconds=self._seconds)

    def take_back(self, address: str) -> None:
        """One that was noted has turned out to be right."""
        self._counts.take_back(self._name(address))

    def forget(self, address: str) -> None:
        """Somebody has shown that he is no stranger."""
        self._counts.forget(self._name(address))

    @property
    def _limit(self) -> int:
        return MOST if self._most is None else self._most

    def _name(self, address: str) -> str:
        return f"failed {self._kind} {_caller(address)}"


def _caller(address: str) -> str:
    """By what an address is counted: of IPv6, where one caller has a whole network, by its first half.

    >>> _caller("10.0.0.1"), _caller("2001:db8::7")
    ('10.0.0.1', '2001:db8::/64')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
