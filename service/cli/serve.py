"""What does `serve` do? Runs the REST API until it is stopped."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Host, Lang, Port, option
from service.cli.given_back import give_memory_back
from service.cli.output import note
from service.cli.workers import Workers, can_fork

if TYPE_CHECKING:
    from service.settings import Settings
    from service.use_cases import UseCases


def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[
        int,
        option(
            "--workers",
            "N",
            Text("応答するプロセスの数。", "Processes that answer, on one port."),
            min=1,
            max=64,
        ),
    ] = 1,
    lang: Lang = "ja",
) -> int:
    """Runs the service until it is stopped."""
    settings = settings_with(host, port)
    note(_LISTENING.format(host=settings.host, port=settings.port).to(lang))
    _tell_first_admin(settings, lang)
    run_server(settings, workers=workers)
    return 0


COMMAND = Command("serve", serve, Text("REST APIを起動します。", "Serves the REST API."))
_LISTENING = Text(
    "http://{host}:{port} で待ち受けます（Ctrl+C で終了）。",
    "listening at http://{host}:{port} (Ctrl+C stops it).",
)


def _tell_first_admin(settings: Settings, lang: Lang) -> None:
    """Shows the link of the first admin where nobody is known yet; an outage of the store is told later."""
    from service.cli.user import link_to
    from service.first_admin import TOLD, first_admin_link

    try:
        made = first_admin_link(settings)
    except SanchoError:
        return
    if made is not None:
        note(TOLD.format(minutes=settings.link_minutes, address=link_to(settings, made)).to(lang))


def settings_with(host: str | None, port: int | None) -> Settings:
    """The settings, with the address given instead of theirs, and the names under which it is reached."""
    from service.host_names import LOCAL_NAMES, is_local, names_served
    from service.settings import read_settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = read_settings(**given)
    names = names_served(settings.allowed_hosts, settings.public_url)
    if not names and is_local(settings.host):
        names = LOCAL_NAMES
    return settings.model_copy(update={"allowed_hosts": names})


def run_server(settings: Settings, service: UseCases | None = None, workers: int = 1) -> None:
    """Serves in the foreground, with something that answers already where there is one.

    Several processes share what they answer from as far as the system lets them, the port, the counts of
    `/metrics`, and the processes that do jobs; they are started anew when they die.
    """
    from service.logs import configure_logs

    configure_logs()
    give_memory_back()
    if workers == 1:
        with _jobs_beside(settings):
            _serve_here(settings, service)
    else:
        _serve_in_processes(settings, workers)


@contextmanager
def _jobs_beside(settings: Settings) -> Iterator[None]:
    """Inside, processes do jobs, unless the settings say that they run elsewhere."""
    from service.jobs.process import WorkerProcesses

    if not settings.job_workers:
        yield
        return
    beside = WorkerProcesses(settings)
    beside.start()
    try:
        yield
    finally:
        beside.stop()


def _serve_here(settings: Settings, service: UseCases | None) -> None:
    import uvicorn

    from service.app import create_app

    uvicorn.run(create_app(settings, service), host=settings.host, port=settings.port, **_options(settings))


def _serve_in_processes(settings: Settings, workers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="sancho-metrics-") as counts:
        os.environ |= {
            "PROMETHEUS_MULTIPROC_DIR": counts,
            "SANCHO_HOME": str(settings.home.absolute()),
            "SANCHO_DATABASE_URL": settings.store_url,
            "SANCHO_ALLOWED_HOSTS": ",".join(settings.allowed_hosts),
        }
        if can_fork():
            forked = Workers(settings, workers, _options(settings))
            forked.start()  # while there is no other thread
            with _jobs_beside(settings):
                status = forked.wait()
            if status:
                sys.exit(1)
            return
        import uvicorn

        with _jobs_beside(settings):
            uvicorn.run(
                "service.app:app_of_settings",
                factory=True,
                workers=workers,
                host=settings.host,
                port=settings.port,
                **_options(settings),
            )


def _options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told: to log nothing of its own, to believe named proxies alone, to end in time."""
    from service.api.connection_limits import backlog, limits_of_this_process
    from service.api.connections import GuardedProtocol

    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 10,  # for calls that are being answered before it stops
        "http": GuardedProtocol,
        "ws": "none",
        "backlog": backlog(limits_of_this_process()),
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
    }
