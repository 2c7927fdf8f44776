"""How do tests look at pages in a browser? The system's Chromium, a small service, somebody signed in.

Everything is of one file of tests: Playwright leaves an event loop running, which others must not find.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.looking import Reader, Site
from tests.browser.table import ROWS
from tests.support.served import Served, over_http, small_service

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none")


def chromium_path() -> str | None:
    """Where the system's browser is."""
    given = os.environ.get("SANCHO_CHROMIUM")
    return given or next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, one for each file of tests; skipped where the machine has none."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium fonts-noto-cjk)")
    with sync_playwright() as playwright:
        browser = _launched(playwright, path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small organisation, with people who can sign in."""
    with small_service(tmp_path_factory.mktemp("browser"), warm=True, also=ROWS) as service:
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def site(chromium: Browser, served: Served) -> Iterator[Site]:
    """The organisation's pages over HTTP, and who reads them."""
    with ExitStack() as stack:
        address = stack.enter_context(over_http(served.app))
        site = Site(chromium, served, address)
        stack.callback(site.close)
        yield site


@pytest.fixture
def manager(site: Site) -> Reader:
    """The leader of the team, signed in."""
    return site.reader("manager")


def _launched(playwright: Playwright, path: str) -> Any:
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
