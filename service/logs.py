"""How does the service log? One JSON line per event on standard error, never with a secret."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import orjson

from crm.addresses import without_password
from service.traces import trace_id

if TYPE_CHECKING:
    import structlog

_SECRET = ("authorization", "secret", "password", "token", "api_key")


_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)  # of the call being answered
_wanted: list[int] = []  # the level to set structlog up with, once there is something to write


def configure_logs(level: int = logging.INFO) -> None:
    """Structured logs for the whole process, from a level on; structlog is loaded with the first line."""
    _wanted[:] = [level]
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format='{"level":"%(levelname)s","event":"%(message)s"}'
    )


def _configure_structlog(level: int) -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.JSONRenderer(
                serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up at each write, so that a redirected standard error is used.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def log_event(logger: str, level: Literal["info", "warning", "error"], event: str, **facts: Any) -> None:
    """Writes one line; where that is impossible (standard error is closed), the work goes on."""
    if _wanted and _LEVELS[level] < _wanted[0]:
        return
    with suppress(Exception):
        import structlog

        if _wanted:
            _configure_structlog(_wanted.pop())
        ids = {"request_id": REQUEST_ID.get(), "trace_id": trace_id()}
        known = {name: value for name, value in ids.items() if value is not None}
        getattr(structlog.get_logger(logger), level)(event, **facts, **known)


def _without_secrets(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    return {
        name: "***"
        if any(word in name.lower() for word in _SECRET)
        else without_password(value)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }
