"""Where does the process lose deals?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, PeriodName, Scope
from service.api.responses import answered, documented_problems
from service.api.seen import sight_of
from service.api.use_cases import RecommendationsDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(prefix="/bottlenecks", tags=["bottlenecks"])


@router.get(
    "",
    response_model=schemas.BottleneckList,
    responses=documented_problems(404),
    summary="Process bottlenecks and what they cost",
)
async def list_bottlenecks(
    request: Request,
    recommendations: RecommendationsDep,
    answers: StoredAnswersDep,
    scope: Scope = None,
    period: PeriodName = None,
    as_of: AsOf = None,
) -> Response:
    """Where deals of which segment stall, how sure that is, and what the open deals in it cost the goal."""
    sight = sight_of(request)
    question = questions.bottlenecks(
        recommendations, sight.scope(scope), period, as_of, language_of(request), sight
    )
    return await answered(request, answers, question)
