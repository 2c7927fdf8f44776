"""Which methods does an address take? Said by `Allow` where another one is sent.

The framework would name the methods of one route only, though an address has one for each method.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from service.problems import METHOD_NOT_ALLOWED, problem_response


class AllowedMethods:
    """The methods of each address; of templates that fit one, that with the fewest parameters counts."""

    def __init__(self, routes: Iterable[tuple[str, APIRoute]]) -> None:
        methods: dict[str, set[str]] = {}
        for prefix, route in routes:
            methods.setdefault(prefix + route.path, set()).update(route.methods or ())
        compiled = [(template, *compile_path(template)[::2], of) for template, of in methods.items()]
        self._routes = sorted(
            ((len(parameters), template, pattern, of) for template, pattern, parameters, of in compiled),
            key=lambda one: one[:2],
        )

    def of(self, path: str) -> list[str]:
        """The methods of a path; none where it is no address."""
        found = next((of for _, _, pattern, of in self._routes if pattern.match(path)), set[str]())
        return sorted(found)


def install_allowed_methods(app: FastAPI, routes: Iterable[tuple[str, APIRoute]]) -> None:
    """Lets every 405 say which methods its address takes."""
    allowed = AllowedMethods(routes)

    async def refused(request: Request, _error: Exception) -> Response:
        headers = {"Allow": ", ".join(allowed.of(request.url.path))}
        return problem_response(request, 405, "method_not_allowed", METHOD_NOT_ALLOWED, headers=headers)

    app.add_exception_handler(405, refused)
