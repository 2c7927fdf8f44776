"""What does `serve` do? Runs the REST API until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.i18n import Text
from service.cli.command import Command, Host, Lang, Port
from service.cli.output import note

if TYPE_CHECKING:
    from service.settings import Settings
    from service.use_cases import UseCases


def serve(host: Host = None, port: Port = None, lang: Lang = "ja") -> int:
    """Runs the service until it is stopped."""
    settings = settings_with(host, port)
    note(_LISTENING.format(host=settings.host, port=settings.port).to(lang))
    run_server(settings)
    return 0


COMMAND = Command("serve", serve, Text("REST APIを起動します。", "Serves the REST API."))
_LISTENING = Text(
    "http://{host}:{port} で待ち受けます（Ctrl+C で終了）。",
    "listening at http://{host}:{port} (Ctrl+C stops it).",
)


def settings_with(host: str | None, port: int | None) -> Settings:
    """The settings, with the address given instead of theirs."""
    from service.settings import read_settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return read_settings(**given)


def run_server(settings: Settings, service: UseCases | None = None) -> None:
    """Serves in the foreground, with something that answers already where there is one."""
    import uvicorn

    from service.api import create_app
    from service.jobs.process import WorkerProcesses
    from service.logs import configure_logs

    configure_logs()
    app = create_app(settings, service)
    workers = WorkerProcesses(settings) if settings.job_workers else None
    if workers is not None:
        workers.start()
    try:
        uvicorn.run(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    finally:
        if workers is not None:
            workers.stop()
