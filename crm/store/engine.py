"""How is a database opened and migrated to the current tables?"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from crm.addresses import with_quoted_password
from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.failures import CHECK, NO_ADDRESS, UNAVAILABLE, reason, store_failure, unavailable
from crm.store.turns import TURN_SECONDS

__all__ = [
    "HEAD",
    "UNAVAILABLE",
    "WRITING",
    "begin_writing",
    "is_sqlite",
    "open_engine",
    "postgresql_engine",
    "store_failure",
    "take_turn",
    "without_nul",
]

# Newest migration: an up-to-date store opens without loading Alembic. A test holds it to the scripts.
HEAD = "0016"
_LOCK = 0x53414E43  # any number that only Sancho's migrations use ("SANC")
_WRITE_LOCK = _LOCK + 1  # of all who write to the tables
WRITING = "sancho_writing"  # execution option of a connection that is going to write

# A person waits at most about ten seconds for the sentence that says what is wrong.
CONNECT_SECONDS = 4  # to reach a server, for each of its addresses
PING_SECONDS = 3.0  # for a connection that was kept to show that it is alive
BUSY_SECONDS = 8.0  # for another process to finish writing to an SQLite file
_FRESH_SECONDS = 1.0  # for which a kept connection is taken to be alive
_LIMITS = {  # libpq's own; those in the address win
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,
}


def open_engine(url: str) -> sa.Engine:
    """An engine on the store at `url` (a SQLAlchemy address, or the path of an SQLite file), migrated.

    Where the database is out of reach, now or later, the error is a SanchoError, `store_unavailable`.
    """
    url = with_quoted_password(url)
    try:
        engine = _sqlite(url) if is_sqlite(url) else postgresql_engine(url)
        sa.event.listen(engine, "handle_error", _say_what_failed)
        _migrate(engine)
    except (sa.exc.ArgumentError, ValueError) as error:  # what these say may hold a part of the password
        raise unavailable(NO_ADDRESS, CHECK, url) from error
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise store_failure(error, url) or unavailable(reason(error), CHECK, url) from error
    return engine


def _say_what_failed(context: sa.engine.ExceptionContext) -> None:
    """Turns a driver's error into the sentence that a user reads; SQLAlchemy calls this for each error."""
    if context.is_pre_ping or context.original_exception is None:
        return
    engine = context.engine
    url = None if engine is None else engine.url.render_as_string(hide_password=True)
    failure = store_failure(context.original_exception, url)
    if failure is not None:
        if type(context.original_exception).__name__ == "DatabaseError" or "I/O" in str(
            context.original_exception
        ):  # a connection that met a damaged file says so for ever, even once a sound one is in its place
            context.is_disconnect = True
        raise failure from context.original_exception


def is_sqlite(url: str) -> bool:
    """Whether an address is an SQLite file's."""
    return url.startswith("sqlite") or "://" not in url


def _sqlite(url: str) -> sa.Engine:
    address = sa.make_url(url if "://" in url else f"sqlite:///{url}")
    options: dict[str, Any] = {}
    if address.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        file = Path(str(address.database))
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists() and not os.access(file.parent, os.W_OK):
            address = _only_readable(address, file)
        options = {"connect_args": {"timeout": BUSY_SECONDS} if "timeout" not in address.query else {}}
    engine = sa.create_engine(address, **options)
    sa.event.listen(engine, "connect", _tune)
    sa.event.listen(engine, "begin", _begin)
    if options.get("poolclass") is not StaticPool and "uri" not in address.query:
        _watch_file(engine, Path(str(address.database)))
    return engine


def _watch_file(engine: sa.Engine, file: Path) -> None:
    """Sees that connections are to the file that is there, and that one that is gone is not made anew, empty.

    What is written through a connection to a file that was moved or deleted is lost with it.
    """
    begun: list[bool] = []

    def refuse_missing(*_: object) -> None:
        if begun and not file.exists():
            raise sqlite3.OperationalError(f"unable to open database file: {file} is gone")

    def note(_connection: object, record: Any) -> None:
        begun[:] = [True]
        record.info["file"] = _identity(file)

    def check(_connection: object, record: Any, _proxy: object) -> None:
        if record.info.get("file") != _identity(file):
            raise sa.exc.DisconnectionError  # the pool connects anew

    sa.event.listen(engine, "do_connect", refuse_missing)
    sa.event.listen(engine, "connect", note)
    sa.event.listen(engine, "checkout", check)


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file a path names now; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _only_readable(address: sa.URL, file: Path) -> sa.URL:
    """The address of a file in a folder that cannot be written to, so that it can be read all the same.

    SQLite wants to put files beside it, unless it is told that nobody writes. A log that was left there by a
    process that was killed must be read, too; then SQLite decides.
    """
    log = file.with_name(f"{file.name}-wal")
    nobody_writes = not (log.exists() and log.stat().st_size)
    query = {**address.query, "mode": "ro", "uri": "true", **({"immutable": "1"} if nobody_writes else {})}
    return address.set(database=f"file:{quote(str(file.absolute()))}", query=query)


def _tune(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun here, not by the driver's guess
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",  # in WAL mode a crash can lose the last commit, never damage the file
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A writer takes its lock at once: two importers queue instead of failing half-way.
    if connection.get_execution_options().get(WRITING):
        driver: Any = connection.connection.driver_connection
        begin_writing(driver, connection.engine.url.render_as_string())
    else:
        connection.exec_driver_sql("BEGIN")


def begin_writing(driver: Any, url: str | None = None, seconds: float = TURN_SECONDS) -> None:
    """SQLite: begins a transaction that writes, once it is this one's turn; SanchoError where it never is.

    The driver waits for one writer, BUSY_SECONDS at most. Where many wait, that is not each one's turn: as
    long as others get on, it goes on waiting, so many seconds at most.
    """
    until = time.monotonic() + seconds
    while True:
        before = None
        try:
            before = driver.execute("PRAGMA data_version").fetchone()
            driver.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.Error as fault:
            failure = store_failure(fault, url)
            if failure is None:
                raise
            is_busy = before is not None and "locked" in str(fault).lower()
            if not is_busy or time.monotonic() >= until:
                raise failure from fault
            if driver.execute("PRAGMA data_version").fetchone() == before:  # nobody has got on
                raise failure from fault


def take_turn(connection: sa.Connection) -> None:
    """PostgreSQL: waits until nobody else writes to the tables, TURN_SECONDS at most.

    One lock orders all writers, so that they do not wait for each other's rows in a circle, and what a row
    held before is read once nobody else can change it. SQLite's own lock does so.
    """
    if connection.dialect.name == "postgresql":
        # Both in one call, so that it takes no longer than the lock alone.
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = {int(TURN_SECONDS * 1000)}; "
            f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"
        )


def postgresql_engine(url: str) -> sa.Engine:
    """An engine on a PostgreSQL, whose tables are taken as they are."""
    address = sa.make_url(url)
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise SanchoError(
            Text(
                "データベースの種類「{kind}」には対応していません。"
                "sqlite:///ファイル または postgresql://… を指定してください。",
                "database kind {kind!r} is not supported; use sqlite:///FILE or postgresql://...",
            ).format(kind=address.get_backend_name()),
            "store_unavailable",
        )
    limits = {name: value for name, value in _LIMITS.items() if name not in address.query}
    # A database whose default is another level would show a writer what was there before its turn came.
    engine = sa.create_engine(
        address.set(drivername="postgresql+psycopg"),
        connect_args=limits,
        isolation_level="READ COMMITTED",
    )
    sa.event.listen(engine, "connect", _take_any_text)
    sa.event.listen(engine, "checkout", _check_alive)
    sa.event.listen(engine, "checkin", _note_use)
    return engine


def _take_any_text(connection: Any, _record: object) -> None:
    """PostgreSQL's texts hold no NUL, which damaged files have: one row of them would end a whole import."""
    from psycopg.types.string import StrDumper

    class AnyText(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(without_nul(obj))

    connection.adapters.register_dumper(str, AnyText)


def without_nul(text: str) -> str:
    """A text as PostgreSQL can hold it: the sign for what is no character in the place of NUL."""
    return text.replace("\0", "\ufffd")


def _check_alive(connection: Any, record: Any, _proxy: object) -> None:
    """Asks a connection that was kept a little while for an answer; one that gives none is hung up.

    A server that is stopped, or a network that swallows everything, would otherwise be waited for for ever.
    """
    used = record.info.get("used_at")
    if used is None or time.monotonic() - used < _FRESH_SECONDS:
        return
    watch = threading.Timer(PING_SECONDS, _hang_up, (connection.fileno(),))
    watch.daemon = True
    watch.start()
    before = connection.autocommit
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = before
    except Exception as fault:
        raise sa.exc.DisconnectionError from fault  # the pool connects anew
    finally:
        watch.cancel()


def _hang_up(number: int) -> None:
    """Ends the connection of a file number, so that whoever waits for it gets an error."""
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as line:
        line.shutdown(socket.SHUT_RDWR)


def _note_use(_connection: object, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _migrate(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            take_turn(connection)  # tables are not changed below a push that is under way
        if _version(connection) != HEAD:  # another process may have done it while this one waited
            _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: sa.Connection) -> None:
    import alembic.command
    import alembic.config
    import alembic.util

    config = alembic.config.Config()
    config.set_main_option("script_location", "crm:migrations")
    config.attributes["connection"] = connection
    try:
        alembic.command.upgrade(config, "head")
    except alembic.util.CommandError as error:
        raise SanchoError(
            Text(
                "データベースは新しいバージョンの Sancho のものです（{error}）。Sancho を更新してください。",
                "the database belongs to a newer Sancho ({error}); update Sancho.",
            ).format(error=error),
            "store_too_new",
        ) from error
