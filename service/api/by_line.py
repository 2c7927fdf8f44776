"""How are many requests in one answered? Line by line, as they come, in memory that does not grow.

A client that sends all before it reads anything must not wait for us while we wait for it: so what comes is
taken at once, into a temporary file where it is much, and answered from there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from tempfile import SpooledTemporaryFile

import anyio
from anyio import to_thread
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from crm.errors import SanchoError
from crm.i18n import Text

MEDIA_TYPE = "application/x-ndjson"
MAX_LINE = 8 << 20  # bytes of a request
MAX_ALL = 4 << 30  # bytes of all of them
_AT_ONCE = 8  # requests answered between two looks at the other calls
_IN_MEMORY = 1 << 20  # bytes of what has come and is not answered; more of it waits in a file
_READ = 64 << 10  # bytes
_TOO_MUCH = Text(
    "1回に送れるのは{n}GBまでです。この行からあとは、分けて送ってください。",
    "one call can have up to {n} GB; send this line, and those after it, in another one.",
).format(n=MAX_ALL >> 30)

Line = bytes | Exception | None
Answer = Callable[[int, Line], bytes]


class AnswersByLine(Response):
    """The answer to each line of a request's body, in order, a line each; blank lines have none.

    `answer` takes the number of a line, from 1, and the line: None where it has more than `MAX_LINE` bytes,
    the fault where it and those after it could not be taken. `turn`: what is waited for before any is taken.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        answer: Answer,
        headers: dict[str, str],
        status_code: int = 200,
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        super().__init__(status_code=status_code, headers=headers)
        del self.headers["content-length"]
        self._answer = answer
        self._turn = turn if turn is not None else nullcontext()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Takes the body and sends the answers, side by side; ends when the client goes."""
        async with self._turn:
            await self._take_and_send(receive, send)

    async def _take_and_send(self, receive: Receive, send: Send) -> None:
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            body = _Body(file)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(body.take, receive, tasks.cancel_scope)
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                async for lines in body.lines():
                    answers = await to_thread.run_sync(self._answers, lines)
                    await send({"type": "http.response.body", "body": answers, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                tasks.cancel_scope.cancel()

    def _answers(self, lines: list[tuple[int, Line]]) -> bytes:
        return b"".join(self._answer(number, line) + b"\n" for number, line in lines)


class _Body:
    """A request's body as it comes: written at its end, read from where reading has got to."""

    def __init__(self, file: SpooledTemporaryFile[bytes]) -> None:
        self._file = file
        self._read = 0
        self._whole = False
        self._fault: OSError | SanchoError | None = None
        self._bytes = 0
        self._more = anyio.Event()

    async def take(self, receive: Receive, serving: anyio.CancelScope) -> None:
        """Takes all parts, then waits for the client to go, which ends the serving."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                serving.cancel()
                return
            self._bytes += len(message.get("body", b""))
            try:
                if self._bytes > MAX_ALL:
                    raise SanchoError(_TOO_MUCH, "too_large")
                self._file.seek(0, 2)
                self._file.write(message.get("body", b""))
            except (OSError, SanchoError) as fault:  # what has come is answered, and the rest is not taken
                self._fault = fault
            self._whole = self._fault is not None or not message.get("more_body", False)
            self._more.set()

    async def lines(self) -> AsyncIterator[list[tuple[int, Line]]]:
        """Some lines that are not blank, with their numbers; the next when these are answered."""
        number, rest, too_long = 0, b"", False
        while True:
            whole, part = self._whole, self._next()
            if not part and not whole:
                await self._more.wait()
                self._more = anyio.Event()
                continue
            *found, rest = (rest + part).split(b"\n")
            if not part:  # the last line needs no end
                found, rest = [rest] if self._fault is None else [], b""
            waiting: list[tuple[int, Line]] = []
            for line in found:
                number += 1
                if too_long or line.strip():
                    waiting.append((number, None if too_long or len(line) > MAX_LINE else line))
                too_long = False
            for first in range(0, len(waiting), _AT_ONCE):
                yield waiting[first : first + _AT_ONCE]
            if not part:
                if self._fault is not None:
                    yield [(number + 1, self._fault)]
                return
            if len(rest) > MAX_LINE:
                too_long, rest = True, b""

    def _next(self) -> bytes:
        self._file.seek(self._read)
        part = self._file.read(_READ)
        self._read += len(part)
        return part
