"""Where does the process lose deals?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, Cursor, PeriodName, Scope
from service.api.responses import answered
from service.api.seen import sight_of
from service.api.use_cases import RecommendationsDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(prefix="/bottlenecks", tags=["bottlenecks"])


@router.get(
    "",
    response_model=schemas.BottleneckList,
    summary="Process bottlenecks and what they cost",
)
async def list_bottlenecks(
    request: Request,
    recommendations: RecommendationsDep,
    answers: StoredAnswersDep,
    scope: Scope = None,
    period: PeriodName = None,
    as_of: AsOf = None,
    limit: Annotated[int | None, Query(ge=1, le=1000, description="Rows of a page; default: all")] = None,
    cursor: Cursor = None,
) -> Response:
    """Where deals of which segment stall, how sure that is, and what the open deals in it cost the goal."""
    sight, page, lang = sight_of(request), (limit, cursor), language_of(request)
    asked = (sight.scope(scope), period, as_of, lang, sight)
    question = questions.bottlenecks(recommendations, *asked, page=page)
    return await answered(request, answers, question)
