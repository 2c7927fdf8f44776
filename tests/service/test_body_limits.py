"""Is a body that is too large refused before it is read, and does the answer say how large it may be?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from service.api.body_limits import MAX_DEPTH, MAX_FIELDS, MAX_JSON, BodyLimits, TooLargeError


class Reading:
    """An application that reads all of a body."""

    def __init__(self) -> None:
        self.read: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        total, more = 0, True
        while more:
            message = await receive()
            total += len(message["body"])
            more = message["more_body"]
        self.read = total
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class _Taken:
    """What was taken of a body sent in parts."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts: Iterator[tuple[int, bytes]] = iter(enumerate(parts, 1))
        self._count = len(parts)
        self.taken = 0

    async def __call__(self) -> Message:
        number, part = next(self._parts)
        self.taken += len(part)
        return {"type": "http.request", "body": part, "more_body": number < self._count}


def asked(app: Any, parts: list[bytes], path: str, **headers: str) -> tuple[list[Message], _Taken]:
    class State:
        language = "en"

    class App:
        state = State()

    sent: list[Message] = []
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "path": path, "headers": named, "app": App(), "method": "POST",
        "query_string": b"", "server": ("test", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    body = _Taken(parts)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, body, send))
    return sent, body


def test_a_body_that_declares_too_much_is_refused_unread_and_told_the_limit() -> None:
    inner = Reading()
    app = BodyLimits(inner, [("/rows", 2 << 20)])
    sent, _ = asked(app, [b"x"], "/rows", content_length=str((2 << 20) + 1))
    assert inner.read is None
    assert sent[0]["status"] == 413
    problem = orjson.loads(sent[1]["body"])
    assert problem["code"] == "too_large"
    assert "up to 2 MB" in problem["detail"]


def test_a_sender_that_waits_for_our_leave_is_refused_before_it_sends() -> None:
    app = BodyLimits(Reading(), [("/rows", 10)])
    sent, body = asked(app, [b"x" * 11], "/rows", content_length="11", expect="100-continue")
    assert sent[0]["status"] == 413
    assert body.taken == 0


def test_a_body_of_unknown_length_is_refused_once_it_passes_the_limit() -> None:
    inner = Reading()
    with pytest.raises(TooLargeError, match="up to 1 MB"):
        asked(BodyLimits(inner, [("/rows", 1 << 20)]), [b"x" * (1 << 19)] * 4, "/rows")
    assert inner.read is None


def test_a_body_of_just_the_limit_is_read() -> None:
    inner = Reading()
    asked(BodyLimits(inner, [("/rows", 20)]), [b"x" * 10] * 2, "/rows", content_length="20")
    assert inner.read == 20


def test_other_addresses_take_one_question_and_those_that_count_themselves_take_all() -> None:
    inner = Reading()
    app = BodyLimits(inner, [("/parts", None)])
    asked(app, [b"x" * 100], "/parts", content_length=str(MAX_JSON + 1))
    assert inner.read == 100
    sent, _ = asked(app, [b"x"], "/plans", content_length=str(MAX_JSON + 1))
    assert sent[0]["status"] == 413


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({f"k{n}": 1 for n in range(MAX_FIELDS + 1)}, "up to 2,000 fields"),
        ({"deal": [{f"k{n}": 1 for n in range(MAX_FIELDS + 1)}]}, "one has 2,001"),
    ],
)
def test_an_object_of_too_many_fields_is_refused_and_told_the_limit(value: Any, told: str) -> None:
    body = orjson.dumps(value)
    with pytest.raises(TooLargeError, match=told):
        asked(BodyLimits(Reading(), []), [body[:100], body[100:]], "/plans")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 2, 100_000])
def test_what_is_nested_too_deep_is_refused_and_told_the_limit(depth: int) -> None:
    body = b"[" * depth + b" " * 20_000 + b"]" * depth
    with pytest.raises(TooLargeError, match="up to 32 deep"):
        asked(BodyLimits(Reading(), []), [body], "/plans")


def test_a_sound_body_and_one_that_is_no_json_are_passed_on_whole() -> None:
    for body in (orjson.dumps([{f"k{n}": [n] for n in range(MAX_FIELDS)}] * 3), b"{" * 20_000 + b"x"):
        inner = Reading()
        asked(BodyLimits(inner, []), [body[:50], body[50:]], "/plans")
        assert inner.read == len(body)
