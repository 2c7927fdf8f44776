"""Which application answers? FastAPI with its endpoints, faults, credentials and life."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import sancho
from sancho.service import problems
from sancho.service.answers import Answers
from sancho.service.api import health, v1
from sancho.service.api.access import AccessLog
from sancho.service.keys import Keys
from sancho.service.settings import Settings

_ABOUT = """How likely a sales target is, why, and what to do about it.

Probabilities are 0 to 1; effects on a probability are in percentage points and named `_pp`. Texts are in
Japanese or English by `Accept-Language`. Every answer carries `as_of`, `model` and `warnings`. Faults are
problem details (RFC 9457). All but health needs `Authorization: Bearer KEY`.
"""


def create_app(settings: Settings, answers: Answers | None = None, warm: bool = True) -> FastAPI:
    """The application. With `warm`, a thread gets everything ready while health already answers."""
    asked = answers if answers is not None else Answers(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        app.state.keys.check("sancho_warm_up")  # opens its connection before the first caller waits for it
        app.openapi()
        if warm:
            threading.Thread(target=asked.keep_ready, args=(stop,), daemon=True, name="sancho-ready").start()
        yield
        stop.set()
        asked.close()
        app.state.keys.close()

    app = FastAPI(
        title="Sancho",
        version=sancho.__version__,
        description=_ABOUT,
        lifespan=life,
        docs_url=None,  # the built-in pages load their scripts from the internet
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # get_forecast: a stable verb
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[
            {"name": "deals"},
            {"name": "forecasts"},
            {"name": "models"},
            {"name": "data"},
            {"name": "health"},
        ],
    )
    app.state.answers = asked
    app.state.keys = Keys(settings.store_url)
    app.state.language = settings.language
    problems.install(app)
    app.include_router(health.router)
    app.include_router(v1.router, responses=faults(401, 422, 503))
    app.add_middleware(AccessLog)
    return app


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How faults are documented."""
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": problems.Problem, "content": content} for status in statuses}
