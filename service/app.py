"""How is the REST application put together? Routers, errors, API keys, start and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from crm.distribution import installed_version
from service import problems
from service.access_rules import OF_ONESELF, PAGES
from service.api import (
    actions,
    alerts,
    audit,
    bottlenecks,
    cards,
    deals,
    forecasts,
    health,
    jobs,
    kpi_sets,
    kpis,
    me,
    meetings,
    models,
    padding,
    people,
    quarantine,
    reference,
    scopes,
    sign_in,
    tables,
    targets,
    webhooks,
    yomi,
)
from service.api.access import AccessLog, Credentials
from service.api.allowances import Allowances
from service.api.allowed_methods import install_allowed_methods
from service.api.audit_trail import Audit
from service.api.body_limits import BodyLimits
from service.api.counts import Counts
from service.api.documentation import TAGS, complete
from service.api.headers import SecurityHeaders
from service.api.hosts import Hosts
from service.api.pools import Pools
from service.api.seen import known_sight
from service.api.sign_in_attempts import SignInAttempts
from service.audit.trail import AuditTrail
from service.host_names import names_served
from service.keys import ApiKeys
from service.logs import configure_logs
from service.pages import signing_in
from service.pages.router import ROUTERS as PAGE_ROUTERS
from service.pages.site import refused
from service.problems import Problem
from service.reports import endpoint
from service.request_rows import MAX_BYTES as MAX_ROWS_BODY
from service.settings import Settings, read_settings
from service.sign_in import SignIn
from service.use_cases import UseCases

_ABOUT = """How likely a sales target is, why, and what to do about it.

Probabilities are 0 to 1; effects on a probability are in percentage points and named `_pp`. Texts are in
Japanese or English by `Accept-Language`. Every answer carries `as_of`, `model` and `warnings`. Errors are
problem details (RFC 9457). Every call of /v1 needs a credential: a program's key or a person's OpenID
Connect token as `Authorization: Bearer ...`, or the session cookie of somebody who has signed in at /auth. A
call by cookie that is not a GET also needs the header `X-CSRF-Token`, which GET /auth/me tells.
"""
_PREFIX = "/v1"
_ROUTERS = [
    module.router
    for module in (
        deals,
        forecasts,
        yomi,
        endpoint,
        kpis,
        padding,
        people,
        scopes,
        bottlenecks,
        actions,
        models,
        tables,
        quarantine,
        jobs,
        webhooks,
        kpi_sets,
        meetings,
        targets,
        *(alerts, audit, me, cards),
    )
]
# Bytes of a body by the beginning of its address; None: its reader takes it in parts, and counts itself.
_BODIES: tuple[tuple[str, int | None], ...] = (
    ("/auth/", 1 << 20),
    ("/v1/tables/", MAX_ROWS_BODY),
    ("/v1/imports", None),
    ("/setup/files", None),
    ("/v1/deals/score-batch", None),
)


def create_app(
    settings: Settings,
    use_cases: UseCases | None = None,
    warm: bool = True,
    keys: ApiKeys | None = None,
    counts: Counts | None = None,
) -> FastAPI:
    """The application. With `warm`, a thread warms up while the health endpoints already answer.

    `counts`: those that processes share which answer on one port.
    """
    counts = counts if counts is not None else Counts()
    answering = use_cases if use_cases is not None else UseCases.open(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.keys.check("sancho_warm_up")  # opens the database connection before the first call
        app.openapi()
        app.state.audit.start()
        if warm:
            answering.start()
        yield
        answering.close()
        app.state.keys.close()
        app.state.sign_in.close()
        app.state.audit.close()

    app = FastAPI(
        title="Sancho",
        version=installed_version(),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # the built-in pages load their scripts from the internet
        redoc_url=None,
        redirect_slashes=False,  # a call has one address; a redirect would follow the Host header
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        generate_unique_id_function=_operation_id,
    )
    app.state.use_cases = answering
    app.state.keys = keys if keys is not None else ApiKeys(settings.store_url)
    app.state.sign_in = SignIn(settings)
    app.state.sign_in_attempts = SignInAttempts(counts)
    app.state.language = settings.language
    app.state.pools = Pools()
    app.state.audit = AuditTrail(settings)
    problems.install_handlers(app)
    app.state.reference = {}
    app.include_router(reference.router)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    for router in (*PAGE_ROUTERS, signing_in.router):
        app.include_router(router)
    for router in _ROUTERS:
        app.include_router(
            router,
            prefix=_PREFIX,
            dependencies=[Depends(known_sight)],
            responses={status: {"model": Problem} for status in (400, 401, 403, 422, 429, 503)},
        )
    _document(app)
    app.add_middleware(BodyLimits, limits=_BODIES)
    limits = settings.calls_per_minute, settings.computations_per_minute
    routes = [(_PREFIX, route) for router in _ROUTERS for route in _routes_of(router)]
    of_people = [("", route) for route in _routes_of(sign_in.router)]
    open_to_all = [("", route) for route in _routes_of(health.router)]
    install_allowed_methods(app, [*open_to_all, *of_people, *routes])
    routes += [(prefix, route) for prefix, route in of_people if route.name in OF_ONESELF]
    of_pages = [route for router in PAGE_ROUTERS for route in _routes_of(router)]
    routes += [("", route) for route in of_pages if route.name in PAGES]
    app.add_middleware(Allowances, counts=counts, calls=limits[0], computations=limits[1])
    app.add_middleware(Credentials, routes=routes, counts=counts, refused=refused)
    app.add_middleware(Audit, trail=app.state.audit)
    app.add_middleware(Hosts, names=names_served(settings.allowed_hosts, settings.public_url))
    app.add_middleware(SecurityHeaders, is_by_tls=settings.public_url.startswith("https:"))
    app.add_middleware(AccessLog)
    return app


def _routes_of(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


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
