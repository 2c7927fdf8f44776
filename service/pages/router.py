"""Which pages are there, and how is one asked for? By who has signed in, for what that person may see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service import questions
from service.api.access import caller_of
from service.api.audit_trail import note_scopes
from service.api.responses import answer_to, respond
from service.api.seen import known_sight, sight_of
from service.api.use_cases import (
    ForecastsDep,
    RecommendationsDep,
    ScopesDep,
    ServingStateDep,
    StoredAnswersDep,
)
from service.pages import site
from service.pages.outlook import outlook_view
from service.representation import Representation
from service.stored_answers import Question

router = APIRouter(include_in_schema=False)
_USUAL = "this-quarter"
Page = Callable[..., Awaitable[Response]]


def as_page(show: Page) -> Page:
    """A page whose errors are pages, too; what its reader may see is found first."""

    @wraps(show)
    async def shown(*, request: Request, **asked: object) -> Response:
        try:
            await known_sight(request, caller_of(request))
            return await show(request=request, **asked)
        except SanchoError as fault:
            return site.refused(request, fault)

    return shown


@router.get(site.STYLE)
async def get_style(request: Request) -> Response:
    """How all pages look."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return respond(
        request, Representation(site.style_sheet()[0]), media_type="text/css; charset=utf-8", headers=headers
    )


@router.get("/")
@as_page
async def show_outlook(
    *,
    request: Request,
    forecasts: ForecastsDep,
    recommendations: RecommendationsDep,
    scopes: ScopesDep,
    serving: ServingStateDep,
    answers: StoredAnswersDep,
    period: Annotated[str, Query(max_length=50)] = _USUAL,
    scope: Annotated[str | None, Query(max_length=200)] = None,
    as_of: Annotated[str | None, Query(max_length=50)] = None,
) -> Response:
    """How likely the target is, what moves it, and who needs help."""
    sight, lang = sight_of(request), site.reader_language(request)
    wanted, moment = sight.scope(scope or None), as_of or None
    note_scopes(request, wanted)
    named = None if period == _USUAL else period

    async def ask(question: Question) -> dict[str, object]:
        answer: dict[str, object] = orjson.loads((await answer_to(request, answers, question)).body)
        return answer

    forecast = await ask(questions.forecast(forecasts, period, wanted, moment, lang, sight))
    view = outlook_view(
        lang,
        forecast,
        await ask(questions.actions(recommendations, wanted, None, named, moment, 20, lang, sight)),
        await ask(questions.bottlenecks(recommendations, wanted, named, moment, lang, sight)),
        await ask(questions.scopes(scopes, period, moment, lang, sight)),
        asked_period=period,
        as_of=as_of,
        currency=serving.current().bundle.currency,
    )
    return site.page(request, "outlook.html.j2", **view)
