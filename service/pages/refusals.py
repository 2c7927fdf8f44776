"""What is shown instead of a page that cannot be? A page, too: what happened, and where to go on."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service.api.seen import sight_of
from service.logs import REQUEST_ID, log_event
from service.names import Names
from service.pages import site
from service.pages.asked import Asked
from service.pages.states import WORDS
from service.request_error import outside_failure
from service.serving_state import ServingState
from service.sight import Sight


def instead(request: Request, fault: Exception) -> Response:
    """The page of an error; what is not expected is logged, and told by its number alone."""
    if isinstance(fault, SanchoError) and fault.code == "unknown_scope":
        sight = sight_of(request)
        if sight.is_limited:
            return _forbidden(request, sight)
    if isinstance(fault, SanchoError) or outside_failure(fault) is not None:
        return site.refused(request, fault)
    return _failed(request, fault)


def _forbidden(request: Request, sight: Sight) -> Response:
    """That a scope is not for this reader, whether it exists or not, and which is."""
    lang = site.reader_language(request)
    serving: ServingState = request.app.state.use_cases.serving
    name = Names.of(serving.current().log).scope(sight.widest, lang) or sight.widest
    return site.page(
        request,
        "problem.html.j2",
        403,
        title=WORDS["forbidden_title"].to(lang),
        said="",
        on={
            "address": Asked().address(request.url.path, scope=sight.widest),
            "words": WORDS["forbidden_said"].format(scope=name).to(lang),
        },
    )


def _failed(request: Request, fault: Exception) -> Response:
    log_event("sancho.service", "error", "unexpected", path=request.url.path, exc_info=fault)
    lang = site.reader_language(request)
    return site.page(
        request,
        "problem.html.j2",
        500,
        title=WORDS["failed_title"].to(lang),
        said=WORDS["failed_said"].to(lang),
        request_id=REQUEST_ID.get(None),
        on={"address": site.own_address(request), "words": WORDS["again"].to(lang)},
    )
