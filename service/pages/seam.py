"""How is a page shown? By who has signed in, for what that person may see; what goes wrong is a page, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from fastapi import Request
from fastapi.responses import Response

from service.api.access import caller_of
from service.api.seen import known_sight
from service.pages.beginning import beginning
from service.pages.refusals import instead

Page = Callable[..., Awaitable[Response]]
_NOTHING_ANSWERS = ("not_ready", "no_model")


def as_page(show: Page) -> Page:
    """A page whose errors are pages; what its reader may see is found first.

    The page's operation is named in `service.access_rules.PAGES`. One that is sent a form is made with
    `service.pages.forms.as_form`.
    """

    @wraps(show)
    async def shown(*, request: Request, **asked: object) -> Response:
        try:
            await known_sight(request, caller_of(request))
            return await show(request=request, **asked)
        except Exception as fault:
            is_early = getattr(fault, "code", None) in _NOTHING_ANSWERS
            begins = await beginning(request) if is_early else None
            return instead(request, fault) if begins is None else begins

    return shown
