"""How often may one key or person call within a minute, and how much may be computed for them?"""

from __future__ import annotations

import math

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.i18n import Text
from service.allowance import paid_by
from service.api.access import CALLER
from service.api.counts import SECONDS, Count, Counts
from service.callers import Caller
from service.problems import refuse
from service.request_error import TooOftenError

_TOO_MANY_CALLS = Text(
    "1分間に{limit:,}回を超えるリクエストがありました（{name}）。{seconds}秒後にもう一度送ってください。"
    "商談が多い場合は /v1/deals/score-batch でまとめて送れます。",
    "{name!r} has made more than {limit:,} calls within a minute; send again in {seconds} seconds. Many "
    "deals can be sent in one call of /v1/deals/score-batch.",
)
_TOO_MUCH_COMPUTED = Text(
    "新しい時点や期間のシミュレーションが1分間に{limit:,}回を超えました（{name}）。"
    "{seconds}秒後にもう一度送るか、時点（as_of）と期間の種類を減らしてください。",
    "{name!r} has asked for more than {limit:,} simulations of new moments or periods within a minute; send "
    "again in {seconds} seconds, or ask about fewer moments (as_of) and periods.",
)


class Allowances:
    """Refuses who calls too often, and lets computations be charged to who has them made; 0: no limit."""

    def __init__(self, app: ASGIApp, counts: Counts, calls: int, computations: int) -> None:
        self._app, self._counts = app, counts
        self._calls, self._computations = calls, computations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, where its caller may make another one."""
        caller: Caller | None = scope.get(CALLER) if scope["type"] == "http" else None
        if caller is None:
            await self._app(scope, receive, send)
            return
        if self._calls:
            counted = self._counts.note(f"calls {_who(caller)}")
            send = self._telling(counted, send)
            if counted.number > self._calls:
                fault = _too_often(_TOO_MANY_CALLS, "too_many_calls", caller, self._calls, counted)
                await refuse(Request(scope), fault)(scope, receive, send)
                return
        with paid_by(lambda: self._pay(caller)):
            await self._app(scope, receive, send)

    def _pay(self, caller: Caller) -> None:
        if not self._computations:
            return
        counted = self._counts.note(f"computations {_who(caller)}")
        if counted.number > self._computations:
            code = "too_many_computations"
            raise _too_often(_TOO_MUCH_COMPUTED, code, caller, self._computations, counted)

    def _telling(self, counted: Count, send: Send) -> Send:
        """Sends the answer with how many calls are left, as the IETF's RateLimit fields say it."""
        left = max(self._calls - counted.number, 0)
        told = [
            (b"ratelimit-policy", f'"calls";q={self._calls};w={SECONDS:.0f}'.encode()),
            (b"ratelimit", f'"calls";r={left};t={math.ceil(counted.seconds_left)}'.encode()),
        ]

        async def with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *told]}
            await send(message)

        return with_limits


def _who(caller: Caller) -> str:
    return f"person {caller.person_id}" if caller.person_id is not None else f"key {caller.name}"


def _too_often(text: Text, code: str, caller: Caller, limit: int, counted: Count) -> TooOftenError:
    seconds = math.ceil(counted.seconds_left)
    return TooOftenError(text.format(name=caller.name, limit=limit, seconds=seconds), code, seconds)
