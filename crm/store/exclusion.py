"""How is something done by one machine at a time, of all that share a store?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from crm.addresses import with_quoted_password
from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import is_sqlite, postgresql_engine
from crm.store.failures import UNAVAILABLE, sqlstate

_LOCK = 0x53414E43 + 2  # any number that only this uses; those before it are of migrations and of writers
_SECONDS = 8.0
_TAKEN_STATE = "55P03"  # PostgreSQL's: the lock did not come in time
_TAKEN = Text(
    "ほかのマシンが使用中のモデルを切り替えています（{seconds:.0f}秒待ちました）。"
    "しばらくしてから、もう一度実行してください。",
    "another machine is changing the model in service ({seconds:.0f} s were waited); try again in a while.",
)


@contextmanager
def one_at_a_time(url: str, seconds: float = _SECONDS) -> Iterator[None]:
    """Inside, nobody else who shares the store is inside; SanchoError where that takes longer than so long.

    PostgreSQL keeps a lock for as long as the connection lasts, so a machine that dies lets go of it. An
    SQLite store is one machine's, and a database that cannot be asked keeps nobody from going on.
    """
    with ExitStack() as stack:
        if not is_sqlite(address := with_quoted_password(url)):
            engine = postgresql_engine(address)
            stack.callback(engine.dispose)
            try:
                connection = stack.enter_context(
                    engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                )
                connection.exec_driver_sql(f"SET lock_timeout = {int(1000 * seconds)}")
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            except sa.exc.DBAPIError as fault:
                if sqlstate(fault) == _TAKEN_STATE:
                    raise SanchoError(_TAKEN.format(seconds=seconds), UNAVAILABLE) from fault
        yield
