"""Does every page of the table hold what a browser can see: for readers, for fingers, for keys, on paper?"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import checks
from tests.browser.looking import PHONE, WIDE, Site
from tests.browser.table import NOBODY, PAGES, Page
from tests.support.fakes import TOKYO

EVERY_PAGE = pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ALL = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": _RULES}}
# What of it a theme can change.
_COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
_HTML, _CSS, _JS, _REQUESTS = 60_000, 25_000, 15_000, 6


@pytest.fixture(scope="module")
def names(site: Site) -> list[str]:
    """What the data call things, the longest first."""
    log = site.served.cases.serving.store.read(TOKYO)
    texts = {
        value
        for table in log.tables.values()
        for column in table.select_dtypes(include=["object", "string", "category"])
        for value in table[column].dropna().astype(str)
    }
    return sorted(texts, key=len, reverse=True)


@EVERY_PAGE
def test_axe_finds_nothing_on_a_page_in_both_themes_and_widths(site: Site, place: Page) -> None:
    reader = site.reader(place.who)
    for size, theme, lang in ((WIDE, "light", "ja"), (PHONE, "dark", "en")):
        page = reader.open(place, lang, size, theme, unfolded=True)
        _refute(page, _ALL, f"{size['width']} {theme}")
        other = "dark" if theme == "light" else "light"
        page.emulate_media(color_scheme=other)
        _refute(page, _COLOURS, f"{size['width']} {other}")


@EVERY_PAGE
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_page_is_in_one_language_and_its_parts_have_names(
    site: Site, place: Page, lang: str, names: list[str]
) -> None:
    page = site.reader(place.who).open(place, lang)
    assert page.locator("html").get_attribute("lang") == lang
    assert checks.other_script(page, lang, names) == []
    assert checks.bad_structure(page) == []
    assert checks.bad_figures(page) == []
    assert checks.bad_numbers(page) == []
    assert set(place.pictures) <= checks.figures(page)


@EVERY_PAGE
def test_a_page_fits_a_narrow_window_and_spaced_text(site: Site, place: Page) -> None:
    page = site.reader(place.who).open(place, "ja", PHONE, unfolded=True)
    assert checks.small_targets(page) == []
    assert checks.too_wide(page, 320) == []
    assert checks.too_wide(page, 640) == []  # 1,280 pixels enlarged to 200 %
    checks.space_text(page)
    assert checks.too_wide(page, 390) == []
    assert checks.too_wide(page, 1280) == []
    assert checks.small_targets(page) == []


@EVERY_PAGE
def test_the_tab_key_reaches_everything_on_a_page_and_shows_where_it_is(site: Site, place: Page) -> None:
    page = site.reader(place.who).open(place, "en")
    page.emulate_media(reduced_motion="reduce")  # else it is still scrolling when it is looked at
    reached, faults = checks.walk_by_tab(page)
    page.emulate_media(reduced_motion="no-preference")
    assert faults == []
    assert reached[0].startswith('A "Skip')
    shown = page.locator("main :is(a[href], button, select, summary, input:not([type=hidden]))")
    places = [one for one in reached if not one.startswith(('A "Skip', "HTML"))]
    assert len(places) >= sum(one.is_visible() for one in shown.all())


@EVERY_PAGE
def test_a_page_comes_from_one_place_within_its_budget_and_says_nothing_on_the_console(
    site: Site, place: Page
) -> None:
    site.reader(place.who)
    reader = site.new_reader(place.who)
    page = reader.open(place)
    assert checks.layout_shift(page) <= 0.02
    said = [
        one
        for one in reader.heard.messages
        if f"the server responded with a status of {place.status}" not in one
    ]
    assert said == []
    asked = [urlsplit(one.url) for one in reader.heard.requests]
    assert {f"{one.scheme}://{one.netloc}" for one in asked} == {site.address}
    assert len(asked) <= _REQUESTS
    first, *others = reader.heard.responses
    assert first.status == place.status
    assert [one.url for one in others if one.status >= 400] == []
    assert len(first.body()) <= _HTML
    kinds = {"stylesheet": 0, "script": 0}
    for one in others:
        if one.request.resource_type in kinds and "/vendor/" not in one.url:
            kinds[one.request.resource_type] += len(one.body())
    assert 0 < kinds["stylesheet"] <= _CSS
    assert kinds["script"] <= _JS
    policy = first.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert checks.inline_code(page) == []
    reader.context.close()


@EVERY_PAGE
def test_a_page_is_the_same_again_in_another_session_and_without_scripts(site: Site, place: Page) -> None:
    page = site.reader(place.who).open(place)
    before = checks.content(page)
    page.reload()
    assert checks.content(page) == before
    page.goto(f"{site.address}/sign-in?lang=ja")
    page.go_back()
    assert checks.content(page) == before
    assert checks.content(site.reader(place.who, scripts=False).open(place)) == before


@EVERY_PAGE
def test_a_page_keeps_still_and_keeps_its_marks_where_a_reader_asks_for_that(site: Site, place: Page) -> None:
    reader = site.reader(place.who)
    page = reader.open(place)
    page.emulate_media(reduced_motion="reduce", forced_colors="active")
    assert checks.moving(page) == []
    marks = page.locator("svg.picture.wide .up-mark, svg.picture.wide .down-mark")
    inks = {
        one.evaluate("one => getComputedStyle(one).fill + getComputedStyle(one).stroke")
        for one in marks.all()[:60]
    }
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert f"{ground}{ground}" not in inks
    page.emulate_media(reduced_motion="no-preference", forced_colors="none")


@pytest.mark.parametrize("place", [one for one in PAGES if one.a4], ids=lambda place: place.name)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_page_prints_on_as_many_sheets_as_the_design_says(site: Site, place: Page, lang: str) -> None:
    page = site.reader(place.who).open(place, lang)
    assert checks.sheets(page.pdf(prefer_css_page_size=True)) == place.a4


def test_who_is_not_signed_in_comes_back_to_the_address_after_signing_in(site: Site) -> None:
    place = next(one for one in PAGES if one.who != NOBODY)
    reader = site.new_reader(NOBODY)
    page = reader.open(place)
    assert urlsplit(page.url).path == "/sign-in"
    assert page.locator("input[name=next]").input_value().startswith(place.address)
    reader.context.close()


def _refute(page: Any, options: dict[str, Any], seen: str) -> None:
    """Lets axe look for what it can find."""
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{seen}\n{found.generate_report()}"
