"""How is an answer sent, and how are its possible errors documented?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from service.problems import MEDIA_TYPE, Problem, language_of
from service.stored_answers import Question, StoredAnswers

_SLOW_AT_ONCE = 4


def send(request: Request, answer: Mapping[str, Any]) -> Response:
    """An answer as JSON, in the reader's language."""
    return _response(request, orjson.dumps(answer))


def _response(request: Request, body: bytes) -> Response:
    return Response(
        body,
        media_type="application/json",
        headers={"Content-Language": language_of(request)},
    )


async def answered(request: Request, answers: StoredAnswers | None, question: Question) -> Response:
    """The answer to a question: sent at once where it is stored, else made in a thread.

    Of what takes long a few are made at a time, so that they leave threads to what is quick. A caller who
    sends Cache-Control: no-cache gets the newest rows, however long that takes.
    """
    if answers is None:
        return send(request, await run_in_threadpool(question.make))
    newest = "no-cache" in request.headers.get("cache-control", "").lower()
    body = None if newest else answers.stored(question)
    if body is None:
        limit = _slow_limit(request) if question.is_slow else None
        body = await to_thread.run_sync(answers.made, question, newest, limiter=limit)
    return _response(request, body)


def _slow_limit(request: Request) -> CapacityLimiter:
    """How many slow questions are answered at a time."""
    state = request.app.state
    if not hasattr(state, "slow_limit"):
        state.slow_limit = CapacityLimiter(_SLOW_AT_ONCE)
    limit: CapacityLimiter = state.slow_limit
    return limit


def documented_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of an endpoint, for the OpenAPI page."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": Problem, "content": content} for status in statuses}
