"""How is the REST application put together? Routers, errors, API keys, start and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from crm.distribution import installed_version
from service import problems
from service.api import (
    actions,
    bottlenecks,
    deals,
    forecasts,
    health,
    jobs,
    kpis,
    models,
    people,
    reference,
    scopes,
    tables,
    webhooks,
)
from service.api.access import AccessLog, Credentials, known_caller
from service.api.allowed_methods import install_allowed_methods
from service.api.body_limits import BodyLimits
from service.api.documentation import TAGS, complete
from service.api.headers import SecurityHeaders
from service.api.pools import Pools
from service.keys import ApiKeys
from service.logs import configure_logs
from service.problems import Problem
from service.request_rows import MAX_BYTES as MAX_ROWS_BODY
from service.settings import Settings, read_settings
from service.use_cases import UseCases

_ABOUT = """How likely a sales target is, why, and what to do about it.

Probabilities are 0 to 1; effects on a probability are in percentage points and named `_pp`. Texts are in
Japanese or English by `Accept-Language`. Every answer carries `as_of`, `model` and `warnings`. Errors are
problem details (RFC 9457). Every call except health needs `Authorization: Bearer KEY`.
"""
_PREFIX = "/v1"
_ROUTERS = [
    module.router
    for module in (
        deals,
        forecasts,
        kpis,
        people,
        scopes,
        bottlenecks,
        actions,
        models,
        tables,
        jobs,
        webhooks,
    )
]
# Bytes of a body by the beginning of its address; None: its reader takes it in parts, and counts itself.
_BODIES = (("/v1/tables/", MAX_ROWS_BODY), ("/v1/imports", None), ("/v1/deals/score-batch", None))


def create_app(
    settings: Settings, use_cases: UseCases | None = None, warm: bool = True, keys: ApiKeys | None = None
) -> FastAPI:
    """The application. With `warm`, a thread warms up while the health endpoints already answer."""
    answering = use_cases if use_cases is not None else UseCases.open(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.keys.check("sancho_warm_up")  # opens the database connection before the first call
        app.openapi()
        if warm:
            answering.start()
        yield
        answering.close()
        app.state.keys.close()

    app = FastAPI(
        title="Sancho",
        version=installed_version(),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # the built-in pages load their scripts from the internet
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        generate_unique_id_function=_operation_id,
    )
    app.state.use_cases = answering
    app.state.keys = keys if keys is not None else ApiKeys(settings.store_url)
    app.state.language = settings.language
    app.state.pools = Pools()
    problems.install_handlers(app)
    app.state.reference = {}
    app.include_router(reference.router)
    app.include_router(health.router)
    for router in _ROUTERS:
        app.include_router(
            router,
            prefix=_PREFIX,
            dependencies=[Depends(known_caller)],
            responses={status: {"model": Problem} for status in (401, 403, 422, 429, 503)},
        )
    _document(app)
    app.add_middleware(BodyLimits, limits=_BODIES)
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    open_to_all = [route for route in health.router.routes if isinstance(route, APIRoute)]
    install_allowed_methods(app, [*(("", one) for one in open_to_all), *((_PREFIX, one) for one in routes)])
    app.add_middleware(Credentials, routes=routes, prefix=_PREFIX)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(AccessLog)
    return app


def _document(app: FastAPI) -> None:
    """Lets the OpenAPI say more than the endpoints' signatures do."""
    make = app.openapi

    def documented() -> dict[str, Any]:
        return make() if app.openapi_schema is not None else complete(make(), _PREFIX)

    app.openapi = documented  # type: ignore[method-assign]


def app_of_settings() -> FastAPI:
    """The application of the settings, for a server that starts several processes."""
    configure_logs()
    return create_app(read_settings())


def _operation_id(route: APIRoute) -> str:
    """The name of the function: generated clients have score_deal(), get_forecast()."""
    return route.name
