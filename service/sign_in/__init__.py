"""Who is it that signs in: who may, how, and for how long? One object for an installation."""

from __future__ import annotations

from service.settings import Settings
from service.sign_in.book import SignInBook
from service.sign_in.browser_flow import BrowserFlow
from service.sign_in.local import LocalSignIn
from service.sign_in.people import PeopleNow
from service.sign_in.provider import Provider
from service.sign_in.sessions import Sessions

__all__ = ["SignIn"]


class SignIn:
    """Sign-in of people: nothing is opened before it is asked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.people = PeopleNow(settings)
        self.book = SignInBook(settings.store_url)
        self.sessions = Sessions(self.book, settings)
        self.local = LocalSignIn(self.people, self.book, self.sessions)
        self.provider = Provider(settings)
        self.browser = BrowserFlow(settings, self.provider)

    def close(self) -> None:
        """Closes its connections."""
        self.people.close()
        self.book.close()
