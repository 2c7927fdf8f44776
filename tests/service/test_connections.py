"""Does a connection end that stays silent, is slow or sends what is no call, and none of a good caller?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from crm.i18n import Text
from service.api.connection_limits import Limits, backlog, limits_of_this_process
from service.api.connections import Connections, GuardedProtocol

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_LATE = Text("遅すぎます。", "too late.")
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection without a network: what was written to it, and how it ended."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.written, self.ended = b"", ""
        self._address = address

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": [self._address, 1], "sockname": ["127.0.0.1", 80]}.get(name, default)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += b"" if self.ended else data

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    @property
    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Server:
    """A server's protocol on such connections; the application answers once a body is whole."""

    def __init__(self, limits: Limits, proxies: Sequence[str] = ()) -> None:
        self._config = Config(
            self._answer, http=GuardedProtocol, interface="asgi3", ws="none", log_config=None, lifespan="off"
        )
        self._config.load()
        self.state = ServerState()
        self.guard = Connections(limits, proxies)
        self.state.sancho_connections = self.guard  # type: ignore[attr-defined]
        self.begins_at_once = self.never_answers = False

    def connect(self, address: str = "10.0.0.1") -> tuple[GuardedProtocol, Wire]:
        protocol, wire = GuardedProtocol(self._config, self.state, {}), Wire(address)
        protocol.connection_made(wire)
        return protocol, wire

    async def _answer(self, _scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        if self.begins_at_once:
            await send(start)
        while (await receive()).get("more_body", False):
            pass
        if self.never_answers:
            await asyncio.Event().wait()
        if not self.begins_at_once:
            await send(start)
        await send({"type": "http.response.body", "body": b"ok"})


async def _turns() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def _limits(**given: Any) -> Limits:
    return Limits(**{"connections": 4, "of_one_address": 4, **given})


def _of(story: Callable[[], Any]) -> None:
    asyncio.run(story())


# What is no call


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xe5\x95\x86 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused_and_the_connection_ends(sent: bytes):
    async def story() -> None:
        one, wire = Server(_limits()).connect()
        one.data_received(sent)
        await _turns()
        assert wire.statuses == [400], wire.written
        assert wire.ended
        assert json.loads(wire.written.split(b"\r\n\r\n", 1)[1])["code"] == "bad_request"

    _of(story)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
)
def test_a_header_that_is_too_large_is_refused(sent: bytes):
    async def story() -> None:
        one, wire = Server(_limits()).connect()
        one.data_received(sent)
        await _turns()
        assert wire.statuses == [431]
        assert wire.ended

    _of(story)


@pytest.mark.parametrize("before", [b"", GOOD])
def test_a_field_that_never_ends_is_not_kept_in_memory(before: bytes):
    async def story() -> None:
        one, wire = Server(_limits()).connect()
        one.data_received(before)
        await _turns()
        one.data_received(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        parts = 0
        while not wire.ended:
            one.data_received(b"a" * 10_000)
            parts += 1
        assert parts <= 14
        assert wire.statuses[-1] == 431

    _of(story)


def test_good_calls_are_answered_one_after_the_other_also_where_they_come_together():
    async def story() -> None:
        one, wire = Server(_limits()).connect()
        for _ in range(3):
            one.data_received(GOOD)
            await _turns()
        one.data_received(GOOD + GOOD)
        await _turns()
        one.data_received(GOOD.replace(b"Host", b"Upgrade: websocket\r\nConnection: upgrade\r\nHost"))
        await _turns()
        assert wire.statuses == [200] * 6
        assert not wire.ended

    _of(story)


# What takes too long


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_a_connection_without_a_whole_header_ends_after_some_seconds():
    async def story() -> None:
        server = Server(_limits())
        silent, half = server.connect(), server.connect()
        half[0].data_received(GOOD[:10])
        again = server.connect()
        again[0].data_received(GOOD)
        await _turns()
        again[0].data_received(b"G")
        for one, wire in (silent, half, again):
            assert one.overdue(_now() + 9.0) is None
            assert one.overdue(_now() + 10.5) == "no header"
            one.end(_LATE)
            assert wire.ended == "closed"
        assert (silent[1].statuses, half[1].statuses, again[1].statuses) == ([], [408], [200, 408])

    _of(story)


def test_a_call_that_is_being_answered_may_take_its_time():
    async def story() -> None:
        server = Server(_limits())
        server.never_answers = True
        one, _ = server.connect()
        one.data_received(GOOD)
        await _turns()
        assert one.overdue(_now() + 3_600.0) is None
        one.data_received(b"GET")  # a next one that waits for it
        assert one.overdue(_now() + 3_600.0) is None

    _of(story)


def test_a_body_that_stops_or_crawls_ends_its_connection():
    async def story() -> None:
        server = Server(_limits())
        stopped, wire = server.connect()
        stopped.data_received(UPLOAD + b"a" * 60_000)
        await _turns()
        assert stopped.overdue(_now() + 29.0) is None
        assert stopped.overdue(_now() + 31.0) == "no body"
        stopped.end(_LATE)
        await _turns()
        assert wire.statuses == [408]
        crawling, _ = server.connect()
        crawling.data_received(UPLOAD + b"a" * 100)
        await _turns()
        assert crawling.overdue(_now() + 19.0) is None
        assert crawling.overdue(_now() + 21.0) == "slow body"

    _of(story)


def test_a_body_that_the_service_does_not_take_is_not_slow():
    async def story() -> None:
        server = Server(_limits())
        one, _ = server.connect()
        one.data_received(UPLOAD + b"a" * 70_000)  # more than is read ahead, and nothing has taken it
        assert one.flow.read_paused
        assert one.overdue(_now() + 100.0) is None
        assert one.overdue(_now() + 101.0) is None

    _of(story)


def test_lines_that_are_answered_while_they_come_may_be_slow_but_not_silent():
    async def story() -> None:
        server = Server(_limits())
        server.begins_at_once = True
        one, wire = server.connect()
        one.data_received(UPLOAD + b"a" * 100)
        await _turns()
        assert one.overdue(_now() + 25.0) is None
        assert one.overdue(_now() + 31.0) == "no body"
        one.end(_LATE)
        assert wire.ended == "aborted", "half an answer is no answer"

    _of(story)


def test_who_does_not_read_his_answer_is_let_go():
    async def story() -> None:
        one, wire = Server(_limits()).connect()
        one.data_received(GOOD)
        one.pause_writing()
        assert one.overdue(_now() + 29.0) is None
        assert one.overdue(_now() + 31.0) == "answer not read"
        one.resume_writing()
        assert one.overdue(_now() + 31.0) is None
        one.pause_writing()
        one.end(_LATE)
        assert wire.ended == "aborted"
        one.connection_lost(None)

    _of(story)


# How many there are


def test_the_one_that_has_been_silent_longest_makes_room_and_a_good_one_never():
    async def story() -> None:
        server = Server(_limits())
        good = server.connect("10.0.0.9")
        good[0].data_received(GOOD)
        await _turns()
        silent = [server.connect() for _ in range(20)]
        assert [wire.ended for _, wire in silent] == ["closed"] * 17 + [""] * 3
        assert not good[1].ended
        good[0].data_received(GOOD)
        await _turns()
        assert good[1].statuses == [200, 200]
        assert len(server.guard.all) == 4

    _of(story)


def test_where_nobody_is_silent_one_between_two_calls_makes_room_then_a_slow_body():
    async def story() -> None:
        server = Server(_limits(connections=2))
        idle, slow = server.connect(), server.connect()
        idle[0].data_received(GOOD)
        slow[0].data_received(UPLOAD)
        await _turns()
        third = server.connect()
        third[0].data_received(UPLOAD + b"a" * 60_000)
        assert (idle[1].ended, slow[1].ended) == ("closed", "")
        slow[0]._body_since = _now() - 60.0
        fourth = server.connect()
        assert (slow[1].ended, third[1].ended, fourth[1].ended) == ("closed", "", "")

    _of(story)


def test_where_all_are_being_answered_a_new_one_is_told_to_come_again():
    async def story() -> None:
        server = Server(_limits())
        server.never_answers = True
        for _ in range(4):
            server.connect()[0].data_received(GOOD)
        await _turns()
        one, wire = server.connect()
        assert not wire.ended, "it is told once it has asked"
        one.data_received(GOOD)
        assert wire.statuses == [503]
        assert b"retry-after: 5" in wire.written
        others = [server.connect()[1] for _ in range(3)]
        assert [wire.ended for wire in others] == ["aborted"] * 3, "no file is left for more of them"
        one.connection_lost(None)
        others = [server.connect()[1] for _ in range(3)]
        assert [wire.ended for wire in others] == ["closed", "closed", ""], "the newest is told, if he asks"

    _of(story)


def test_one_address_has_a_part_of_the_connections_and_a_proxy_all():
    async def story() -> None:
        server = Server(_limits(connections=100, of_one_address=3), ["10.0.0.0/24"])
        wires = [server.connect("10.9.9.9")[1] for _ in range(5)]
        assert [wire.ended for wire in wires] == ["closed"] * 2 + [""] * 3
        assert not any(server.connect("10.0.0.7")[1].ended for _ in range(50))

    _of(story)


def test_what_has_gone_is_forgotten():
    async def story() -> None:
        server = Server(_limits())
        for _ in range(3):
            one, _ = server.connect()
            one.data_received(UPLOAD)
            one.connection_lost(None)
        guard = server.guard
        left = (guard.all, guard.silent, guard.idle, guard.sending, guard.by_address)
        assert [len(some) for some in left] == [0] * 5

    _of(story)


def test_a_process_has_files_for_more_connections_than_it_takes():
    limits = limits_of_this_process()
    resource = pytest.importorskip("resource")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = limits.connections * 5 // 4 + backlog(Limits(connections=limits.connections, of_one_address=1))
    assert files in (resource.RLIM_INFINITY,) or most <= files
    assert backlog(SimpleNamespace(connections=512)) == 256  # type: ignore[arg-type]
