"""Is a password right, and is a new one good enough? Argon2id, by the library's present parameters.

All of it takes tens of milliseconds and as many megabytes on purpose, so it belongs into few threads.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm.errors import SanchoError
from crm.i18n import Text

SHORTEST, LONGEST = 12, 256  # letters
_FEWEST_LETTERS = 5  # different ones
_WEAK = Text(
    "パスワードは{n}文字以上{most}文字以内で、同じ文字の繰り返しやメールアドレスを避けてください。"
    "いくつかの単語を並べると覚えやすくなります。",
    "a password has {n} to {most} characters, is not the same few repeated, and is not your e-mail address; "
    "some words in a row are easy to remember.",
)


class Passwords:
    """Makes and checks hashes of passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher if hasher is not None else PasswordHasher()

    @cached_property
    def nobodys(self) -> str:
        """The hash of a password that nobody has: checking it takes as long as checking a real one."""
        return self._hasher.hash(secrets.token_urlsafe(32))

    def hashed(self, password: str) -> str:
        """The hash of a password, with its salt and parameters."""
        return self._hasher.hash(_bytes(password))

    def is_right(self, hashed: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; as slow where there is no hash."""
        nobodys = self.nobodys  # made before the first check, whomever that is of
        try:
            self._hasher.verify(nobodys if hashed is None else hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash has other parameters than the present ones."""
        return self._hasher.check_needs_rehash(hashed)


def check_strength(password: str, email: str | None) -> None:
    """SanchoError where a password is easily guessed."""
    plain = unicodedata.normalize("NFKC", password).strip().casefold()
    name = (email or "").split("@")[0]
    if (
        not SHORTEST <= len(plain) <= LONGEST
        or len(set(plain)) < _FEWEST_LETTERS
        or (email and plain in (email, name * 2, name))
    ):
        raise SanchoError(_WEAK.format(n=SHORTEST, most=LONGEST), "weak_password")


def _bytes(password: str) -> bytes:
    """The same letters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
