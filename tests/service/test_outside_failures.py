"""Is what fails outside of us said as that: disk, memory, temporary folder, threads?"""

from __future__ import annotations

import asyncio
import errno
import os
from tempfile import SpooledTemporaryFile
from typing import Any

import anyio
import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from service import problems
from service.api import by_line
from service.api.by_line import AnswersByLine
from service.problems import problem_of
from service.request_error import outside_failure


def of_system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (of_system(errno.ENOSPC), "no_room", "the disk is full"),
        (of_system(errno.EROFS), "no_room", "cannot be written to"),
        (of_system(errno.ENOENT), "no_room", "no temporary folder"),
        (of_system(errno.EMFILE), "busy", "open files"),
        (MemoryError(), "busy", "memory"),
        (RuntimeError("can't start new thread"), "busy", "threads"),
    ],
)
def test_what_fails_outside_is_503_and_says_what_to_do(fault: Exception, code: str, told: str) -> None:
    app = FastAPI()
    app.state.language = "en"
    problems.install_handlers(app)

    @app.get("/ask")
    def ask() -> None:
        raise fault

    response = TestClient(app, raise_server_exceptions=False).get("/ask")
    assert (response.status_code, response.json()["code"]) == (503, code)
    assert response.headers["Retry-After"] == "5"
    assert told in response.json()["detail"]


@pytest.mark.parametrize("fault", [ValueError("a mistake"), of_system(errno.EINVAL), RuntimeError("ours")])
def test_a_mistake_of_ours_is_none_of_the_machines(fault: Exception) -> None:
    assert outside_failure(fault) is None


def test_a_batch_whose_lines_find_no_room_answers_those_that_came_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > 10:
                raise of_system(errno.ENOSPC)
            return super().write(data)

    monkeypatch.setattr(by_line, "SpooledTemporaryFile", Full)

    def answer(number: int, line: by_line.Line) -> bytes:
        if isinstance(line, Exception):
            return orjson.dumps({**problem_of(line, "en", "/batch"), "line": number})
        return b"%d:%s" % (number, line or b"")

    parts = [b"one\ntwo\n", b"three\n", b"four\n"]
    sent: list[bytes] = []

    async def receive() -> Message:
        if not parts:
            await anyio.sleep_forever()
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    asyncio.run(AnswersByLine(answer, {})({"type": "http"}, receive, send))
    lines = b"".join(sent).splitlines()
    assert lines[:-1] == [b"1:one", b"2:two"]
    last = orjson.loads(lines[-1])
    assert (last["code"], last["status"], last["line"]) == ("no_room", 503, 3)
