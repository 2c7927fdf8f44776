"""What does a page do when the server is away, a form is sent twice, somebody has no mouse or no session?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.looking import PHONE, Reader, Site
from tests.browser.table import ABOUT, MANAGER, NOBODY, SELLER, TEAM

OUTLOOK = f"/?{TEAM}"
# Twice at once, and again when it is on its way.
_CLICK_THRICE = """async () => {
  const form = document.querySelector('form[action="/sign-out"]'), button = form.querySelector('button');
  button.click();
  button.click();
  while (!form.dataset.sent) await new Promise(requestAnimationFrame);
  button.click();
}"""
_CLICK_AND_HEAR = """async () => {
  document.querySelector('form.asked button').click();
  const done = document.getElementById('done');
  while (!done.textContent) await new Promise(requestAnimationFrame);
  return done.textContent;
}"""


@pytest.fixture
def own(site: Site) -> Iterator[Reader]:
    """A window of its own of the team's leader, whose state is nobody else's."""
    reader = site.new_reader(MANAGER, own_session=True)
    yield reader
    reader.context.close()


def test_a_story_by_keys_alone_leads_from_the_sign_in_to_a_table_and_a_form(site: Site) -> None:
    reader = site.new_reader(NOBODY)
    page = reader.page
    page.goto(f"{site.address}{site.link(MANAGER)}")
    page.locator("main button").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert urlsplit(page.url).path == "/"
    reader.open(OUTLOOK, "en")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the menu
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("figure#dots")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("figure#dots table")).to_be_visible()
    page.locator("#scope").focus()
    page.keyboard.press("ArrowDown")
    page.locator("form.asked button").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert parse_qs(urlsplit(page.url).query)["scope"] == ["person:P0"]
    assert page.locator("h1").inner_text().endswith("(佐藤 美咲)")
    reader.context.close()


def test_the_arrow_keys_walk_the_rows_of_a_figure(manager: Reader) -> None:
    page = manager.open(OUTLOOK, "en")
    figure = page.locator("figure#dots")
    figure.focus()
    rows = [row.inner_text() for row in figure.locator("tbody tr th").all()] or figure.locator(
        "tbody tr th"
    ).all_text_contents()
    said = figure.locator("output")
    page.keyboard.press("ArrowRight")
    first = said.inner_text()
    page.keyboard.press("ArrowRight")
    assert said.inner_text() != first
    page.keyboard.press("End")
    last = figure.locator("tbody tr").last.locator("th, td").all_text_contents()
    assert all(cell in said.inner_text() for cell in last)
    page.keyboard.press("Home")
    assert said.inner_text() == first
    assert len(rows) > 1
    page.keyboard.press("Tab")
    assert said.inner_text() == ""


def test_a_form_is_kept_while_the_server_is_away_and_its_buttons_say_why(own: Reader) -> None:
    page = own.open(OUTLOOK, "en")
    page.evaluate(
        "document.querySelector('main').append(document.querySelector('form[action=\"/sign-out\"]'))"
    )
    page.route("**/*", lambda route: route.abort())
    page.locator("main form button").click()
    bar = page.locator("#done .lost")
    expect(bar).to_contain_text("The server cannot be reached.")
    assert page.locator("main form button").get_attribute("aria-disabled") is not None
    assert "until the server is back" in (page.locator("main form button").get_attribute("title") or "")
    assert urlsplit(page.url).path == "/"
    page.unroute("**/*")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(bar).to_have_count(0)
    with page.expect_navigation():
        page.locator("main form button").click()
    assert urlsplit(page.url).path == "/sign-in"


def test_a_form_that_is_sent_twice_arrives_once(own: Reader) -> None:
    page = own.open(OUTLOOK, "en")
    page.route("**/sign-out", lambda route: None)  # an answer that takes its time
    own.heard.clear()
    with page.expect_request("**/sign-out"):
        page.evaluate(_CLICK_THRICE)
    assert [one.method for one in own.heard.requests if one.url.endswith("/sign-out")] == ["POST"]


def test_going_back_after_signing_out_does_not_sign_in_again(own: Reader) -> None:
    page = own.open(OUTLOOK, "en")
    with page.expect_navigation():
        page.locator("form[action='/sign-out'] button").click()
    assert urlsplit(page.url).path == "/sign-in"
    page.go_back()
    page.reload()
    assert urlsplit(page.url).path == "/sign-in"


def test_an_address_is_kept_over_the_sign_in_in_its_language(site: Site) -> None:
    reader = site.new_reader(NOBODY)
    page = reader.open(OUTLOOK, "en")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("input[name=next]").input_value().startswith(OUTLOOK)
    assert page.locator("#password").get_attribute("autocomplete") == "current-password"
    reader.context.close()


def test_a_scope_that_is_not_seen_is_forbidden_and_leads_to_the_one_that_is(site: Site) -> None:
    page = site.reader(SELLER).open(f"/?{ABOUT}&scope=person%3AP1", "en")
    expect(page.locator("h1")).to_have_text("You cannot see this")
    link = page.locator("main a.button").first
    expect(link).to_have_text("What you can see: 佐藤 美咲")
    link.click()
    expect(page.locator("h1")).to_contain_text("佐藤 美咲")


def test_old_data_are_said_to_be_old(manager: Reader) -> None:
    page = manager.open("/?period=2026-Q4&scope=team%3AT1", "en")
    expect(page.locator(".bar.stale")).to_contain_text("The data end")


def test_a_past_moment_is_said_to_be_past_and_leads_back(manager: Reader) -> None:
    page = manager.open(OUTLOOK, "en")
    page.locator(".bar.past a").click()
    assert "as_of" not in parse_qs(urlsplit(page.url).query)


def test_a_theme_that_is_chosen_is_kept_without_scripts(site: Site) -> None:
    reader = site.new_reader(MANAGER, scripts=False)
    page = reader.open(OUTLOOK, "en", theme="light")
    light = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
    page.locator(".themes a", has_text="Dark").click()
    dark = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(18, 22, 27)")
    assert "period=2026-Q4" in page.url
    page = reader.open(OUTLOOK, "en", theme="light")
    assert page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == dark
    reader.context.close()


def test_a_phone_shows_the_choice_in_one_line_which_unfolds(site: Site) -> None:
    reader = site.reader(MANAGER, scripts=False)
    page = reader.open(OUTLOOK, "ja", PHONE)
    expect(page.locator("#period")).to_be_hidden()
    expect(page.locator(".choice summary")).to_contain_text("2026-Q4・営業・2026-11-20")
    page.locator(".choice summary").click()
    expect(page.locator("#period")).to_be_visible()
    page = reader.open(OUTLOOK, "ja")
    expect(page.locator("#period")).to_be_visible()


def test_a_slow_answer_is_said_to_be_computed(own: Reader) -> None:
    page = own.open(OUTLOOK, "en")
    page.route("**/?*", lambda route: None)
    assert page.evaluate(_CLICK_AND_HEAR) == "Being computed (it takes some seconds)"
