"""Is a browser signed in, as whom, and until when? What it holds is a random text that says nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from typing import TypeVar

import sqlalchemy as sa

from crm.errors import SanchoError
from crm.instants import SECOND
from crm.store.engine import store_failure
from service.settings import Settings
from service.sign_in.book import Session, SignInBook, hash_of
from service.sign_in.people import FRESH_SECONDS, OUTAGE_SECONDS, TRUSTED_SECONDS, Person

T = TypeVar("T")
_NOTED_SECONDS = 60.0  # between two times that the use of a session is written down
_MOST = 10_000  # sessions, and texts of none, remembered


class Sessions:
    """The sessions of one installation, as one process knows them."""

    def __init__(self, book: SignInBook, settings: Settings) -> None:
        self._book = book
        self.idle_seconds = 60.0 * settings.session_idle_minutes
        self.seconds = 3_600.0 * settings.session_hours
        self._cache: OrderedDict[str, tuple[float, Session]] = OrderedDict()  # by the hash of the text
        self._refused: OrderedDict[str, None] = OrderedDict()
        self._failed: tuple[float, SanchoError] | None = None  # when the store was last out of reach

    def begin(self, person: Person, way: str) -> tuple[str, Session]:
        """A session of somebody, and its text; ends what is too old, of whomever."""
        self._book.end_old(self.idle_seconds, self.seconds)
        text = secrets.token_urlsafe(32)
        session = self._book.add_session(person.person_id, way, _mac(text, person.email or ""), text)
        _put(self._cache, hash_of(text), (time.monotonic(), session))
        return text, session

    def end(self, text: str) -> bool:
        """Ends the session with a text; whether there was one."""
        had = self._book.end_session(text)
        self._cache.pop(hash_of(text), None)
        return had

    def end_all(self, person_id: str, but: str | None = None) -> int:
        """Ends all sessions and links of somebody, but perhaps the session with a text; how many sessions."""
        count = self._book.end_sessions(person_id, but)
        kept = None if but is None else hash_of(but)
        for name, (_, session) in list(self._cache.items()):
            if session.person_id == person_id and name != kept:
                self._cache.pop(name, None)
        return count

    def is_refused(self, text: str) -> bool:
        """Whether a text is known to be that of no session; none ever becomes one."""
        return hash_of(text) in self._refused

    def remembered(self, text: str, seconds: float = FRESH_SECONDS) -> Session | None:
        """The session, where the store knew it so recently; never asks the store."""
        cached = self._cache.get(hash_of(text))
        if cached is None or time.monotonic() - cached[0] >= seconds:
            return None
        return cached[1] if self._is_in_time(cached[1]) else None

    def check(self, text: str) -> Session | None:
        """The session with a text, None where there is none (any more).

        While the store is out of reach, sessions that it has confirmed go on; others cannot be looked up.
        """
        name, at = hash_of(text), time.monotonic()
        cached = self._cache.get(name)
        if cached is not None and self._failed is not None and at - self._failed[0] < OUTAGE_SECONDS:
            return self._meanwhile(cached, self._failed[1])
        try:
            session = self._book.session(text)
        except (sa.exc.SQLAlchemyError, SanchoError) as fault:
            failure = store_failure(fault)
            if failure is None:
                raise
            self._failed = (time.monotonic(), failure)
            if cached is None:
                raise failure from fault
            return self._meanwhile(cached, failure)
        if session is None or not self._is_in_time(session):
            self._cache.pop(name, None)
            _put(self._refused, name, None)
            return None
        if _now() - session.used_at >= _NOTED_SECONDS * SECOND:
            self._note_use(text)
        _put(self._cache, name, (at, session))
        return session

    def _meanwhile(self, cached: tuple[float, Session], failure: SanchoError) -> Session | None:
        """What counts of a session while the store is out of reach; the failure where that is too old."""
        if time.monotonic() - cached[0] >= TRUSTED_SECONDS:
            raise SanchoError(failure.text, failure.code)
        return cached[1] if self._is_in_time(cached[1]) else None

    def _note_use(self, text: str) -> None:
        try:
            self._book.note_use(text)
        except (sa.exc.SQLAlchemyError, SanchoError) as fault:
            if store_failure(fault) is None:
                raise  # else it is noted with the next use

    def _is_in_time(self, session: Session) -> bool:
        now = _now()
        return (
            now - session.used_at < self.idle_seconds * SECOND
            and now - session.created_at < self.seconds * SECOND
        )


def is_of(session: Session, text: str, person: Person) -> bool:
    """Whether somebody has the e-mail address still with which he signed in."""
    return hmac.compare_digest(session.email_mac, _mac(text, person.email or ""))


def csrf_token(text: str) -> str:
    """What a page sends beside a session's cookie, so that no other site can make the browser act.

    It comes from the session alone, and does not tell it.
    """
    return hmac.new(text.encode("utf-8", "surrogatepass"), b"sancho csrf", hashlib.sha256).hexdigest()


def masked_csrf_token(text: str) -> str:
    """The token of a session under a mask that is new each time.

    A page is compressed: of a secret that stood in it as it is, whoever can choose other parts of the page
    would learn from the page's length (BREACH).
    """
    token = bytes.fromhex(csrf_token(text))
    mask = secrets.token_bytes(len(token))
    return mask.hex() + _crossed(mask, token).hex()


def is_csrf_token(text: str, given: str) -> bool:
    """Whether somebody sends the token of a session, masked or as it is."""
    token = csrf_token(text)
    if len(given) == 2 * len(token):
        try:
            raw = bytes.fromhex(given)
        except ValueError:
            return False
        half = len(raw) // 2
        given = _crossed(raw[:half], raw[half:]).hex()
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def _crossed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _mac(text: str, email: str) -> str:
    message = b"sancho e-mail " + email.encode("utf-8", "surrogatepass")
    return hmac.new(text.encode("utf-8", "surrogatepass"), message, hashlib.sha256).hexdigest()


def _put(held: OrderedDict[str, T], name: str, value: T) -> None:
    held[name] = value
    held.move_to_end(name)
    while len(held) > _MOST:
        held.popitem(last=False)


def _now() -> int:
    return time.time_ns() // 1000
