"""Does no other site act through a browser, and nobody guess his way in?"""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows
from crm.store import Store
from service.api.attempts import MOST
from service.api.counts import Counts
from service.api.sign_in_attempts import ACCOUNT_SECONDS, MOST_OF_ACCOUNT, MOST_OF_ADDRESS, SignInAttempts
from service.settings import Settings
from tests.support.fakes import TOKYO
from tests.support.sign_in import (
    ANNA,
    EVA,
    PASSWORD,
    an_app,
    check,
    in_a_second,
    set_password,
    sign_in,
)


def test_a_call_that_changes_something_needs_the_token_of_its_session(browser: TestClient, app: FastAPI):
    me = sign_in(browser, app, "P1", ANNA)
    elsewhere = TestClient(app)
    other = elsewhere.post("/auth/sign-in", json={"email": ANNA, "password": PASSWORD}).json()
    assert me["csrf_token"] != other["csrf_token"]
    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": other["csrf_token"]}):
        assert check(browser, **wrong) == (403, "csrf")
    good = {"X-CSRF-Token": me["csrf_token"]}
    assert check(browser, **good) == (200, "")
    assert check(browser, **good, Origin="http://testserver") == (200, "")
    assert check(browser, **good, **{"Sec-Fetch-Site": "same-origin"}) == (200, "")
    for foreign in (
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert check(browser, **good, **foreign) == (403, "csrf")
    assert browser.get("/v1/webhooks").status_code != 403, "reading needs none"


def test_no_other_site_signs_a_browser_in(browser: TestClient, app: FastAPI):
    set_password(app, "P1")
    link = app.state.sign_in.book.add_link("P1", 60)
    headers = {"Origin": "https://evil.example.com"}
    for path, sent in (
        ("/auth/sign-in", {"email": ANNA, "password": PASSWORD}),
        ("/auth/link", {"link": link}),
    ):
        answer = browser.post(path, json=sent, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_the_origin_is_that_of_the_public_address_whatever_the_host_says(store: Store, tmp_path: Path):
    app = an_app(Settings(home=tmp_path, public_url="https://sancho.example.com"))
    set_password(app, "P1")
    client = TestClient(app, base_url="http://localhost")  # as a proxy reaches it
    asked = {"email": ANNA, "password": PASSWORD}
    for origin, status in (("https://sancho.example.com", 200), ("http://localhost", 403)):
        assert client.post("/auth/sign-in", json=asked, headers={"Origin": origin}).status_code == status
    headers = {"Origin": "https://evil.example.com", "Host": "evil.example.com"}
    refused = client.post("/auth/sign-in", json=asked, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_host")
    app.state.sign_in.close()
    app.state.keys.close()


def test_a_key_needs_no_token_and_goes_before_a_cookie(browser: TestClient, app: FastAPI):
    sign_in(browser, app, "P1", ANNA)
    key = app.state.keys.create("crm", ["read"])
    headers = {"Authorization": f"Bearer {key}"}
    assert check(browser, **headers) == (200, "")
    me = browser.get("/auth/me", headers=headers).json()
    assert (me["kind"], me["name"], me["csrf_token"]) == ("key", "crm", None)
    words = {"current_password": "x", "new_password": "y"}
    for path, sent in (("/auth/sign-out", None), ("/auth/password", words)):
        answer = browser.post(path, json=sent, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")
    assert browser.get("/auth/me", headers={"Authorization": "Bearer sancho_1_2"}).status_code == 401


def test_a_persons_key_may_what_his_role_may_and_ends_with_him(
    browser: TestClient, app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    text = app.state.keys.create("card", ["read", "write"], person_id="P2")
    headers = {"Authorization": f"Bearer {text}"}
    me = browser.get("/auth/me", headers=headers).json()
    assert (me["person_id"], me["role"], me["rights"]) == ("P2", "seller", ["read"])
    assert check(browser, **headers) == (200, "")
    assert browser.put("/v1/tables/deals", headers=headers, json=[]).status_code == 403
    chief = app.state.keys.create("chief", ["admin"], person_id="P4")
    own = browser.get("/auth/me", headers={"Authorization": f"Bearer {chief}"}).json()
    assert own["rights"] == ["admin"], "who has no e-mail address has keys all the same"
    push_rows(store, "people", [{"person_id": "P4", "role": "seller"}], TOKYO)
    push_rows(store, "people", [{"person_id": "P2", "active_to": "2026-01-31"}], TOKYO)
    rotated = app.state.keys.rotate(text.split("_")[1], 60)
    in_a_second(monkeypatch)
    for key in (text, rotated):
        refused = browser.get("/auth/me", headers={"Authorization": f"Bearer {key}"})
        assert (refused.status_code, refused.json()["code"]) == (401, "no_credential")
    assert "has left" in refused.json()["detail"]
    own = browser.get("/auth/me", headers={"Authorization": f"Bearer {chief}"}).json()
    assert set(own["rights"]) == {"score", "read", "recommend"}


def test_nobody_is_signed_in_without_a_credential(browser: TestClient):
    for path in ("/auth/me", "/v1/webhooks"):
        answer = browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")


def test_wrong_passwords_are_few_for_an_account_from_wherever_and_for_an_address(
    browser: TestClient, app: FastAPI
):
    set_password(app, "P1")

    def attempt(email: str, password: str = "wrong wrong wrong") -> int:
        return browser.post("/auth/sign-in", json={"email": email, "password": password}).status_code

    assert attempt(ANNA, PASSWORD) == 200
    statuses = [attempt(ANNA.upper()) for _ in range(MOST_OF_ACCOUNT + 1)]
    assert statuses == [401] * MOST_OF_ACCOUNT + [429]
    assert attempt(ANNA, PASSWORD) == 429, "a right one does not tell itself apart either"
    unknown = [attempt("nobody@example.com") for _ in range(MOST_OF_ACCOUNT + 1)]
    assert unknown == [401] * MOST_OF_ACCOUNT + [429], "nor who exists"
    set_password(app, "P3")
    assert attempt(EVA, PASSWORD) == 429, f"{MOST_OF_ADDRESS} from this address"
    key = app.state.keys.create("crm", ["read"])
    assert browser.get("/v1/kpis/2026-Q4", headers={"Authorization": f"Bearer {key}"}).status_code != 429


def test_right_passwords_are_no_attempts(browser: TestClient, app: FastAPI):
    set_password(app, "P1")
    asked = {"email": ANNA, "password": PASSWORD}
    for _ in range(MOST_OF_ADDRESS + 2):
        assert browser.post("/auth/sign-in", json=asked).status_code == 200


def test_what_was_not_looked_at_is_no_attempt_and_all_is_forgotten_after_a_while():
    now = [0.0]
    attempts = SignInAttempts(Counts(lambda: now[0]))

    def attempt(code: str, address: str = "2001:db8::1", account: str | None = ANNA) -> str:
        try:
            with attempts.attempt(address, account):
                if code:
                    raise SanchoError(Text("x", "x"), code)
        except SanchoError as fault:
            return fault.code
        return "in"

    assert {attempt("busy") for _ in range(50)} == {"busy"}
    for _ in range(MOST_OF_ACCOUNT):
        assert attempt("wrong_password") == "wrong_password"
    assert attempt("", "10.0.0.1") == "too_many_attempts", "from wherever"
    assert attempt("", account=EVA) == "in"
    for _ in range(MOST_OF_ADDRESS - MOST_OF_ACCOUNT):
        assert attempt("bad_link", "2001:db8::2", None) == "bad_link", "the same network"
    assert attempt("", "2001:db8::3", None) == "too_many_attempts"
    assert attempt("", "10.0.0.1", EVA) == "in"
    now[0] = ACCOUNT_SECONDS
    assert attempt("") == "in"


def test_who_tries_out_sessions_waits_and_an_old_tab_does_not_count_again(app: FastAPI):
    tab = TestClient(app, cookies={"sancho_session": "ended long ago"})
    for _ in range(MOST + 5):
        assert tab.get("/auth/me").status_code == 401
    statuses = [
        TestClient(app, cookies={"sancho_session": f"guess-{n}"}).get("/auth/me").status_code
        for n in range(MOST + 5)
    ]
    assert statuses == [401] * (MOST - 1) + [429] * 6
