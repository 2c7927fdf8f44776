"""Where do jobs and webhooks stand? In the store's database, or in a file beside it where that is SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from crm.store.engine import WRITING, open_engine


class QueueDatabase:
    """The database of a store's jobs and webhooks, opened at the first question: most answers ask none.

    Where the store is an SQLite file it is one beside it, since an import locks the store against all other
    writers until it ends. `now` gives microseconds UTC.
    """

    def __init__(self, store_url: str, now: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._url, self._now = queue_url(store_url), now

    @cached_property
    def _engine(self) -> sa.Engine:
        return open_engine(self._url)

    def close(self) -> None:
        """Closes its connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            yield connection


def queue_url(store_url: str) -> str:
    """Where the queue of a store is: in its database, or in a file beside its file.

    >>> queue_url("sqlite:////data/sancho.db"), queue_url("postgresql://db/sancho")
    ('sqlite:////data/sancho-jobs.db', 'postgresql://db/sancho')
    """
    if "://" not in store_url:
        store_url = f"sqlite:///{store_url}"
    address = sa.make_url(store_url)
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return store_url
    file = Path(str(address.database))
    beside = address.set(database=str(file.with_name(f"{file.stem}-jobs{file.suffix}")))
    return beside.render_as_string(hide_password=False)
