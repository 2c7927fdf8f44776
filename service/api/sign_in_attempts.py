"""Who tries out passwords and links? Whoever was wrong too often waits before the next is looked at."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crm.errors import SanchoError
from crm.i18n import Text

MOST_OF_ADDRESS, ADDRESS_SECONDS = 20, 60.0  # wrong ones within so long, in one process
MOST_OF_ACCOUNT, ACCOUNT_SECONDS = 10, 900.0
_REMEMBERED = 10_000  # addresses, and accounts
_WRONG = ("wrong_password", "bad_link")
_TOO_MANY = Text(
    "サインインの失敗が続いています。{seconds}秒後にもう一度お試しください。",
    "too many sign-ins have failed; try again in {seconds} seconds.",
)


class SignInAttempts:
    """Wrong passwords and links: by address, and by the e-mail address that was typed, whoever has it.

    All of it happens on the event loop, so nothing is locked.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._addresses = _Window(MOST_OF_ADDRESS, ADDRESS_SECONDS, monotonic)
        self._accounts = _Window(MOST_OF_ACCOUNT, ACCOUNT_SECONDS, monotonic)

    @contextmanager
    def attempt(self, address: str, account: str | None = None) -> Iterator[None]:
        """Inside, a password or link is looked at; SanchoError where somebody has to wait with that.

        It counts before it is looked at, so that many at once are no more than many one after the other.
        """
        counted = [(self._addresses, _network(address))]
        if account is not None:
            counted.append((self._accounts, account))
        waits = max(window.seconds_to_wait(name) for window, name in counted)
        if waits:
            raise SanchoError(_TOO_MANY.format(seconds=math.ceil(waits)), "too_many_attempts")
        for window, name in counted:
            window.note(name)
        try:
            yield
        except BaseException as fault:
            if getattr(fault, "code", None) not in _WRONG:  # nothing was looked at, or a new one is too weak
                for window, name in counted:
                    window.take_back(name)
            raise
        self._addresses.take_back(_network(address))
        if account is not None:
            self._accounts.forget(account)


class _Window:
    """Counts by name, each from its first for so many seconds."""

    def __init__(self, most: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._most, self._seconds, self._monotonic = most, seconds, monotonic
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    def seconds_to_wait(self, name: str) -> float:
        since, count = self._counts.get(name, (0.0, 0))
        left = since + self._seconds - self._monotonic()
        return left if count >= self._most and left > 0 else 0.0

    def note(self, name: str) -> None:
        now = self._monotonic()
        since, count = self._counts.pop(name, (now, 0))
        self._counts[name] = (since, count + 1) if now - since < self._seconds else (now, 1)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def take_back(self, name: str) -> None:
        if (found := self._counts.get(name)) is not None:
            self._counts[name] = (found[0], max(0, found[1] - 1))

    def forget(self, name: str) -> None:
        self._counts.pop(name, None)


def _network(address: str) -> str:
    """By what an address is counted: of IPv6, where one caller has a whole network, by its first half.

    >>> _network("10.0.0.1"), _network("2001:db8::7")
    ('10.0.0.1', '2001:db8::/64')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
