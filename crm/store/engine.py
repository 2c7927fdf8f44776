"""How is a database opened and migrated to the current tables?"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from crm.errors import SanchoError
from crm.i18n import Text

# Newest migration: an up-to-date store opens without loading Alembic. A test holds it to the scripts.
HEAD = "0004"
_LOCK = 0x53414E43  # any number that only Sancho's migrations use ("SANC")
WRITE_LOCK = _LOCK + 1  # of imports
WRITING = "sancho_writing"  # execution option of a connection that is going to write


def open_engine(url: str) -> sa.Engine:
    """An engine on the store at `url` (a SQLAlchemy address, or the path of an SQLite file), migrated."""
    try:
        engine = _sqlite(url) if _is_sqlite(url) else _postgresql(url)
        _migrate(engine)
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise SanchoError(
            Text(
                "データベース「{url}」を開けません（{error}）。"
                "SANCHO_DATABASE_URL と接続先を確認してください。",
                "cannot open the database {url} ({error}); "
                "check SANCHO_DATABASE_URL and that it can be reached.",
            ).format(url=_shown(url), error=str(getattr(error, "orig", error)).strip().split("\n")[0]),
            "store_unavailable",
        ) from error
    return engine


def _is_sqlite(url: str) -> bool:
    return url.startswith("sqlite") or "://" not in url


def _shown(url: str) -> str:
    return url if _is_sqlite(url) else sa.make_url(url).render_as_string(hide_password=True)


def _sqlite(url: str) -> sa.Engine:
    address = sa.make_url(url if "://" in url else f"sqlite:///{url}")
    options: dict[str, Any] = {}
    if address.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, **options)
    sa.event.listen(engine, "connect", _tune)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _tune(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun here, not by the driver's guess
    for pragma in (
        "busy_timeout = 60000",
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
    return sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True)


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
