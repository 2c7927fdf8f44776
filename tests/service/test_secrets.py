"""Can a password hold anything, come from a file, and does nothing ever show it?"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier, Literal

from crm.errors import SanchoError
from crm.store import Store
from service.jobs import JobQueue
from service.settings import read_settings

PASSWORDS = [
    "p@ss",
    "se/cret",
    "p@ss/wo@rd",
    "100%",
    "a%41b@c",
    "hash#tag",
    "what?x@y",
    "co:lon",
    "sp ace@",
    "ひみつ@",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_address_is_read_whatever_its_password_holds(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"postgresql://anna:{password}@db.example.com:5433/sales?application_name=a@b"
    monkeypatch.setenv("SANCHO_DATABASE_URL", address)
    read = sa.make_url(read_settings().store_url)
    assert (read.username, read.password, read.host) == ("anna", password, "db.example.com")
    assert (read.port, read.database, dict(read.query)) == (5433, "sales", {"application_name": "a@b"})
    monkeypatch.setenv("SANCHO_DATABASE_URL", "postgresql://anna@db.example.com:5433/sales")
    monkeypatch.setenv("SANCHO_DATABASE_PASSWORD", password)
    assert sa.make_url(read_settings().store_url).password == password


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:p%40ss%2F@db/sales",
        "postgresql+psycopg://anna:secret@[::1]:5432/sales?sslmode=require",
        "postgresql://anna:secret@/sales?host=/run/postgresql",
        "postgresql://anna:secret@one:5432,two:5432/sales",
        "postgresql://anna@db/sales",
        "postgresql:///sales",
        "sqlite:////data/a:b@c.db",
    ],
)
def test_an_address_as_the_standard_wants_it_stays_as_it_is(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANCHO_DATABASE_URL", address)
    assert read_settings().store_url == address


@pytest.mark.parametrize("password", PASSWORDS)
def test_nothing_shows_a_part_of_a_password(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"postgresql://anna:{password}@127.0.0.1:9/sales"
    monkeypatch.setenv("SANCHO_DATABASE_URL", address)
    monkeypatch.setenv("SANCHO_DATABASE_PASSWORD", password)
    settings = read_settings()
    for opened in (Store.open, lambda url: JobQueue(url).newest(1)):
        for url in (address, settings.store_url):
            with pytest.raises(SanchoError, match=r"postgresql://anna:\*\*\*@127.0.0.1:9/sales") as caught:
                opened(url)
            assert password not in caught.value.text.both()
    assert password not in repr(settings)


def test_passwords_and_addresses_come_from_files(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            SQL("CREATE USER {} SUPERUSER PASSWORD {}").format(Identifier("filed"), Literal("p@s/s"))
        )
    place = sa.make_url(postgres).set(username="filed").render_as_string(hide_password=False)
    (tmp_path / "address").write_text(f"{place}\n", "utf-8")
    (tmp_path / "password").write_text("p@s/s\n", "utf-8")
    monkeypatch.setenv("SANCHO_DATABASE_URL_FILE", str(tmp_path / "address"))
    monkeypatch.setenv("SANCHO_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    settings = read_settings()
    assert sa.make_url(settings.store_url).password == "p@s/s"
    with Store.open(settings.store_url) as store:
        assert store.counts()["deals"] == 0
    monkeypatch.setenv("SANCHO_DATABASE_URL", "sqlite:///here.db")  # what is set itself wins
    assert read_settings().store_url == "sqlite:///here.db"


def test_a_secret_without_its_file_is_said_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCHO_DATABASE_PASSWORD_FILE", "/none/such")
    with pytest.raises(SanchoError, match="SANCHO_DATABASE_PASSWORD_FILE: cannot read the file '/none/such'"):
        read_settings()


def test_a_password_that_is_no_text_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sancho.toml").write_text("database_password = 424242\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SanchoError, match="SANCHO_DATABASE_PASSWORD") as caught:
        read_settings()
    assert "424242" not in caught.value.text.both()
