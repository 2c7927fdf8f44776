"""Does everybody get in who may, nobody else, and by what is good once only once?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import argon2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import openapi
from schemathesis.specs.openapi.checks import positive_data_acceptance

from crm.importing import push_rows
from crm.store import Store
from service.access_rules import RIGHTS, ROLE_RIGHTS
from service.settings import Settings
from service.sign_in import SignIn
from service.sign_in.people import Directory, folded
from service.use_cases import UseCases
from tests.support.fakes import TOKYO
from tests.support.sign_in import (
    ANNA,
    BEN,
    EVA,
    PASSWORD,
    an_app,
    check,
    in_a_second,
    set_password,
    sign_in,
)


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
    for client in (
        TestClient(behind, base_url="http://localhost"),
        TestClient(app, base_url="https://testserver"),
    ):
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


def test_sign_ins_and_those_that_fail_are_in_the_audit(browser: TestClient, app: FastAPI, store: Store):
    assert browser.post("/auth/sign-in", json={"email": ANNA, "password": "wrong"}).status_code == 401
    me = sign_in(browser, app, "P1", ANNA)
    browser.post("/auth/sign-out", headers={"X-CSRF-Token": me["csrf_token"]})
    app.state.audit.store_noted()
    found = [(one.operation, one.person_id, one.result) for one in store.audit() if one.address]
    assert found == [
        ("sign_out", "P1", "done"),
        ("sign_in", "P1", "done"),
        ("sign_in", None, "refused"),
    ]
