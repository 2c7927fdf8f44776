"""How does a program call the service? Over kept connections, again where that is safe, with one error.

This is what is under `sancho.client.Client`, whose methods are generated from the OpenAPI. It needs Python's
own library alone. A connection belongs to one thread; a client may be shared by all.
"""

from __future__ import annotations

import gzip
import json
import random
import ssl
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_OVERLOADED = (429, 503)
_NOT_BEGUN = ("busy", "not_ready", "no_model", "too_many_attempts")  # codes: nothing has been done
_NOT_MODIFIED = 304
_ERRORS_FROM = 300  # statuses: the service does not redirect, and the key goes nowhere else
_FIRST_PAUSE = 0.5  # seconds before the second attempt, where the service does not say
_FAULTS = (OSError, HTTPException)
NDJSON, JSON = "application/x-ndjson", "application/json"
Body = bytes | Iterable[bytes] | None


class ApiError(Exception):
    """What the service answers in place of an answer (RFC 9457); `code` names the kind and does not change.

    `status` 0 with code `unreachable`: there was no answer at all. `errors` say what is wrong where in a
    request.
    """

    def __init__(self, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = int(problem.get("status", 0))
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, Any]] = list(problem.get("errors") or [])
        self.retry_after = retry_after
        super().__init__(f"{self.status} {self.code}: {self.detail}")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call; `repeatable`: made twice it changes nothing more, so that a lost one is made again."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Body = None
    content_type: str = JSON
    repeatable: bool = False
    idempotency_key: str | None = None

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        given = {name: _text(value) for name, value in self.query.items() if value is not None}
        return f"{self.path}?{urlencode(given)}" if given else self.path


class HttpClient:
    """Connections to one service with one key.

    `timeout`: seconds for which one attempt may be silent. `retries`: further attempts after 429, 503 or a
    lost connection; each waits as long as the service says, up to `patience` seconds. `cached`: answers of
    GET that are kept to be asked for by their ETag. `language`: `ja` or `en`.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        language: str = "ja",
        timeout: float = 60.0,
        retries: int = 4,
        patience: float = 120.0,
        cached: int = 0,
        tls: ssl.SSLContext | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"address: give one like https://sancho.example.com, not {address!r}")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if tls is None and parts.scheme == "https" else tls
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept-Language": language,
            "Accept-Encoding": "gzip",
            "User-Agent": "sancho-client",
        }
        self._timeout, self._retries, self._patience = timeout, retries, patience
        self._pause = pause
        self._own = threading.local()
        self._cached, self._answers = cached, OrderedDict[str, tuple[str, bytes]]()
        self._guard = threading.Lock()  # of the cached answers

    def close(self) -> None:
        """Ends this thread's connection."""
        connection: HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
            self._own.connection = None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what the generated methods use

    def _ask(self, call: Call) -> Any:
        """What the service answers to a call, read from JSON."""
        content = self._sent(call)
        return json.loads(content) if content else None

    def _ask_by_line(self, call: Call) -> Iterator[Any]:
        """The lines of an answer as they come; what is sent is taken from `body` as it goes out."""
        connection = self._connection()
        try:
            response = self._begun(connection, call, {})
            if response.status >= _ERRORS_FROM:
                raise _error(response, response.read())
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except _FAULTS as fault:
            raise _unreachable(fault) from fault
        finally:
            connection.close()

    def _pages(self, ask: Callable[[str | None], Any], rows: str) -> Iterator[Any]:
        """The rows of all pages, each page asked for when it is reached."""
        cursor: str | None = None
        while True:
            page = ask(cursor)
            yield from page[rows]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    # one call

    def _sent(self, call: Call) -> bytes:
        """The content of the answer; attempts go on until there is one, or no more is to be hoped for."""
        again = call.repeatable and not isinstance(call.body, Iterator)
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                return self._attempt(call)
            except ApiError as error:
                may = error.status in _OVERLOADED and (again or error.code in _NOT_BEGUN)
                wait = _FIRST_PAUSE * 2**attempt if error.retry_after is None else error.retry_after
                if is_last or not may or isinstance(call.body, Iterator) or wait > self._patience:
                    raise
            except _FAULTS as fault:
                self.close()
                if is_last or not again:
                    raise _unreachable(fault) from fault
                wait = _FIRST_PAUSE * 2**attempt
            # Many that were refused at one moment do not come back at one moment.
            self._pause(wait * random.uniform(1.0, 1.25))  # noqa: S311 - no secret
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, call: Call) -> bytes:
        if (
            not call.repeatable
        ):  # a kept connection may have been ended meanwhile, and would be lost on the way
            self.close()
        known = self._known(call)
        headers = {} if known is None else {"If-None-Match": known[0]}
        if getattr(self._own, "connection", None) is None:
            self._own.connection = self._connection()
        response = self._begun(self._own.connection, call, headers)
        content = response.read()
        if response.will_close:
            self.close()
        if response.status == _NOT_MODIFIED and known is not None:
            return known[1]
        if response.status >= _ERRORS_FROM:
            raise _error(response, content)
        if response.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        self._keep(call, response.headers.get("ETag"), content)
        return content

    def _begun(self, connection: HTTPConnection, call: Call, more: Mapping[str, str]) -> HTTPResponse:
        headers = {**self._headers, **more}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        connection.request(call.method, self._prefix + call.target, call.body, headers)
        return connection.getresponse()

    def _connection(self) -> HTTPConnection:
        if self._scheme == "https":
            return HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
        return HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _known(self, call: Call) -> tuple[str, bytes] | None:
        if not self._cached or call.method != "GET":
            return None
        with self._guard:
            return self._answers.get(call.target)

    def _keep(self, call: Call, tag: str | None, content: bytes) -> None:
        if not self._cached or call.method != "GET" or tag is None:
            return
        with self._guard:
            self._answers[call.target] = (tag, content)
            self._answers.move_to_end(call.target)
            while len(self._answers) > self._cached:
                self._answers.popitem(last=False)


def new_key() -> str:
    """A word for one request, by which the service knows it when it comes again."""
    return uuid.uuid4().hex


def path_of(template: str, **values: str) -> str:
    """A path with its values in their places, whatever characters they have.

    >>> path_of("/v1/deals/{deal_id}", deal_id="A/1 日")
    '/v1/deals/A%2F1%20%E6%97%A5'
    """
    return template.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def json_bytes(value: Any) -> bytes:
    """A value as JSON; days and moments as ISO 8601."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text).encode()


def json_lines(rows: Iterable[Any] | bytes | str) -> bytes:
    """Rows as NDJSON; what is text already stays as it is."""
    if isinstance(rows, bytes):
        return rows
    if isinstance(rows, str):
        return rows.encode()
    return b"".join(json_bytes(row) + b"\n" for row in rows)


def streamed_lines(rows: Iterable[Any]) -> Iterator[bytes]:
    """Rows as NDJSON, a line at a time."""
    return (json_bytes(row) + b"\n" for row in rows)


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no form in JSON")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(response: HTTPResponse, content: bytes) -> ApiError:
    """The error of an answer; one that is no problem of the service (a proxy's page) keeps its status."""
    problem: Any = None
    with suppress(ValueError):
        problem = json.loads(content)
    if not isinstance(problem, dict) or "code" not in problem:
        detail = content[:200].decode("utf-8", "replace")
        problem = {"code": "no_problem_details", "title": response.reason, "detail": detail}
    told = response.headers.get("Retry-After", "")
    return ApiError({**problem, "status": response.status}, float(told) if told.isdigit() else None)


def _unreachable(fault: BaseException) -> ApiError:
    return ApiError({"code": "unreachable", "detail": f"no answer: {type(fault).__name__} {fault}".strip()})
