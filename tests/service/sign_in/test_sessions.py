"""Does a session last until its person, his row in people, his password or its time ends it?"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows, remove_rows
from crm.instants import instant
from crm.store import Store
from service.settings import Settings, read_settings
from tests.support.fakes import TOKYO
from tests.support.sign_in import (
    ANNA,
    EVA,
    PASSWORD,
    an_app,
    in_a_second,
    set_password,
    sign_in,
)


def test_signing_out_ends_the_session_even_of_who_has_stolen_its_cookie(browser: TestClient, app: FastAPI):
    me = sign_in(browser, app, "P1", ANNA)
    stolen = browser.cookies["sancho_session"]
    assert browser.post("/auth/sign-out", headers={"X-CSRF-Token": "x"}).status_code == 403
    answer = browser.post("/auth/sign-out", headers={"X-CSRF-Token": me["csrf_token"]})
    assert answer.json() == {"signed_out": True}
    assert "sancho_session" not in browser.cookies
    thief = TestClient(app, cookies={"sancho_session": stolen})
    refused = thief.get("/auth/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "session_ended")
    assert 'sancho_session=""' in refused.headers["set-cookie"], "the browser forgets it"


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "P1", "active_to": "2026-01-31"},
        {"person_id": "P1", "email": "other@example.com"},
        {"person_id": "P1", "email": None},
        {"person_id": "P2", "email": ANNA},  # now of two
        None,  # removed
    ],
)
def test_what_people_says_ends_sessions_within_a_second_on_every_replica(
    change: dict[str, Any] | None,
    browser: TestClient,
    app: FastAPI,
    settings: Settings,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
):
    sign_in(browser, app, "P1", ANNA)
    other = an_app(settings)
    elsewhere = TestClient(other, cookies=dict(browser.cookies))
    for replica in (browser, elsewhere):
        assert replica.get("/auth/me").status_code == 200
    if change is None:
        remove_rows(store, "people", ["P1"], TOKYO)
    else:
        push_rows(store, "people", [change, {"person_id": "P3", "email": EVA}], TOKYO)
    in_a_second(monkeypatch)
    for replica in (browser, elsewhere):
        assert replica.get("/auth/me").status_code == 401
    other.state.sign_in.close()
    other.state.keys.close()


def test_another_role_holds_within_a_second(
    browser: TestClient, app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    sign_in(browser, app, "P1", ANNA)
    assert browser.get("/auth/me").json()["rights"] == ["admin"]
    push_rows(store, "people", [{"person_id": "P1", "role": "seller"}], TOKYO)
    in_a_second(monkeypatch)
    me = browser.get("/auth/me").json()
    assert (me["role"], "admin" in me["rights"]) == ("seller", False)
    assert browser.get("/v1/webhooks").status_code == 403


def test_people_are_read_anew_when_something_of_theirs_was_written_and_not_otherwise(
    app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    people = app.state.sign_in.people
    before = people.read()
    account = {"account_id": "A1", "name": "あおぞら商事"}
    push_rows(store, "accounts", [account], TOKYO)
    assert people.read() is before
    push_rows(store, "accounts", [{"account_id": f"A{n}"} for n in range(600)], TOKYO)
    many = people.read()
    assert many is not before, "so many rows are not named"
    for table, row in (
        ("people", {"person_id": "P2", "name": "Benjamin"}),
        ("organisation", {"organisation_id": "company", "time_zone": "Europe/Berlin"}),
        ("teams", {"team_id": "T1", "name": "One"}),
    ):
        push_rows(store, table, [row], TOKYO)
        push_rows(store, "accounts", [{**account, "name": table}], TOKYO)
        assert people.read() is not many
        many = people.read()
    with store.transaction() as writer:  # an import that is taken back, say by a restored backup
        writer.connection.execute(sa.text("DELETE FROM imports WHERE id = (SELECT max(id) FROM imports)"))
    assert people.read() is not many


def test_a_first_and_a_last_day_hold_when_they_come(
    app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    people = app.state.sign_in.people
    push_rows(store, "people", [{"person_id": "P2", "active_to": "2031-04-30"}], TOKYO)
    push_rows(store, "people", [{"person_id": "P3", "active_from": "2031-05-01"}], TOKYO)

    frozen = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: frozen)

    def here(at: datetime) -> tuple[bool, bool]:
        monkeypatch.setattr("service.sign_in.people._now", lambda: instant(at, TOKYO))
        directory = people.read()
        return directory.person("P2") is not None, directory.person("P3") is not None

    assert here(datetime(2031, 4, 30, 23, 59, 59)) == (True, False), "the last day belongs to it"
    assert people.remembered() is not None
    midnight = datetime(2031, 5, 1, 0, 0, 1)
    monkeypatch.setattr("service.sign_in.people._now", lambda: instant(midnight, TOKYO))
    assert people.remembered() is None, "nothing was written, and yet it is asked anew"
    assert here(midnight) == (False, True)


def test_a_version_that_another_machines_clock_has_dated_ahead_holds_from_then_on(
    app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    ahead = instant(datetime.now(TOKYO), TOKYO) + 2_000_000
    push_rows(store, "people", [{"person_id": "P2", "role": "admin"}], TOKYO, now=ahead)
    people = app.state.sign_in.people
    before = people.read().person("P2")
    assert before is not None
    assert before.role == "seller"
    monkeypatch.setattr("service.sign_in.people._now", lambda: ahead + 1)
    assert people.remembered() is None
    after = people.read().person("P2")
    assert after is not None
    assert after.role == "admin"


def test_a_session_ends_when_it_is_not_used_and_at_the_latest_after_its_hours(
    browser: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    sign_in(browser, app, "P1", ANNA)
    sessions = app.state.sign_in.sessions
    text = browser.cookies["sancho_session"]
    began = time.time_ns() // 1000
    minute = 60_000_000

    def alive(minutes: int) -> bool:
        now = began + minutes * minute
        monkeypatch.setattr("service.sign_in.sessions._now", lambda: now)
        monkeypatch.setattr(app.state.sign_in.book, "_now", lambda: now)
        sessions._refused.clear()
        return sessions.check(text) is not None and sessions.remembered(text, 3_600) is not None

    assert alive(119)
    assert alive(119 + 119), "each use counts"
    for minutes in range(239, 720, 100):
        assert alive(minutes)
    assert not alive(720)
    assert alive(719)
    assert not alive(719 + 120)


def test_a_changed_password_ends_the_other_sessions(browser: TestClient, app: FastAPI):
    sign_in(browser, app, "P1", ANNA)
    elsewhere = TestClient(app)
    asked = {"email": ANNA, "password": PASSWORD}
    assert elsewhere.post("/auth/sign-in", json=asked).status_code == 200
    headers = {"X-CSRF-Token": browser.get("/auth/me").json()["csrf_token"]}
    other = "quite another set of words"

    def change(current: str, new: str) -> tuple[int, str]:
        sent = {"current_password": current, "new_password": new}
        answer = browser.post("/auth/password", json=sent, headers=headers)
        return answer.status_code, answer.json().get("code", "")

    assert change("wrong wrong wrong", other) == (401, "wrong_password")
    assert change(PASSWORD, "short") == (422, "weak_password")
    assert elsewhere.get("/auth/me").status_code == 200
    assert change(PASSWORD, other) == (200, "")
    assert browser.get("/auth/me").status_code == 200
    assert elsewhere.get("/auth/me").status_code == 401
    assert elsewhere.post("/auth/sign-in", json=asked).status_code == 401
    assert elsewhere.post("/auth/sign-in", json={**asked, "password": other}).status_code == 200


@pytest.mark.parametrize(
    "weak", ["short", "a" * 20, "abababababababab", "anna.sato@example.com", "x" * 257, "            "]
)
def test_a_weak_password_is_refused_in_words(weak: str, app: FastAPI, browser: TestClient):
    link = app.state.sign_in.book.add_link("P1", 60)
    answer = browser.post("/auth/link", json={"link": link, "new_password": weak})
    assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
    assert "12 to 256 characters" in answer.json()["detail"]
    good = browser.post("/auth/link", json={"link": link, "new_password": PASSWORD})
    assert good.status_code == 200, "the link is still good"


def test_signing_in_again_gives_another_session_and_ends_the_one_before(browser: TestClient, app: FastAPI):
    planted = TestClient(app, cookies={"sancho_session": "planted-by-somebody"})
    set_password(app, "P1")
    asked = {"email": ANNA, "password": PASSWORD}
    answer = planted.post("/auth/sign-in", json=asked)
    first = answer.cookies["sancho_session"]
    assert first != "planted-by-somebody"
    again = TestClient(app, cookies={"sancho_session": first})
    second = again.post("/auth/sign-in", json=asked).cookies["sancho_session"]
    assert second != first
    assert TestClient(app, cookies={"sancho_session": first}).get("/auth/me").status_code == 401
    assert TestClient(app, cookies={"sancho_session": second}).get("/auth/me").status_code == 200


def test_who_is_signed_in_goes_on_while_the_store_is_away_and_nobody_new_comes(
    browser: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    sign_in(browser, app, "P1", ANNA)
    assert browser.get("/auth/me").status_code == 200

    def fail(_engine: sa.Engine) -> None:
        raise SanchoError(Text("届きません。", "out of reach."), "store_unavailable")

    monkeypatch.setattr(sa.Engine, "connect", fail)
    in_a_second(monkeypatch)
    assert browser.get("/auth/me").status_code == 200
    stranger = TestClient(app, cookies={"sancho_session": "never seen"})
    assert stranger.get("/auth/me").status_code == 503
    again = TestClient(app).post("/auth/sign-in", json={"email": ANNA, "password": PASSWORD})
    assert (again.status_code, again.headers["retry-after"]) == (503, "5")
    real = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: real() + 3_600)
    answer = browser.get("/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), (
        "and nobody is signed out"
    )
    assert "sancho_session" in browser.cookies


def test_people_sign_in_while_an_import_holds_the_store(browser: TestClient, app: FastAPI, store: Store):
    set_password(app, "P1")
    with store.transaction():
        answer = browser.post("/auth/sign-in", json={"email": ANNA, "password": PASSWORD})
        assert answer.status_code == 200


def test_where_only_the_provider_signs_in_passwords_and_links_do_not(store: Store, tmp_path: Path):
    app = an_app(Settings(home=tmp_path, local_sign_in=False))
    client = TestClient(app)
    assert client.get("/auth/ways").json() == {"password": False, "link": False, "oidc": False}
    asked = {"email": ANNA, "password": PASSWORD}
    for path, sent in (("/auth/sign-in", asked), ("/auth/link", {"link": "x"})):
        assert client.post(path, json=sent).json()["code"] == "no_local_sign_in"
    app.state.sign_in.close()
    app.state.keys.close()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PUBLIC_URL", "https://a.example.com/sancho", "without a path"),
        ("PUBLIC_URL", "sancho.example.com", "without a path"),
        ("OIDC_ISSUER", "http://login.example.com", "https://"),
        ("OIDC_ISSUER", "https://login.example.com", "SANCHO_OIDC_CLIENT_ID or SANCHO_OIDC_AUDIENCE"),
        ("SESSION_HOURS", "0", "1 to 720"),
    ],
)
def test_settings_that_cannot_be_say_what_would_be_fine(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"SANCHO_{name}", value)
    with pytest.raises(SanchoError, match=told):
        read_settings()
