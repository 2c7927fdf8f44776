"""Is a name found nowhere once it is erased, not in one byte of the home, and does every number stay?"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from psycopg.sql import SQL, Identifier

from crm.acting import Entry
from crm.errors import SanchoError
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.sealed_folder import read_sealed, write_sealed
from crm.store import Store, StoredAgreement, StoredNotes, audit
from crm.store.engine import open_engine
from crm.store.erasures import end_sign_in
from crm.store.queue_database import queue_url
from crm.store.tables import METADATA
from service.api.access import CALLER
from service.app import create_app
from service.backup import make_backup
from service.callers import Caller
from service.cli import run
from service.erasure import erase as erasing
from service.erasure.erase import erase, erase_again
from service.jobs import JobQueue
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

NAME, ADDRESS = "御手洗 花子", "hanako.mitarai@example.com"
WAYS = ("御手洗 花子", "御手洗　花子", "御手洗花子", "花子御手洗", "hanako.mitarai", "HANAKO.MITARAI")
OF_BOTH = "御手洗製作所"  # another's name, which stays


def _installation(home: Path, person: str = "P1", url: str = "") -> Settings:
    """A small organisation in which a seller's name stands everywhere a name can stand."""
    home.mkdir(parents=True, exist_ok=True)
    small_store(url or home / "sancho.db").close()  # type: ignore[arg-type]
    settings = Settings(home=home, timezone="Asia/Tokyo", database_url=url)
    with Store.open(settings.store_url) as store:
        for day, rows in _ROWS:
            for table, body in rows.items():
                renamed = [_renamed(row, person) for row in body]
                push_rows(store, table, renamed, TOKYO, now=as_of_instant(day, TOKYO))
    with JobQueue(settings.store_url) as queue:
        job, _ = queue.add("import", {"file": f"{NAME}の商談.csv"}, contents=[NAME.encode()])
        queue.cancel(job.job_id)
        queue.add("training", {"note": json.dumps({"who": NAME})}, requested_by="御手洗花子")
    engine = open_engine(queue_url(settings.store_url))
    with engine.begin() as connection:
        values = {
            "event_id": "e",
            "webhook_id": "w",
            "type": "t",
            "subject": f"person:{person}",
            "state": "done",
        }
        connection.execute(
            sa.insert(METADATA.tables["webhook_events"]),
            {**values, "body": f'{{"name":"{NAME}"}}', "attempts": 1, "created_at": 1, "due_at": 1},
        )
    engine.dispose()
    _files(settings, person)
    return settings


def _renamed(row: dict[str, Any], person: str) -> dict[str, Any]:
    return {
        name: value.replace("P1", person) if isinstance(value, str) else value for name, value in row.items()
    }


_ROWS: tuple[tuple[str, dict[str, list[dict[str, Any]]]], ...] = (
    (
        "2026-11-19",
        {
            "people": [{"person_id": "P1", "name": NAME, "email": ADDRESS, "team_id": "T1",
                        "active_from": "2026-04-01"}],
            "accounts": [{"account_id": "A1", "name": OF_BOTH, "窓口": "御手洗花子様"}],
            "deals": [
                {"deal_id": "D5", "created_at": "2026-10-06", "stage": "提案", "owner_id": "P1",
                 "name": f"{OF_BOTH}（担当：御手洗　花子）", "account_id": "A1", "紹介者": NAME},
                {"deal_id": "DX", "created_at": "昨日", "stage": NAME},  # into the quarantine
            ],
            "deal_events": [
                {"deal_id": "D5", "at": "2026-11-01", "field": "紹介者", "value": "御手洗花子",
                 "actor_id": "P1"}
            ],
            "activities": [
                {"activity_id": "A9", "at": "2026-11-02", "kind": "call", "deal_id": "D5",
                 "subject": "花子 御手洗から電話。hanako.mitarai@example.com へ返信", "actor_id": "P1"}
            ],
            "targets": [{"metric": "revenue", "scope": "person:P1", "period": PERIOD, "value": 9e6}],
            "absences": [{"person_id": "P1", "from": "2026-12-01", "to": "2026-12-02"}],
        },
    ),
    ("2026-11-20", {"people": [{"person_id": "P1", "name": "御手洗花子", "email": ADDRESS.upper()}]}),
)  # fmt: skip


def _files(settings: Settings, person: str) -> None:
    """What a home holds beside the store: a registry with its files, a log, copies, a sealed model."""
    home = settings.home
    with closing(sqlite3.connect(home / "mlflow.db")) as registry, registry:
        registry.execute("CREATE TABLE tags (key TEXT, value TEXT)")
        registry.executemany("INSERT INTO tags VALUES (?, ?)", [("by", NAME), ("json", json.dumps([NAME]))])
        registry.execute("INSERT INTO tags VALUES ('gone', ?)", [NAME])
        registry.execute("DELETE FROM tags WHERE key = 'gone'")  # its bytes may stay in a free page
    artifacts = home / "mlartifacts" / "models"
    artifacts.mkdir(parents=True)
    levels = {"levels": {"紹介者": [NAME, "なし"], "owner": [person, "P0"]}}
    (artifacts / "bundle.json").write_text(json.dumps(levels, ensure_ascii=False), "utf-8")
    (artifacts / "ascii.json").write_text(json.dumps(levels), "utf-8")
    write_sealed(home / "champion", lambda into: (into / "bundle.json").write_text(NAME, "utf-8"), {"v": "1"})
    (home / "service.log").write_text(f"deal of {NAME} was scored\n", "utf-8")
    kept = settings.kept_folder / "answers"
    kept.mkdir(parents=True)
    (kept / "a.json").write_bytes(orjson.dumps({"name": NAME}))


def _bytes_with_the_name(folder: Path) -> list[str]:
    """Every file in which one of the ways to write the name stands, in one of the usual encodings."""
    ways = [
        *(way.encode(encoding) for way in WAYS for encoding in ("utf-8", "utf-16-le", "cp932", "utf-32-le")),
        *(json.dumps(way)[1:-1].encode() for way in WAYS),
    ]
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(way in file.read_bytes() for way in ways)
    ]


def _answers(settings: Settings) -> dict[str, Any]:
    """What the service answers of deals, as of two moments."""

    class Anybody:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope[CALLER] = Caller(name="test", rights=("admin",))
            await self.app(scope, receive, send)

    with Store.open(settings.store_url) as store:
        bundle = fake_bundle(store.read(TOKYO))
        answering = UseCases.open(settings, store, FakeRegistry(bundle))  # type: ignore[arg-type]
        answering.serving.refresh()
        app = create_app(settings, answering, warm=False)
        app.user_middleware = [one for one in app.user_middleware if one.cls.__name__ != "Credentials"]
        app.add_middleware(Anybody)
        client, found = TestClient(app), {}
        for as_of in ("2026-11-15", AS_OF):
            for path in (
                "/deals?",
                "/deals?scope=person:WHO&",
                "/deals/D5?",
                "/deals/D5/timeline?",
                "/deals/D6?",
            ):
                who = next(iter(sorted(_people(store) - {"P0", "P1"})), "P1")
                answer = client.get(f"/v1{path.replace('WHO', who)}as_of={as_of}")
                assert answer.status_code == 200, answer.text
                found[f"{path}{as_of}"] = answer.json()
        answering.close()
        app.state.audit.close()
    return found


def _people(store: Store) -> set[str]:
    return set(store.read(TOKYO)["people"]["person_id"])


def _numbers(value: Any) -> Iterator[Any]:
    """All numbers of an answer with where they stand, digit for digit, names apart."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield from ((name, *rest) for rest in _numbers(value[name]))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from ((str(at), *rest) for rest in _numbers(one))
    elif not isinstance(value, str):
        yield (repr(value),)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return _installation(tmp_path / "home")


def test_before_erasing_the_name_is_where_this_file_looks_for_it(settings: Settings):
    found = {name.split("/")[0] for name in _bytes_with_the_name(settings.home)}
    assert {"champion", "compiled", "mlartifacts", "mlflow.db", "service.log"} <= found
    assert any(name.startswith("sancho.db") for name in found)
    assert any(name.startswith("sancho-jobs.db") for name in found)


def test_a_name_is_found_nowhere_once_it_is_erased(settings: Settings):
    done = erase(settings, "person", "P1")
    assert (done.left, done.cleared, done.id_replaced) == ([], True, False)
    assert _bytes_with_the_name(settings.home) == []
    for table in (
        "people",
        "versions",
        "deals",
        "deal_events",
        "activities",
        "accounts",
        "quarantine",
        "jobs",
    ):
        assert done.rows[table] >= 1, table
    with Store.open(settings.store_url) as store:
        row = store.read(TOKYO)["people"].set_index("person_id").loc["P1"]
        assert {row["name"], row["email"]} == {done.pseudonym}
        name = store.read(TOKYO)["accounts"].set_index("account_id").loc["A1", "name"]
        assert name == OF_BOTH, "a part of the name is another's"
        [entry] = [one for one in store.audit() if one.operation == "erase"]
        assert entry.touched == {"people": ["P1"]}
    assert read_sealed(settings.home / "champion") == {"v": "1"}, "a sealed folder is whole afterwards"


def test_numbers_of_now_and_then_stay_digit_for_digit(settings: Settings):
    before = _answers(settings)
    assert NAME.split()[0] in json.dumps(before, ensure_ascii=False)
    erase(settings, "person", "P1")
    after = _answers(settings)
    assert before.keys() == after.keys()
    for question in before:
        assert list(_numbers(before[question])) == list(_numbers(after[question])), question
    assert "花子" not in json.dumps(after, ensure_ascii=False)


def test_an_id_that_says_who_it_is_is_replaced_by_one_that_sorts_as_it_did(tmp_path: Path):
    settings = _installation(tmp_path / "home", person="hanako.mitarai")
    before = _answers(settings)
    done = erase(settings, "person", "hanako.mitarai")
    assert done.id_replaced
    assert done.in_order
    assert done.row_key.endswith(done.pseudonym.removeprefix("erased"))
    assert _bytes_with_the_name(settings.home) == []
    levels = json.loads((settings.home / "mlartifacts" / "models" / "bundle.json").read_text("utf-8"))
    assert levels["levels"]["owner"] == [done.row_key, "P0"]
    after = _answers(settings)
    for question in before:
        assert list(_numbers(before[question])) == list(_numbers(after[question])), question
    with Store.open(settings.store_url) as store:
        log = store.read(TOKYO)
        assert done.row_key in set(log["deals"]["owner_id"])
        assert f"person:{done.row_key}" in set(log["targets"]["scope"])


def test_what_was_noted_and_agreed_in_meetings_forgets_name_and_id(tmp_path: Path):
    settings = _installation(tmp_path / "home", person="hanako.mitarai")
    with Store.open(settings.store_url) as store:
        notes = StoredNotes(notes=json.dumps({"facts": NAME}), saved_at=1, saved_by="hanako.mitarai")
        store.meetings.save_one_on_one("hanako.mitarai", "2026-11-20", notes, 0)
        store.meetings.add_agreement(
            StoredAgreement(
                agreement_id="a", person_id="hanako.mitarai", what=f"{NAME}に同行する", due="2026-12-01",
                scope="person:hanako.mitarai", meeting="2026-11-20", made_at=1, made_by="hanako.mitarai",
            )
        )  # fmt: skip
    done = erase(settings, "person", "hanako.mitarai")
    assert _bytes_with_the_name(settings.home) == []
    with Store.open(settings.store_url) as store:
        [agreed] = store.meetings.agreements(person_id=done.row_key)
        assert (agreed.scope, agreed.what) == (f"person:{done.row_key}", f"{done.pseudonym}に同行する")
        assert store.meetings.one_on_one_days(done.row_key) == ["2026-11-20"]


def test_an_erasure_that_was_interrupted_goes_on_with_the_same_pseudonym(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:  # after files and queue, before the store
        patch.setattr(erasing.erasures, "note_new_state", killed)
        with pytest.raises(Killed):
            erase(settings, "person", "P1")
    with Store.open(settings.store_url) as store:
        assert store.read(TOKYO)["people"].set_index("person_id").loc["P1", "name"] == "御手洗花子"
    begun = (settings.home / "service.log").read_text("utf-8").split()[2]
    with monkeypatch.context() as patch:  # after the store, before its free space
        patch.setattr(erasing, "remove_copies", killed)
        with pytest.raises(Killed):
            erase(settings, "person", "P1")
    done = erase(settings, "person", "P1")
    assert done.pseudonym == begun
    assert _bytes_with_the_name(settings.home) == []


def test_a_rehearsal_changes_nothing(settings: Settings):
    before = {
        file: file.read_bytes() for file in settings.home.rglob("*") if file.suffix in (".json", ".log")
    }
    done = erase(settings, "person", "P1", dry_run=True)
    assert done.rows["people"] == 1
    assert "service.log" in done.files
    assert {file: file.read_bytes() for file in before} == before
    with Store.open(settings.store_url) as store:
        assert store.read(TOKYO)["people"].set_index("person_id").loc["P1", "name"] == "御手洗花子"


def test_a_later_backup_does_not_hold_the_name_and_an_older_one_forgets_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = _installation(tmp_path / "home")
    (settings.home / "mlflow.db").unlink()  # no registry of MLflow's own making
    make_backup(settings, tmp_path / "older", lambda *_: None)
    done = erase(settings, "person", "P1")
    make_backup(settings, tmp_path / "newer", lambda *_: None)
    unpacked = _unpacked(tmp_path / "newer", tmp_path / "unpacked")
    assert _bytes_with_the_name(unpacked) == []
    elsewhere = Settings(home=tmp_path / "elsewhere", timezone="Asia/Tokyo")
    monkeypatch.setenv("SANCHO_HOME", str(elsewhere.home))
    assert run(["restore", str(tmp_path / "older"), "--erased", str(tmp_path / "newer")]) == 0
    assert _bytes_with_the_name(elsewhere.home) == []
    with Store.open(elsewhere.store_url) as store:
        assert store.read(TOKYO)["people"].set_index("person_id").loc["P1", "name"] == done.pseudonym


def _unpacked(backup: Path, into: Path) -> Path:
    """A backup's tables as text, since Parquet packs them; its other files as they are."""
    import pyarrow.parquet as pq

    into.mkdir()
    for file in backup.rglob("*"):
        if file.suffix == ".parquet":
            (into / f"{file.parent.name}-{file.stem}.json").write_bytes(
                orjson.dumps(pq.read_table(file).to_pylist(), default=repr)
            )
        elif file.is_file():
            (into / f"{file.parent.name}-{file.name}").write_bytes(file.read_bytes())
    assert "御手洗製作所".encode() in b"".join(file.read_bytes() for file in into.iterdir())
    return into


def test_a_name_that_is_imported_again_is_erased_again(settings: Settings):
    done = erase(settings, "person", "P1")
    with Store.open(settings.store_url) as store:
        push_rows(
            store,
            "people",
            [{"person_id": "P1", "name": NAME}],
            TOKYO,
            now=as_of_instant("2026-11-25", TOKYO),
        )
    [again] = erase_again(settings)
    assert again.pseudonym == done.pseudonym
    assert _bytes_with_the_name(settings.home) == []
    assert erase_again(settings) == []


def test_an_id_that_comes_again_becomes_the_pseudonymous_one_again(tmp_path: Path):
    settings = _installation(tmp_path / "home", person="hanako.mitarai")
    done = erase(settings, "person", "hanako.mitarai")
    with Store.open(settings.store_url) as store:
        row = {"person_id": "hanako.mitarai", "name": NAME, "team_id": "T1"}
        push_rows(store, "people", [row], TOKYO, now=as_of_instant("2026-11-25", TOKYO))
    erase_again(settings)
    with Store.open(settings.store_url) as store:
        assert _people(store) == {"P0", "P1", done.row_key}
    assert _bytes_with_the_name(settings.home) == []


def test_contacts_and_accounts_are_erased_as_people_are(settings: Settings):
    with Store.open(settings.store_url) as store:
        row = {"contact_id": "C1", "name": "Ann Lee", "account_id": "A1", "role": "購買部長"}
        push_rows(store, "contacts", [row], TOKYO, now=as_of_instant("2026-11-21", TOKYO))
        note = {
            "activity_id": "A10",
            "at": "2026-11-20",
            "kind": "call",
            "subject": "Ann Lee called; Annlees",
        }
        push_rows(store, "activities", [note], TOKYO, now=as_of_instant("2026-11-21", TOKYO))
    contact, account = erase(settings, "contact", "C1"), erase(settings, "account", "A1")
    with Store.open(settings.store_url) as store:
        log = store.read(TOKYO)
        assert log["contacts"].set_index("contact_id").loc["C1", "name"] == contact.pseudonym
        subject = log["activities"].set_index("activity_id").loc["A10", "subject"]
        assert subject == f"{contact.pseudonym} called; Annlees"
        assert account.pseudonym in log["deals"].set_index("deal_id").loc["D5", "name"]


def test_a_namesake_keeps_the_name(settings: Settings):
    with Store.open(settings.store_url) as store:
        row = {"person_id": "P0", "name": "御手洗　花子", "team_id": "T1"}
        push_rows(store, "people", [row], TOKYO, now=as_of_instant("2026-11-21", TOKYO))
    done = erase(settings, "person", "P1")
    assert (done.namesakes, done.left) == (1, [])
    with Store.open(settings.store_url) as store:
        names = store.read(TOKYO)["people"].set_index("person_id")["name"].to_dict()
    assert names == {"P0": "御手洗　花子", "P1": done.pseudonym}


def test_whoever_is_erased_signs_in_no_more_and_his_keys_end():
    tables = sa.MetaData()
    sessions = sa.Table("sign_in_sessions", tables, sa.Column("person_id", sa.Text))
    keys = sa.Table(
        "api_keys", tables, sa.Column("revoked_at", sa.BigInteger), sa.Column("person_id", sa.Text)
    )
    engine = sa.create_engine("sqlite://")
    tables.create_all(engine)
    with engine.begin() as connection:
        for person in ("P1", "P2"):
            connection.execute(sa.insert(sessions), {"person_id": person})
            connection.execute(sa.insert(keys), {"person_id": person})
        end_sign_in(connection, "P1", 7, tables)
        assert [row.person_id for row in connection.execute(sa.select(sessions))] == ["P2"]
        ended = connection.execute(sa.select(keys.c.person_id, keys.c.revoked_at)).all()
    assert [tuple(row) for row in ended] == [("P1", 7), ("P2", None)]
    engine.dispose()


@pytest.mark.parametrize("name", ["Won", "提案", "source"])
def test_a_name_that_is_a_word_of_the_data_is_refused(settings: Settings, name: str):
    with Store.open(settings.store_url) as store:
        row = {"account_id": "A7", "name": name}
        push_rows(store, "accounts", [row], TOKYO, now=as_of_instant("2026-11-21", TOKYO))
    with pytest.raises(SanchoError, match="data are made of"):
        erase(settings, "account", "A7")


def test_nothing_is_erased_while_a_file_waits_to_be_imported(settings: Settings):
    with JobQueue(settings.store_url) as queue:
        queue.add("import", {"file": "deals.csv"}, contents=[b"x"])
    with pytest.raises(SanchoError, match="wait to be imported"):
        erase(settings, "person", "P1")


def test_whoever_is_not_there_is_named(settings: Settings):
    with pytest.raises(SanchoError, match="P404"):
        erase(settings, "person", "P404")


def test_the_command_asks_first(settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("SANCHO_HOME", str(settings.home))
    assert run(["erase", "person", "P1", "--lang", "en"]) == 1
    assert "add --yes" in capfd.readouterr().err
    assert run(["erase", "person", "P1", "--dry-run", "--lang", "en"]) == 0
    assert "nothing has been changed" in capfd.readouterr().out
    assert run(["erase", "person", "P1", "--yes", "--lang", "en"]) == 0
    assert "the pseudonym is erased-" in capfd.readouterr().out


def test_a_reader_that_is_open_does_not_keep_the_name(settings: Settings):
    with closing(sqlite3.connect(settings.home / "sancho.db", check_same_thread=False)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM people").fetchone() == (2,)
        threading.Timer(1.0, reader.rollback).start()
        done = erase(settings, "person", "P1")
    assert (done.cleared, done.left) == (True, [])


def test_postgresql_holds_the_name_in_no_row_and_no_file_of_its_tables(postgres: str, tmp_path: Path):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier("erasure")))
    url = postgres.replace("/postgres?", "/erasure?")
    settings = _installation(tmp_path / "home", url=url)
    done = erase(settings, "person", "P1")
    assert done.cleared
    engine = open_engine(settings.store_url)
    with engine.connect() as connection:
        for table in METADATA.sorted_tables:
            said = repr(connection.execute(sa.select(table)).all())
            assert not any(way in said for way in WAYS), table.name
    engine.dispose()


def test_the_audit_keeps_whose_figures_were_read_by_the_new_id(tmp_path: Path):
    settings = _installation(tmp_path / "home", person="hanako.mitarai")
    engine = open_engine(settings.store_url)
    with engine.begin() as connection:
        read = Entry(caller="k", operation="get_kpis", scope="person:hanako.mitarai", about="hanako.mitarai")
        audit.save(connection, [read])
    engine.dispose()
    done = erase(settings, "person", "hanako.mitarai")
    with Store.open(settings.store_url) as store:
        [entry] = store.audit(operation="get_kpis")
    assert (entry.scope, entry.about) == (f"person:{done.row_key}", done.row_key)
