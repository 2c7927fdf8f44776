"""Which actions are next, what were their outcomes, and do they help?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, Cursor, Limit, PeriodName, Scope
from service.api.pools import pools_of
from service.api.responses import answered, documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import RecommendationsDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(tags=["actions"])


@router.get(
    "/actions",
    response_model=schemas.ActionList,
    summary="Ranked next actions",
)
async def list_actions(
    request: Request,
    recommendations: RecommendationsDep,
    answers: StoredAnswersDep,
    scope: Scope = None,
    deal_id: Annotated[str | None, Query(description="Only this deal, with what is not recommended")] = None,
    period: PeriodName = None,
    as_of: AsOf = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """The best next action of each open deal, by points of the goal's probability per hour of effort."""
    sight = sight_of(request)
    lang = language_of(request)
    question = questions.actions(
        recommendations, sight.scope(scope), deal_id, period, as_of, limit, lang, sight, cursor=cursor
    )
    # Of one deal, what is kept of a reader's sight would keep the deals of all in memory: it is made anew.
    is_stored = deal_id is None or not sight.is_limited
    return await answered(request, answers if is_stored else None, question)


@router.post(
    "/recommendations/{recommendation_id}/outcome",
    response_model=schemas.RecordedOutcome,
    responses=documented_problems("unknown_recommendation"),
    summary="Record the outcome of a recommendation",
)
async def record_outcome(
    request: Request,
    recommendations: RecommendationsDep,
    recommendation_id: Annotated[str, Path(min_length=1, max_length=100)],
    body: schemas.OutcomeRequest,
) -> Response:
    """Shown, accepted, dismissed (and why) or done. Sent twice, it changes nothing."""
    sight = sight_of(request)
    lang = language_of(request)
    told = (recommendation_id, body.state, body.reason, lang)
    record = partial(recommendations.record_outcome, sight=sight)
    return send(request, await pools_of(request).writes.run(record, *told))


@router.get(
    "/recommendations/report",
    response_model=schemas.RecommendationReport,
    summary="Whether recommendations help",
)
async def report_recommendations(
    request: Request, recommendations: RecommendationsDep, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    """Outcomes by action, lift over the holdout group, and the off-policy value of the best-rated action."""
    sight, lang = sight_of(request), language_of(request)
    page = partial(recommendations.report, lang, sight=sight, limit=limit, cursor=cursor)
    return send(request, await pools_of(request).aside.run(page))
