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
from service.problems import MEDIA_TYPE, STATUS, Problem, language_of
from service.representation import Representation, is_known, takes_gzip
from service.stored_answers import Question, StoredAnswers

# An answer depends on who asks, and on how; a cache that is the caller's own asks again each time.
_VARY = "Accept-Encoding, Accept-Language, Authorization, Cookie"
_PRIVATE = "private, no-cache"
CODES = "x-codes"  # of a problem in the OpenAPI: which values its `code` can have


def send(
    request: Request,
    answer: Mapping[str, Any],
    *,
    named: Collection[str] = (),
    secret: bool = False,
    of_oneself: bool = False,
) -> Response:
    """An answer as JSON, in the reader's language, without what the caller may not see.

    `named`: scopes that the question named or made; `of_oneself`: it tells of nobody but who asks. One that
    holds a `secret` is not compressed: what is compressed with a secret tells of it by its length to who may
    choose other parts of the answer (BREACH).
    """
    told = answer if of_oneself else seen(request, answer, named)
    return respond(request, Representation(orjson.dumps(told)), may_compress=not secret)


def respond(
    request: Request,
    answer: Representation,
    *,
    media_type: str = "application/json",
    may_compress: bool = True,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer in the form that the caller takes; 304 to a GET whose answer the caller has already.

    `headers`: more of them, or others than an answer of the API has.
    """
    is_compressed = (
        may_compress and takes_gzip(request.headers.get("accept-encoding")) and answer.compressed is not None
    )
    sent = {"Content-Language": language_of(request), "Vary": _VARY}
    if is_compressed:
        sent["Content-Encoding"] = "gzip"
    if request.method in ("GET", "HEAD"):
        tag = answer.tag(is_compressed)
        sent |= {"ETag": tag, "Cache-Control": _PRIVATE}
        if is_known(request.headers.get("if-none-match"), tag):
            kept = {name: value for name, value in sent.items() if not name.startswith("Content-")}
            return Response(status_code=304, headers={**kept, **(headers or {})})
    body = answer.compressed if is_compressed else answer.body
    return Response(body, media_type=media_type, headers={**sent, **(headers or {})})


async def answered(request: Request, answers: StoredAnswers | None, question: Question) -> Response:
    """The answer to a question, sent."""
    return respond(request, await answer_to(request, answers, question))


async def answer_to(request: Request, answers: StoredAnswers | None, question: Question) -> Representation:
    """The answer to a question, without what the caller may not see: at once where it is stored, else made.

    Of what takes long a few are made at a time, so that they leave threads to what is quick. A caller who
    sends Cache-Control: no-cache gets the newest rows, however long that takes.
    """
    if answers is None:
        return Representation(orjson.dumps(seen(request, await run_in_threadpool(question.make))))
    newest = "no-cache" in request.headers.get("cache-control", "").lower()
    answer = None if newest else answers.stored(question)
    if answer is None and question.is_slow:
        answer = await pools_of(request).slow.run(answers.answer_to, question, newest)
    elif answer is None:
        answer = await run_in_threadpool(answers.answer_to, question, newest)
    if sight_of(request).is_limited:
        answer = await run_in_threadpool(_cut, request, answer)
    return answer


def _cut(request: Request, answer: Representation) -> Representation:
    """A stored answer, which all share, without what the caller may not see."""
    return Representation(orjson.dumps(seen(request, orjson.loads(answer.body))))


def documented_problems(*kinds: int | str) -> dict[int | str, dict[str, Any]]:
    """The error responses of an endpoint, for the OpenAPI: by the `code` of each problem.

    A number stands for all codes of that status.
    """
    codes: dict[int | str, list[str]] = {}
    for kind in kinds:
        status = STATUS.get(kind, 422) if isinstance(kind, str) else kind
        named = [kind] if isinstance(kind, str) else [code for code, of in STATUS.items() if of == kind]
        codes.setdefault(status, []).extend(named)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"model": Problem, "content": content, CODES: sorted(set(named))}
        for status, named in codes.items()
    }
