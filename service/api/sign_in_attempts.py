"""Who tries out passwords and links? Whoever was wrong too often waits before the next is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from crm.errors import SanchoError
from crm.i18n import Text
from service.api.attempts import FailedAttempts
from service.api.counts import Counts

MOST_OF_ADDRESS, ADDRESS_SECONDS = 20, 60.0  # wrong ones within so long, of all processes that answer
MOST_OF_ACCOUNT, ACCOUNT_SECONDS = 10, 900.0
_WRONG = ("wrong_password", "bad_link")
_TOO_MANY = Text(
    "サインインの失敗が続いています。{seconds}秒後にもう一度お試しください。",
    "too many sign-ins have failed; try again in {seconds} seconds.",
)


class SignInAttempts:
    """Wrong passwords and links: by address, and by the e-mail address that was typed, whoever has it."""

    def __init__(self, counts: Counts) -> None:
        self._addresses = FailedAttempts(counts, "sign-in", MOST_OF_ADDRESS, ADDRESS_SECONDS)
        self._accounts = FailedAttempts(counts, "account", MOST_OF_ACCOUNT, ACCOUNT_SECONDS)

    @contextmanager
    def attempt(self, address: str, account: str | None = None) -> Iterator[None]:
        """Inside, a password or link is looked at; SanchoError where somebody has to wait with that.

        It counts before it is looked at, so that many at once are no more than many one after the other.
        """
        counted = [(self._addresses, address)]
        if account is not None:
            counted.append((self._accounts, account))
        waits = max(counter.seconds_to_wait(name) for counter, name in counted)
        if waits:
            raise SanchoError(_TOO_MANY.format(seconds=math.ceil(waits)), "too_many_attempts")
        for counter, name in counted:
            counter.note(name)
        try:
            yield
        except BaseException as fault:
            if getattr(fault, "code", None) not in _WRONG:  # nothing was looked at, or a new one is too weak
                for counter, name in counted:
                    counter.take_back(name)
            raise
        self._addresses.take_back(address)
        if account is not None:
            self._accounts.forget(account)
