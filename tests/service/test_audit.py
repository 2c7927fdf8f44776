"""Is every change noted, and every read of another person's figures, and is none lost or told twice?"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from crm.acting import ACTING, Actor, Entry
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store.engine import open_engine
from service.api import seen, use_cases
from service.api.access import CALLER
from service.app import create_app
from service.audit.trail import AuditTrail
from service.callers import Caller
from service.cli import run
from service.cli.audited import audited
from service.settings import Settings
from service.sight import Sight
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

PROGRAM = Caller(name="crm-plugin", rights=("admin",))
SELLER = Caller(name="P0", rights=("read", "recommend"), person_id="P0", role="seller")


class SignedIn:
    """Stands in for the sign-in: every call is made by whom the test says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.caller = app, PROGRAM

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[CALLER] = self.caller
        await self.app(scope, receive, send)


class Figures:
    """Stands in for what computes figures of people."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: {"asked": name}


class Installation:
    """A small organisation that is served, with the sign-in replaced."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, timezone="Asia/Tokyo")
        self.store = small_store(home / "sancho.db")
        bundle = fake_bundle(self.store.read(TOKYO))
        answering = UseCases.open(self.settings, self.store, FakeRegistry(bundle))  # type: ignore[arg-type]
        answering.serving.refresh()
        self.app: FastAPI = create_app(self.settings, answering, warm=False)
        self.app.dependency_overrides |= {use_cases.goals: Figures, use_cases.stored_answers: lambda: None}
        self.app.middleware_stack = self.app.build_middleware_stack()
        self.sign_in = _in_place_of_credentials(self.app)
        self.client = TestClient(self.app, client=("192.0.2.7", 50000))

    def asked(self, method: str, path: str, caller: Caller = PROGRAM, **more: Any) -> int:
        self.sign_in.caller = caller
        return self.client.request(method, f"/v1{path}", **more).status_code

    def audit(self, **filters: Any) -> list[Entry]:
        self.app.state.audit.store_noted()
        return [one for one in self.store.audit(**filters) if not one.caller.startswith("cli:")]


def _in_place_of_credentials(app: FastAPI) -> SignedIn:
    """Puts the double where the credentials are looked at, in the built chain of middlewares."""
    from service.api.access import Credentials

    outer: Any = app.middleware_stack
    while True:
        name = "_app" if hasattr(outer, "_app") else "app"
        inner = getattr(outer, name)
        if isinstance(inner, Credentials):
            double = SignedIn(inner._app)
            setattr(outer, name, double)
            return double
        outer = inner


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.app.state.use_cases.close()
    made.app.state.audit.close()


def test_a_push_is_noted_with_its_rows_and_its_caller_in_the_transaction_that_stores_it(here: Installation):
    row = {"deal_id": "D77", "created_at": "2026-11-01", "stage": "提案", "name": "極秘の商談"}
    assert here.asked("PUT", "/tables/deals", content=orjson.dumps(row), headers=_NDJSON) == 200
    [entry] = [one for one in here.store.audit() if one.caller == "crm-plugin"]
    assert (entry.operation, entry.result, entry.touched) == ("put_table_rows", "done", {"deals": ["D77"]})
    assert (entry.address, len(entry.request_id or "")) == ("192.0.2.7", 32)
    assert len(here.audit()) == 1, "a call is noted once"
    assert "極秘" not in repr(here.store.audit())


def test_a_deletion_and_a_refused_push_are_noted(here: Installation):
    assert here.asked("DELETE", "/tables/deals/D1") == 200
    assert here.asked("DELETE", "/tables/deals/NOBODY") == 404
    found = [(one.result, one.touched, one.status) for one in here.audit(operation="delete_table_row")]
    assert found == [
        ("failed", {"table": ["deals"], "row_id": ["NOBODY"]}, 404),
        ("done", {"deals": ["D1"]}, None),
    ]


def test_what_a_program_reads_of_people_is_noted_with_its_scope(here: Installation):
    assert here.asked("GET", f"/kpis/{PERIOD}?scope=person:P1&as_of={AS_OF}") == 200
    assert here.asked("GET", f"/kpis/{PERIOD}?as_of={AS_OF}") == 200
    assert here.asked("GET", f"/people/{PERIOD}?as_of={AS_OF}") == 200
    assert here.asked("GET", f"/kpis/{PERIOD}/padding?as_of={AS_OF}") == 200  # it names people
    found = [(one.operation, one.scope, one.about) for one in here.audit()]
    assert found == [
        ("get_padding", "company", None),
        ("compare_people", "company", None),
        ("get_kpis", "person:P1", "P1"),
    ]


def test_a_persons_own_figures_and_deals_are_not_noted_and_others_are(here: Installation):
    as_of = f"as_of={AS_OF}"
    assert here.asked("GET", f"/kpis/{PERIOD}?scope=person%3AP0&{as_of}", SELLER) == 200
    assert here.asked("GET", f"/deals/D6?{as_of}", SELLER) == 200  # his own
    assert here.asked("GET", f"/deals/D5/timeline?{as_of}", SELLER) == 404, "not his own"
    assert here.audit() == []
    admin = replace(SELLER, role="admin")
    assert here.asked("GET", f"/deals/D5/timeline?{as_of}", admin) == 200
    assert here.asked("GET", f"/deals?scope=person:P1&{as_of}", admin) == 200
    assert here.asked("GET", f"/deals/D404?{as_of}", admin) == 404
    found = [(one.operation, one.person_id, one.about, one.touched) for one in here.audit()]
    assert found == [
        ("list_deals", "P0", "P1", {}),
        ("get_deal_timeline", "P0", "P1", {"deals": ["D5"]}),
    ]


def test_what_is_not_named_is_the_widest_that_a_caller_sees(here: Installation):
    assert here.asked("GET", f"/people/{PERIOD}", SELLER) == 200
    assert here.audit() == []

    async def of_team(request: Request) -> None:
        sight = Sight(widest="team:T1", people=frozenset(["P0", "P1"]), teams=frozenset(["T1"]))
        request.scope[seen._KEY] = sight

    here.app.dependency_overrides[seen.known_sight] = of_team
    assert here.asked("GET", f"/people/{PERIOD}", replace(SELLER, role="manager")) == 200
    assert [(one.scope, one.role) for one in here.audit()] == [("team:T1", "manager")]


def test_whom_a_body_asks_about_is_noted(here: Installation):
    body = {"proposals": [{"kpi": "leads", "scope": "person:P1"}, {"kpi": "visits", "scope": "person:P0"}]}
    assert here.asked("POST", "/kpis/check", SELLER, json=body) == 200
    assert [(one.operation, one.about) for one in here.audit()] == [("check_kpis", "P1")]


def test_a_locked_store_delays_the_audit_and_not_the_answer(here: Installation, monkeypatch):
    def locked(*_: object) -> int:
        raise OSError("database is locked")

    trail = here.app.state.audit
    with monkeypatch.context() as patch:
        patch.setattr(trail, "_save", locked)
        assert here.asked("GET", f"/people/{PERIOD}?as_of={AS_OF}") == 200
        with pytest.raises(OSError, match="locked"):
            trail.store_noted()
    assert [one.operation for one in here.audit()] == ["compare_people"]


def test_what_a_killed_process_noted_is_taken_up_by_the_next(tmp_path: Path):
    settings = Settings(home=tmp_path)
    killed = AuditTrail(settings)
    killed.note(Entry(caller="crm", operation="promote_model", touched={"version": ["3"]}))
    [left] = (tmp_path / "audit").iterdir()
    left.write_bytes(left.read_bytes() + b'{"caller": "cut sho')  # its machine ended as well
    os.utime(left, (left.stat().st_atime, left.stat().st_mtime - 100))
    following = AuditTrail(settings)
    assert following.store_noted() == 1
    assert list((tmp_path / "audit").iterdir()) == []
    following.close()


def test_an_entry_that_is_taken_up_twice_is_stored_once(tmp_path: Path):
    settings = Settings(home=tmp_path)
    trail = AuditTrail(settings)
    entry = Entry(caller="crm", operation="promote_model")
    trail.note(entry)
    trail.note(entry)
    trail.close()
    with open_engine(settings.store_url).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM audit")) == 1


def test_a_home_that_cannot_be_written_to_keeps_entries_in_memory(tmp_path: Path, monkeypatch):
    settings = Settings(home=tmp_path)
    trail = AuditTrail(settings)

    def full(*_: object) -> int:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.open", full)
        trail.note(Entry(caller="crm", operation="promote_model"))
    assert trail.store_noted() == 1
    trail.close()


def test_what_waits_for_a_store_that_is_away_does_not_fill_the_disk(tmp_path: Path, monkeypatch):
    trail = AuditTrail(Settings(home=tmp_path))

    def away(*_: object) -> int:
        raise OSError("store is away")

    monkeypatch.setattr(trail, "_save", away)
    monkeypatch.setattr("service.audit.trail._MOST_BYTES", 400)
    for number in range(3):
        trail.note(Entry(caller=f"k{number}", operation="o"))
        trail._round()
    left = [line for file in (tmp_path / "audit").iterdir() for line in file.read_bytes().splitlines()]
    assert [orjson.loads(line)["caller"] for line in left] == ["k2"], "the newest are kept"


def test_only_administrators_read_the_audit_and_pages_neither_skip_nor_repeat(here: Installation):
    for number in range(7):
        here.app.state.audit.note(Entry(caller=f"k{number}", operation="ping_webhook", at=1000 + number // 3))
    here.app.state.audit.store_noted()
    seen, cursor = [], ""
    for _ in range(5):
        page = here.client.get(f"/v1/audit?operation=ping_webhook&limit=3{cursor}").json()
        seen += [one["caller"] for one in page["entries"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == [f"k{number}" for number in range(7)]
    assert here.client.get("/v1/audit?cursor=nonsense").json()["code"] == "bad_cursor"


def test_the_audit_about_a_person_has_reads_of_his_team_and_what_he_did(here: Installation):
    note = here.app.state.audit.note
    note(Entry(caller="a", operation="get_kpis", scope="person:P1", about="P1"))
    note(Entry(caller="b", operation="compare_people", scope="team:T1"))
    note(Entry(caller="c", operation="compare_people", scope="team:ELSEWHERE"))
    note(Entry(caller="P1", person_id="P1", operation="record_outcome"))
    note(Entry(caller="d", operation="get_kpis", scope="person:P0", about="P0"))
    assert {one.caller for one in here.audit(person="P1")} == {"a", "b", "P1"}


def test_a_change_by_command_line_is_noted_with_the_systems_user(tmp_path: Path, monkeypatch, capfdbinary):
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("getpass.getuser", lambda: "hanako")
    from crm.acting import system_user

    system_user.cache_clear()
    assert run(["key", "create", "--name", "crm", "--lang", "en"]) == 0
    assert run(["people", "2026-Q4", "--lang", "en"]) != 0  # nothing is there yet
    capfdbinary.readouterr()
    assert run(["audit", "export"]) == 0
    lines = [orjson.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    system_user.cache_clear()
    assert [(one["caller"], one["operation"], one["result"]) for one in lines] == [
        ("cli:hanako", "people", "failed"),
        ("cli:hanako", "key create", "done"),
    ]
    assert b"sancho_" not in orjson.dumps(lines), "no key"
    assert run(["audit", "export", "--out", str(tmp_path / "a.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines()))
    assert [row["operation"] for row in rows] == ["audit export", "people", "key create"]
    assert (tmp_path / "a.csv").stat().st_mode & 0o077 == 0
    assert run(["audit", "list", "--lang", "en"]) == 0
    assert b"cli:hanako" in capfdbinary.readouterr().out


def test_a_command_that_tells_of_a_person_is_noted_and_one_about_the_company_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path))

    def told(scope: str) -> int:
        return len(scope) - len(scope)

    assert audited("kpis", told)(scope="person:P1") == 0
    assert audited("kpis", told)(scope="company") == 0
    [left] = (tmp_path / "audit").iterdir()
    [entry] = [orjson.loads(line) for line in left.read_bytes().splitlines()]
    assert (entry["operation"], entry["scope"], entry["about"]) == ("kpis", "person:P1", "P1")


def test_a_command_whose_note_cannot_be_written_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    assert audited("backup", lambda: 0)() == 0
    assert list(tmp_path.iterdir()) == []


def test_an_import_as_a_job_is_noted_by_whom_it_was_asked_for(store):
    asked = ACTING.set(lambda: Actor(caller="crm-plugin", operation="import job"))
    try:
        push_rows(store, "teams", [{"team_id": "T9", "name": "新"}], TOKYO, now=as_of_instant(AS_OF, TOKYO))
    finally:
        ACTING.reset(asked)
    [entry] = store.audit()
    assert (entry.caller, entry.operation, entry.touched) == ("crm-plugin", "import job", {"teams": ["T9"]})


def test_entries_of_a_span_of_time_are_found(here: Installation):
    first = Entry(caller="x", operation="ping_webhook", at=as_of_instant("2026-03-01", TOKYO))
    here.app.state.audit.note(first)
    here.app.state.audit.note(replace(first, audit_id="2", at=as_of_instant("2026-03-05", TOKYO)))
    here.app.state.audit.store_noted()
    found = here.client.get("/v1/audit?since=2026-03-02&until=2026-03-02&operation=ping_webhook").json()
    assert [one["at"] for one in found["entries"]] == ["2026-03-02T00:00:00+09:00"]


_NDJSON = {"content-type": "application/x-ndjson"}
