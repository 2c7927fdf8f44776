"""Is the caller's API key valid, and what is logged of a call? Never a secret."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.errors import SanchoError
from crm.i18n import Text
from service.keys import ApiKeys
from service.logs import log_event

_BEARER = HTTPBearer(auto_error=False, description="A key of `sancho key create --name NAME`")


async def known_caller(
    request: Request, credential: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> str:
    """Name of the API key in the request; raises where there is no valid one."""
    keys: ApiKeys = request.app.state.keys
    key = None
    if credential is not None and keys.is_known(credential.credentials):
        key = keys.check(credential.credentials)
    elif credential is not None:  # the store may take seconds to answer, and other requests go on meanwhile
        key = await run_in_threadpool(keys.check, credential.credentials)
    if key is None:
        raise SanchoError(
            Text(
                "APIキーが必要です。`sancho key create --name 名前` で作成し、"
                "Authorization: Bearer キー で送ってください。",
                "an API key is required; create one with `sancho key create --name NAME` and send it as "
                "Authorization: Bearer KEY.",
            ),
            "no_credential",
        )
    request.scope["sancho_key"] = key.name
    return key.name


class AccessLog:
    """Logs one line per call: method, path, status, milliseconds, name of the key. No query, header or body.

    A call is answered also where its line cannot be written.
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

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            log_event(
                "sancho.access",
                "info",
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(1000 * (time.perf_counter() - start), 2),
                key=scope.get("sancho_key"),
            )
