"""How is an answer sent, and how are its possible errors documented?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from service.api.pools import pools_of
from service.api.seen import seen, sight_of
from service.problems import MEDIA_TYPE, Problem, language_of
from service.stored_answers import Question, StoredAnswers


def send(request: Request, answer: Mapping[str, Any], named: Collection[str] = ()) -> Response:
    """An answer as JSON, in the reader's language, without what the caller may not see.

    `named`: scopes that the question named or made.
    """
    return _response(request, orjson.dumps(seen(request, answer, named)))


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
    if body is None and question.is_slow:
        body = await pools_of(request).slow.run(answers.answer_to, question, newest)
    elif body is None:
        body = await run_in_threadpool(answers.answer_to, question, newest)
    if sight_of(request).is_limited:
        body = await run_in_threadpool(_cut, request, body)
    return _response(request, body)


def _cut(request: Request, body: bytes) -> bytes:
    """A stored answer, which all share, without what the caller may not see."""
    return orjson.dumps(seen(request, orjson.loads(body)))


def documented_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of an endpoint, for the OpenAPI page."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": Problem, "content": content} for status in statuses}
