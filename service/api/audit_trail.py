"""What is noted of a call in the audit, and when? Before its answer is sent, by its route and caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.acting import ACTING, DONE, FAILED, REFUSED, Actor, Entry, entry_of
from service.api.access import CALLER
from service.audit.rules import (
    OF_DEAL,
    is_change,
    is_noted_with_rows,
    is_read_of_deal,
    is_sign_in,
    named_in_path,
    person_of,
    read_scope,
)
from service.audit.trail import AuditTrail
from service.callers import Caller
from service.logs import REQUEST_ID

_ASKED = "sancho_asked_scopes"  # in the scope of a call: whose figures its body asks for
_SIGHT = "sancho_sight"  # there, what a caller sees that does not see everything: asked for by default
_MOST = 20  # entries of one call
_NOBODY = Caller(name="", rights=())


def note_scopes(request: Request, *scopes: str) -> None:
    """Says whose figures a call asks for, where its body says it and not its address."""
    request.scope[_ASKED] = scopes


class Audit:
    """Notes each call that changes anything, or tells of another person's figures."""

    def __init__(self, app: ASGIApp, trail: AuditTrail) -> None:
        self._app, self._trail = app, trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, noted when its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"])
            await send(message)

        token = ACTING.set(lambda: _actor(scope))
        try:
            await self._app(scope, receive, send_noted)
        finally:
            ACTING.reset(token)

    def _note(self, scope: Scope, status: int) -> None:
        for entry in _entries(scope, status):
            self._trail.note(entry)


def _operation(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "name", None)


def _actor(scope: Scope) -> Actor:
    caller: Caller = scope.get(CALLER, _NOBODY)
    client = scope.get("client")
    return Actor(
        caller=caller.name,
        operation=_operation(scope),
        person_id=caller.person_id,
        role=caller.role,
        request_id=REQUEST_ID.get(),
        address=client[0] if client else None,
    )


def _entries(scope: Scope, status: int) -> Iterator[Entry]:
    """What is noted of a call."""
    operation, caller = _operation(scope), scope.get(CALLER)
    if operation is None or (caller is None and not is_sign_in(operation)):
        return
    facts: dict[str, Any] = {"status": status, "result": _result(status)}
    parameters: Mapping[str, object] = scope.get("path_params", {})
    acting, named = _actor(scope), named_in_path(parameters, False)
    if is_change(scope["method"], operation):
        if not is_noted_with_rows(operation, status):
            yield entry_of(acting, operation, touched=named, **facts)
    elif caller is None or (status >= 400 and status != 403):  # nobody has read anything
        return
    elif is_read_of_deal(operation):
        touched = named_in_path(parameters, True)
        yield entry_of(acting, operation, scope=OF_DEAL, touched=touched, **facts)
    else:
        told = [read_scope(operation, asked, caller) for asked in _scopes_asked_about(scope)]
        for read in list(dict.fromkeys(one for one in told if one is not None))[:_MOST]:
            yield entry_of(acting, operation, scope=read, about=person_of(read), touched=named, **facts)


def _scopes_asked_about(scope: Scope) -> Sequence[str | None]:
    """Whose figures a call asks for; None: it does not say."""
    if _ASKED in scope:
        asked: Sequence[str] = scope[_ASKED]
        return asked
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("scope")
    if given:
        return [given[-1]]
    return [getattr(scope.get(_SIGHT), "widest", None)]


def _result(status: int) -> str:
    if status < 400:
        return DONE
    return REFUSED if status in (401, 403) else FAILED
