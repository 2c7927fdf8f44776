"""Where do `train`, `backtest` and `score` do their work: in this process, or spread over Dask (`--dask`)?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from crm.eventlog import EventLog
    from service.settings import Settings
    from training.dask import Cluster


@contextmanager
def workers(dask: str | None, settings: Settings, log: EventLog) -> Iterator[Cluster | None]:
    """The cluster asked for, whose workers read the store, of which `log` is all; None where none was."""
    if dask is None:
        yield None
        return
    from training.dask import LOCAL, LogSource, open_cluster

    if dask != LOCAL and settings.store_url.startswith("sqlite"):
        raise SanchoError(
            Text(
                "ほかのマシンのワーカーは SQLite を読めません。"
                "SANCHO_DATABASE_URL に PostgreSQL を指定するか、--dask local を使ってください。",
                "workers elsewhere cannot read SQLite; set SANCHO_DATABASE_URL to PostgreSQL, or use "
                "--dask local.",
            ),
            "store_not_shared",
        )
    with open_cluster(dask, LogSource.in_store(settings.store_url, log)) as found:
        yield found
