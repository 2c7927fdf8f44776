"""How is a Dask cluster connected, and what if there is none?"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Text
from training.dask.cluster import Cluster
from training.dask.source import LogSource

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
LOCAL_WORKERS = 2  # each holds the history; their threads use all cores
PATIENCE_SECONDS = 10


@contextmanager
def open_cluster(address: str, source: LogSource) -> Iterator[Cluster]:
    """A connected cluster: "local" (two processes on this machine) or the address of a Dask scheduler."""
    distributed = _distributed()
    if address == LOCAL:
        threads = max((os.cpu_count() or LOCAL_WORKERS) // LOCAL_WORKERS, 1)
        with (
            distributed.LocalCluster(
                n_workers=LOCAL_WORKERS,
                threads_per_worker=threads,
                dashboard_address=None,
                silence_logs=50,
            ) as workers,
            distributed.Client(workers) as client,
        ):
            client.run(_print_to_stderr)
            yield Cluster(client, source)
        return
    with _reached(distributed, address) as client:
        _refuse_unlike_workers(client, address)
        yield Cluster(client, source)


def _reached(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=f"{PATIENCE_SECONDS}s")
    except (OSError, ValueError) as fault:
        raise SanchoError(
            Text(
                "Daskのスケジューラー {address} につながりません。"
                "アドレス（例 tcp://host:8786）と、起動しているかを確認してください。",
                "no Dask scheduler answers at {address}; check that it runs, and its address "
                "(like tcp://host:8786).",
            ).format(address=address),
            "no_cluster",
        ) from fault


def _refuse_unlike_workers(client: Client, address: str) -> None:
    """Features are the same bit for bit only if they are computed by the same code."""

    def version() -> str | None:  # runs on the worker, where Sancho may be missing
        from importlib import metadata

        try:
            return metadata.version("sancho")
        except metadata.PackageNotFoundError:
            return None

    if not client.nthreads():
        raise SanchoError(
            Text(
                "Daskのスケジューラー {address} にワーカーがいません。dask worker を起動してください。",
                "the Dask scheduler at {address} has no workers; start some by `dask worker`.",
            ).format(address=address),
            "no_workers",
        )
    version_here, versions = version(), client.run(version)
    for worker, version_there in versions.items():
        if version_there != version_here:
            raise SanchoError(
                Text(
                    "ワーカー {worker} の sancho は {theirs} です。"
                    "このマシンと同じ {ours} を入れて、起動し直してください。",
                    "worker {worker} has sancho {theirs}; install {ours} there, as here, and restart it.",
                ).format(
                    worker=worker,
                    ours=version_here,
                    theirs=version_there or Text("未インストール", "not installed"),
                ),
                "other_version",
            )


def _print_to_stderr() -> None:
    """Sends what a worker prints, such as LightGBM's greetings, to standard error."""
    os.dup2(2, 1)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise SanchoError(
            Text(
                "Dask が入っていません。pip install 'sancho-sales[scale]' で入れてください。",
                "Dask is not installed; pip install 'sancho-sales[scale]'.",
            ),
            "no_dask",
        ) from None
    logging.getLogger("distributed").setLevel(logging.WARNING)  # it logs every worker that comes and goes
    return distributed
