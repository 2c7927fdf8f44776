"""How does somebody sign in without a provider: by a password, or once by a link that an admin made?"""

from __future__ import annotations

from dataclasses import dataclass

from crm.errors import SanchoError
from crm.i18n import Text
from service.logs import log_event
from service.sign_in.book import Session, SignInBook
from service.sign_in.passwords import Passwords, check_strength
from service.sign_in.people import PeopleNow, Person
from service.sign_in.sessions import Sessions

PASSWORD, LINK, OIDC = "password", "link", "oidc"  # ways of signing in
_LOG = "sancho.sign_in"
_WRONG = Text(
    "メールアドレスまたはパスワードが違います。分からないときは、管理者に"
    "`sancho user link メールアドレス` でリンクを作ってもらってください。",
    "the e-mail address or the password is wrong; where you do not know it, ask an admin for a link "
    "(`sancho user link E-MAIL`).",
)
_BAD_LINK = Text(
    "このリンクは使えません（使用済み、期限切れ、または誤り）。"
    "管理者に `sancho user link メールアドレス` で新しいリンクを作ってもらってください。",
    "this link does not work: it was used, its time is over, or it is not whole; ask an admin for a new one "
    "(`sancho user link E-MAIL`).",
)


@dataclass(frozen=True)
class SignedIn:
    """Somebody who has just signed in: the text that his browser keeps, and what is known of both."""

    text: str
    session: Session
    person: Person


class LocalSignIn:
    """Signs people in by what this installation keeps of them."""

    def __init__(self, people: PeopleNow, book: SignInBook, sessions: Sessions) -> None:
        self._people, self._book, self._sessions = people, book, sessions
        self._passwords = Passwords()

    def by_password(self, email: str, password: str) -> SignedIn:
        """Somebody signed in; the error, and the time it takes, do not tell who exists."""
        person = self._people.read().person_of(email)
        hashed = self._book.password("" if person is None else person.person_id)
        is_right = self._passwords.is_right(hashed, password)
        if person is None or hashed is None or not is_right:
            log_event(_LOG, "warning", "sign_in_refused", way=PASSWORD)
            raise SanchoError(_WRONG, "wrong_password")
        if self._passwords.is_outdated(hashed):
            self._book.rehash(person.person_id, hashed, self._passwords.hashed(password))
        return self._signed_in(person, PASSWORD)

    def by_link(self, link: str, new_password: str | None = None) -> SignedIn:
        """Whom a link is for signed in, with a password from now on where one is given."""
        wanted = self._book.link(link)
        person = None if wanted is None else self._people.read().person(wanted)
        if person is None:
            log_event(_LOG, "warning", "sign_in_refused", way=LINK)
            raise SanchoError(_BAD_LINK, "bad_link")
        if new_password is not None:
            check_strength(new_password, person.email)  # the link is still good after this error
        if self._book.use_link(link) is None:
            raise SanchoError(_BAD_LINK, "bad_link")
        if new_password is not None:
            self.set_password(person, new_password)
        return self._signed_in(person, LINK)

    def by_provider(self, person: Person) -> SignedIn:
        """Somebody signed in for whom the provider has spoken."""
        return self._signed_in(person, OIDC)

    def change_password(self, person: Person, current: str, new: str, text: str | None) -> None:
        """Another password, which ends all sessions of a person but the one with a text."""
        hashed = self._book.password(person.person_id)
        if not self._passwords.is_right(hashed, current):
            raise SanchoError(_WRONG, "wrong_password")
        self.set_password(person, new, text)

    def set_password(self, person: Person, new: str, but: str | None = None) -> None:
        """A password for somebody; ends all sessions of his but the one with a text."""
        check_strength(new, person.email)
        self._book.set_password(person.person_id, self._passwords.hashed(new))
        self._sessions.end_all(person.person_id, but)
        log_event(_LOG, "info", "credential_changed", person=person.person_id)

    def _signed_in(self, person: Person, way: str) -> SignedIn:
        text, session = self._sessions.begin(person, way)
        log_event(_LOG, "info", "signed_in", person=person.person_id, way=way)
        return SignedIn(text, session, person)
