"""Who tries out keys or passwords? Whoever sent too many wrong ones waits before the next is looked at."""

from __future__ import annotations

import ipaddress

from service.api.counts import SECONDS, Counts

__all__ = ["ACCOUNT_SECONDS", "MOST", "MOST_OF_ACCOUNT", "SECONDS", "FailedAttempts"]

MOST = 20  # wrong keys from one address within a minute, of all processes that answer
MOST_OF_ACCOUNT, ACCOUNT_SECONDS = 10, 900.0  # wrong passwords for one e-mail address within so long


class FailedAttempts:
    """Counts calls with a wrong key by address, or wrong passwords by account."""

    def __init__(self, counts: Counts | None = None, most: int = MOST, seconds: float = SECONDS) -> None:
        self._counts = counts if counts is not None else Counts()
        self._most, self._seconds = most, seconds

    def seconds_to_wait(self, address: str) -> float:
        """How long an address has to wait; 0 where it may try."""
        failed = self._counts.of(_name(address))
        return failed.seconds_left if failed.number >= self._most else 0.0

    def note(self, address: str) -> None:
        """A wrong key has come from an address."""
        self._counts.note(_name(address), keep=self._most, seconds=self._seconds)

    def take_back(self, address: str) -> None:
        """One that was noted has turned out to be right."""
        self._counts.take_back(_name(address))

    def forget(self, address: str) -> None:
        """Somebody has shown that he is no stranger."""
        self._counts.forget(_name(address))


def _name(address: str) -> str:
    """By what an address is counted: of IPv6, where one caller has a whole network, by its first half.

    >>> _name("10.0.0.1"), _name("2001:db8::7")
    ('failed 10.0.0.1', 'failed 2001:db8::/64')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return f"failed {address}"
    if found.version == 4:
        return f"failed {found}"
    if found.ipv4_mapped is not None:
        return f"failed {found.ipv4_mapped}"
    return f"failed {ipaddress.ip_network((found, 64), strict=False)}"
