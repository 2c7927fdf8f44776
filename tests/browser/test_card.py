"""Does a deal's card work in a page of another origin, as an element and in an iframe?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Page, expect

from service.card.tokens import CardOf, CardTokens
from tests.browser import checks
from tests.browser.looking import Site

DEAL, PERSON = "D5", "P1"
_ELEMENT = """<!doctype html><html lang="en"><title>CRM</title><main><h1>CRM</h1>
<script src="{sancho}/static/card.js"></script>
<sancho-deal src="{sancho}" deal="D5" lang="en" token="{token}"></sancho-deal></main>
<script>addEventListener('sancho:outcome', event => document.title = event.detail.outcome);
addEventListener('sancho:expired', () => document.title = 'expired');</script>"""
_FRAME = """<!doctype html><html lang="en"><title>CRM</title>
<iframe title="Sancho" width="480" height="600" src="{sancho}/embed/deals/D5/frame?lang=en#{token}"></iframe>
<script>addEventListener('message', ({{ data }}) => document.title = data.outcome || data.type);</script>"""


class Crm:
    """A page of another system, on a port of its own."""

    def __init__(self) -> None:
        self.html = ""
        crm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(crm.html.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def crm(site: Site) -> Iterator[Crm]:
    made = Crm()
    cases = site.served.cases
    settings = cases.settings.model_copy(update={"card_origins": (made.address,)})
    site.served.app.state.use_cases = replace(cases, settings=settings)
    yield made
    made.close()


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    context = site.browser.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def opened(page: Page, crm: Crm, site: Site, html: str, seconds: int = 600) -> Page:
    token, _ = CardTokens(site.served.cases.settings.home).issue(CardOf(DEAL, PERSON), seconds)
    crm.html = html.format(sancho=site.address, token=token)
    page.goto(crm.address)
    return page


def test_an_element_in_a_page_of_another_origin_is_used_by_keys(page: Page, crm: Crm, site: Site) -> None:
    opened(page, crm, site, _ELEMENT)
    said = page.evaluate_handle("document.querySelector('sancho-deal')")
    expect(page.locator("sancho-deal")).to_be_visible()
    page.wait_for_function("document.querySelector('sancho-deal').offsetHeight > 100")
    assert said.evaluate("one => one.shadowRoot") is None  # closed
    assert said.evaluate("one => one.getAttribute('token')") is None
    page.keyboard.press("Tab")
    assert checks.focused_tag(page) == "SANCHO-DEAL"
    page.keyboard.press("Enter")
    page.wait_for_function("document.title === 'accepted'")
    assert checks.focused_tag(page) == "SANCHO-DEAL"  # the same button, in the new content


def test_an_iframe_shows_the_same_and_tells_its_page(page: Page, crm: Crm, site: Site) -> None:
    opened(page, crm, site, _FRAME)
    frame = page.frame_locator("iframe")
    expect(frame.locator("sancho-deal")).to_be_visible()
    inside = next(one for one in page.frames if "/embed/" in one.url)
    inside.wait_for_function("document.querySelector('sancho-deal').offsetHeight > 100")
    frame.locator("sancho-deal").focus()
    page.locator("iframe").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.title === 'accepted'")


def test_a_token_that_is_over_is_said_and_told_to_the_page(page: Page, crm: Crm, site: Site) -> None:
    opened(page, crm, site, _ELEMENT, seconds=-1)
    page.wait_for_function("document.title === 'expired'")
    token, _ = CardTokens(site.served.cases.settings.home).issue(CardOf(DEAL, PERSON))
    page.evaluate("token => { document.querySelector('sancho-deal').token = token; }", token)
    page.wait_for_function("document.querySelector('sancho-deal').offsetHeight > 100")


def test_a_site_that_is_not_listed_can_frame_nothing(page: Page, crm: Crm, site: Site) -> None:
    other = Crm()
    crm.html, other.html = "", _FRAME.format(sancho=site.address, token="x")
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    page.goto(other.address)
    page.wait_for_load_state("networkidle")
    assert any("frame-ancestors" in one for one in refused)
    other.close()
