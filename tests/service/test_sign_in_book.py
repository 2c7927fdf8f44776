"""Are sessions, links and passwords kept alike by both databases, and is nothing left of who is forgotten?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from crm.importing import push_rows
from crm.store import Store
from crm.store.backup import JOB_TABLES, STORE_TABLES
from crm.store.tables import SIGN_IN_LINKS, SIGN_IN_PASSWORDS, SIGN_IN_SESSIONS
from service.settings import Settings
from service.sign_in import SignIn
from tests.support.fakes import TOKYO


@pytest.fixture
def sign_in(store: Store, tmp_path: Path) -> Iterator[SignIn]:
    url = store._engine.url.render_as_string(hide_password=False)
    push_rows(store, "people", [{"person_id": "P1", "email": "a@example.com"}], TOKYO)
    made = SignIn(Settings(home=tmp_path, database_url=url))
    yield made
    made.close()


def test_sessions_links_and_passwords_are_kept_until_they_end(sign_in: SignIn):
    book, sessions = sign_in.book, sign_in.sessions
    person = sign_in.people.read().person("P1")
    assert person is not None
    text, session = sessions.begin(person, "link")
    other, _ = sessions.begin(person, "oidc")
    assert book.session(text) == session
    assert book.sessions_of(60, 60) == {"P1": 2}
    assert book.end_sessions("P1", but=text) == 1
    assert (book.session(other), book.session(text)) == (None, session)
    link = book.add_link("P1", 60)
    assert book.link(link) == "P1"
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: book.use_link(link), range(6)))
    assert sorted(found, key=str) == [*[None] * 5, "P1"]
    assert book.link(link) is None
    book.set_password("P1", "one")
    book.set_password("P1", "two")
    book.rehash("P1", "one", "three")
    assert book.password("P1") == "two"
    book.rehash("P1", "two", "three")
    assert (book.password("P1"), book.with_passwords()) == ("three", {"P1"})
    book.end_old(0, 0)
    assert book.session(text) is None


def test_nothing_is_left_of_who_is_forgotten(sign_in: SignIn):
    book = sign_in.book
    for person_id in ("P1", "P2"):
        book.add_session(person_id, "link", "mac", f"text of {person_id}")
        book.add_link(person_id, 60)
        book.set_password(person_id, "hash")
    book.forget("P1")
    with book._engine.connect() as connection:
        for table in (SIGN_IN_SESSIONS, SIGN_IN_LINKS, SIGN_IN_PASSWORDS):
            assert connection.execute(sa.select(table.c.person_id)).scalars().all() == ["P2"]


def test_who_may_sign_in_is_read_alike_and_anew_after_a_change(sign_in: SignIn, store: Store):
    assert set(sign_in.people.read().by_email) == {"a@example.com"}
    push_rows(store, "people", [{"person_id": "P1", "email": "B@example.com"}], TOKYO)
    assert set(sign_in.people.read().by_email) == {"b@example.com"}


def test_a_backup_holds_passwords_and_neither_sessions_nor_links():
    assert SIGN_IN_PASSWORDS in JOB_TABLES
    for table in (SIGN_IN_SESSIONS, SIGN_IN_LINKS):
        assert table not in (*STORE_TABLES, *JOB_TABLES)
