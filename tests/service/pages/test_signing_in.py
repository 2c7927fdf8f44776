"""Can somebody sign in and out with forms alone, and only from pages of this service?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.store import Store
from service.settings import Settings
from tests.support.fakes import TOKYO
from tests.support.sign_in import ANNA, PASSWORD, PEOPLE, an_app, set_password


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    home = tmp_path_factory.mktemp("signing-in")
    settings = Settings(home=home)
    with Store.open(settings.store_url) as store:
        push_rows(store, "people", PEOPLE, TOKYO)
    made = an_app(settings)
    set_password(made, "P1")
    return made


@pytest.fixture
def browser(app) -> TestClient:
    return TestClient(app, follow_redirects=False, headers={"Accept-Language": "en"})


def me(browser) -> int:
    return browser.get("/auth/me").status_code


def test_who_is_not_signed_in_is_led_to_the_form_and_back(browser) -> None:
    led = browser.get("/?period=2026-Q4&scope=team%3AT1")
    assert led.status_code == 303
    form = browser.get(led.headers["location"])
    assert form.status_code == 200
    assert 'name="next" value="/?period=2026-Q4&amp;scope=team%3AT1"' in form.text
    asked = {"email": ANNA, "password": PASSWORD, "next": "/?period=2026-Q4&scope=team%3AT1"}
    begun = browser.post("/sign-in", data=asked)
    assert (begun.status_code, begun.headers["location"]) == (303, "/?period=2026-Q4&scope=team%3AT1")
    assert me(browser) == 200


def test_a_wrong_password_is_said_on_the_form_that_keeps_the_address(browser) -> None:
    page = browser.post("/sign-in", data={"email": ANNA, "password": "wrong", "next": "/?period=2026-Q4"})
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert f'value="{ANNA}"' in page.text
    assert 'value="/?period=2026-Q4"' in page.text
    assert "wrong" not in re.findall(r'value="([^"]*)"', page.text)
    assert me(browser) == 401


def test_looking_at_a_one_time_link_does_not_use_it_up(app, browser) -> None:
    link = app.state.sign_in.book.add_link("P1", 600)
    for _ in range(2):
        shown = browser.get("/sign-in", params={"link": link})
        assert f'name="link" value="{link}"' in shown.text
    assert link not in re.search(r'<a href="([^"]+)" lang="ja"', shown.text).group(1)
    assert browser.post("/sign-in", data={"link": link}).status_code == 303
    assert me(browser) == 200
    again = TestClient(app).post("/sign-in", data={"link": link})
    assert again.status_code == 401


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"]
)
def test_nobody_is_led_elsewhere(browser, elsewhere) -> None:
    begun = browser.post("/sign-in", data={"email": ANNA, "password": PASSWORD, "next": elsewhere})
    assert begun.headers["location"] == "/"


def test_signing_out_needs_the_page_s_own_token(browser) -> None:
    browser.post("/sign-in", data={"email": ANNA, "password": PASSWORD})
    token = browser.get("/auth/me").json()["csrf_token"]
    assert browser.post("/sign-out", data={"csrf": "forged"}).status_code == 303
    assert me(browser) == 200
    ended = browser.post("/sign-out", data={"csrf": token})
    assert ended.headers["location"] == "/sign-in"
    assert me(browser) == 401


def test_a_form_of_another_site_is_refused(browser) -> None:
    page = browser.post(
        "/sign-in", data={"email": ANNA, "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert page.status_code == 403
    assert me(browser) == 401


def test_a_browser_is_let_say_that_a_form_is_from_here(browser) -> None:
    """With `no-referrer` it sends the forms of a page from `Origin: null`, which is no page of ours."""
    assert browser.get("/sign-in").headers["referrer-policy"] == "same-origin"


def test_pages_are_compressed_and_the_token_of_their_forms_is_another_one_each_time(browser) -> None:
    browser.post("/sign-in", data={"email": ANNA, "password": PASSWORD, "next": "/"})
    tokens = [re.findall(r'name="csrf" value="(\w+)"', browser.get("/").text) for _ in range(2)]
    assert tokens[0] != tokens[1]
    page = browser.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["vary"]
    assert "content-encoding" not in browser.get("/", headers={"Accept-Encoding": "identity"}).headers
    assert browser.post("/sign-out", data={"csrf": tokens[0][0][:-1] + "x"}).status_code == 303
    assert me(browser) == 200
    browser.post("/sign-out", data={"csrf": tokens[0][0]})
    assert me(browser) == 401


def test_a_page_that_holds_a_link_is_not_compressed(app, browser) -> None:
    link = app.state.sign_in.book.add_link("P1", 600)
    page = browser.get("/sign-in", params={"link": link}, headers={"Accept-Encoding": "gzip"})
    assert link in page.text
    assert "content-encoding" not in page.headers
