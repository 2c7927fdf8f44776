"""Which application answers? FastAPI with its endpoints, problems, credentials and lifetime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from crm.distribution import installed_version
from service import problems
from service.api import actions, bottlenecks, deals, forecasts, health, kpis, models, people, tables
from service.api.access import AccessLog, known_caller
from service.api.responses import documented_problems
from service.keys import ApiKeys
from service.settings import Settings
from service.use_cases import UseCases

_ABOUT = """How likely a sales target is, why, and what to do about it.

Probabilities are 0 to 1; effects on a probability are in percentage points and named `_pp`. Texts are in
Japanese or English by `Accept-Language`. Every answer carries `as_of`, `model` and `warnings`. Faults are
problem details (RFC 9457). All but health needs `Authorization: Bearer KEY`.
"""
_ROUTERS = [
    module.router for module in (deals, forecasts, kpis, people, bottlenecks, actions, models, tables)
]
_TAGS = ["deals", "forecasts", "kpis", "people", "bottlenecks", "actions", "models", "data", "health"]


def create_app(
    settings: Settings, use_cases: UseCases | None = None, warm: bool = True, keys: ApiKeys | None = None
) -> FastAPI:
    """The application. With `warm`, a thread gets everything ready while health already answers."""
    cases = use_cases if use_cases is not None else UseCases.open(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.keys.check("sancho_warm_up")  # opens its connection before the first caller waits for it
        app.openapi()
        if warm:
            cases.serving.start()
        yield
        cases.close()
        app.state.keys.close()

    app = FastAPI(
        title="Sancho",
        version=installed_version(),
        description=_ABOUT,
        lifespan=life,
        docs_url=None,  # the built-in pages load their scripts from the internet
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name} for name in _TAGS],
        generate_unique_id_function=_operation_id,
    )
    app.state.use_cases = cases
    app.state.keys = keys if keys is not None else ApiKeys(settings.store_url)
    app.state.language = settings.language
    problems.install(app)
    app.include_router(health.router)
    for router in _ROUTERS:
        app.include_router(
            router,
            prefix="/v1",
            dependencies=[Depends(known_caller)],
            responses=documented_problems(401, 422, 503),
        )
    app.add_middleware(AccessLog)
    return app


def _operation_id(route: APIRoute) -> str:
    """An endpoint's function names its operation: generated clients have score_deal(), get_forecast()."""
    return route.name
