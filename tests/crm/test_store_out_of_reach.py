"""Is a database out of reach said in one sentence, without its password, whatever is wrong with it?"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import sqlalchemy as sa

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.importing import push_rows
from crm.store import Store, StoredOutlook, engine
from crm.store.engine import UNAVAILABLE, open_engine, store_failure

TOKYO = ZoneInfo("Asia/Tokyo")
OUTLOOK = StoredOutlook(
    period="2026-10-01..2026-12-31",
    scope="company",
    day="2026-11-20",
    as_of=1,
    kept_at=1,
    probability=None,
    target=None,
    mean=1.0,
    p10=1.0,
    p50=1.0,
    p90=1.0,
    model_version="1",
)


def said(caught: pytest.ExceptionInfo[SanchoError]) -> str:
    assert caught.value.code == UNAVAILABLE
    assert "hush-word" not in caught.value.text.both()
    return caught.value.text.en


def test_a_server_that_is_not_there_is_said():
    with pytest.raises(SanchoError) as caught:
        Store.open("postgresql://anna:hush-word@127.0.0.1:9/sales")
    assert "anna:***@127.0.0.1:9" in said(caught)
    assert "connection refused" in said(caught)


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(engine._LIMITS, "connect_timeout", 2)  # libpq knows no less
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(SanchoError) as caught:
            Store.open(f"postgresql://anna:hush-word@127.0.0.1:{listening.getsockname()[1]}/sales")
    assert "does not answer" in said(caught)
    assert engine.CONNECT_SECONDS + engine.PING_SECONDS < 10
    assert engine.BUSY_SECONDS < 10


def test_an_address_with_limits_of_its_own_keeps_them(postgres: str):
    address = sa.make_url(postgres).update_query_dict({"connect_timeout": "77"})
    opened = open_engine(address.render_as_string(hide_password=False))
    with opened.connect() as connection:
        asked = connection.connection.driver_connection.info.get_parameters()
    opened.dispose()
    assert asked["connect_timeout"] == "77"
    assert asked["tcp_user_timeout"] == str(engine._LIMITS["tcp_user_timeout"])


def test_a_server_whose_connections_are_cut_is_connected_to_anew(
    postgres: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine, "_FRESH_SECONDS", -1.0)
    with Store.open(postgres) as store:
        before = store.revision()
        with psycopg.connect(postgres, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        assert store.revision() == before


def test_a_kept_connection_that_gives_no_answer_is_hung_up(postgres: str, monkeypatch: pytest.MonkeyPatch):
    """A stopped server takes what is sent and says nothing: a wait would never end."""
    monkeypatch.setattr(engine, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(engine, "PING_SECONDS", 0.0)
    asked: list[str] = []

    class Stopped:
        """A connection to a server that is stopped, with a real one's end of the line."""

        def __init__(self) -> None:
            self.here, self.there = socket.socketpair()
            self.autocommit = False

        def fileno(self) -> int:
            return self.here.fileno()

        def execute(self, query: str) -> None:
            asked.append(query)
            if self.here.recv(1) == b"":  # ends when it is hung up, and only then
                raise psycopg.OperationalError("the connection is lost")

    stopped = Stopped()
    with pytest.raises(sa.exc.DisconnectionError):
        engine._check_alive(stopped, type("Record", (), {"info": {"used_at": 0.0}}), None)
    assert asked == ["SELECT 1"]
    stopped.here.close()
    stopped.there.close()


def test_a_file_that_another_process_writes_to_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.0)
    file = tmp_path / "store.db"
    with Store.open(str(file)) as store, sqlite3.connect(file) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.revision() == 0, "reading goes on"
        with pytest.raises(SanchoError) as caught, store.transaction():
            pytest.fail("it must not get as far as writing")
        other.rollback()
    assert "another process is writing" in said(caught)


def test_a_file_that_is_no_database_is_said(tmp_path: Path):
    (tmp_path / "store.db").write_text("no database, however long the text may be " * 40)
    with pytest.raises(SanchoError) as caught:
        Store.open(str(tmp_path / "store.db"))
    assert "not a database" in said(caught)


def test_what_is_no_address_is_said():
    with pytest.raises(SanchoError) as caught:
        Store.open("postgresql://anna:hush-word@db:no-port/sales")
    assert "cannot be read as an address" in said(caught)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SanchoError) as caught:
        Store.open(str(tmp_path / "file" / "store.db"))
    assert str(tmp_path / "file") in said(caught)


def test_a_store_in_a_read_only_folder_answers_and_says_that_it_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "store of sales.db"
    Store.open(str(file)).close()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    with Store.open(str(file)) as store:
        assert store.read(TOKYO)["deals"].empty
        with pytest.raises(SanchoError) as caught:
            store.save_outlooks([OUTLOOK])
    assert "can only be read" in said(caught)
    assert f"sqlite:///{file}" in said(caught)


def test_what_a_killed_process_left_in_the_log_is_read_from_a_read_only_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SQLite would skip the log of a file that it takes for unchangeable."""
    file = tmp_path / "store.db"
    Store.open(str(file)).close()
    (tmp_path / "store.db-wal").write_bytes(b"not empty")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    assert "immutable" not in engine._only_readable(sa.make_url(f"sqlite:///{file}"), file).query


@pytest.mark.parametrize(
    ("fault", "english"),
    [
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("disk I/O error"), "disk I/O error"),
        (sqlite3.DatabaseError("database disk image is malformed"), "malformed"),
        (psycopg.errors.DiskFull("could not extend file"), "the disk is full"),
        (psycopg.errors.AdminShutdown("terminating connection due to administrator command"), "terminating"),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"), "can only be read"),
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), "does not answer"),
        (psycopg.OperationalError("server closed the connection unexpectedly\nmore"), "server closed"),
    ],
)
def test_what_a_driver_raises_is_one_sentence(fault: Exception, english: str):
    failure = store_failure(fault)
    assert failure is not None
    assert english in failure.text.en
    assert "\n" not in failure.text.both()


@pytest.mark.parametrize(
    "fault",
    [
        sqlite3.OperationalError("no such table: dealz"),
        psycopg.errors.UndefinedTable("relation does not exist"),
        sqlite3.IntegrityError("UNIQUE constraint failed"),
        ValueError("locked"),
    ],
)
def test_a_mistake_of_our_own_is_no_outage(fault: Exception):
    assert store_failure(fault) is None


def test_no_address_shows_its_password():
    for shown in (
        "postgresql://anna:hush-word@db:5432/sales",
        "postgresql://anna:hush/word-hush-word@db/sales",
        "postgresql://anna:hush@hush-word@db/sales",
        "https://hush-word@mlflow.example.com",
        "postgresql://db/sales?user=anna&password=hush-word",
        "(psycopg.OperationalError) 'postgresql://anna:hush-word@db/sales' failed",
        "https://bucket.example.com/a?X-Amz-Security-Token=hush-word",
    ):
        assert "hush-word" not in without_password(shown)
    kept = "see https://example.com/a/b?page=2, sqlite:////data/a@b.db or anna@example.com: 3 of 4"
    assert without_password(kept) == kept


def test_a_file_that_was_damaged_is_used_again_once_a_sound_one_is_in_its_place(tmp_path: Path):
    file = tmp_path / "store.db"
    with Store.open(str(file)) as store:
        push_rows(store, "teams", [{"team_id": "T1"}], TOKYO)
        with closing(sqlite3.connect(file)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sound = file.read_bytes()
        write_over(file, bytes(255 - byte for byte in sound[:65_536]) + sound[65_536:])
        with pytest.raises(SanchoError, match="its file is damaged"):
            store.counts()
        write_over(file, sound)
        assert store.counts()["teams"] == 1
        assert push_rows(store, "teams", [{"team_id": "T2"}], TOKYO).total.imported == 1


def write_over(file: Path, data: bytes) -> None:
    """Other contents in the same file, as a disk that fails or a copy put back makes them."""
    with file.open("r+b") as open_file:
        open_file.write(data)
        open_file.truncate(len(data))


def test_a_file_that_is_gone_is_said_to_be_gone_and_is_not_made_anew(tmp_path: Path):
    file, away = tmp_path / "store.db", tmp_path / "away.db"
    with Store.open(str(file)) as store:
        push_rows(store, "teams", [{"team_id": "T1"}], TOKYO)
        file.rename(away)
        for ask in (store.counts, lambda: push_rows(store, "teams", [{"team_id": "T2"}], TOKYO)):
            with pytest.raises(SanchoError, match="is gone") as caught:
                ask()
            assert caught.value.code == UNAVAILABLE
        assert not file.exists()
        away.rename(file)
        assert push_rows(store, "teams", [{"team_id": "T2"}], TOKYO).total.imported == 1
        assert store.counts()["teams"] == 2


def test_another_file_put_in_its_place_is_the_one_that_is_written_to(tmp_path: Path):
    file, other = tmp_path / "store.db", tmp_path / "other.db"
    Store.open(str(other)).close()
    with Store.open(str(file)) as store:
        push_rows(store, "teams", [{"team_id": "T1"}], TOKYO)
        for ending in ("-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        other.rename(file)
        assert push_rows(store, "teams", [{"team_id": "T2"}], TOKYO).total.imported == 1
    with Store.open(str(file)) as store:
        assert list(store.read(TOKYO)["teams"]["team_id"]) == ["T2"]


def test_a_database_without_our_tables_is_out_of_reach_and_not_a_mystery(tmp_path: Path):
    file = tmp_path / "store.db"
    with Store.open(str(file)) as store:
        with closing(sqlite3.connect(file)) as other:
            other.execute("DROP TABLE imports")
        with pytest.raises(SanchoError, match="does not hold Sancho's tables") as caught:
            store.revision()
        assert "sancho restore" in caught.value.text.en
