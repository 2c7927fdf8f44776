"""Is a caller's credential valid, may it do this, what is logged and counted of a call? Never a secret."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Annotated

from fastapi import Request, Security
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import UNAVAILABLE
from service.access_rules import PAGES, may, needed
from service.api.attempts import FailedAttempts
from service.api.cookies import SESSION_COOKIE, drop_cookie
from service.api.counts import Counts
from service.api.persons import (
    AGAIN_SECONDS,
    BY_FORM,
    LOOK_UP_SECONDS,
    SESSION_ENDED,
    brings_token,
    caller_of_key,
    caller_of_session,
    caller_of_token,
    session_text,
    sign_in_of,
)
from service.api.pools import BUSY, pools_of
from service.callers import Caller
from service.keys import ApiKey, ApiKeys
from service.logs import REQUEST_ID, log_event
from service.metrics import UNMATCHED, count_call
from service.problems import refuse
from service.sign_in.people import TRUSTED_SECONDS
from service.traces import call_span

_ID_HEADER = b"x-request-id"
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CALLER = "sancho_caller"  # in the scope of a call: who makes it
_NO_CREDENTIAL = Text(
    "APIキーが必要です。`sancho key create --name 名前` で作成し、"
    "Authorization: Bearer キー で送ってください。",
    "an API key is required; create one with `sancho key create --name NAME` and send it as "
    "Authorization: Bearer KEY.",
)
_NOT_ALLOWED = Text(
    "このキーには権限「{right}」がありません。"
    "`sancho key create --name 名前 --right {right}` で作成したキーを使ってください。",
    "this key does not have the right {right!r}; use one made by "
    "`sancho key create --name NAME --right {right}`.",
)
_NOT_BY_ROLE = Text(
    "あなたの役割（{role}）には権限「{right}」がありません。管理者に依頼してください。",
    "your role ({role}) does not have the right {right!r}; ask an admin.",
)
_TOO_MANY = Text(
    "正しくないキーが何度も送られました。{seconds}秒後にもう一度送ってください。",
    "too many wrong keys came from this address; send again in {seconds} seconds.",
)
_BEARER = HTTPBearer(auto_error=False, description="A key of `sancho key create --name NAME`")


async def known_caller(
    request: Request,
    _credential: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],  # for the documentation
) -> Caller:
    """Who makes the call, as `Credentials` has found."""
    return caller_of(request)


def caller_of(request: Request) -> Caller:
    """Who makes a call that needs a credential."""
    caller: Caller = request.scope[CALLER]
    return caller


CallerDep = Annotated[Caller, Security(known_caller)]


class Credentials:
    """Looks at the key of a call before anything else of it is read, and at what the key may do."""

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[tuple[str, APIRoute]],
        counts: Counts | None = None,
        refused: Callable[[Request, Exception], Response] = refuse,
    ) -> None:
        self._app = app
        self._refused = refused  # what is answered to a call that may not be made
        self._failed = FailedAttempts(counts)
        self._routes = [
            (compile_path(prefix + route.path)[0], route.methods or set(), route.name)
            for prefix, route in routes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, where its key may make it."""
        operation = self._operation(scope)
        if operation is not None:
            request = Request(scope)
            scope[BY_FORM] = operation in PAGES
            try:
                caller = await self._caller(request)
                if not may(caller.rights, operation):
                    text = _NOT_ALLOWED if caller.role is None else _NOT_BY_ROLE
                    told = text.format(right=needed(operation)[0], role=caller.role)
                    raise SanchoError(told, "not_allowed")
            except Exception as fault:
                response = self._refused(request, fault)
                if getattr(fault, "code", None) == SESSION_ENDED:
                    drop_cookie(request, response, SESSION_COOKIE)
                await response(scope, receive, send)
                return
            scope[CALLER] = caller
        await self._app(scope, receive, send)

    async def _caller(self, request: Request) -> Caller:
        """Who makes a call: a person by session or token, else a program by its key."""
        if session := session_text(request):
            return await self._of_session(request, session)
        if brings_token(request, text := _sent(request)):
            return await caller_of_token(request, text)
        return await caller_of_key(request, await self._key(request))

    async def _of_session(self, request: Request, text: str) -> Caller:
        """Who has signed in; who tries out sessions waits, like who tries out keys."""
        address = request.client.host if request.client is not None else ""
        sessions = sign_in_of(request).sessions
        is_new = sessions.remembered(text, TRUSTED_SECONDS) is None and not sessions.is_refused(text)
        if is_new and (waits := self._failed.seconds_to_wait(address)):
            raise SanchoError(_TOO_MANY.format(seconds=math.ceil(waits)), "too_many_attempts")
        try:
            return await caller_of_session(request, text)
        except SanchoError as fault:
            if is_new and fault.code == SESSION_ENDED:
                self._failed.note(address)
            raise

    async def _key(self, request: Request) -> ApiKey:
        """The key of a request; who has sent too many wrong ones waits, but for keys known to be good."""
        address = request.client.host if request.client is not None else ""
        text = _sent(request)
        if not text:
            raise SanchoError(_NO_CREDENTIAL, "no_credential")
        keys: ApiKeys = request.app.state.keys
        waits = self._failed.seconds_to_wait(address)
        if waits and keys.remembered(text, TRUSTED_SECONDS) is None:
            raise SanchoError(_TOO_MANY.format(seconds=math.ceil(waits)), "too_many_attempts")
        try:
            return await _checked(request, keys, text)
        except SanchoError as fault:
            if fault.code == "no_credential":
                self._failed.note(address)
            raise

    def _operation(self, scope: Scope) -> str | None:
        """The name of the operation that a call asks for, where it needs a key; None: there is none."""
        if scope["type"] != "http":
            return None
        method, path = scope["method"], scope["path"]
        found = (name for pattern, methods, name in self._routes if method in methods and pattern.match(path))
        return next(found, None)


def _sent(request: Request) -> str:
    """The text of the key that a request carries; empty where it carries none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


async def _checked(request: Request, keys: ApiKeys, text: str) -> ApiKey:
    """The key of a text; one that the store confirmed before counts where the store answers late."""
    if (key := keys.remembered(text)) is not None:
        return key
    before = keys.remembered(text, TRUSTED_SECONDS)
    within = LOOK_UP_SECONDS if before is None else AGAIN_SECONDS
    try:
        known = await pools_of(request).keys.run_within(within, keys.check, text)
    except SanchoError as error:
        if before is None or error.code not in (UNAVAILABLE, BUSY):
            raise
        return before
    if known is None:
        raise SanchoError(_NO_CREDENTIAL, "no_credential")
    return known


class AccessLog:
    """Logs one line per call: method, path, status, milliseconds, name of the key. No query, header or body.

    Each call has an id: the caller's `X-Request-ID` where it is a plain word, else a new one. It is in the
    answer's header and in every line that is logged on the way. A call is answered also where its line cannot
    be written.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, timed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500
        request_id = _request_id(scope)
        token = REQUEST_ID.set(request_id)

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_ID_HEADER, request_id.encode())]
            await send(message)

        with call_span(scope["method"], Headers(scope=scope), request_id) as span:
            try:
                await self._app(scope, receive, send_and_note_status)
            finally:
                if span is not None:
                    span.answered(_counted(scope)[1], status)
                self._note(scope, status, time.perf_counter() - start)
                REQUEST_ID.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        count_call(*_counted(scope), status, seconds)
        log_event(
            "sancho.access",
            "info",
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(1000 * seconds, 2),
            key=_name(scope.get(CALLER)),
        )


def _name(caller: Caller | None) -> str | None:
    return None if caller is None else caller.name


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _ID_HEADER and _PLAIN_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return uuid.uuid4().hex


def _counted(scope: Scope) -> tuple[str, str]:
    """Method and route of a call; those that are none of ours are counted together."""
    template = getattr(scope.get("route"), "path_format", None)
    if template is None:
        return "", UNMATCHED
    # A route knows its address without the prefix under which its router is included.
    filled = template.format(**scope.get("path_params", {}))
    prefix = scope["path"].removesuffix(filled) if scope["path"].endswith(filled) else ""
    return scope["method"], f"{prefix}{template}"
