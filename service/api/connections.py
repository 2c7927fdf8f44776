"""Which connections are kept? None that stays silent or slow, and never more than there are files for.

uvicorn ends a connection that idles between two calls. What it lacks stands here: a time limit for the header
and a lowest speed for the body of a call, a limit for the header's size, an end for those who do not read
their answer, and a bound for the number of connections. Beyond it the one that has waited longest without
having asked anything makes room for a new one; where all are being answered, a new one is told 503. So
a good caller is neither kept waiting nor reset, however many silent ones there are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from crm.i18n import Text
from service.api.connection_limits import Limits, limits_of_this_process
from service.metrics import count_cut
from service.problems import MEDIA_TYPE, problem

_LOOK_SECONDS = 1.0
_LATE = Text(
    "リクエストが時間内に届きませんでした。もう一度送ってください。",
    "the request did not arrive in time; send it again.",
)
_LARGE_HEAD = Text(
    "ヘッダーは合わせて{n}KB、{fields}個までです。",
    "the address and the header fields can have {n} KB, and {fields} fields.",
)
_NOT_HTTP = Text("HTTPのリクエストとして読めません。", "this cannot be read as a request of HTTP.")
_FULL = Text(
    "接続が多すぎるため受け付けられませんでした。数秒後にもう一度送ってください。",
    "there are too many connections; send it again in a few seconds.",
)


@dataclass
class Connections:
    """The connections of one process; `proxies`: addresses that stand for many callers."""

    limits: Limits
    proxies: Sequence[str] = ()
    all: set[GuardedProtocol] = field(default_factory=set)
    # Without a whole header, between two calls, within a body; the one that has been so longest is the first.
    silent: OrderedDict[GuardedProtocol, None] = field(default_factory=OrderedDict)
    idle: OrderedDict[GuardedProtocol, None] = field(default_factory=OrderedDict)
    sending: OrderedDict[GuardedProtocol, None] = field(default_factory=OrderedDict)
    by_address: Counter[str] = field(default_factory=Counter)
    _silent_of: dict[str, OrderedDict[GuardedProtocol, None]] = field(default_factory=dict)
    _is_looking: bool = False

    @classmethod
    def of(cls, state: ServerState, config: Config) -> Connections:
        """Those of a server."""
        found: Connections | None = getattr(state, "sancho_connections", None)
        if found is None:
            given = config.forwarded_allow_ips
            proxies = [given] if isinstance(given, str) else list(given)
            found = cls(limits_of_this_process(), proxies)
            state.sancho_connections = found  # type: ignore[attr-defined]
        return found

    def take(self, one: GuardedProtocol) -> bool:
        """Takes in a new connection, another one making room for it; False where none can."""
        if self.by_address[one.address] >= self.limits.of_one_address and not self._is_proxy(one.address):
            has_room = self._make_room(self._silent_of.get(one.address))
        elif len(self.all) <= self.limits.connections:
            has_room = len(self.all) < self.limits.connections or self._make_any_room()
        else:
            has_room = False
            if len(self.all) >= self._most:
                self._make_room(self.silent)
        self.all.add(one)
        self.by_address[one.address] += 1
        self.waits(one)
        if not self._is_looking:
            self._is_looking = True
            one.loop.call_later(_LOOK_SECONDS, self._look, one.loop)
        return has_room

    @property
    def are_far_too_many(self) -> bool:
        """Whether there is no file left to tell anybody that there are too many."""
        return len(self.all) > self._most

    @property
    def _most(self) -> int:
        """Connections at once, with those that are only told that there are too many."""
        return self.limits.connections * 5 // 4

    def waits(self, one: GuardedProtocol) -> None:
        """A connection waits for a header."""
        if one in self.all:
            self.idle.pop(one, None)
            self.silent[one] = None
            self._silent_of.setdefault(one.address, OrderedDict())[one] = None

    def sends(self, one: GuardedProtocol) -> None:
        """A connection has sent a header, and goes on with a body."""
        if one in self.all:
            self.sending[one] = None

    def asks(self, one: GuardedProtocol) -> None:
        """A connection has sent a header."""
        for some in (self.silent, self.idle, self.sending):
            some.pop(one, None)
        of_address = self._silent_of.get(one.address)
        if of_address is not None:
            of_address.pop(one, None)
            if not of_address:
                del self._silent_of[one.address]

    def rests(self, one: GuardedProtocol) -> None:
        """A connection has been answered, and nothing more has come."""
        if one in self.all:
            self.sending.pop(one, None)
            self.idle[one] = None

    def forget(self, one: GuardedProtocol) -> None:
        """A connection is gone."""
        if one not in self.all:
            return
        self.all.discard(one)
        self.asks(one)
        self.by_address[one.address] -= 1
        if self.by_address[one.address] <= 0:
            del self.by_address[one.address]

    def _make_any_room(self) -> bool:
        if self._make_room(self.silent) or self._make_room(self.idle):
            return True
        oldest = next(iter(self.sending), None)
        return oldest is not None and oldest.is_slow(time.monotonic()) and self._make_room(self.sending)

    def _make_room(self, some: OrderedDict[GuardedProtocol, None] | None) -> bool:
        if not some:
            return False
        oldest = next(iter(some))
        count_cut("for another")
        self.forget(oldest)
        oldest.transport.close()
        return True

    def _is_proxy(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
            return any(ip in ipaddress.ip_network(one) for one in self.proxies)
        except ValueError:
            return False

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the connections that took too long; looks again as long as there are any."""
        now = time.monotonic()
        for one in list(self.all):
            why = one.overdue(now)
            if why is not None:
                count_cut(why)
                self.forget(one)
                one.end(_LATE)
        self._is_looking = bool(self.all)
        if self._is_looking:
            loop.call_later(_LOOK_SECONDS, self._look, loop)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits for what a connection may take."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard = Connections.of(server_state, config)
        self._limits = self._guard.limits
        self.address = ""
        self._status, self._why = 400, _NOT_HTTP
        self._is_one_too_many = False
        # Since when a header is waited for (None: it is not), what has come since the last whole call, and
        # what of it is read already.
        self._head_since: float | None = None
        self._came = self._head_bytes = self._head_fields = 0
        # Since when a body comes (None: none does), when its last byte came, and how many have come.
        self._body_since: float | None = None
        self._body_at, self._body_bytes = 0.0, 0
        self._unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes in a connection; where there are too many, only to say so."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client is not None else ""
        self._head_since = time.monotonic()
        self._is_one_too_many = not self._guard.take(self)
        if self._is_one_too_many:
            count_cut("too many")
            if self._guard.are_far_too_many:
                self._guard.forget(self)
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets go of a connection."""
        self._guard.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes in what has come."""
        if self.parser is None or self.transport.is_closing():
            return
        now = time.monotonic()
        if self._body_since is not None:
            self._body_at = now
        elif self._head_since is None:
            self._head_since = now
        self._came += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._body_since is not None:
            self._guard.sends(self)
        elif self._head_since is not None:
            self._guard.waits(self)
            if self._came > 2 * self._limits.head_bytes:
                self._refuse_head()
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A call begins."""
        self._head_bytes = self._head_fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of a call's address."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of a call's header."""
        self._head_fields += 1
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A call's header is whole."""
        self._head_since = None
        self._body_since = self._body_at = time.monotonic()
        self._came = self._body_bytes = 0
        self._guard.asks(self)
        if self._is_one_too_many:
            self._status, self._why = 503, _FULL
            raise httptools.HttpParserError(self._why.en)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a call's body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A call is whole."""
        self._body_since = None
        self._came = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self._guard.rests(self)
        else:
            self._guard.asks(self)

    def on_response_complete(self) -> None:
        """A call is answered."""
        super().on_response_complete()
        if self._head_since is not None:
            self._head_since = time.monotonic()
        elif not self.pipeline and self._body_since is None:
            self._guard.rests(self)

    def pause_writing(self) -> None:
        """Whoever is answered does not read."""
        self._unread_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Whoever is answered reads."""
        self._unread_since = None
        super().resume_writing()

    def overdue(self, now: float) -> str | None:
        """Why a connection is to be ended now; None: it is not."""
        limits = self._limits
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._head_since is not None and not is_answering and now - self._head_since > limits.head_seconds:
            return "no header"
        if self._unread_since is not None and now - self._unread_since > limits.unread_seconds:
            return "answer not read"
        if self._body_since is None:
            return None
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:  # it waits for us
            self._body_since = self._body_at = now
            self._body_bytes = 0
            return None
        if now - self._body_at > limits.idle_body_seconds:
            return "no body"
        is_due = now - self._body_since > limits.slow_seconds
        has_begun = self.cycle.response_started and is_answering
        return "slow body" if is_due and not has_begun and self.is_slow(now) else None

    def is_slow(self, now: float) -> bool:
        """Whether the body of a call comes more slowly than it has to."""
        if self._body_since is None or now - self._body_since < _LOOK_SECONDS:
            return False
        return self._body_bytes < self._limits.slow_bytes * (now - self._body_since)

    def end(self, why: Text) -> None:
        """Ends a connection; where a part of a call has come that is not answered yet, with the reason."""
        if self.transport.is_closing():
            return
        is_answered = self._body_since is not None and self.cycle.response_started
        if self._unread_since is not None or is_answered:
            self.transport.abort()
        elif self._body_since is None and self._came == 0:
            self.transport.close()
        else:
            self._status, self._why = 408, why
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words; ours are in two languages
        """Refuses what is no call, or a call that takes too much, and ends the connection."""
        known = {400: "bad_request", 408: "too_late", 431: "too_large", 503: "busy"}
        why = Text(f"{self._why.ja} {self._why.en}", f"{self._why.en} {self._why.ja}")  # nobody knows whose
        body = orjson.dumps(problem("en", "", self._status, known[self._status], why))
        lines = [
            f"HTTP/1.1 {self._status} ".encode(),
            b"\r\n",
            *(b"%b: %b\r\n" % header for header in self.server_state.default_headers),
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n".encode(),
            b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n",
            b"retry-after: 5\r\n" if self._status == 503 else b"",
            b"connection: close\r\n\r\n",
            body,
        ]
        self.transport.write(b"".join(lines))
        self.transport.close()

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        limits = self._limits
        if self._head_bytes > limits.head_bytes or self._head_fields > limits.head_fields:
            self._refuse_head()
            raise httptools.HttpParserError(self._why.en)

    def _refuse_head(self) -> None:
        limits = self._limits
        self._status = 431
        self._why = _LARGE_HEAD.format(n=limits.head_bytes >> 10, fields=limits.head_fields)
