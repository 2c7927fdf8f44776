"""Who looks at a page, and how wide, in which colours and language?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.browser.table import NOBODY, PEOPLE
from tests.browser.table import Page as Place
from tests.support.served import Served

_PATIENCE_MS = 10_000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Heard:
    """What a page said and asked for on the way."""

    messages: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    def clear(self) -> None:
        """Forgets it, before another page is opened."""
        self.messages.clear()
        self.requests.clear()
        self.responses.clear()

    def message(self, said: ConsoleMessage) -> None:
        """Keeps what the console shows."""
        self.messages.append(f"{said.type}: {said.text}")

    def request(self, asked: Request) -> None:
        """Keeps what is asked for."""
        self.requests.append(asked)

    def response(self, answered: Response) -> None:
        """Keeps what is answered."""
        self.responses.append(answered)

    def failure(self, fault: Any) -> None:
        """Keeps an error that no script caught."""
        self.messages.append(f"error: {fault}")


@dataclass
class Reader:
    """Somebody's window."""

    site: Site
    context: BrowserContext
    page: Page
    heard: Heard

    def open(
        self,
        place: Place | str,
        lang: str = "ja",
        size: dict[str, int] | None = None,
        theme: str = "light",
        *,
        unfolded: bool = False,
    ) -> Page:
        """A page, as it is shown to this reader; `unfolded`: with every detail open."""
        address = place if isinstance(place, str) else place.address
        self.heard.clear()
        self.page.set_viewport_size(size or WIDE)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        joint = "&" if "?" in address else "?"
        self.page.goto(f"{self.site.address}{address}{joint}lang={lang}")
        if unfolded:
            self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        return self.page


class Site:
    """The pages of a service, and their readers, each with one window that is kept."""

    def __init__(self, browser: Browser, served: Served, address: str) -> None:
        self.browser, self.served, self.address = browser, served, address
        self._readers: dict[tuple[str, bool], Reader] = {}

    def reader(self, who: str, *, scripts: bool = True) -> Reader:
        """The window of somebody who has signed in."""
        if (who, scripts) not in self._readers:
            self._readers[who, scripts] = self.new_reader(who, scripts=scripts)
        return self._readers[who, scripts]

    def new_reader(self, who: str, **options: Any) -> Reader:
        """A window of its own for somebody, who is signed in by a one-time link, or was in another."""
        known = None if options.pop("own_session", False) else self._readers.get((who, True))
        if known is not None:
            options["storage_state"] = known.context.storage_state()
        context = self.browser.new_context(java_script_enabled=options.pop("scripts", True), **options)
        context.set_default_timeout(_PATIENCE_MS)
        page, heard = context.new_page(), Heard()
        page.on("console", heard.message)
        page.on("pageerror", heard.failure)
        page.on("request", heard.request)
        page.on("response", heard.response)
        if who != NOBODY and known is None:
            page.goto(f"{self.address}{self.link(who)}")
            with page.expect_navigation():
                page.locator("main button").click()
            assert "/sign-in" not in page.url
        return Reader(self, context, page, heard)

    def link(self, who: str) -> str:
        """A one-time link for somebody."""
        link = self.served.app.state.sign_in.book.add_link(PEOPLE[who], 600)
        return f"/sign-in?link={link}"

    def close(self) -> None:
        """Ends every window."""
        for reader in self._readers.values():
            reader.context.close()
