"""How is an answer sent, and how are its possible errors documented?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from service.problems import MEDIA_TYPE, Problem, language_of


def send(request: Request, answer: Mapping[str, Any]) -> Response:
    """An answer as JSON, in the reader's language."""
    return Response(
        orjson.dumps(answer),
        media_type="application/json",
        headers={"Content-Language": language_of(request)},
    )


def documented_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of an endpoint, for the OpenAPI page."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": Problem, "content": content} for status in statuses}
