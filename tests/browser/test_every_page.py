"""Does every page of the table hold the ticks that a browser can see?"""

from __future__ import annotations

import pytest

from tests.browser.looking import Site
from tests.browser.table import PAGES, Page


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
def test_a_page_is_served(site: Site, place: Page) -> None:
    page = site.reader(place.who).open(place)
    assert page.locator("h1").count() == 1
