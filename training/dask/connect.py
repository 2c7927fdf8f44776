"""How is a Dask cluster connected, and what happens if there is none?"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crm.distribution import DISTRIBUTION
from crm.errors import SanchoError
from crm.i18n import Text
from training.dask.cluster import Cluster
from training.dask.source import LogSource

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
LOCAL_WORKERS = 2  # each keeps the history in memory; their threads use all cores
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
    with _connected(distributed, address) as client:
        _refuse_other_versions(client, address)
        yield Cluster(client, source)


def _connected(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=f"{PATIENCE_SECONDS}s")
    except (OSError, ValueError) as fault:
        raise SanchoError(
            Text(
                "Daskのスケジューラー {address} に接続できません。"
                "アドレス（例：tcp://host:8786）と、起動しているかどうかを確認してください。",
                "no Dask scheduler answers at {address}; check that it is running, and its address "
                "(such as tcp://host:8786).",
            ).format(address=address),
            "no_cluster",
        ) from fault


def _refuse_other_versions(client: Client, address: str) -> None:
    """Features are equal bit for bit only if all workers have the same version."""

    def version(name: str = DISTRIBUTION) -> str | None:  # runs on the worker, where Sancho may be missing
        from importlib import metadata

        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    if not client.nthreads():
        raise SanchoError(
            Text(
                "Daskのスケジューラー {address} にワーカーがいません。dask worker を起動してください。",
                "the Dask scheduler at {address} has no workers; start some with `dask worker`.",
            ).format(address=address),
            "no_workers",
        )
    own_version, versions = version(), client.run(version)
    for worker, worker_version in versions.items():
        if worker_version != own_version:
            raise SanchoError(
                Text(
                    "ワーカー {worker} の{name}は {found} です。"
                    "このマシンと同じ {expected} をインストールして、再起動してください。",
                    "worker {worker} has {name} {found}; install {expected} there, as here, and restart it.",
                ).format(
                    worker=worker,
                    name=DISTRIBUTION,
                    expected=own_version or Text("未インストール", "not installed"),
                    found=worker_version or Text("未インストール", "not installed"),
                ),
                "other_version",
            )


def _print_to_stderr() -> None:
    """Redirects a worker's standard output, such as LightGBM's messages, to standard error."""
    os.dup2(2, 1)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise SanchoError(
            Text(
                "Daskがインストールされていません。pip install '{name}[scale]' でインストールしてください。",
                "Dask is not installed; run pip install '{name}[scale]'.",
            ).format(name=DISTRIBUTION),
            "no_dask",
        ) from None
    logging.getLogger("distributed").setLevel(
        logging.WARNING
    )  # below, it logs every worker that starts or stops
    return distributed
