"""Does the suite pass where every store is on PostgreSQL? A pytest plugin that moves them there.

    python -m pytest -p tools.on_postgresql

An embedded server is started for the run. Where code under test opens an SQLite store, a database of that
server is opened instead: the same one for the same file, a new one for each store in memory. Tests of SQLite
itself, and those that open the store's file by another way, are left out by name.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crm.store import engine
from tools.embedded_postgres import embedded_postgres

# Names of tests, and why they cannot be asked of PostgreSQL.
LEFT_OUT = {
    "test_a_store_of_a_newer_sancho_is_refused_with_what_to_do": "changes the SQLite file by sqlite3",
    "test_a_store_whose_keys_made_their_own_table_is_migrated": "changes the SQLite file by SQLAlchemy",
    "test_opening_an_up_to_date_store_does_not_load_alembic": "another process opens the SQLite file",
    "test_killed_import_leaves_nothing_visible_and_can_be_run_again": (
        "another process opens the SQLite file"
    ),
    "test_a_second_writer_waits_for_the_first": "PostgreSQL lets two write at once",
    "test_a_store_of_the_version_before_is_kept_and_what_it_holds_was_so_all_along": (
        "makes the SQLite file by SQLAlchemy"
    ),
    "test_a_file_that_another_process_writes_to_is_said": "locks the SQLite file",
    "test_a_file_that_is_no_database_is_said": "writes the SQLite file",
    "test_a_store_in_a_read_only_folder_answers_and_says_that_it_cannot_be_written_to": (
        "the folder of the SQLite file"
    ),
    "test_a_file_that_was_damaged_is_used_again_once_a_sound_one_is_in_its_place": "damages the SQLite file",
    "test_a_file_that_is_gone_is_said_to_be_gone_and_is_not_made_anew": "moves the SQLite file away",
    "test_another_file_put_in_its_place_is_the_one_that_is_written_to": "replaces the SQLite file",
    "test_a_database_without_our_tables_is_out_of_reach_and_not_a_mystery": (
        "drops a table of the SQLite file"
    ),
    "test_the_store_holds_neither_password_nor_session_nor_link_nor_address": "searches the SQLite file",
    "test_before_erasing_the_name_is_where_this_file_looks_for_it": "searches the SQLite file",
    "test_a_damaged_store_is_found_and_what_to_do_is_said": "damages the SQLite file",
    "test_a_store_that_another_process_writes_to_is_found": "locks the SQLite file",
    "test_a_row_that_touches_others_is_refused": "its store is a copy of an SQLite file",
    "test_a_reader_that_is_open_does_not_keep_the_name": "reads the SQLite file by sqlite3",
    "test_a_killed_process_is_started_again_and_all_end_with_the_service": (
        "other processes open the SQLite file"
    ),
    "test_the_store_is_the_one_of_the_settings_unless_one_is_named": "looks for the SQLite file",
}
# The same of whole files.
LEFT_OUT_FILES = {"test_kept_answers.py": "answers are kept by the state of an SQLite file"}
_TEMPLATE = "sancho_template"
_lock = threading.Lock()
_made: set[str] = set()
_opened: list[sa.Engine] = []  # whose connections are closed after each test: psycopg warns where nobody does
_count = 0
_running = ExitStack()


@cache
def server() -> Any:
    """The embedded PostgreSQL, started when the first store is opened."""
    with warnings.catch_warnings(action="ignore"):  # of folders that the machine lacks: no test is about them
        return _running.enter_context(embedded_postgres())


def on_postgresql(url: str) -> sa.Engine:
    """An engine on the database that stands for an SQLite store; made, with its tables, when first opened."""
    global _count
    path = sa.make_url(url if "://" in url else f"sqlite:///{url}").database
    with _lock:
        if path in (None, "", ":memory:"):
            _count += 1
            name = f"memory_{_count}"
        else:
            file = Path(str(path)).absolute()
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = "file_" + hashlib.sha256(str(file).encode()).hexdigest()[:24]
        if not _made:
            _create(_TEMPLATE, "template1")
            empty = engine.postgresql_engine(address(_TEMPLATE))
            engine._migrate(empty)
            empty.dispose()
            _made.add(_TEMPLATE)
        if name not in _made:
            _create(name, _TEMPLATE)
            _made.add(name)
    opened = engine.postgresql_engine(address(name))
    _opened.append(opened)
    return opened


def address(database: str) -> str:
    """Where a database of the server is."""
    return str(server().get_uri(database))


def _create(name: str, template: str) -> None:
    _administer(server(), f"CREATE DATABASE {name} TEMPLATE {template}")


def _administer(on: Any, *statements: str) -> None:
    url = sa.make_url(on.get_uri()).set(drivername="postgresql+psycopg")
    administrator = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    administrator.dispose()


def pytest_configure() -> None:
    """Puts every store on PostgreSQL from here on."""
    engine._sqlite = on_postgresql


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is about the SQLite file; each is named with its reason."""
    for item in items:
        reason = LEFT_OUT.get(item.name.split("[")[0]) or LEFT_OUT_FILES.get(item.path.name)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=f"on PostgreSQL: {reason}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Closes what a test left open; what a module shares connects again."""
    yield
    for opened in _opened:
        opened.dispose()
    if nextitem is None or nextitem.path != item.path:
        _opened.clear()


def pytest_unconfigure() -> None:
    """Stops the server, if one was started."""
    _running.close()
