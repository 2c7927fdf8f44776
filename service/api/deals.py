"""Which endpoints are about deals?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, PeriodName, Scope
from service.api.responses import answered, documented_problems, send
from service.api.use_cases import DealInsightsDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(prefix="/deals", tags=["deals"])


@router.post(
    "/score",
    response_model=schemas.Insight,
    responses=documented_problems(400),
    summary="Insight for one deal sent in the request",
)
async def score_deal(request: Request, deals: DealInsightsDep, body: schemas.ScoreRequest) -> Response:
    """Win probability, expected revenue, reasons, effect on the goal, next actions.

    Nothing of it is stored; while there is a shadow model, both models' probabilities of the deal are.
    """
    lang = language_of(request)
    if deals.is_quick(body.as_of, body.period):
        return send(request, deals.score_deal(body, lang))
    return send(request, await run_in_threadpool(deals.score_deal, body, lang))


@router.get(
    "", response_model=schemas.DealList, responses=documented_problems(404), summary="Scored open deals"
)
async def list_deals(
    request: Request,
    deals: DealInsightsDep,
    answers: StoredAnswersDep,
    scope: Scope = "company",
    as_of: AsOf = None,
    period: PeriodName = None,
    sort: Annotated[
        str,
        Query(
            description="A column of the rows; with - before it, descending", examples=["-expected_revenue"]
        ),
    ] = "-expected_revenue",
    cursor: Annotated[str | None, Query(description="next_cursor of the previous page")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Scores of the open deals of a scope, page by page."""
    lang = language_of(request)
    question = questions.deals(deals, scope, as_of, period, sort, cursor, limit, lang)
    return await answered(request, answers, question)


@router.get(
    "/{deal_id}",
    response_model=schemas.Insight,
    responses=documented_problems(404),
    summary="Insight for a stored deal",
)
async def get_deal(
    request: Request,
    deals: DealInsightsDep,
    deal_id: Annotated[str, Path(min_length=1, max_length=500)],
    as_of: AsOf = None,
    period: PeriodName = None,
) -> Response:
    """The insight of a stored deal, as of any moment at which it was open."""
    lang = language_of(request)
    return send(request, await run_in_threadpool(deals.get_deal, deal_id, as_of, period, lang))
