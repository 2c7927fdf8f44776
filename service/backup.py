"""How is an installation backed up as a whole while it serves, and put back elsewhere?

A backup is a sealed folder: every table of the store and of its queue as Parquet, of one moment each; the
embedded registry's database and files; models that wait or were in service last. What can be compiled anew is
left out, and so is an MLflow server, which has a backup of its own.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crm.distribution import installed_version
from crm.errors import SanchoError
from crm.i18n import Text
from crm.sealed_folder import read_sealed, write_sealed
from crm.store.backup import JOB_TABLES, STORE_TABLES, dump, load, rows_of
from crm.store.engine import HEAD, WRITING, open_engine
from crm.store.erasures import Erasure
from crm.store.queue_database import queue_url
from service.erasure.erase import erase_again, list_in_home
from service.settings import Settings
from training.registry import Registry

Step = Callable[[Text, int, int | None], None]
_TABLES, _QUEUE, _HOME = "tables", "queue", "home"
_REGISTRY = "mlflow.db"
# What stands for itself in the backup, or is made anew.
_LEFT_OUT = ("compiled", "audit", "sancho.db", "sancho-jobs.db", _REGISTRY)
_STORE, _MODELS = Text("データを書き出しています", "Writing the data"), Text(
    "モデルを書き出しています", "Writing the models"
)  # fmt: skip
_READING = Text("バックアップを確認しています", "Checking the backup")
_PUTTING = Text("データを戻しています", "Putting the data back")


@dataclass(frozen=True)
class Backup:
    """What a backup holds: rows by table, whether the models are in it, and which is the champion."""

    made_at: str
    sancho: str
    rows: dict[str, int]
    has_registry: bool
    champion: str | None

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def make_backup(settings: Settings, folder: Path, step: Step) -> Backup:
    """Writes a backup into a new folder; a service may go on meanwhile."""
    if folder.exists():
        raise SanchoError(_EXISTS.format(folder=folder), "backup_exists")
    registry = Registry(settings.home)
    embedded = registry.uri == f"sqlite:///{settings.home.resolve() / _REGISTRY}"
    rows: dict[str, int] = {}
    facts: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sancho": installed_version() or "",
        "migration": HEAD,
        "has_registry": embedded,
        "rows": rows,
    }

    def fill(into: Path) -> None:
        # The registry first: a model is registered after its data were stored.
        step(_MODELS, 0, None)
        champion = registry.champion()
        facts["champion"] = None if champion is None else champion.version
        home = into / _HOME
        home.mkdir()
        if embedded and (settings.home / _REGISTRY).exists():
            _copy_database(settings.home / _REGISTRY, home / _REGISTRY)
        _copy_files(settings.home, home)
        step(_STORE, 0, None)
        for name, url, tables in _databases(settings):
            (into / name).mkdir()
            with _reading(url) as connection:
                rows.update(dump(connection, tables, into / name))

    write_sealed(folder, fill, facts)
    return _backup(facts)


def restore_backup(settings: Settings, folder: Path, step: Step, erased: Sequence[Erasure] = ()) -> Backup:
    """Puts a backup into an empty home and store, and checks that all of it is there.

    Who was erased since it was made, by a list (`erased`, or one in the home), is erased in it as well.
    """
    if not folder.is_dir():
        raise SanchoError(_NO_BACKUP.format(folder=folder), "no_backup")
    step(_READING, 0, None)
    facts = read_sealed(folder)
    if facts.get("migration", "") > HEAD:
        raise SanchoError(_TOO_NEW.format(version=facts.get("sancho", "?")), "backup_too_new")
    _refuse_unless_empty(settings)
    step(_PUTTING, 0, None)
    listed = [*erased, *list_in_home(settings)]
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(folder / _HOME, settings.home, dirs_exist_ok=True)
    found: dict[str, int] = {}
    for name, url, tables in _databases(settings):
        engine = open_engine(url)
        with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            load(connection, tables, folder / name)
            found |= rows_of(connection, tables)
        engine.dispose()
    backup = _backup(facts)
    missing = [name for name, count in backup.rows.items() if found.get(name) != count]
    if missing:
        raise SanchoError(_NOT_WHOLE.format(tables=", ".join(missing)), "restore_failed")
    if backup.champion is not None and backup.has_registry:
        champion = _loadable(Registry(settings.home))
        if champion not in (None, backup.champion):
            raise SanchoError(_NOT_WHOLE.format(tables="MLflow"), "restore_failed")
    erase_again(settings, listed, step)
    return backup


def _loadable(registry: Registry) -> str | None:
    """The version in service, whose files are there; None where another Sancho must retrain it."""
    try:
        return registry.load()[1].version
    except SanchoError as fault:
        if fault.code != "model_format":
            raise
        return None


def _databases(settings: Settings) -> Iterator[tuple[str, str, tuple[sa.Table, ...]]]:
    yield _TABLES, settings.store_url, STORE_TABLES
    yield _QUEUE, queue_url(settings.store_url), JOB_TABLES


@contextmanager
def _reading(url: str) -> Iterator[sa.Connection]:
    """A connection that sees one state of a database."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection
    finally:
        engine.dispose()


def _copy_database(source: Path, target: Path) -> None:
    """An SQLite database of one moment, whoever writes to it."""
    with closing(sqlite3.connect(source)) as opened, closing(sqlite3.connect(target)) as copy:
        opened.backup(copy)


def _copy_files(home: Path, into: Path) -> None:
    """The home's other files. Those of models are written once and never changed."""
    for entry in home.iterdir() if home.is_dir() else ():
        name = entry.name
        if name.startswith((".", *_LEFT_OUT)) or name.endswith(".lock"):
            continue
        if entry.is_dir():
            shutil.copytree(entry, into / name, ignore=shutil.ignore_patterns("*.lock", ".new-*", ".old-*"))
        else:
            shutil.copy2(entry, into / name)


def _refuse_unless_empty(settings: Settings) -> None:
    taken = [name for name in (_REGISTRY, "mlartifacts", "champion") if (settings.home / name).exists()]
    if taken:
        raise SanchoError(_NOT_EMPTY.format(place=settings.home / taken[0]), "not_empty")
    for _, url, tables in _databases(settings):
        with _reading(url) as connection:
            filled = [name for name, count in rows_of(connection, tables).items() if count]
        if filled:
            raise SanchoError(_NOT_EMPTY.format(place=filled[0]), "not_empty")


def _backup(facts: dict[str, Any]) -> Backup:
    return Backup(
        facts["made_at"], facts["sancho"], facts["rows"], facts["has_registry"], facts.get("champion")
    )


_EXISTS = Text(
    "「{folder}」はすでにあります。まだないフォルダーの名前を指定してください。",
    "{folder} exists already; name a folder that does not exist yet.",
)
_NO_BACKUP = Text(
    "「{folder}」にバックアップはありません。`sancho backup` が作ったフォルダーを指定してください。",
    "there is no backup in {folder}; name a folder that `sancho backup` made.",
)
_TOO_NEW = Text(
    "このバックアップは新しいバージョンの Sancho（{version}）のものです。Sancho を更新してください。",
    "this backup was made by a newer Sancho ({version}); update Sancho.",
)
_NOT_EMPTY = Text(
    "戻す先が空ではありません（{place}）。SANCHO_HOME と SANCHO_DATABASE_URL に空の場所を指定してください。",
    "the place to restore to is not empty ({place}); name an empty one by SANCHO_HOME and "
    "SANCHO_DATABASE_URL.",
)
_NOT_WHOLE = Text(
    "戻した内容がバックアップと一致しません（{tables}）。空の場所を指定して、もう一度実行してください。",
    "what was put back is not what the backup holds ({tables}); try again with an empty place.",
)
