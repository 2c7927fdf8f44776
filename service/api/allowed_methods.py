"""Which methods does an address take? Another one is refused, and `Allow` names all of them.

The framework would name the methods of one route only, though an address has one for each; and where an
address without parameters does not take a method it would try the others that fit, so that `rollback` in
`GET /v1/models/rollback` were a version. By the OpenAPI an address without parameters goes first.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import METHOD_NOT_ALLOWED, problem_response


class AllowedMethods:
    """The methods of each address; of templates that fit one, that with the fewest parameters counts."""

    def __init__(self, routes: Iterable[tuple[str, APIRoute]]) -> None:
        methods: dict[str, set[str]] = {}
        for prefix, route in routes:
            methods.setdefault(prefix + route.path, set()).update(route.methods or ())
        compiled = [(template, *compile_path(template)[::2], of) for template, of in methods.items()]
        self.concrete = {template: of for template, _, parameters, of in compiled if not parameters}
        self._routes = sorted(
            ((len(parameters), template, pattern, of) for template, pattern, parameters, of in compiled),
            key=lambda one: one[:2],
        )

    def of(self, path: str) -> list[str]:
        """The methods of a path; none where it is no address."""
        found = next((of for _, _, pattern, of in self._routes if pattern.match(path)), set[str]())
        return sorted(found)

    def refusal(self, request: Request) -> Response:
        """What is answered to another method."""
        headers = {"Allow": ", ".join(self.of(request.url.path))}
        return problem_response(request, 405, "method_not_allowed", METHOD_NOT_ALLOWED, headers=headers)


class ConcreteFirst:
    """Refuses methods that an address without parameters does not take."""

    def __init__(self, app: ASGIApp, allowed: AllowedMethods) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, where its address takes its method."""
        if scope["type"] == "http":
            methods = self._allowed.concrete.get(scope["path"])
            if methods is not None and scope["method"] not in methods:
                await self._allowed.refusal(Request(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def install_allowed_methods(app: FastAPI, routes: Iterable[tuple[str, APIRoute]]) -> None:
    """Lets every 405 say which methods its address takes."""
    allowed = AllowedMethods(routes)

    async def refused(request: Request, _error: Exception) -> Response:
        return allowed.refusal(request)

    app.add_exception_handler(405, refused)
    app.add_middleware(ConcreteFirst, allowed=allowed)
