"""How is a database opened and migrated to the current tables, and what is said where it is out of reach?"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.tables import METADATA

# Newest migration: an up-to-date store opens without loading Alembic. A test holds it to the scripts.
HEAD = "0007"
_LOCK = 0x53414E43  # any number that only Sancho's migrations use ("SANC")
WRITE_LOCK = _LOCK + 1  # of imports
WRITING = "sancho_writing"  # execution option of a connection that is going to write
UNAVAILABLE = "store_unavailable"  # code of the error where the database cannot be used

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
    try:
        engine = _sqlite(url) if _is_sqlite(url) else _postgresql(url)
        sa.event.listen(engine, "handle_error", _say_what_failed)
        _migrate(engine)
    except (sa.exc.ArgumentError, ValueError) as error:  # what these say may hold a part of the password
        raise _unavailable(_NO_ADDRESS, _CHECK, url) from error
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise store_failure(error, url) or _unavailable(_reason(error), _CHECK, url) from error
    return engine


def store_failure(error: BaseException, url: str | None = None) -> SanchoError | None:
    """What an exception says of a database out of reach; None where it is about something else."""
    for one in _chain(error):
        if isinstance(one, SanchoError):
            return one if one.code == UNAVAILABLE else None
        driver = type(one).__module__.split(".")[0]
        if driver not in ("sqlite3", "psycopg", "psycopg_pool"):
            continue
        told = str(one).lower()
        if "locked" in told and driver == "sqlite3":
            return _unavailable(
                Text("別のプロセスが書き込み中です（取り込みなど）", "another process is writing to it"),
                Text("終わってから、もう一度実行してください", "try again when it (an import, say) is done"),
                url,
            )
        if "readonly" in told or getattr(one, "sqlstate", None) == "25006":
            return _unavailable(Text("読み取り専用です", "it can only be read"), _MAKE_WRITABLE, url)
        if "full" in told or getattr(one, "sqlstate", None) == "53100":
            return _unavailable(Text("ディスクがいっぱいです", "the disk is full"), _MAKE_ROOM, url)
        kinds = {kind.__name__ for kind in type(one).__mro__}
        out_of_reach = bool(kinds & {"OperationalError", "InterfaceError"})
        if (missing := _NO_TABLE.search(str(one))) and (missing[1] or missing[2]) in METADATA.tables:
            return _unavailable(_NO_TABLES, _RESTORE, url)
        is_about_sql = driver == "sqlite3" and ("no such" in told or "syntax" in told)
        broken = driver == "sqlite3" and ("not a database" in told or "malformed" in told)
        if broken:
            return _unavailable(
                Text("ファイルが壊れています（{said}）", "its file is damaged ({said})").format(
                    said=str(one).split("\n")[0][:200]
                ),
                _RESTORE,
                url,
            )
        if not is_about_sql and (out_of_reach or _lost(one)):
            return _unavailable(_reason(one), _CHECK, url)
    return None


_NO_ADDRESS = Text("アドレスとして読めません", "this cannot be read as an address")
_CHECK = Text(
    "SANCHO_DATABASE_URL と接続先を確認してください",
    "check SANCHO_DATABASE_URL and that it can be reached",
)
_MAKE_WRITABLE = Text(
    "ファイルとフォルダーに書き込めるようにしてください", "make the file and its folder writable"
)
_NO_TABLE = re.compile(r"no such table: (?:main\.)?(\w+)|relation \"(\w+)\" does not exist")
_NO_TABLES = Text("Sancho の表がありません", "it does not hold Sancho's tables")
_RESTORE = Text(
    "`sancho restore` でバックアップから戻してください", "restore a backup of it (sancho restore)"
)
_MAKE_ROOM = Text("空き容量を増やしてください", "make room on it")


def _unavailable(reason: Text, advice: Text, url: str | None) -> SanchoError:
    shown = unquote(without_password(url or "")).replace("postgresql+psycopg:", "postgresql:")
    if of_file := re.search(r"///file:([^?]*)\?", shown):  # one that can only be read
        shown = f"sqlite:///{unquote(of_file[1])}"
    name = Text("「{url}」", " {url}").format(url=shown) if shown else Text("", "")
    return SanchoError(
        Text(
            "データベース{name}を利用できません：{reason}。{advice}。",
            "the database{name} cannot be used: {reason}; {advice}.",
        ).format(name=name, reason=reason, advice=advice),
        UNAVAILABLE,
    )


def _reason(error: BaseException) -> Text:
    """The first line of what a driver says, in both languages where it is a usual failure."""
    said = str(getattr(error, "orig", None) or error).strip()
    told = said.lower()
    if "timeout" in told or "timed out" in told:
        return Text("応答がありません", "it does not answer")
    if "refused" in told or ("no such file or directory" in told and "socket" in told):
        return Text(
            "接続を拒否されました（サーバーが動いていません）", "nothing answers there (connection refused)"
        )
    if "name or service not known" in told or "resolve" in told or "getaddrinfo" in told:
        return Text("そのホスト名は見つかりません", "there is no host of this name")
    line = without_password(said.split("\n")[0][:300]) or type(error).__name__
    return Text(line, line)


def _lost(error: BaseException) -> bool:
    """Whether a driver's error is of the classes of a connection or server that is gone (08, 57P)."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(("08", "57P"))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and the errors it comes from."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = getattr(one, "orig", None) or one.__cause__


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


def _is_sqlite(url: str) -> bool:
    return url.startswith("sqlite") or "://" not in url


def _sqlite(url: str) -> sa.Engine:
    address = sa.make_url(url if "://" in url else f"sqlite:///{url}")
    options: dict[str, Any] = {}
    if address.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        file = Path(str(address.database))
        file.parent.mkdir(parents=True, exist_ok=True)
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
    connection.exec_driver_sql(
        "BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITING) else "BEGIN"
    )


def _postgresql(url: str) -> sa.Engine:
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
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg"), connect_args=limits)
    sa.event.listen(engine, "checkout", _check_alive)
    sa.event.listen(engine, "checkin", _note_use)
    return engine


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
