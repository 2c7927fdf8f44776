"""How does the service log? One JSON line per event on standard error, never with a secret."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, Literal

import orjson
import structlog

from crm.addresses import without_password

_SECRET = ("authorization", "secret", "password", "token", "api_key")


def configure_logs(level: int = logging.INFO) -> None:
    """Sets up structured logs for the whole process, from a level on."""
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
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format='{"level":"%(levelname)s","event":"%(message)s"}'
    )


def log_event(logger: str, level: Literal["info", "warning", "error"], event: str, **facts: Any) -> None:
    """Writes one line; where that is impossible (standard error is closed), the work goes on."""
    with suppress(Exception):
        getattr(structlog.get_logger(logger), level)(event, **facts)


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
