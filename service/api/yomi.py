"""Which endpoint answers with the deal sheet (ヨミ表)?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.forecasts import Period
from service.api.parameters import AsOf, Scope
from service.api.responses import answered
from service.api.seen import sight_of
from service.api.use_cases import StoredAnswersDep, YomiDep
from service.problems import language_of
from service.yomi.past_ranks import LAST_WEEK, WEEK

router = APIRouter(prefix="/yomi", tags=["forecasts"])


@router.get("/{period}", response_model=schemas.Yomi, summary="The deal sheet: ranks beside probabilities")
async def get_yomi(
    request: Request,
    yomi: YomiDep,
    answers: StoredAnswersDep,
    period: Period,
    scope: Scope = None,
    as_of: AsOf = None,
    week: Annotated[
        int,
        Query(
            ge=1,
            le=LAST_WEEK,
            description="Week of past quarters at whose end ranks are read for the answer check",
        ),
    ] = WEEK,
) -> Response:
    """Sums by rank and month, what past ranks were worth, and a row for each open or won deal."""
    sight = sight_of(request)
    asked = (period, sight.scope(scope), as_of, week, language_of(request), sight)
    return await answered(request, answers, questions.yomi(yomi, *asked))
