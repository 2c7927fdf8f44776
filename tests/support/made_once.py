"""What is a new store, and a new registry, of a test? A copy of one that Sancho made in this session.

The migrations of a store take 50 ms of a processor and wait for the disk as long again; MLflow's tables take
a second, and eight of waiting. Hundreds of tests begin with both. So each is made once, by the code that does
it for a user, and a test that opens one where there is nothing yet gets a copy of its file. Whatever is there
already, damaged, half migrated or of a newer version, is opened as it is; processes of their own make theirs
anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from crm.store import engine
from training.mlflow_connection import MlflowConnection


def copies(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """From here on new stores and registries are copies of those in the folder, made when first needed."""
    make_store, make_registry = engine._migrate, MlflowConnection._making

    def migrated(opened: sa.Engine) -> None:
        if opened.dialect.name == "sqlite":
            _fill(opened, lambda: once(folder / "store.db", _store_maker(make_store)))
        make_store(opened)

    @contextmanager
    def making(self: MlflowConnection) -> Iterator[None]:
        with make_registry(self):
            file = Path(self.uri.removeprefix("sqlite:///"))
            if self.uri.startswith("sqlite:///") and not file.exists():
                _put(once(folder / "mlflow.db", _make_registry), file)
            yield

    patch.setattr(engine, "_migrate", migrated)
    patch.setattr(MlflowConnection, "_making", making)


def once(file: Path, make: Callable[[Path], None]) -> Path:
    """A file that the first process to need it makes, and all others of this session read."""
    if not file.exists():
        with FileLock(f"{file}.lock"):
            if not file.exists():
                with tempfile.TemporaryDirectory(dir=file.parent) as folder:
                    made = Path(folder) / file.name
                    make(made)
                    made.replace(file)
    return file


def _store_maker(migrate: Callable[[sa.Engine], None]) -> Callable[[Path], None]:
    def make(file: Path) -> None:
        opened = engine._sqlite(str(file))
        migrate(opened)
        opened.dispose()

    return make


def _make_registry(file: Path) -> None:
    """As `MlflowConnection.client` does, inside which this is called."""
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{file}", f"sqlite:///{file}").search_registered_models(max_results=1)


def _fill(opened: sa.Engine, template: Callable[[], Path]) -> None:
    """Copies the template to where an engine would make its tables; leaves what is there alone."""
    database = opened.url.database
    if "uri" in opened.url.query:
        return
    if database in (None, "", ":memory:"):
        with opened.connect() as connection, closing(sqlite3.connect(template())) as source:
            if not sa.inspect(connection).get_table_names():
                connection.rollback()
                source.backup(connection.connection.driver_connection)  # type: ignore[arg-type]
        return
    file = Path(str(database))
    if not file.exists():
        _put(template(), file)


def _put(template: Path, file: Path) -> None:
    """A copy, there at once and whole; none where somebody was faster or the folder cannot be written to."""
    with suppress(OSError):
        copy = file.with_name(f"{file.name}.{os.getpid()}.copy")
        shutil.copyfile(template, copy)
        try:
            os.link(copy, file)
        finally:
            copy.unlink()
