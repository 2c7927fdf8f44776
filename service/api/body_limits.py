"""How large may the body of a request be, and what may be in it? It is refused before it is taken apart.

A body that is too large is refused before it is read, and one of too many fields before anything is made of
them, in a thread, in a sentence that says the limit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.i18n import Text
from service.problems import problem_response

MAX_JSON = 8 << 20  # bytes: one question, with its 20,000 rows
MAX_FIELDS = 2_000  # of one object
MAX_DEPTH = 32  # of lists and objects in one another
_LOOKED_INTO = 16 << 10  # bytes: a smaller body cannot hold much
_DRAINED = 64 << 20  # bytes of a refused body that are taken, so that the sender reads the answer
_TOO_LARGE = Text(
    "リクエスト本文は{n:,}MBまでです。分けて送ってください。",
    "a body can have up to {n:,} MB here; send it in parts.",
)
_MANY_FIELDS = Text(
    "1つのオブジェクトの項目は{n:,}個までです（{found:,}個ありました）。",
    "an object can have up to {n:,} fields (one has {found:,}); leave out what is not needed.",
)
_DEEP = Text(
    "入れ子は{n}段までです。", "lists and objects can be nested up to {n} deep; send a flatter body."
)


class TooLargeError(HTTPException):
    """A body that turns out to be too large while it is read."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(413, text.en)

    @classmethod
    def of_bytes(cls, limit: int) -> TooLargeError:
        """The error of a body of more bytes than the limit."""
        return cls(_TOO_LARGE.format(n=limit >> 20))


class BodyLimits:
    """Refuses bodies that are too large: at once where the length is declared, else when it is passed.

    `limits`: bytes by the beginning of the path, the first that fits; None = whoever reads it counts itself.
    """

    def __init__(self, app: ASGIApp, limits: Sequence[tuple[str, int | None]]) -> None:
        self._app = app
        self._limits = tuple(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, where its body is not too large."""
        limit = self._limit_of(scope)
        if limit is None:
            await self._app(scope, receive, send)
            return
        if _declared(scope) > limit:
            if not _waits_to_send(scope):
                await _drain(receive)
            await _refused(TooLargeError.of_bytes(limit), scope, receive, send)
            return
        received, parts = 0, []

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise TooLargeError.of_bytes(limit)
            if limit == MAX_JSON:  # one question
                parts.append(message.get("body", b""))
                if received > _LOOKED_INTO and not message.get("more_body", False):
                    await run_in_threadpool(refuse_shape, b"".join(parts))
            return message

        await self._app(scope, counted, send)

    def _limit_of(self, scope: Scope) -> int | None:
        if scope["type"] != "http":
            return None
        path = str(scope["path"])
        return next((limit for start, limit in self._limits if path.startswith(start)), MAX_JSON)


def refuse_shape(body: bytes) -> None:
    """Raises for JSON with an object of too many fields, or nested too deep; what is no JSON is passed on."""
    try:
        level = [json.loads(body)]
    except RecursionError:
        raise TooLargeError(_DEEP.format(n=MAX_DEPTH)) from None
    except ValueError:
        return
    for _ in range(MAX_DEPTH + 1):
        inner = []
        for value in level:
            if isinstance(value, dict):
                if len(value) > MAX_FIELDS:
                    raise TooLargeError(_MANY_FIELDS.format(n=MAX_FIELDS, found=len(value)))
                inner += [one for one in value.values() if isinstance(one, dict | list)]
            elif isinstance(value, list):
                inner += [one for one in value if isinstance(one, dict | list)]
        if not inner:
            return
        level = inner
    raise TooLargeError(_DEEP.format(n=MAX_DEPTH))


async def _refused(error: TooLargeError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers that a body is refused, and ends the connection on which the rest of it may still come."""
    response = problem_response(Request(scope), 413, "too_large", error.text, headers={"Connection": "close"})
    await response(scope, receive, send)


def _declared(scope: Scope) -> int:
    """The length that the request declares, 0 = none."""
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(given) if given.isdigit() else 0


def _waits_to_send(scope: Scope) -> bool:
    return any(name == b"expect" for name, _ in scope["headers"])


async def _drain(receive: Receive) -> None:
    """Takes what is being sent, and drops it."""
    taken = 0
    while taken < _DRAINED:
        message = await receive()
        taken += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
