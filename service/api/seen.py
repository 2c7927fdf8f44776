"""What may the caller of an endpoint see? Found before it is answered, and cut from what leaves.

Every call under /v1 goes through `known_sight`, and every answer through `seen`: an operation of which
`service.access_rules.SIGHT` says nothing is only for who sees everything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from crm.errors import SanchoError
from crm.i18n import Text
from service.access_rules import PAGES, PAGES_OF_ALL, SIGHT
from service.api.access import CallerDep, caller_of
from service.problems import language_of
from service.sight import EVERYTHING, Sight, UnseenError, sees_everything

_KEY = "sancho_sight"  # in the scope of a call: what its caller may see
_OF_ALL = Text(
    "この操作は組織全体に関わるため、閲覧範囲が一部に限られている場合は行えません。管理者に依頼してください。",
    "this concerns the whole organisation, of which you see a part; ask an administrator to do it.",
)


async def known_sight(request: Request, caller: CallerDep) -> None:
    """Finds what the caller may see, before an endpoint asks `sight_of`."""
    if sees_everything(caller):
        return
    if request.scope["route"].name not in (SIGHT.keys() | PAGES.keys() - PAGES_OF_ALL):
        raise SanchoError(_OF_ALL, "not_allowed")
    request.scope[_KEY] = await run_in_threadpool(request.app.state.use_cases.serving.sight, caller)


def sight_of(request: Request) -> Sight:
    """What the caller may see."""
    if sees_everything(caller_of(request)):
        return EVERYTHING
    sight: Sight | None = request.scope.get(_KEY)
    if sight is None:
        raise UnseenError("nobody has found out what the caller may see")
    return sight


def seen(request: Request, answer: Mapping[str, Any], named: Collection[str] = ()) -> Mapping[str, Any]:
    """The answer without what the caller may not see; `named`: scopes that the question named or made."""
    sight = sight_of(request)
    return sight.cut(answer, language_of(request), named) if sight.is_limited else answer
