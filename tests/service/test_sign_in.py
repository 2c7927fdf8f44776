"""Does everybody get in who may, nobody else, and only for as long as that is so?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import argon2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import openapi
from schemathesis.specs.openapi.checks import positive_data_acceptance

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows, remove_rows
from crm.instants import instant
from crm.store import Store
from service.access_rules import RIGHTS, ROLE_RIGHTS
from service.api import create_app, use_cases
from service.api.attempts import MOST
from service.api.sign_in_attempts import ACCOUNT_SECONDS, MOST_OF_ACCOUNT, MOST_OF_ADDRESS, SignInAttempts
from service.cli import run
from service.settings import Settings, read_settings
from service.sign_in import SignIn
from service.sign_in.people import Directory, folded
from service.use_cases import UseCases
from tests.support.fakes import TOKYO

PASSWORD = "four words in a row"
ANNA, BEN, EVA = "Anna.Sato@example.com", "ben@example.com", "eva@example.com"
PEOPLE = [
    {"person_id": "P1", "name": "佐藤 杏奈", "email": ANNA, "role": "admin", "team_id": "T1"},
    {"person_id": "P2", "name": "Ben", "email": BEN, "team_id": "T1"},
    {"person_id": "P3", "name": "Eva", "email": EVA, "role": "manager", "leads_team_id": "T1"},
    {"person_id": "P4", "name": "Without", "role": "admin"},
    {"person_id": "P5", "name": "Left", "email": "left@example.com", "active_to": "2026-01-31"},
    {"person_id": "P6", "name": "One", "email": "Both@example.com"},
    {"person_id": "P7", "name": "Other", "email": "bOTH@example.com"},
    {"person_id": "P8", "name": "Successor of P5", "email": "LEFT@example.com"},
    {"person_id": "P9", "name": "Future", "email": "future@example.com", "active_from": "2999-01-01"},
]


class Fake:
    """Stands in for a use case."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: {"asked": name}


def an_app(settings: Settings) -> FastAPI:
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    app = create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]
    app.dependency_overrides[use_cases.goals] = Fake
    return app


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed by the library's own parameters for tests, which take a millisecond."""
    quick = argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST)
    monkeypatch.setattr("service.sign_in.passwords.PasswordHasher", lambda: quick)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings.store_url)
    push_rows(opened, "people", PEOPLE, TOKYO)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings, store: Store) -> Iterator[FastAPI]:
    made = an_app(settings)
    yield made
    made.state.keys.close()
    made.state.sign_in.close()


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    return TestClient(app, headers={"Accept-Language": "en"}, raise_server_exceptions=False)


def set_password(app: FastAPI, person_id: str, password: str = PASSWORD) -> None:
    sign_in: SignIn = app.state.sign_in
    person = sign_in.people.read().person(person_id)
    assert person is not None
    sign_in.local.set_password(person, password)


def sign_in(browser: TestClient, app: FastAPI, person_id: str, email: str) -> dict[str, Any]:
    """A browser that is signed in; who it is."""
    set_password(app, person_id)
    answer = browser.post("/auth/sign-in", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def check(browser: TestClient, **headers: str) -> tuple[int, str]:
    """A call that changes something, as far as the browser knows: its status and code."""
    answer = browser.post("/v1/kpis/check", json={"proposals": [{"kpi": "leads"}]}, headers=headers)
    return answer.status_code, answer.json().get("code", "")


def in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second later by the clock that memories go by."""
    real, later = time.monotonic, 1.0
    monkeypatch.setattr("time.monotonic", lambda: real() + later)


# Who may


def test_who_may_sign_in_is_said_by_people_as_of_now(app: FastAPI):
    directory: Directory = app.state.sign_in.people.read()
    assert {one.person_id for one in directory.by_email.values()} == {"P1", "P2", "P3", "P8"}
    refused = {one.person_id: one.refused for one in directory.everybody.values() if one.refused}
    assert refused == {"P4": "no_email", "P5": "left", "P6": "email_twice", "P7": "email_twice"}
    anna = directory.person_of(" ANNA.sato@EXAMPLE.com")
    assert anna is not None
    assert (anna.person_id, anna.role, anna.team_id) == ("P1", "admin", "T1")
    ben, eva = directory.person("P2"), directory.person("P3")
    assert ben is not None
    assert ben.role == "seller", "where none is said"
    assert eva is not None
    assert (eva.role, eva.leads_team_id) == ("manager", "T1")
    assert folded("STRASSE@X") == folded("straße@x")


def test_each_role_has_its_rights(browser: TestClient, app: FastAPI):
    assert ROLE_RIGHTS.keys() == {"seller", "manager", "admin"}
    for person_id, email, rights in (("P1", ANNA, {"admin"}), ("P2", BEN, None), ("P3", EVA, None)):
        me = sign_in(browser, app, person_id, email)
        assert set(me["rights"]) == (rights or {"score", "read", "recommend"})
        assert set(me["rights"]) <= RIGHTS.keys()
        for path, method in (("/v1/webhooks", "GET"), ("/v1/models/rollback", "POST")):
            answer = browser.request(method, path, headers={"X-CSRF-Token": me["csrf_token"]})
            if person_id == "P1":
                assert answer.status_code == 500, "there is nothing behind it here"
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
                assert me["role"] in answer.json()["detail"]


def test_a_password_signs_in_and_the_page_learns_who_it_is(browser: TestClient, app: FastAPI):
    me = sign_in(browser, app, "P3", "EVA@example.com")
    assert (me["kind"], me["person_id"], me["name"], me["role"]) == ("person", "P3", "Eva", "manager")
    assert me["leads_team_id"] == "T1"
    assert me["session"]["way"] == "password"
    assert browser.get("/auth/me").json() == me
    assert check(browser, **{"X-CSRF-Token": me["csrf_token"]}) == (200, "")


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: FastAPI, tmp_path: Path):
    set_password(app, "P1")
    asked = {"email": ANNA, "password": PASSWORD}
    plain = TestClient(app).post("/auth/sign-in", json=asked).headers["set-cookie"]
    assert plain.startswith("sancho_session=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(plain.split("; "))
    assert "Secure" not in plain
    behind = an_app(Settings(home=tmp_path, public_url="https://sancho.example.com"))
    for client in (TestClient(behind), TestClient(app, base_url="https://testserver")):
        safe = client.post("/auth/sign-in", json=asked).headers["set-cookie"]
        assert safe.startswith("__Host-sancho_session=")
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(safe.split("; "))
        assert "Domain" not in safe
    behind.state.sign_in.close()
    behind.state.keys.close()


def test_the_store_holds_neither_password_nor_session_nor_link_nor_address(
    browser: TestClient, app: FastAPI, tmp_path: Path
):
    sign_in(browser, app, "P1", ANNA)
    link = app.state.sign_in.book.add_link("P2", 60)
    app.state.sign_in.close()
    written = b"".join(file.read_bytes() for file in tmp_path.glob("sancho-jobs.db*"))
    session = browser.cookies["sancho_session"]
    for secret in (PASSWORD, session, link, folded(ANNA), ANNA):
        assert secret.encode() not in written
    assert b"$argon2id$" in written


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (ANNA, PASSWORD + "x"),
        ("nobody@example.com", PASSWORD),
        (BEN, PASSWORD),  # has none
        ("left@example.com.", PASSWORD),
        ("Both@example.com", PASSWORD),
        ("future@example.com", PASSWORD),
    ],
)
def test_all_that_is_wrong_is_answered_alike(browser: TestClient, app: FastAPI, email: str, password: str):
    set_password(app, "P1")
    answer = browser.post("/auth/sign-in", json={"email": email, "password": password})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_password")
    assert answer.json()["detail"].startswith("the e-mail address or the password is wrong")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("sign-in", b'{"email": "\\ud800@example.com", "password": "\\ud800"}'),
        ("link", b'{"link": "\\ud800"}'),
        ("sign-in", b'{"email": "\\u0000", "password": "\\u0000"}'),
    ],
)
def test_half_of_a_letter_is_wrong_like_anything_else(browser: TestClient, path: str, sent: bytes):
    answer = browser.post(f"/auth/{path}", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code in (401, 422)


def test_a_password_is_checked_as_often_for_somebody_unknown(
    browser: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    set_password(app, "P1")
    passwords = app.state.sign_in.local._passwords
    verified: list[str] = []
    real = passwords._hasher

    class Counting:
        def verify(self, hashed: str, password: bytes) -> bool:
            verified.append(hashed)
            return bool(real.verify(hashed, password))

        def hash(self, password: str) -> str:
            return str(real.hash(password))

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for email in (ANNA, "nobody@example.com", BEN):
        browser.post("/auth/sign-in", json={"email": email, "password": "wrong wrong wrong"})
    assert len(verified) == 3
    assert len({one.split("$")[3] for one in verified}) == 1, "with the same parameters"


def test_a_hash_of_older_parameters_is_made_anew(app: FastAPI, browser: TestClient):
    sign_in: SignIn = app.state.sign_in
    weaker = argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    sign_in.book.set_password("P1", weaker)
    asked = {"email": ANNA, "password": PASSWORD}
    assert browser.post("/auth/sign-in", json=asked).status_code == 200
    hashed = sign_in.book.password("P1")
    assert hashed is not None
    assert hashed != weaker
    assert not sign_in.local._passwords.is_outdated(hashed)
    assert browser.post("/auth/sign-in", json=asked).status_code == 200


# Until when


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


# By a link


def test_a_link_works_once_and_sets_a_password(browser: TestClient, app: FastAPI):
    link = app.state.sign_in.book.add_link("P2", 60)
    answer = browser.post("/auth/link", json={"link": link, "new_password": PASSWORD})
    assert (answer.status_code, answer.json()["person_id"]) == (200, "P2")
    assert answer.json()["session"]["way"] == "link"
    assert browser.get("/auth/me").status_code == 200
    again = browser.post("/auth/link", json={"link": link})
    assert (again.status_code, again.json()["code"]) == (401, "bad_link")
    by_password = browser.post("/auth/sign-in", json={"email": BEN, "password": PASSWORD})
    assert by_password.status_code == 200


def test_a_link_without_a_password_signs_in_once_and_leaves_other_sessions_alone(
    browser: TestClient, app: FastAPI
):
    sign_in(browser, app, "P2", BEN)
    link = app.state.sign_in.book.add_link("P2", 60)
    elsewhere = TestClient(app)
    assert elsewhere.post("/auth/link", json={"link": link}).status_code == 200
    assert elsewhere.post("/auth/link", json={"link": link}).json()["code"] == "bad_link"
    assert browser.get("/auth/me").status_code == 200


def test_a_link_is_over_after_its_time_with_the_next_one_and_when_its_person_leaves(
    browser: TestClient, app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
):
    book = app.state.sign_in.book
    over = book.add_link("P2", 0)
    first = book.add_link("P3", 60)
    second = book.add_link("P3", 60)
    of_who_leaves = book.add_link("P1", 60)
    push_rows(store, "people", [{"person_id": "P1", "active_to": "2026-01-31"}], TOKYO)
    in_a_second(monkeypatch)
    for link in (over, first, of_who_leaves, "guess"):
        assert browser.post("/auth/link", json={"link": link}).json()["code"] == "bad_link"
    assert browser.post("/auth/link", json={"link": second}).status_code == 200


def test_of_many_who_use_a_link_at_once_one_gets_in(app: FastAPI):
    from concurrent.futures import ThreadPoolExecutor

    book = app.state.sign_in.book
    link = book.add_link("P2", 60)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: book.use_link(link), range(8)))
    assert sorted(found, key=str) == [*[None] * 7, "P2"]


# From where


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
    client = TestClient(app, base_url="https://testserver")
    asked = {"email": ANNA, "password": PASSWORD}
    for origin, status in (("https://sancho.example.com", 200), ("https://testserver", 403)):
        headers = {"Origin": origin, "Host": "evil.example.com"}
        assert client.post("/auth/sign-in", json=asked, headers=headers).status_code == status
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


# How often


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
    attempts = SignInAttempts(lambda: now[0])

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
    for n in range(10_100):
        attempt("wrong_password", "10.0.0.1", f"{n}@example.com")
        now[0] += 4
    assert len(attempts._accounts._counts) == 10_000


def test_who_tries_out_sessions_waits_and_an_old_tab_does_not_count_again(app: FastAPI):
    tab = TestClient(app, cookies={"sancho_session": "ended long ago"})
    for _ in range(MOST + 5):
        assert tab.get("/auth/me").status_code == 401
    statuses = [
        TestClient(app, cookies={"sancho_session": f"guess-{n}"}).get("/auth/me").status_code
        for n in range(MOST + 5)
    ]
    assert statuses == [401] * (MOST - 1) + [429] * 6


# While something is away


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


# By commands


@pytest.fixture
def here(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(settings.home))


def test_commands_list_link_sign_out_and_change_people(
    here: None, app: FastAPI, browser: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["user", "link", "ben@EXAMPLE.com", "--lang", "ja"]) == 0
    printed = capsys.readouterr()
    assert "Ben さんが 30 分以内に一度だけ" in printed.err
    link = printed.out.strip()
    assert browser.post("/auth/link", json={"link": link, "new_password": PASSWORD}).status_code == 200
    assert run(["user", "list", "--lang", "en"]) == 0
    listed = capsys.readouterr().out
    row = next(line for line in listed.splitlines() if BEN in line)
    assert " set " in row
    left = next(line for line in listed.splitlines() if line.startswith("P5"))
    assert "no: has" in left
    assert run(["user", "sign-out", "P2", "--lang", "en"]) == 0
    assert "1 sessions ended" in capsys.readouterr().out
    browser.cookies.clear()
    (tmp_path / "password").write_text("another good password\n", "utf-8")
    assert run(["user", "set-password", "P2", "--file", "password"]) == 0
    asked = {"email": BEN, "password": "another good password"}
    assert browser.post("/auth/sign-in", json=asked).status_code == 200
    assert run(["user", "email", "P4", "four@example.com", "--lang", "en"]) == 0
    assert run(["user", "role", "P4", "manager", "--lang", "en"]) == 0
    assert run(["user", "role", "P4", "manager", "--lang", "en"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "changed" in line and "2026" not in line]
    assert told == ["changed.", "changed.", "Nothing changed: the store says so already."]
    four = SignIn(read_settings())
    found = four.people.read().person_of("four@example.com")
    assert found is not None
    assert found.role == "manager"
    four.close()


def test_a_key_of_a_person_is_made_for_who_is_here(here: None, capsys: pytest.CaptureFixture[str]):
    assert run(["key", "create", "--name", "card", "--person", "P2", "--lang", "en"]) == 0
    assert "ends when the person leaves" in capsys.readouterr().err
    assert run(["key", "list", "--lang", "en"]) == 0
    assert "P2" in capsys.readouterr().out
    for person in ("P5", "nobody"):
        assert run(["key", "create", "--name", "card", "--person", person, "--lang", "en"]) == 1
        assert "nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["link", "P4"], "`sancho user email P4 ADDRESS`"),
        (["link", "P5"], "has left"),
        (["link", "P6"], "somebody else who is here"),
        (["link", "nobody"], "`sancho user list`"),
        (["sign-out", "nobody"], "`sancho user list`"),
        (["role", "P1", "chief"], "chief"),
        (["email", "P1", "no address"], "is no e-mail address"),
        (["set-password", "P1", "--file", "none"], "cannot read the file 'none'"),
    ],
)
def test_commands_say_what_to_do_instead(
    here: None, command: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["user", *command, "--lang", "en"]) == 1
    assert told in capsys.readouterr().err


# As documented


def test_sign_in_keeps_to_its_openapi(app: FastAPI, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(UseCases, "close", lambda _: None)  # there are none
    key = app.state.keys.create("crm", ["read"])
    schema = openapi.from_asgi("/openapi.json", app)
    bounded = hypothesis_settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    checked = set()
    for result in schema.include(path_regex="^/auth/").get_all_operations():
        operation = result.ok()

        @bounded
        @given(case=operation.as_strategy())
        def check_all(case: Any) -> None:
            headers = {"Authorization": f"Bearer {key}"}
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        check_all()
        checked.add(operation.path)
    assert len(checked) == 8
