"""How is written so that what is replaced or removed leaves no bytes behind?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from crm.store.engine import WRITING, take_turn


@contextmanager
def writing_cleanly(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that writes to the tables; SQLite overwrites with zeros what it frees."""
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA secure_delete = ON")
        take_turn(connection)
        yield connection
